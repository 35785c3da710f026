#!/bin/sh
# Writes the tables of everything that is found by directory listing.
#   registry.sh "ISAS" "ENVS" "ALGOS" "MODELS" "TASKS"   the library's tables (environments once per instruction set)
#   registry.sh lms "LMS"                        trainers of language models
#   registry.sh commands "CMDS"                  the program's
# Plain extern references: a file without its descriptor is a link error, and nothing vanishes from a static archive.
echo '/* generated from the directory listing: do not edit */'
table() { # type, prefix, suffix, names...
    type=$1 prefix=$2 suffix=$3; shift 3
    for n in "$@"; do echo "extern const $type $prefix$n$suffix;"; done
    echo "extern const $type *const mb__${prefix#mb_}table$suffix[];"
    echo "const $type *const mb__${prefix#mb_}table$suffix[] = {"
    for n in "$@"; do echo "    &$prefix$n$suffix,"; done
    echo '    0 };'
}
if [ "$1" = lms ]; then
    echo '#include "matchbox/algo.h"'
    table mb_algo_def mb_lm_algo_ '' $2
    exit
fi
if [ "$1" = commands ]; then
    echo '#include "cli/command.h"'
    table mb_command_def mb_command_ '' $2
    exit
fi
echo '#include "matchbox/env.h"'
for isa in $1; do table mb_env_def mb_env_ _$isa $2; done
echo 'extern const char *const mb__isa_names[];'
echo 'const char *const mb__isa_names[] = {'
for isa in $1; do echo "    \"$isa\","; done
echo '    0 };'
echo 'extern const mb_env_def *const *const mb__env_isa_tables[];'
echo 'const mb_env_def *const *const mb__env_isa_tables[] = {'
for isa in $1; do echo "    mb__env_table_$isa,"; done
echo '    0 };'
echo '#include "matchbox/algo.h"'
table mb_algo_def mb_algo_ '' $3
if [ -n "$4" ]; then
    echo '#include "matchbox/nn.h"'
    table mb_model_def mb_model_ '' $4
fi
if [ -n "$5" ]; then
    echo '#include "matchbox/task.h"'
    table mb_task_def mb_task_ '' $5
fi
