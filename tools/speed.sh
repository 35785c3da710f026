#!/bin/sh
# What docs/results/speed.md states beside `matchbox bench`.  On a machine that does nothing else:
#   speed.sh agree PROGRAM           bench against train's steps_per_second, alternating, best of 7 each; fails beyond 5 %
#   speed.sh profile PROGRAM NAME    percent of the time by part of the program, of one benchmark (needs perf)
what=$1 program=$2 name=${3:-ppo-cartpole}
file=$(mktemp)
trap 'rm -f "$file"' EXIT

# the least disturbed run: whatever else happens on a machine only makes runs slower
best() { sort -n | tail -n 1; }

number() { tail -n 1 | sed "s/.*\"$1\":\([0-9.e+]*\).*/\1/"; }

agree()
{
    for round in 1 2 3 4 5 6 7; do
        echo bench "$("$program" bench ppo-cartpole --runs 1 --json | sed 's/.*"name":"ppo-cartpole"/{/' | number value)"
        echo train "$("$program" train ppo cartpole --preset none --run none --threads 1 --eval-episodes 0 --json | number steps_per_second)"
    done > "$file"
    bench=$(sed -n 's/^bench //p' "$file" | best) train=$(sed -n 's/^train //p' "$file" | best)
    awk -v b="$bench" -v t="$train" 'BEGIN { d = 100 * (b / t - 1); printf "bench %.0f steps/s, train %.0f steps/s: %+.1f %%\n", b, t, d
                                             exit d > 5 || d < -5 }'
}

# symbols of the hot loops, gathered by what they are for; "the rest" is named when it is more than half a per cent
profile()
{
    perf record -q -F 2000 -o "$file" "$program" bench "$name" --runs 3 > /dev/null || exit 1
    perf report -i "$file" --stdio --no-children -F overhead,symbol 2>/dev/null | awk '
        /^#/ || NF < 3 { next }
        { p = $1 + 0; s = $NF; part = "the rest" }
        s ~ /^run_(avx2|avx512|plain)$/ { next } # the peak
        s ~ /^(rows|cols)_|^columns|gemm|tile_|^transpose|mb__transpose|^packed/ { part = "matrix products" }
        s ~ /mb__map|tanh|activate|expand|softmax|^pick|_sum|^sum_|side_/ { part = "elementwise functions and sums" }
        s ~ /mb__adam|sum_squares|mb__add_to/ { part = "optimiser, joining sums" }
        s ~ /^run_step|^run_block|mb_exec|_run$|^run$|run_whole|mb__count|batch_of|mb_pool|join/ { part = "executing plans" }
        s ~ /draw_rows|mb_agent|mb_rollout_collect|fmaf|box_muller|rng_refill|^act$/ { part = "acting" }
        s ~ /^draw|memmove|mb_shuffle|load_|mb_gae/ { part = "minibatches" }
        s ~ /^batch|^step$|observe|_fit|_fits|_wide|^reset|mb_vec|refill|mb__within|run_span|advance/ { part = "environment" }
        { sum[part] += p; all += p; if (part == "the rest" && p > 0.5) names = names " " s }
        END { for (k in sum) printf "%5.1f %%  %s%s\n", 100 * sum[k] / all, k, k == "the rest" ? names : "" }' | sort -rn
}

case $what in
agree) agree ;;
profile) profile ;;
*) echo 'usage: speed.sh agree|profile PROGRAM [BENCHMARK]' >&2; exit 2 ;;
esac
