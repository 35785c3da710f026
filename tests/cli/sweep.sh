# Sweeps: every method, the same results again, after any end, from the same file; errors that name file, line and key.
self=tests/cli/sweep.sh
. ./tests/cli/lib.inc
cp -R "$root/presets" .

"$mb" --version | grep -q sqlite3 || { # built without SQLite: one clear error
    printf 'algo: random\nenv: cartpole\nspace: { horizon: }\n' >s.yaml
    now=without
    run 2 sweep s.yaml; says err 'built without SQLite'; says err 'libsqlite3-dev'
    echo "$((1 - bad)) passed, $bad failed"
    exit $bad
}

# METHOD [further lines]: a small sweep of tabular learning
file() {
    cat <<END
algo: q-learning
env: cliffwalking
options: { total-steps: 3000, eval-episodes: 5 }
space:
  alpha: log 0.05 0.9 2
  epsilon: linear 0.02 0.3 2
method: $1
seeds: 1-2
trials: 6
startup: 3
$2
END
}
population='population: 4
interval: 1000
fraction: 0.25'
# the results of the sweep whose JSON is in out
results() { tail -n 1 out | sed 's/.*"results"://'; }

test_methods() {
    for method in random tpe gp asha grid pbt; do
        file $method >$method.yaml
        [ $method != pbt ] || file pbt "$population" >pbt.yaml
        run 0 sweep $method.yaml --json --jobs 2
        json sweep algo env method objective planned trials done failed steps seconds best preset importance results
        says out '"failed":0'
        holds -s sweeps/$method/best.yaml -a -s sweeps/$method/slices.svg
        cp last.json $method.json
        run 0 train q-learning cliffwalking --preset sweeps/$method/best.yaml --run again-$method --total-steps 100
    done
    says gp.json '"origin":"gp"'; says tpe.json '"origin":"tpe"'; says pbt.json '"origin":"copy"'; says tpe.json '"origin":"default"'
    says grid.json '"trials":4'
    holds "$(grep -o '"origin":"copy"' pbt.json | wc -l)" -eq 2
    holds -s sweeps/tpe/importance.svg
    grep -q '</svg>' sweeps/tpe/slices.svg || complain 'slices.svg is cut'
}

test_same_again_and_complete() {
    run 0 sweep tpe.yaml --dir one --jobs 1 --json; results >one.results
    run 0 sweep tpe.yaml --dir two --jobs 1 --json; results >two.results
    same one.results two.results
    find one/trial-* -type f -printf '%p %T@\n' | sort >before # nothing is run again
    run 0 sweep tpe.yaml --dir one --json; results >again.results
    find one/trial-* -type f -printf '%p %T@\n' | sort >after
    same one.results again.results; same before after
    run 0 sweep tpe.yaml --dir one --trials 8 --jobs 1 --json; says out '"trials":8'
    run 0 sweep tpe.yaml --dir one --report; says out 'best'
    run 0 sweep tpe.yaml --dir one -o presets/q-learning/found.yaml
    run 0 train q-learning cliffwalking --preset found --total-steps 100 --run found
    run 0 sweep random.yaml --name named; holds -s presets/q-learning/named.yaml
}

# kill the driver at random moments until the sweep is through; counts in $kills
kill_often() { # FILE DIR JOBS
    longest=60
    while :; do
        "$mb" sweep "$1" --dir "$2" --jobs "$3" --json >out 2>err </dev/null &
        pid=$!
        sleep "0.$(od -An -N2 -tu2 /dev/urandom | awk -v most=$longest '{ printf "%03d", 10 + $1 % most }')"
        kill -9 $pid 2>/dev/null
        wait $pid
        status=$?
        [ $status -ne 0 ] || break
        [ $status -eq 137 ] || { complain "ended with $status"; sed 's/^/FAIL   | /' err | head -n 5; break; }
        kills=$((kills + 1)) longest=$((longest < 800 ? longest + longest / 16 : longest))
        [ $kills -lt 400 ] || { complain 'never came through'; break; }
    done
}

test_killed_at_random_moments() {
    file asha 'min-steps: 4000' | sed 's/3000/100000/' >kill-asha.yaml
    file pbt "$population" | sed 's/3000/100000/; s/interval: 1000/interval: 30k/' >kill-pbt.yaml
    kills=0 round=0
    for kind in asha pbt; do run 0 sweep kill-$kind.yaml --dir whole-$kind --jobs 1 --json; results >whole-$kind.results; done
    while [ $kills -lt 20 ] && [ $round -lt 8 ]; do # a fast machine is through before it is killed often
        round=$((round + 1))
        for kind in asha pbt; do
            kill_often kill-$kind.yaml killed-$kind-$round $([ $kind = asha ] && echo 1 || echo 2)
            results >killed.results
            same whole-$kind.results killed.results
            for run in whole-$kind/trial-*/seed-?; do
                twin=killed-$kind-$round${run#whole-$kind}
                for checkpoint in "$run"/checkpoints/*.ckpt; do newest=$checkpoint; done
                same "$newest" "$twin${newest#"$run"}"
                same "$run/metrics.jsonl" "$twin/metrics.jsonl"
            done
        done
    done
    holds $kills -ge 20
}

test_interrupted() {
    file random | sed 's/3000/30000000/; s/trials: 6/trials: 2/' >long.yaml
    "$mb" sweep long.yaml --jobs 2 >out 2>err </dev/null &
    pid=$!
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -s sweeps/long/trial-0001/seed-1/metrics.jsonl ] && [ -s sweeps/long/trial-0001/seed-2/metrics.jsonl ] && break
        sleep 0.2
    done
    cp out out.long
    run 1 sweep long.yaml; says err 'another process is working on the sweep'
    run 0 sweep long.yaml --report; says out 'of 2 trials'
    kill -INT $pid
    wait $pid; got=$?
    holds $got -eq 3
    for i in 1 2; do
        "$mb" resume sweeps/long/trial-0001/seed-$i --stop-after 1 --eval-episodes 0 >out 2>err || complain "seed $i cannot be continued"
        says err 'continuing at step'
        grep -q 'at step 0 ' err && complain "seed $i has lost its steps"
    done
}

# bad LINES WORDS...: a sweep file that must be refused with all these words
bad() {
    printf "$1" >bad.yaml; shift
    run 2 sweep bad.yaml
    for words; do says err "$words"; done
    holds ! -e sweeps/bad
}
test_errors() {
    head='algo: ppo\nenv: cartpole\n'
    bad "${head}space:\n  lrr: log 1e-4 1e-2\n" "ppo: unknown option 'lrr'" "did you mean 'lr'?" 'bad.yaml, line 4'
    bad "${head}space:\n  clip: linear 0.1 1.7\n" "option 'clip' must lie in [0, 1], not 1.7" "bad.yaml, line 4, key 'space.clip'"
    bad "${head}space:\n  clip: 0.1 0.2\n" "'0.1 0.2' is no range" 'linear A B' 'bad.yaml, line 4' "key 'space.clip'"
    bad "${head}space:\n  clip: log 0 0.2\n" 'must lie above 0' 'line 4'
    bad "${head}space:\n  clip: linear 0.3 0.2\n" 'the range is empty'
    bad "${head}space:\n  epochs: linear 1.5 3\n" 'whole numbers' 'line 4'
    bad "${head}space:\n  hidden:\n" "option 'hidden' has no default range"
    bad "${head}space:\n  value-loss: choice mse | huber\n" "option 'value-loss' must be one of" "key 'space.value-loss'"
    bad "${head}space:\n  seed: linear 1 3\n" "'seed' cannot be varied"
    bad "${head}metod: tpe\nspace:\n  clip:\n" "a sweep has no key 'metod'" "did you mean 'method'?" 'bad.yaml, line 3'
    bad "${head}method: tpf\nspace:\n  clip:\n" 'must be one of' 'bad.yaml, line 3'
    bad "${head}options:\n  clip: 3\nspace:\n  lr:\n" 'must lie in [0, 1]' 'bad.yaml, line 4'
    bad "${head}options:\n  seed: 3\nspace:\n  lr:\n" "'seed' is chosen by the sweep"
    bad "${head}options:\n  eval-episodes: 0\nspace:\n  lr:\n" 'needs evaluations'
    bad "${head}" "'space' is missing"
    bad "env: cartpole\nspace:\n  lr:\n" "the key 'algo' is missing"
    bad "algo: ppp\nenv: cartpole\nspace:\n  lr:\n" "no algorithm is called 'ppp'" 'line 1'
    bad "${head}seeds: 3-1\nspace:\n  lr:\n" "'seeds' must be like"
    bad "${head}space:\n  lr: [\n" 'bad.yaml, line'
    run 1 sweep nowhere.yaml; says err nowhere.yaml
    run 1 sweep asha.yaml --dir none --report
    sed 's/0.9/0.8/' tpe.yaml >other.yaml
    run 2 sweep other.yaml --dir one; says err 'begun with other settings'; says err 'then: space.alpha: log'
}

test_failing_runs() {
    printf 'algo: q-learning\nenv: cliffwalking\noptions: { total-steps: 500 }\nspace:\n  alpha:\nobjective: no/such\ntrials: 3\nseeds: 1\n' >none.yaml
    run 2 sweep none.yaml; says err 'every trial failed'; says err "no value of the objective 'no/such'"
    printf 'algo: ppo\nenv: cartpole\noptions: { total-steps: 600, eval-episodes: 2 }\nspace:\n  minibatches: choice 4 | 7\nmethod: grid\nseeds: 1\n' >half.yaml
    run 0 sweep half.yaml; says out '1 failed'; says out 'minibatches'
}

test_several_algorithms() {
    printf 'algo: [q-learning, sarsa]\nenv: cliffwalking\noptions: { total-steps: 2000, eval-episodes: 3, q-learning.epsilon: 0.05 }\nspace:\n  alpha:\n  sarsa.epsilon: linear 0.01 0.2\ntrials: 12\nseeds: 1\nstartup: 4\n' >two.yaml
    run 0 sweep two.yaml --json; says out '"algo":"sarsa"'; says out '"algo":"q-learning"'; says out '"failed":0'
    printf 'algo: ppo\nenv: cartpole\noptions: { total-steps: 100k, envs: 2 }\nspace:\n  lr:\nbudget: 1k\n' >dear.yaml
    run 0 sweep dear.yaml; says out '0 of 20 trials'
}

finish
