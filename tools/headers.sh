#!/bin/sh
# Headers: each public header compiles alone, as C11 and as C++17, without extensions of ours leaking into a user's build.
#   headers.sh           in the root of the tree; compilers from $CC and $CXX (C++ is left out where there is no compiler)
bad=0
cc=${CC:-cc} cxx=${CXX:-c++}
alone() { # header, compiler and flags
    h=$1; shift
    log=$(echo "#include \"${h#include/}\"" | "$@" -Wall -Wextra -Wconversion -Wshadow -Werror -Iinclude -fsyntax-only - 2>&1) && return
    printf '%s does not compile alone with: %s\n%s\n    mend: include what it uses; keep C-only constructs in macros\n' "$h" "$*" "$log"
    bad=1
}
for h in include/matchbox.h include/matchbox/*.h; do
    alone "$h" $cc -x c -std=c11 -Wstrict-prototypes -Wmissing-prototypes
    ! command -v ${cxx%% *} >/dev/null 2>&1 || alone "$h" $cxx -x c++ -std=c++17
done
exit $bad
