#!/bin/sh
# Fills the table of speeds in README.md, between <!-- numbers --> and <!-- /numbers -->, with what `matchbox bench` measures now.
#   numbers.sh PROGRAM        on a machine that does nothing else
program=$1
json=$("$program" bench --json | tail -n 1) || exit 1
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
table=$(mktemp)
{
    echo "\`matchbox bench\` at commit $(git rev-parse --short HEAD 2>/dev/null), one core of ${cpu:-an unnamed processor}, $(cc --version | head -n 1):"
    echo
    echo '| benchmark | median | least, greatest | unit | of the arithmetic peak | runs |'
    echo '|---|---|---|---|---|---|'
    printf '%s\n' "$json" | sed 's/},{/}\n{/g' | awk '
        function field(name,    v) { v = $0; if (!sub(".*\"" name "\":", "", v)) return ""; sub(/[,}].*/, "", v); gsub(/"/, "", v); return v }
        function short(v) { v += 0; return v >= 1e9 ? sprintf("%.1f G", v / 1e9) : v >= 1e6 ? sprintf("%.1f M", v / 1e6) : v >= 1e4 ? sprintf("%.0f k", v / 1e3) : sprintf("%.3g", v) }
        { peak = field("peak_fraction")
          printf "| %s | %s | %s, %s | %s | %s | %s |\n", field("name"), short(field("value")), short(field("min")), short(field("max")), \
              field("unit"), peak == "null" || peak == "" ? "" : sprintf("%.0f %%", 100 * peak), field("runs") }'
} > "$table"
awk -v table="$table" '
    $0 == "<!-- /numbers -->" { skip = 0 }
    !skip { print }
    $0 == "<!-- numbers -->" { skip = 1; while ((getline line < table) > 0) print line }' README.md > "$table.new" && cat "$table.new" > README.md
cat "$table"
rm -f "$table" "$table.new"
