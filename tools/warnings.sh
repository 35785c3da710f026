#!/bin/sh
# Warnings: every source passes the strict warning set as errors, with gcc and with clang (syntax only: quick).
#   warnings.sh COMPILER         flags from $WARN
command -v "$1" >/dev/null 2>&1 || { echo "skipped: $1 is not installed"; exit 77; }
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
find src -name '*.c' | LC_ALL=C sort | CCX="$1" xargs -P "$jobs" -n 8 sh -c '
    for f in "$@"; do $CCX $WARN -DMB_ISA=_plain -Werror -fsyntax-only "$f" || bad=1; done; exit ${bad:-0}' sh 2>&1 || exit 1
