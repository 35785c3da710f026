#!/bin/sh
# Runs the checks of the house and says of each whether it holds; ends with `N passed, N failed`.
#   check.sh BUILD_DIR
# A check prints what is wrong, where, and how to mend it; exit status 77 means it could not run here.
b=$1
cd "$(dirname "$0")/.." || exit 2
passed=0 failed=0
check() { # title, command...
    title=$1; shift
    out=$("$@" 2>&1); status=$?
    case $status in
    0)  passed=$((passed + 1)); echo "ok    $title" ;;
    77) echo "--    $title: $out" ;;
    *)  failed=$((failed + 1)); echo "FAIL  $title"; printf '%s\n' "$out" | head -n 60 | sed 's/^/      /' ;;
    esac
}
check 'layers: headers of lower ranks only' sh tools/layers.sh
check 'symbols: mb_ prefix, no writable data' sh tools/symbols.sh "$b"/libmatchbox.a "$b"/libmatchbox.so.*
check 'calls: no malloc, printf, exit, rand, libm in the library' sh tools/calls.sh "$b/libmatchbox.a"
check 'libraries: small ones only' sh tools/needed.sh "$b/matchbox" "$b"/libmatchbox.so.*
check 'headers: each alone, C11 and C++17' sh tools/headers.sh
check 'lengths: functions of 60 lines, files of 600' sh tools/lengths.sh
check 'warnings: gcc' sh tools/warnings.sh gcc
check 'warnings: clang' sh tools/warnings.sh clang
check 'analysis: gcc -fanalyzer on core' sh tools/analyze.sh
check 'docs: option tables fresh' sh tools/docs.sh check "$b/matchbox"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
