#!/bin/sh
# Pages: every algorithm, environment and task has docs/algo/NAME.md, docs/env/NAME.md or docs/task/NAME.md, and the option table between
#   <!-- options --> and <!-- /options --> there is what `matchbox help NAME --markdown` prints.
# Objectives: docs/objectives/NAME.md, with what `matchbox lm loss --fields --preset NAME` prints.
# docs/systems.md is what `matchbox systems --markdown` prints.
#   docs.sh check PROGRAM        says what is missing or stale
#   docs.sh write PROGRAM        fills the tables
mode=$1 program=$2 bad=0
page() { # docs/algo/NAME.md
    name=$(basename "$1" .md)
    new=$(mktemp)
    case $1 in docs/objectives/*) set -- "$1" lm loss --fields --preset "$name" ;; *) set -- "$1" help "$name" --markdown ;; esac
    file=$1; shift
    command="matchbox $*"
    "$program" "$@" > "$new.table" 2> "$new.err"; status=$?
    set -- "$file"
    if [ $status -ne 0 ]; then
        echo "$1: \`$command\` fails: $(head -n 1 "$new.err")"
        echo "    mend: call the page after its algorithm or environment"; bad=1
    elif ! grep -q '^<!-- options -->$' "$1" || ! grep -q '^<!-- /options -->$' "$1"; then
        echo "$1: no option table"
        echo "    mend: add the lines <!-- options --> and <!-- /options -->, then make docs"; bad=1
    else
        awk -v table="$new.table" '
            $0 == "<!-- /options -->" { skip = 0 }
            !skip { print }
            $0 == "<!-- options -->" { skip = 1; while ((getline line < table) > 0) print line }' "$1" > "$new"
        if ! cmp -s "$new" "$1"; then
            if [ "$mode" = write ]; then cat "$new" > "$1"; echo "filled $1"
            else echo "$1: the option table is stale"; echo "    mend: make docs"; bad=1; fi
        fi
    fi
    rm -f "$new" "$new.table" "$new.err"
}
for kind in algo env task; do
    for source in src/$kind/*/*.c; do
        [ -f "$source" ] || continue
        md=docs/$kind/$(basename "$source" .c | tr _ -).md
        [ -f "$md" ] || { echo "$source has no page"; echo "    mend: write $md"; bad=1; }
    done
    for md in docs/$kind/*.md; do
        [ -f "$md" ] && page "$md"
    done
done
if [ -d docs/objectives ]; then
    "$program" lm loss --presets | while read -r name _; do
        [ -f "docs/objectives/$name.md" ] || echo "the objective $name has no page: write docs/objectives/$name.md"
    done | grep . && bad=1
    for md in docs/objectives/*.md; do page "$md"; done
fi
# the ledger as a page
new=$(mktemp)
"$program" systems --markdown > "$new"
if ! cmp -s "$new" docs/systems.md; then
    if [ "$mode" = write ]; then cat "$new" > docs/systems.md; echo 'filled docs/systems.md'
    else echo 'docs/systems.md is stale'; echo '    mend: make docs'; bad=1; fi
fi
rm -f "$new"
exit $bad
