#!/bin/sh
# Layers: a file may include headers of its own layer and of layers of strictly lower rank (docs/dev/architecture.md).
#   layers.sh            in the root of the tree
# Besides: no algorithm includes another algorithm, cli/ lives on include/ alone, and the umbrella header is for users.
find src include -name '*.[ch]' 2>/dev/null | LC_ALL=C sort | xargs awk '
BEGIN {
    n = split("core 0 graph 1 env 1 task 1 dist 1 nn 2 rl 3 lm 3 algo 4 curriculum 4 run 5 cli 6", t, " ")
    for (i = 1; i < n; i += 2) rank[t[i]] = t[i + 1]
}
function complain(text, mend) { printf "%s:%d: %s\n    mend: %s\n", FILENAME, FNR, text, mend; bad = 1 }
function layer_of(path,    a, name, line, i) {                     # "src/env/x/y.c", "include/matchbox/nn.h"
    split(path, a, "/")
    name = a[1] == "src" ? a[2] : a[3]
    sub(/\.h$/, "", name)
    if (name in rank || a[1] == "src") return name
    if (path in layer) return layer[path]
    for (i = 0; i < 12 && (getline line < path) > 0; i++)          # a public header called otherwise names its layer
        if (match(line, /[Ll]ayer: [a-z]+/)) { name = substr(line, RSTART + 7, RLENGTH - 7); break }
    close(path)
    return layer[path] = name
}
FNR == 1 {
    mine = FILENAME == "include/matchbox.h" ? "" : layer_of(FILENAME)
    if (mine != "" && !(mine in rank))
        complain("the layer \"" mine "\" has no rank", "say `layer: NAME` of a known one in the header\047s first comment")
}
mine != "" && /^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, q, "\""); inc = q[2]
    if (inc == "build_info.h") next                                # generated facts of the build
    if (inc == "matchbox.h") {
        if (mine != "cli") complain("includes the umbrella header", "include the headers it needs: matchbox/core.h ...")
        next
    }
    if (inc ~ /^matchbox\//) path = "include/" inc
    else if (inc ~ /\//) path = "src/" inc
    else { path = FILENAME; sub(/[^\/]*$/, inc, path) }            # "x.h" beside the file
    theirs = layer_of(path)
    if (!(theirs in rank)) { complain("includes \"" inc "\" of no known layer", "write paths from src/ or include/"); next }
    if (mine == "cli" && path ~ /^src\// && theirs != "cli")
        complain("cli includes the private header \"" inc "\"", "use include/matchbox/, or make what is missing public")
    else if (theirs != mine && rank[theirs] >= rank[mine])
        complain(mine " (rank " rank[mine] ") includes \"" inc "\" of " theirs " (rank " rank[theirs] ")", \
                 "move what is shared to a lower layer, or pass it in as an argument or callback")
    if (mine == "algo" && path ~ /^src\/algo\//) {
        algorithm = path; sub(/\.h$/, ".c", algorithm)
        if (algorithm != FILENAME && (getline line < algorithm) >= 0) {
            close(algorithm)
            complain("an algorithm includes the algorithm \"" inc "\"", "move mathematics with a name to src/rl/")
        }
    }
}
END { exit bad }' || exit 1
