#!/bin/sh
# Static analysis: gcc -fanalyzer on core, where memory, files and parsers are handled.
#   analyze.sh           flags from $WARN
gcc=${GCC:-gcc}
$gcc -fanalyzer -fsyntax-only -x c /dev/null >/dev/null 2>&1 || { echo "skipped: $gcc has no -fanalyzer"; exit 77; }
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
find src/core -name '*.c' | LC_ALL=C sort | GCCX="$gcc" xargs -P "$jobs" -n 1 sh -c '
    $GCCX $WARN -O1 -fanalyzer -Werror -c -o /dev/null "$1"' sh 2>&1 || exit 1
