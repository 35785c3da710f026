# What the tests of the program share: sh functions, sourced.  A test is a function test_NAME; `finish` runs them all.
unset MATCHBOX_PRESETS
root=$(pwd)
mb=${MATCHBOX:-$root/build/matchbox}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
passed=0 failed=0 now= bad=0
complain() { bad=1; echo "FAIL $now: $*"; }
# run EXPECTED_STATUS arguments...   leaves out and err
run() {
    want=$1; shift
    "$mb" "$@" >out 2>err </dev/null; got=$?
    [ "$got" -eq "$want" ] || { complain "matchbox $* ended with $got, not $want"; sed 's/^/FAIL   | /' err | head -n 5; }
}
says() { grep -qF -- "$2" "$1" || { complain "$1 does not say: $2"; sed 's/^/FAIL   | /' "$1" | head -n 8; }; }
# the file equals standard input
equals() { cat >want; cmp -s want "$1" || { complain "$1 is not as expected"; diff want "$1" | sed 's/^/FAIL   | /' | head -n 20; }; }
same() { cmp -s "$1" "$2" || complain "$1 and $2 differ"; }
holds() { [ "$@" ] || complain "does not hold: $*"; }
# the last line of out is one JSON value with these keys; needs nothing but sh where there is no python
json() {
    tail -n 1 out >last.json
    if command -v python3 >/dev/null 2>&1; then
        python3 - "$@" <<'END' || complain "not the JSON expected: $(head -c 300 last.json)"
import json, sys
v = json.loads(open("last.json").read(), parse_constant=lambda c: sys.exit(f"{c} is not JSON"))
if isinstance(v, list): v = v[0] if v else {}
missing = [k for k in sys.argv[1:] if k not in v]
sys.exit(f"missing: {missing}" if missing else 0)
END
    else
        for key; do grep -q "\"$key\":" last.json || complain "no key $key"; done
    fi
}
finish() {
    for now in $(sed -n 's/^\(test_[a-z0-9_]*\)().*/\1/p' "$root/$self"); do
        bad=0
        $now
        if [ $bad -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    done
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
}
