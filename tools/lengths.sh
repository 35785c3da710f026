#!/bin/sh
# Lengths: functions of at most 60 lines, files of at most 600.
#   lengths.sh           in the root of the tree
# Exceptions (kernels, dispatch, parsers): lines `function FILE NAME reason` and `file FILE reason` in tools/allow.txt.
# An exception nobody needs any more is reported too.
find src include tests bench examples -name '*.[ch]' 2>/dev/null | LC_ALL=C sort | xargs awk -v allow="$(dirname "$0")/allow.txt" '
BEGIN { while ((getline line < allow) > 0) {
    split(line, w, " ")
    if (w[1] == "function") need["function " w[2] " " w[3]] = 1
    if (w[1] == "file") need["file " w[2]] = 1
} }
function over(key, text, mend) {
    if (key in need) { delete need[key]; return }
    printf "%s\n    mend: %s (or add `%s reason` to tools/allow.txt)\n", text, mend, key; bad = 1
}
function end_of_file() {
    if (file != "" && lines > 600) over("file " file, file ": " lines " lines", "split it by the things it holds")
}
FNR == 1 { end_of_file(); file = FILENAME; name = ""; inside = 0 }
{ lines = FNR }
# house style: a function has its opening and closing brace in the first column
/^[A-Za-z_].*\(/ && !/;[ \t]*$/ && !inside {
    name = $0
    if (name ~ /^(TEST|MB_BENCH)\(/) { sub(/^[A-Z_]*\(/, "", name); sub(/[,)].*/, "", name) }
    else { sub(/\(.*/, "", name); sub(/.*[ \t*]/, "", name) }
    head = FNR
}
/^\{/ { inside = 1 }
/^\}/ && inside {
    inside = 0
    if (FNR - head + 1 > 60)
        over("function " FILENAME " " name, FILENAME ":" head ": " name " has " FNR - head + 1 " lines", "cut it where the story turns")
}
END {
    end_of_file()
    for (key in need) { printf "tools/allow.txt: `%s` is not needed\n    mend: remove the line\n", key; bad = 1 }
    exit bad
}' || exit 1
