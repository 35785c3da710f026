#!/bin/sh
# The checks of `make check` must be able to fail: each is run on a small tree that is right and then broken.
tools=$PWD/tools
export CC="${CC:-cc}" CXX="${CXX:-c++}"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0
verdict() { # name, condition already evaluated
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL $1"; fi
}
passes() { name=$1; shift; out=$("$@" 2>&1); r=$?; [ $r -eq 0 ] || printf '%s\n' "$out"; verdict "$name" $r; }
says() { # name, text that must be in the output of a failing check, command...
    name=$1 text=$2; shift 2
    out=$("$@" 2>&1); r=$?
    if [ $r -eq 1 ] && printf '%s\n' "$out" | grep -qF -- "$text"; then verdict "$name" 0
    else printf 'status %s, no "%s" in: %s\n' $r "$text" "$out"; verdict "$name" 1; fi
}

mkdir -p include/matchbox src/core src/env/classic src/algo/policy src/algo/value src/cli tools docs/env
for t in layers lengths calls symbols headers docs warnings; do cp "$tools/$t.sh" tools/; done
: > tools/allow.txt
echo '#include <stddef.h>
size_t mb_core(size_t n);' > include/matchbox/core.h
echo '#include "matchbox/core.h"' > include/matchbox/env.h
cp include/matchbox/core.h include/matchbox.h
echo '#include "matchbox/core.h"' > src/core/a.c
printf '#include "matchbox/env.h"\n' > src/env/classic/pole.c
printf '#include <matchbox.h>\n#include "matchbox.h"\n' > src/cli/main.c
touch src/algo/policy/ppo.c src/algo/policy/ppo.h src/algo/value/dqn.c

# layers
passes layers_right sh tools/layers.sh
echo '#include "matchbox/env.h"' > src/core/a.c
says layers_upwards 'core (rank 0) includes "matchbox/env.h" of env (rank 1)' sh tools/layers.sh
echo > src/core/a.c
echo '#include "env/x.h"' > src/cli/main.c
says layers_private_header_in_cli 'cli includes the private header' sh tools/layers.sh
echo > src/cli/main.c
echo '#include "algo/policy/ppo.h"' > src/algo/value/dqn.c
says layers_sibling 'includes the algorithm "algo/policy/ppo.h"' sh tools/layers.sh
echo > src/algo/value/dqn.c
mkdir src/gui; echo > src/gui/x.c
says layers_unknown 'layer "gui" has no rank' sh tools/layers.sh
rm -r src/gui

# lengths
passes lengths_right sh tools/lengths.sh
{ echo 'int mb_long(int a)'; echo '{'; yes '    a++;' | head -n 58; echo '    return a;'; echo '}'; } > src/core/a.c
says lengths_function 'mb_long has 62 lines' sh tools/lengths.sh
echo 'function src/core/a.c mb_long reason' > tools/allow.txt
passes lengths_allowed sh tools/lengths.sh
echo > src/core/a.c
says lengths_allowance_unused 'is not needed' sh tools/lengths.sh
: > tools/allow.txt
yes '/* line */' | head -n 601 > src/core/a.c
says lengths_file '601 lines' sh tools/lengths.sh
echo > src/core/a.c

# symbols and calls
library() { $CC -fPIC -fvisibility=hidden -c t.c -o t.o && rm -f t.a && ar rcs t.a t.o && $CC -shared -o t.so t.o; }
good='__attribute__((visibility("default"))) int mb_one(int a); int mb_one(int a) { return a; }'
echo "$good static const int t[2] = {1, 2}; const int *const mb_table[] = { t };" > t.c; library
passes symbols_right sh tools/symbols.sh t.a t.so
passes calls_right sh tools/calls.sh t.a
echo "$good int helper(void) { return 1; }" > t.c; library
says symbols_prefix 'helper' sh tools/symbols.sh t.a t.so
for data in 'static int hits; int mb_h(void) { return hits++; }' 'int mb_set = 3;' 'static _Thread_local int hits; int mb_h(void) { return hits++; }' \
    'const char *mb_names[] = { "a", "b" };' 'int mb_common[4];'; do
    echo "$good $data" > t.c; library
    says "symbols_writable: $data" 'writable data' sh tools/symbols.sh t.a t.so
done
echo "#include <stdlib.h>
$good void *mb_m(void); void *mb_m(void) { return malloc(3); }" > t.c; library
says calls_malloc 't.o calls malloc' sh tools/calls.sh t.a
echo 'call t.o malloc reason' > tools/allow.txt
passes calls_allowed sh tools/calls.sh t.a
: > tools/allow.txt
echo "#include <math.h>
$good float mb_m(float x); float mb_m(float x) { return tanhf(x); }" > t.c; library
says calls_libm 't.o calls tanhf' sh tools/calls.sh t.a

# headers
passes headers_right sh tools/headers.sh
echo 'size_t mb_alone(void);' > include/matchbox/env.h
says headers_alone 'include/matchbox/env.h does not compile alone' sh tools/headers.sh
echo 'int mb_class(int class);' > include/matchbox/env.h
! command -v "$CXX" >/dev/null 2>&1 || says headers_cplusplus '-std=c++17' sh tools/headers.sh
echo > include/matchbox/env.h

# warnings
export WARN='-Wconversion -Iinclude'
passes warnings_right sh tools/warnings.sh "$CC"
echo 'float mb_f(double x); float mb_f(double x) { return x; }' > src/core/a.c
says warnings_conversion 'src/core/a.c:1' sh tools/warnings.sh "$CC"
echo > src/core/a.c

# docs
printf '#!/bin/sh\n[ "$1 $2 $3" = "help pole --markdown" ] && echo "| option |"\n' > program; chmod +x program
rm src/algo/*/*.c
says docs_no_page 'has no page' sh tools/docs.sh check ./program
printf 'Pole\n<!-- options -->\nold\n<!-- /options -->\nend\n' > docs/env/pole.md
says docs_stale 'stale' sh tools/docs.sh check ./program
sh tools/docs.sh write ./program >/dev/null
passes docs_fresh sh tools/docs.sh check ./program
grep -q '^| option |$' docs/env/pole.md && ! grep -q old docs/env/pole.md && grep -q '^end$' docs/env/pole.md
verdict docs_written $?
echo Other > docs/env/other.md
says docs_unknown 'call the page after' sh tools/docs.sh check ./program

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
