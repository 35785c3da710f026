#!/bin/sh
# Symbols: what the libraries define is called mb_..., and they keep no writable data, so that two trainers in one
# process cannot disturb each other.
#   symbols.sh libmatchbox.a libmatchbox.so.N
bad=0
complain() { printf '%s\n    mend: %s\n' "$1" "$2"; bad=1; }
archive=$1 shared=$2

names=$(nm -A -g --defined-only "$archive" "$shared" 2>/dev/null | awk '$NF !~ /^mb_/ && $NF !~ /^(_init|_fini|__bss_start|_edata|_end)$/ && NF >= 3 { print $1, $NF }')
[ -z "$names" ] || complain "public symbols without the prefix mb_:
$names" 'make them static, or call them mb_noun_verb (mb__name when private but shared between files)'

exported=$(nm -D --defined-only "$shared" | awk '{ print $NF }' | sort -u)
[ -n "$exported" ] || complain "$shared exports nothing" 'put MB_API before the prototypes in include/matchbox/'

# .data.rel.ro is constant once relocated; everything else that is data and not read-only is state
data=$(objdump -t "$archive" | awk '
    /^[^ ]*\.o:/ { object = $1; sub(/:$/, "", object) }
    $4 ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*|COMMON)/ && $4 !~ /^\.data\.rel\.ro/ && $2 !~ /^d/ && $5 !~ /^0+$/ { print object, $NF, "(" $4 ")" }
    $3 ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*|COMMON)/ && $3 !~ /^\.data\.rel\.ro/ && NF == 5 && $4 !~ /^0+$/ { print object, $NF, "(" $3 ")" }')
[ -z "$data" ] || complain "writable data in $archive:
$data" 'keep state in a struct that the caller owns; make tables const (also the pointers: const char *const)'
exit $bad
