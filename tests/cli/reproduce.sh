#!/bin/sh
# matchbox reproduce: verdicts, files, errors that name the culprit, interruption, and being killed at any moment.
self=tests/cli/reproduce.sh
. ./tests/cli/lib.inc

# a program whose arms differ by what they are told to: base + seed / 1000
cat >arm.sh <<'END'
#!/bin/sh
base=0 seed=0 pause=0 status=0
for a; do case $a in --base=*) base=${a#*=} ;; --seed=*) seed=${a#*=} ;; --pause=*) pause=${a#*=} ;; --status=*) status=${a#*=} ;; esac; done
echo "begin $base $seed" >>trace
sleep "$pause"
[ "$status" -eq 0 ] || { echo "this arm breaks on purpose" >&2; exit "$status"; }
echo "some words before"
awk -v b="$base" -v s="$seed" 'BEGIN { printf "{\"score\":{\"mean\":%.6f},\"ok\":true,\"word\":\"x\",\"list\":[1,2]}\n", b + s % 7 / 1000 }'
echo "end $base $seed" >>trace
END
chmod +x arm.sh
cat >up.yaml <<'END'
claim: high is above low
seeds: 1-8
metric: score.mean
program: ./arm.sh
arms:
  high:
    options: {base: 2}
  low:
    options: {base: 1}
checks:
  above: {arm: high, relation: greater, than: low}
  enough: {arm: high, relation: at-least, value: 2}
quick: {seeds: 1-6}
END

test_supported() {
    run 0 reproduce up.yaml --json
    json id claim verdict effect interval seeds seconds checks
    grep -q '"verdict":"supported","effect":1,"interval":\[0.99' out || complain "$(cat out)"
    for f in verdict.json seeds.jsonl system.json README.md score-mean.svg; do holds -s results/up/$f; done
    holds "$(wc -l <results/up/seeds.jsonl)" -eq 16
    says results/up/README.md '# up: supported'
    says results/up/README.md 'seeds.jsonl'
    says results/up/system.json '"commits"'
    holds "$(grep -c begin trace)" -eq 16
    cp -r results/up first
    run 0 reproduce up.yaml; says out 'supported'
    holds "$(grep -c begin trace)" -eq 16
    for f in verdict.json seeds.jsonl README.md score-mean.svg; do same results/up/$f first/$f; done
    run 0 reproduce up.yaml --stored; says out 'supported'
}

test_quick_is_kept_apart() {
    run 0 reproduce up.yaml --quick; says out 'quick: no evidence'
    holds -s results/quick/up/verdict.json
    same results/up/verdict.json first/verdict.json
    says results/quick/up/verdict.json '"quick":true'
    holds "$(grep -c begin trace)" -eq 16
}

test_runs_are_shared() {
    sed 's/high is above low/the same runs again/' up.yaml >other.yaml
    run 0 reproduce other.yaml up.yaml --json
    holds "$(grep -c begin trace)" -eq 16
    holds -s results/other/verdict.json
}

test_verdicts() {
    printf 'claim: c\nseeds: 1-8\nprogram: ./arm.sh\nmetric: score.mean\narms:\n  a:\n    options: {base: 1}\n  b:\n    options: {base: 2}\n  same:\n    options: {base: 1, also: 1}\nchecks:\n  x: {%s}\nquick: {seeds: 1}\n' 'RULE' >rule
    try() { sed "s|RULE|$2|" rule >v.yaml; run 0 reproduce v.yaml --json; grep -q "\"verdict\":\"$1\",\"effect\"" out || complain "$2: $(cut -c1-300 out)"; }
    try 'supported' 'arm: b, relation: greater, than: a'
    try 'supported' 'arm: b, relation: greater, than: a, margin: 0.99'
    try 'not supported' 'arm: b, relation: greater, than: a, margin: 1.01'
    try 'not supported' 'arm: a, relation: greater, than: b'
    try 'supported' 'arm: a, relation: less, than: b, test: welch'
    try 'inconclusive' 'arm: a, relation: greater, than: same'
    try 'supported' 'arm: a, relation: equal, than: same, margin: 0.1'
    try 'supported' 'arm: a, relation: equal, than: same, margin: 0.01, test: welch'
    try 'not supported' 'arm: a, relation: equal, than: b, margin: 0.1'
    try 'supported' 'arm: a, relation: at-least, value: 0.9, test: none'
    try 'not supported' 'arm: a, relation: at-most, value: 0.9'
    try 'inconclusive' 'arm: a, relation: at-least, value: 1.003'
    try 'supported' 'arm: a, metric: ok, relation: at-least, value: 1, test: none'
    try 'supported' 'arm: b, metric: score.mean, than-metric: ok, relation: greater, statistic: median'
}

test_malformed_files() {
    bad() { # message, sed program on up.yaml
        sed "$2" up.yaml >bad.yaml; run 2 reproduce bad.yaml
        says err "$1"; says err 'bad.yaml'
    }
    bad "line 2: 'seeds' must be seeds" 's/1-8/8-1/'
    bad "line 2: 'seeds' names a seed twice" 's/1-8/1,2,1/'
    bad "line 3: 'metrik' is no key of an experiment" 's/^metric/metrik/'
    bad "did you mean 'metric'?" 's/^metric/metrik/'
    bad "line 7: 'arms.high.optinos.base' is no key of an arm" '7s/options/optinos/'
    bad "line 11: 'checks.above.relation' must be one of greater, less" '11s/greater/bigger/'
    bad "line 11: 'checks.above.than' names no arm: 'lower'" '11s/than: low/than: lower/'
    bad "line 11: 'checks.above.relation' needs 'than'" '11s/, than: low//'
    bad "'checks.enough.relation' compares with a 'value'" '12s/value: 2/than: low/'
    bad "line 11: 'checks.above.arm' belongs to a check without 'relation'" '11s/relation: greater, //'
    bad "has no 'claim'" 1d
    bad "has no 'seeds'" 2d
    bad "no key of a check" '11s/arm:/amr:/'
    bad "'level' must be a number in" '1s/^/level: 2\n/'
    printf 'claim: c\nseeds: 1\nalgo: ppo\nenv: cartpole\nmetric: eval.return_mean\narms:\n  a:\n    options:\n      clip: 7\nchecks:\n  c: {arm: a, relation: at-least, value: 1}\n' >bad.yaml
    run 2 reproduce bad.yaml; says err "option 'clip' must lie in"; says err 'bad.yaml, line 9'; says err "arm 'a'"
    sed 's/clip: 7/clpi: 0.1/' bad.yaml >bad2.yaml; run 2 reproduce bad2.yaml; says err "unknown option 'clpi'"; says err 'line 9'
    sed 's/cartpole/cartpol/' bad.yaml >bad2.yaml; run 2 reproduce bad2.yaml; says err "did you mean 'cartpole'?"
    run 2 reproduce nothing; says err "no experiment is called 'nothing'"
    sed 's|arm.sh|nowhere.sh|' up.yaml >bad.yaml; run 2 reproduce bad.yaml; says err "there is no program './nowhere.sh'"; says err 'line 7'
}

test_a_metric_that_no_arm_produced() {
    sed 's/score.mean/score.median/' up.yaml >bad.yaml; run 2 reproduce bad.yaml
    says err "no 'score.median'"; says err "arm 'high', seed 1 has no metric 'score.median'"
    sed 's/score.mean/word/' up.yaml >bad.yaml; run 2 reproduce bad.yaml; says err "is 'x', not a number"
}

test_a_failed_arm() {
    sed 's/base: 2/base: 2, status: 5/' up.yaml >fails.yaml
    run 1 reproduce fails.yaml up.yaml
    says err "failed: fails, arm 'high', seed 1: status 5; its log: results/runs/"
    says err '| this arm breaks on purpose'
    says err '8 of 24 runs failed'
    says out 'up '; holds ! -e results/fails
}

test_stored_verdicts_are_checked() {
    sed -i 's/"verdict":"supported"/"verdict":"inconclusive"/' results/up/verdict.json
    run 2 reproduce up.yaml --stored; says err 'the file was edited'
    cp first/verdict.json results/up/verdict.json
    run 0 reproduce up.yaml --stored
    sed -i 's/2.001/9.001/' results/up/seeds.jsonl; run 2 reproduce up.yaml --stored; cp first/seeds.jsonl results/up/
    sed 's/value: 2}/value: 1.9}/' up.yaml >keep; cp up.yaml old; cp keep up.yaml; run 2 reproduce up.yaml --stored; cp old up.yaml
    run 1 reproduce other.yaml --stored --results elsewhere; says err elsewhere
}

test_training() {
    cat >train.yaml <<'END'
claim: more steps per report do not matter to a random policy
seeds: 101-102
algo: random
env: cartpole
metric: eval.return_mean
options: {total-steps: 20k, eval-episodes: 20}
arms:
  one:
  two:
    options: {horizon: 64}
checks:
  equal: {arm: one, relation: equal, than: two, margin: 50}
  curve: {metric: area return_mean, arm: one, relation: at-least, value: 10}
  end: {metric: last return_mean, arm: one, relation: at-least, value: 10}
  first: {metric: steps return_mean 10, arm: one, relation: at-most, value: 5000}
END
    run 0 reproduce train.yaml --results t --json; json verdict
    for f in curves.svg curves.jsonl; do holds -s t/train/$f; done
    holds "$(wc -l <t/train/curves.jsonl)" -eq 4
    first=$(ls -d t/runs/random-cartpole-* | head -n 1)
    run 0 resume "$first/run" --json; says err 'was complete'
}

test_interruption() {
    sed 's/base: 2/base: 2, pause: 5/' up.yaml >slow.yaml
    "$mb" reproduce slow.yaml --results slow >out 2>err & pid=$!
    sleep 0.4; kill -INT $pid; wait $pid; holds $? -eq 3
    says err 'error: stopped: '; says err 'the same command goes on'
    sed 's/4k/1G/; s/20k/1G/' train.yaml >long.yaml
    "$mb" reproduce long.yaml --results slow >out 2>err & pid=$!
    i=0; while [ "$(ls slow/runs/random*/run/checkpoints/*.ckpt 2>/dev/null | wc -l)" -lt 2 ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i + 1)); done
    sleep 0.2; kill -INT $pid; wait $pid; holds $? -eq 3
    for d in slow/runs/random*; do [ ! -e "$d/out" ] || grep -q '"interrupted":true' "$d/out" || complain "$d left without a checkpoint"; done
}

# Killed 20 times at random moments: no run ends twice, none is lost, training ends with the bytes of a run that never stopped.
test_killed_at_any_moment() {
    rm -f trace
    sed 's/base: \([12]\)/base: \1, pause: 0.05/; s/1-8/1-12/' up.yaml >k.yaml
    sed 's/20k/2M/; s/eval-episodes: 20/eval-episodes: 20, checkpoint-every: 0.05/' train.yaml >l.yaml
    kills=0
    for pause in $(awk 'BEGIN { srand(7); for (i = 0; i < 20; i++) print 0.02 + 0.25 * rand() }'); do
        "$mb" reproduce k.yaml l.yaml --results killed --jobs 2 >out 2>err & pid=$!
        sleep "$pause"
        kill -KILL $pid 2>/dev/null && kills=$((kills + 1))
        wait $pid 2>/dev/null
    done
    holds $kills -gt 10
    run 0 reproduce k.yaml l.yaml --results killed
    says out 'k      supported'
    twice=$(grep end trace | sort | uniq -d); holds -z "$twice"
    holds "$(wc -l <killed/k/seeds.jsonl)" -eq 24
    run 0 reproduce k.yaml l.yaml --results whole
    same killed/k/seeds.jsonl whole/k/seeds.jsonl
    same killed/l/seeds.jsonl whole/l/seeds.jsonl
    same killed/l/curves.jsonl whole/l/curves.jsonl
    for d in whole/runs/random*; do
        for f in "$d"/run/checkpoints/000002*.ckpt; do same "$f" "killed/${f#whole/}"; done
        same "$d/run/metrics.jsonl" "killed/${d#whole/}/run/metrics.jsonl"
    done
}

test_two_drivers_share_the_work() {
    rm -f trace
    "$mb" reproduce k.yaml --results both >out1 2>err1 & pid=$!
    run 0 reproduce k.yaml --results both
    wait $pid; holds $? -eq 0
    holds "$(grep -c begin trace)" -eq 24
}

test_stats() {
    run 0 stats 1 2 3 4 100 --json; json n mean median iqm interval
    grep -q '"mean":22,"median":3,"iqm":3,' out || complain "$(cat out)"
    run 0 stats -1 -2 -3 --than -2,-3,-4 --paired --json; json difference improvement welch_p permutation_p
    grep -q '"difference":\[0.99[0-9]*,1.00*[0-9]*\]' out || complain "$(cat out)"
    grep -q '"permutation_p":0.25' out || complain "$(cat out)"
    run 0 stats 1 2 3 --than 4,5; says out 'probability of improvement 0,'
    run 2 stats 1 x; says err "'x' is not a number"
    run 2 stats 1 2 --than 1 --paired; says err 'as many'
}

finish
