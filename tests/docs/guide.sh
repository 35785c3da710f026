#!/bin/sh
# The pages of docs/guide are true: every block behind <!-- file: NAME --> is written to that file, and every command
# behind <!-- run --> is run there, in the order of the page, with `matchbox` and `cc` as a reader would have them.
tree=$PWD
case $BUILD in *-address | *-thread) echo '0 passed, 0 failed'; exit 0 ;; esac
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/bin"
ln -s "$MATCHBOX" "$dir/bin/matchbox"
export PATH="$dir/bin:$PATH" TREE="$tree"
passed=0 failed=0
for page in docs/guide/*.md; do
    work=$dir/$(basename "$page" .md)
    mkdir "$work"
    awk -v dir="$work" '
        /^<!-- file: .* -->$/ { out = dir "/" $3; next }
        /^<!-- run -->$/ { out = dir "/.run.sh"; next }
        /^```/ && inside { inside = 0; if (out != "") close(out); out = ""; next }
        /^```/ { inside = 1; next }
        inside && out != "" { print >> out }
        !inside && !/^$/ { out = "" }' "$page"
    for c in "$work"/*.c; do
        [ -f "$c" ] || continue
        if ${CC:-cc} -std=c11 -Wall -Wextra -Wno-unused-parameter -Werror -I"$tree/include" -fsyntax-only "$c"; then passed=$((passed + 1))
        else failed=$((failed + 1)); echo "FAIL $page: $(basename "$c") does not compile"; fi
    done
    [ -f "$work/.run.sh" ] || continue
    command -v c++ >/dev/null 2>&1 || sed -i '/^c++ /,$d' "$work/.run.sh" # a machine without C++: the page up to there
    if (cd "$work" && sh -ex .run.sh) >"$work/log" 2>&1; then passed=$((passed + 1))
    else failed=$((failed + 1)); tail -n 30 "$work/log"; echo "FAIL $page: a command of the page fails"; fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
