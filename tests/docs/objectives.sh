# docs/objectives: the example of every page gives, number for number, what the page says.
self=tests/docs/objectives.sh
. ./tests/cli/lib.inc

test_examples() {
    count=0
    for page in "$root"/docs/objectives/*.md; do
        awk '/^```json$/ { on = 1; next } /^```$/ { on = 0 } on' "$page" >example.json
        awk '/prints$/ { due = 1 } due && /^\{/ { print; exit }' "$page" >want
        "$mb" lm loss example.json --json 2>err | tail -n 1 >got
        cmp -s want got || { complain "$(basename "$page")"; cat err got; }
        count=$((count + 1))
    done
    [ $count -ge 25 ] || complain "only $count pages"
}
case $("$mb" --version) in *jansson*) finish ;; *) echo 'built without jansson'; echo '0 passed, 0 failed' ;; esac
