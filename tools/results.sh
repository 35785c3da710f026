#!/bin/sh
# Scores: trains the seeds that are reported and writes the tables of docs/results.
#   results.sh run PROGRAM GROUP ALGO ENV FIRST LAST [--option value ...]
#       trains seeds FIRST .. LAST with the preset (and the options) and appends a line per seed to
#       docs/results/data/ALGO-GROUP.jsonl; seeds that are there already are left out, so it can be stopped and started
#   results.sh table
#       fills the tables between <!-- scores ALGO --> and <!-- /scores --> in docs/results/*.md from those lines
# Mean, IQM and interval come from `matchbox stats` of $MATCHBOX, else build/matchbox.
cd "$(dirname "$0")/.." || exit 2
data=docs/results/data

cpu() {
    sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2> /dev/null | head -n 1
}

run() { # program group algo env first last [options]
    program=$1 file=$data/$3-$2.jsonl algo=$3 env=$4 seed=$5 last=$6
    shift 6
    mkdir -p "$data"
    while [ "$seed" -le "$last" ]; do
        if ! grep -qs "\"seed\":$seed," "$file"; then
            out=$("$program" train "$algo" "$env" --seed "$seed" --run none --json --threads 1 "$@" && times) || exit 1
            used=$(printf '%s\n' "$out" | tail -n 1 | awk '{ split($1, t, /[ms]/); print t[1] * 60 + t[2] }')
            json=$(printf '%s\n' "$out" | grep '^{' | tail -n 1)
            printf '{"command":"matchbox train %s","cpu":"%s","user_seconds":%s,"summary":%s}\n' \
                   "$(echo "$algo $env" "$@")" "$(cpu)" "$used" "$json" >> "$file"
            echo "$algo $env $* seed $seed: $(printf '%s' "$json" | sed 's/.*"eval":{[^}]*"return_mean":\([^,]*\),.*/\1/')"
        fi
        seed=$((seed + 1))
    done
}

# One row per file of lines; the text beside it (what is published) comes from docs/results/published.txt.
rows() { # algo
    for file in $(LC_ALL=C ls "$data/$1"-*.jsonl); do
        LC_ALL=C sort -t: -k1,1 "$file" | awk -v program="${MATCHBOX:-build/matchbox}" -v group="$(basename "$file" .jsonl)" -v published=docs/results/published.txt '
        function field(line, name) {
            if (!match(line, "\"" name "\":\"?[^,}\"]*")) return ""
            line = substr(line, RSTART, RLENGTH); sub(/^"[^"]*":"?/, "", line); return line
        }
        function show(x) { return sprintf(x >= 100 || x <= -100 ? "%.1f" : "%.2f", x) }
        BEGIN { while ((getline line < published) > 0) { split(line, p, / *\| */); if (p[1] == group) beside = p[2] } }
        {
            evaluation = $0; sub(/.*"eval":/, "", evaluation)
            seed = field($0, "seed"); value[seed] = field(evaluation, "return_mean") + 0
            steps = field($0, "steps"); user += field($0, "user_seconds"); command = field($0, "command"); count++
        }
        END {
            for (seed = 0; seed < 100000 && n < count; seed++) if (seed in value) {
                numbers = numbers " " value[seed]; seeds = seeds " " show(value[seed]); if (n++ == 0) first = seed; last = seed
            }
            (program " stats --json" numbers) | getline line
            interval = line; sub(/.*"interval":\[/, "", interval); split(interval, ends, /[],]/)
            printf "| `%s` | %d | %d-%d:%s | %s | %s [%s, %s] | %s | %.4g |\n", command, steps, first, last, seeds, show(field(line, "mean") + 0),
                   show(field(line, "iqm") + 0), show(ends[1]), show(ends[2]), beside, user / n
        }'
    done
}

table() {
    for page in docs/results/*.md; do
        algo=$(sed -n 's/^<!-- scores \(.*\) -->$/\1/p' "$page")
        [ -n "$algo" ] || continue
        new=$(mktemp)
        {
            echo '| command | steps | seeds: evaluation of each | mean | IQM [95 % interval] | published | user s |'
            echo '|---|--:|---|--:|--:|---|--:|'
            rows "$algo"
        } > "$new.table"
        awk -v table="$new.table" '
            $0 == "<!-- /scores -->" { skip = 0 }
            !skip { print }
            /^<!-- scores / { skip = 1; while ((getline line < table) > 0) print line }' "$page" > "$new"
        cat "$new" > "$page"
        rm -f "$new" "$new.table"
    done
}

case $1 in
run) shift; run "$@" ;;
table) table ;;
*) sed -n '2,9s/^# *//p' "$0"; exit 2 ;;
esac
