#!/bin/sh
# What watching costs: trains the same run without and with everything that looks on, in turn, and prints for each pair the ratio of
# the times of training and of the processor time of all that ran, and their medians.  With: run directory, metrics.jsonl, TensorBoard
# events, checkpoint and the dashboard on a terminal of 40 x 120 (made by `script`).  Without: none of these.
#   overhead.sh PROGRAM [PAIRS] [STEPS]        on a machine that does nothing else
program=$1 pairs=${2:-9} steps=${3:-600k}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
train="train ppo cartpole --preset none --total-steps $steps --eval-episodes 0 --threads 1 --json"
without() { "$program" $train --run none --dashboard off >"$dir/out" 2>"$dir/err" </dev/null; }
with() {
    rm -rf "$dir/run"
    script -qec "stty rows 40 cols 120; '$program' $train --run '$dir/run' --tensorboard true --dashboard on" /dev/null >"$dir/out" 2>"$dir/err" </dev/null
}
measure() { # with|without: seconds of training, seconds of the processor
    (
        "$1"
        times
    ) | tail -n 1 | awk '{ for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); sum += t[1] * 60 + t[2] } print sum }' >"$dir/cpu"
    echo "$(sed -n 's/.*"seconds":\([^,]*\),.*/\1/p' "$dir/out" | tail -n 1) $(cat "$dir/cpu")"
}
median() { # of a column of the ratios
    awk -v k="$1" '{ print $k }' "$dir/ratios" | sort -n | awk -v what="$2" '{ r[NR] = $1 } END { m = NR % 2 ? r[(NR + 1) / 2] : (r[NR / 2] + r[NR / 2 + 1]) / 2
        printf "%s: watching costs %.1f %%, median of %d pairs [%.1f, %.1f]\n", what, 100 * (m - 1), NR, 100 * (r[1] - 1), 100 * (r[NR] - 1) }'
}
command -v script >/dev/null || { echo 'error: the program script (package bsdutils) is not there'; exit 1; }
measure without >/dev/null # warm
i=0
while [ $i -lt "$pairs" ]; do
    if [ $((i % 2)) -eq 0 ]; then a=$(measure without) b=$(measure with)
    else b=$(measure with) a=$(measure without); fi
    [ -s "$dir/run/metrics.jsonl" ] || { echo 'error: nothing was written'; exit 1; }
    i=$((i + 1))
    echo "$a $b" | awk '{ printf "without %.3f s (processor %.2f)  with %.3f s (processor %.2f)  ratios %.4f %.4f\n", $1, $2, $3, $4, $3 / $1, $4 / $2 }'
    echo "$a $b" | awk '{ print $3 / $1, $4 / $2 }' >>"$dir/ratios"
done
median 1 'time of training'
median 2 'processor time'
