#!/bin/sh
# Writes the functions of C headers as text, so that the exporter can put them into the files it makes:
#   embed.sh HEADER...      every static function on floats with the comment above it, and the MB__ROUNDF constant
# What relies on a sum being rounded says so: the files are compiled with flags that nobody knows, -ffast-math too.
echo '/* generated from the headers named in the Makefile: do not edit */'
echo '#include "run/export.h"'
echo 'const mb__portable mb__portable_text[] = {'
cat "$@" | sed -e 's/__builtin_memcpy/memcpy/g; s/__builtin_inff()/HUGE_VALF/g; s/__builtin_nanf("")/NAN/g; s/__builtin_fmaf/fmaf/g
    s|^    float t = \(mb_fmaf(.*MB__ROUNDF);\)|    volatile float t = \1 /* no compiler may cancel the rounding */|' | awk '
function quoted(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\\n\"" }
function give() {
    if (text !~ /double/) printf "    { \"%s\",\n%s    },\n", name, text
    text = ""; comment = ""; inside = 0
}
/^#define MB__ROUNDF / { name = "MB__ROUNDF"; text = "      " quoted($0) "\n"; give(); next }
/^static .*\(/ && !inside {
    name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name)
    text = comment; inside = 1
}
inside { text = text "      " quoted($0) "\n"; if ($0 == "}" || $0 ~ /^static .*}$/) give(); next }
/^\/\*/ { comment = ""; open = 1 }
open { comment = comment "      " quoted($0) "\n"; if ($0 ~ /\*\//) open = 0; next }
{ comment = "" }'
echo '    { 0, 0 } };'
