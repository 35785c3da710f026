#!/bin/sh
# Runs test programs side by side, each with a time limit; failures last, then one line `N passed, N failed`.
#   runtests.sh BUILD_DIR PROGRAM...
b=$1; shift
out=$b/test-output; rm -rf "$out"; mkdir -p "$out"
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
printf '%s\n' "$@" | MATCHBOX=$b/matchbox xargs -P "$jobs" -I{} sh -c '
    name=$(printf %s "$1" | sed "s|.*/tests/||; s|/|-|g"); log=$2/$name
    timeout "${TEST_TIMEOUT:-600}" "$1" >"$log" 2>&1; rc=$?
    tail -n 1 "$log" | grep -q "^[0-9]* passed, [0-9]* failed$" || echo "FAIL $name: ended with status $rc before its summary
0 passed, 1 failed" >>"$log"
    echo "$name: $(tail -n 1 "$log")"' sh {} "$out"
cat "$out"/* | grep '^FAIL' 
p=0 f=0
for log in "$out"/*; do
    set -- $(tail -n 1 "$log"); p=$((p + $1)) f=$((f + $3))
done
echo "$p passed, $f failed"
[ "$f" -eq 0 ] && [ "$p" -gt 0 ]
