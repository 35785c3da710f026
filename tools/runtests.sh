#!/bin/sh
# Runs test programs and scripts side by side, each with a time limit; failures last, then one line `N passed, N failed`.
#   runtests.sh BUILD_DIR TEST...        a TEST ending in .sh is run by sh
# Tests find the program in $MATCHBOX and the build folder in $BUILD.  TEST_TIMEOUT: seconds for each, 600 unless set.
b=$1; shift
out=$b/test-output; rm -rf "$out"; mkdir -p "$out"
[ $# -gt 0 ] || { echo 'no test matches'; echo '0 passed, 0 failed'; exit 1; }
jobs=${TEST_JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)}
mkdir -p "$b" && BUILD=$(cd "$b" && pwd)
export MATCHBOX="$BUILD/matchbox" BUILD TEST_TIMEOUT="${TEST_TIMEOUT:-600}"
printf '%s\n' "$@" | xargs -P "$jobs" -I{} sh -c '
    name=$(printf %s "$1" | sed "s|.*tests/||; s|/|-|g; s|\.sh$||"); log=$2/$name
    start=$(date +%s)
    case $1 in *.sh) timeout "$TEST_TIMEOUT" sh "$1" ;; *) timeout "$TEST_TIMEOUT" "$1" ;; esac >"$log" 2>&1 </dev/null
    rc=$?
    [ $rc -ne 124 ] || echo "stopped after $TEST_TIMEOUT seconds" >>"$log"
    last=$(tail -n 1 "$log")
    if ! printf "%s\n" "$last" | grep -q "^[0-9]* passed, [0-9]* failed$"; then
        { echo "FAIL $name: ended with status $rc before its summary; its last lines:"
          tail -n 25 "$log" | sed "s/^/FAIL   | /"; echo "0 passed, 1 failed"; } >"$log.end"
        cat "$log.end" >>"$log"; rm -f "$log.end"
    elif [ $rc -ne 0 ] && printf "%s\n" "$last" | grep -q " 0 failed$"; then
        { echo "FAIL $name: ended with status $rc although no test failed"; echo "${last%%, *}, 1 failed"; } >>"$log"
    fi
    echo "$name: $(tail -n 1 "$log") ($(($(date +%s) - start)) s)"' sh {} "$out"
grep -h '^FAIL' "$out"/*
p=0 f=0
for log in "$out"/*; do
    set -- $(tail -n 1 "$log"); p=$((p + $1)) f=$((f + $3))
done
echo "$p passed, $f failed"
[ "$f" -eq 0 ] && [ "$p" -gt 0 ]
