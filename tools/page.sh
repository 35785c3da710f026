#!/bin/sh
# Writes the files of web/ and Chart.js (Debian: libjs-chart.js) as C, so that the page is in the program.
#   page.sh [CHART_JS]     without the file of Chart.js the page has no charts, and `matchbox serve` says so
asset() { # name in C, path in the browser, type, file
    echo "static const unsigned char $1[] = {"
    od -An -v -tu1 "$4" | sed 's/  *\([0-9][0-9]*\)/\1,/g'
    echo '};'
    list="$list
    { \"$2\", \"$3\", $1, sizeof $1 },"
}
list=
echo '/* generated from web/: do not edit */'
echo '#include "cli/serve.h"'
asset page / 'text/html; charset=utf-8' web/index.html
asset style /style.css 'text/css; charset=utf-8' web/style.css
asset icon /icon.svg 'image/svg+xml' web/icon.svg
asset curves /curves.js 'text/javascript; charset=utf-8' web/curves.js
asset app /app.js 'text/javascript; charset=utf-8' web/app.js
[ ! -f "$1" ] || asset chart /chart.js 'text/javascript; charset=utf-8' "$1"
echo "const struct asset site_assets[] = {$list
    { 0, 0, 0, 0 } };"
