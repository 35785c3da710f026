#!/bin/sh
# The library as one .c and one .h: compiles by itself, without a warning and with nothing installed, the example is built
# against it, and a run of it leaves the bytes that the program leaves.
case $BUILD in *-address | *-thread) echo '0 passed, 0 failed'; exit 0 ;; esac
command -v python3 >/dev/null 2>&1 || { echo 'no python3 here'; echo '0 passed, 0 failed'; exit 0; }
. ./tests/install/lib.inc
cc=${CC:-cc}
two_files() { build amalgam && cp "$BUILD/amalgam/matchbox.c" "$BUILD/amalgam/matchbox.h" "$dir"; }
holds two_files two_files
cp examples/train_own_env/main.c "$dir/drone.c"
cat >"$dir/train.c" <<'END'
#include "matchbox.h"
#include <stdio.h>
int main(int argc, char **argv) /* algorithm, environment, key, value, ... or one preset */
{
    mb_error err = { 0 };
    mb_trainer *t = NULL;
    mb_arena *a = mb_arena_new((size_t)1 << 22, &err);
    mb_settings *s = a ? mb_settings_new(a, argv[1], argv[2], &err) : NULL;
    bool ok = s && (argc % 2 || mb_settings_preset(s, argv[argc - 1], &err));
    for (int i = 3; ok && i + 1 < argc; i += 2) ok = mb_settings_set(s, argv[i], argv[i + 1], "the command", &err);
    ok = ok && (t = mb_trainer_new(s, NULL, &err)) && mb_trainer_run(t, &err);
    char text[2048];
    mb_error_text(&err, text, sizeof text);
    if (!ok) puts(text);
    mb_trainer_free(t);
    mb_arena_free(a);
    return !ok;
}
END
tree_matchbox=$BUILD/matchbox
unset MATCHBOX_KERNELS
cd "$dir" || exit 1
holds library $cc -Wall -Werror -c matchbox.c
holds example $cc -std=c11 -Wall -Werror -I. drone.c matchbox.o -o drone -lm -ldl -lpthread
holds program $cc -std=c11 -Wall -Werror train.c matchbox.o -o train -lm -ldl -lpthread
settings='total-steps 128 envs 4 horizon 32 hidden 8 eval-episodes 0 seed 5'
flags=$(printf ' %s' "$settings" | sed 's/ \([a-z-]* [^ ]*\)/ --\1/g')
same_bytes() { # environment
    rm -rf one two
    # shellcheck disable=SC2086
    ./train ppo "$1" run one $settings && "$tree_matchbox" train ppo "$1" --preset none --run two $flags >/dev/null &&
        cmp "one/checkpoints/$(ls one/checkpoints | tail -n 1)" "two/checkpoints/$(ls one/checkpoints | tail -n 1)"
}
holds same_bytes same_bytes cartpole
MATCHBOX_KERNELS=plain
export MATCHBOX_KERNELS
holds same_bytes_of_plain_kernels same_bytes breakout
printf 'lr: 0.001\n' >p.yaml
says_why() { ! ./train ppo cartpole run none ./p.yaml >said && grep -q 'p.yaml.*reads no YAML' said && grep -q 'DMB_HAVE_YAML' said; }
holds no_yaml says_why
finish
