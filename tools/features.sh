#!/bin/sh
# Finds the libraries the build can use and writes them as make variables; the summary goes to standard error.
#   features.sh CC [CXX]
#   features.sh --packages     the Debian packages of the optional libraries
# libyaml is required.  To add an optional library, add a line `optional ...` or `loaded ...` below; the sources see -DMB_HAVE_NAME=1,
# and what is built without it must say so in a clear error.
[ "$1" != --packages ] || exec sed -n "s/^int main.*' \([a-z0-9.+-]*\)$/\1/p" "$0"
cc=$1 cxx=${2:-c++}
flags= libs= names= report=
try() { # headers and a main that needs the library; then compiler and linker flags
    dir=$(mktemp -d) && printf '%s\n' "$1" > "$dir/t.c" || exit 1
    shift
    $cc "$dir/t.c" -o "$dir/t" "$@" 2>"$dir/log"
    status=$?
    [ $status -eq 0 ] || cat "$dir/log" > "${TMPDIR:-/tmp}/matchbox-probe.log"
    rm -rf "$dir"
    return $status
}
packaged() { pkg-config "$1" "$2" 2>/dev/null; }
optional() { # NAME, pkg-config name, default flags, test program, what it gives, Debian package
    if find "$@"; then libs="$libs $l"; fi
}
loaded() { # the same for a library that brings others along: only its headers are used, mb_library_load gets the rest
    find "$@"
}
find() {
    f=$(packaged --cflags "$2") l=$(packaged --libs "$2") || { f= l=$3; }
    if try "$4" $f $l; then
        flags="$flags -DMB_HAVE_$1=1 $f" names="$names $2"
        report="$report
  $2: found ($5)"
    else
        report="$report
  $2: not found, built without it: no $5 (Debian: $6)"
        return 1
    fi
}

shim() { # the same in C++: what becomes a shared library of its own (libmatchbox-NAME.so)
    c=$cc cc="$cxx -x c++"
    find "$@"
    cc=$c
}

yaml='#include <yaml.h>
int main(void) { yaml_parser_t p; return !yaml_parser_initialize(&p); }'
yaml_flags=$(packaged --cflags yaml-0.1) yaml_libs=$(packaged --libs yaml-0.1) || yaml_libs=-lyaml
if ! try "$yaml" $yaml_flags $yaml_libs; then
    if try 'int main(void) { return 0; }'; then
        echo 'error: libyaml was not found, and matchbox needs it to read settings
  help: Debian, Ubuntu: apt-get install libyaml-dev   (or ./quickstart, which does it)' >&2
    else
        echo "error: the compiler '$cc' does not work
  note: $(head -n 1 "${TMPDIR:-/tmp}/matchbox-probe.log")
  help: Debian, Ubuntu: apt-get install build-essential   (or ./quickstart, which does it)" >&2
    fi
    exit 1
fi

# optional libraries, two lines each: `optional` links the library, `loaded` leaves that to mb_library_load
optional JANSSON jansson -ljansson '#include <jansson.h>
int main(void) { json_t *j = json_array(); json_decref(j); return !j; }' 'reading JSON: language models, losses from a file' libjansson-dev
optional PCRE2 libpcre2-8 -lpcre2-8 '#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
int main(void) { return pcre2_config(PCRE2_CONFIG_UNICODE, 0) < 0; }' 'tokenizers of language models' libpcre2-dev
optional UTF8PROC libutf8proc -lutf8proc '#include <utf8proc.h>
int main(void) { return utf8proc_version() == 0; }' 'tokenizers that normalise text (NFC)' libutf8proc-dev
loaded CAIRO cairo '-I/usr/include/cairo -lcairo' '#include <cairo.h>
int main(void) { return cairo_version() == 0; }' 'learning curves as PNG' libcairo2-dev
loaded MICROHTTPD libmicrohttpd '-lmicrohttpd' '#include <microhttpd.h>
int main(void) { return MHD_get_version() == 0; }' 'the web page of matchbox serve' libmicrohttpd-dev
loaded CHARTJS chart.js '' '#if !__has_include("/usr/share/javascript/chart.js/chart.min.js")
#error "not there"
#endif
int main(void) { return 0; }' 'charts on the page of matchbox serve' libjs-chart.js
loaded MUJOCO mujoco '-lmujoco' '#include <mujoco/mujoco.h>
int main(void) { return mj_version() == 0; }' 'environments on MuJoCo' libmujoco-dev
shim BOX2D box2d -lbox2d '#include <box2d/box2d.h>
int main(void) { b2World w(b2Vec2(0, -10)); return w.GetBodyCount(); }' 'environments on Box2D' libbox2d-dev
loaded EGL egl '-lEGL' '#include <EGL/egl.h>
int main(void) { return eglGetError() == 0; }' 'control tasks seen as pixels' libegl-dev
optional SQLITE sqlite3 -lsqlite3 '#include <sqlite3.h>
int main(void) { return sqlite3_libversion_number() < 3008000; }' 'sweeps' libsqlite3-dev

{
    echo "matchbox: compiler $($cc --version 2>/dev/null | head -n 1)"
    echo "  yaml: found (settings)$report"
} >&2
echo "FEATURES := -DMB_HAVE_YAML=1 $yaml_flags $flags"
echo "YAML_LIBS := $yaml_libs"
echo "FEATURE_LIBS := $libs"
echo "FEATURE_NAMES :=$names"
