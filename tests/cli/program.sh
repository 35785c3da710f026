# The contract of the command line: words, options, errors, exit statuses, JSON.
self=tests/cli/program.sh
. ./tests/cli/lib.inc
quick='--total-steps 20480 --eval-episodes 5'

test_help() {
    run 0 help; says out 'matchbox train ALGO ENV'; cp out overview
    run 0; same out overview
    run 0 --help; same out overview
    run 0 help train; says out '--total-steps 1000000'; says out '--print-config'
    run 0 train --help; says out '--total-steps'
    run 0 help random; says out '--horizon 128'; says out '[1..65536]'
    run 0 help cartpole; says out '--env.gravity 9.8'; says out 'time limit   500 steps'
    run 0 help lm; says out 'matchbox lm loss FILE.json'; run 2 lm; says err 'matchbox help lm'
    run 0 help random --markdown
    equals out <<'END'
| option | default | range | meaning |
|---|---|---|---|
| `--horizon` | 128 | 1..65536 | steps per environment in one iteration |
END
    run 0 --version; says out matchbox
}

test_wrong_words() {
    run 2 trian
    equals err <<'END'
error: no command is called 'trian'
  note: did you mean 'train'?
  help: matchbox help
END
    run 2 train random
    equals err <<'END'
error: train: something is missing: matchbox train ALGO ENV [--option value ...]
  help: matchbox help train
END
    run 2 train randon cartpole; says err "no algorithm is called 'randon'"; says err "did you mean 'random'?"
    run 2 train random cartpool; says err "did you mean 'cartpole'?"
    run 2 train random cartpole acrobot; says err 'one word too many'
    run 2 help nothing-like-it; says err 'no command, algorithm, environment or task'
    run 2 list algo; says err "did you mean 'algos'?"
}

test_wrong_options() {
    run 2 train random cartpole --horizn 3
    equals err <<'END'
error: random: unknown option 'horizn'
  note: did you mean 'horizon'?
  note: on the command line
  help: matchbox help random
END
    run 2 train random cartpole --horizon 0
    equals err <<'END'
error: random: option 'horizon' must lie in [1, 65536], not 0
  note: on the command line
  help: matchbox help random
END
    run 2 train random cartpole --horizon; says err "option 'horizon' needs a value"
    run 2 train random cartpole --seed abc; says err "option 'seed' must be"
    run 2 train random cartpole --total-steps 1x; says err total-steps
    run 2 train random cartpole --device cuda; says err "must be one of cpu"
    run 2 train random cartpole --env.gravty 3; says err "did you mean 'env.gravity'?"
    run 2 eval --episods 3 x; says err "did you mean 'episodes'?"
    run 2 train random cartpole --preset nowhere; says err "no preset 'nowhere'"
    run 1 train random cartpole --config nowhere.yaml; says err nowhere.yaml
    printf 'horizon: 3\n  wrong: [\n' >bad.yaml
    run 2 train random cartpole --config bad.yaml; says err 'bad.yaml, line'
    holds ! -e runs
}

test_print_config() {
    printf 'horizon: 64\nenv:\n  gravity: 5\n' >c.yaml
    run 0 train random cartpole --config c.yaml --seed=7 --total-steps 500k --print-config
    says out 'total-steps: 500000'; says out '# on the command line'; says out 'env.gravity: 5'; says out '# c.yaml, line 3'; says out '# default'
    grep -q '^seed: 7 ' out || complain 'seed'
    holds ! -e runs
}

test_train_eval_json() {
    run 0 train random cartpole $quick --run a --json
    json run algo env seed steps seconds steps_per_second return_mean eval checkpoint peak_memory_bytes
    holds "$(wc -l <out)" -eq 1
    grep -q '"steps":20480,' out || complain steps
    holds -f "$(sed 's/.*"checkpoint":"\([^"]*\)".*/\1/' out)"
    cp out train.json
    run 0 eval a --episodes 5 --json; json episodes return_mean return_std return_min return_max length_mean
    eval_part=$(sed 's/.*"eval":\({[^}]*}\).*/\1/' train.json)
    holds "$eval_part" = "$(cat out)"
    for f in config.yaml system.json metrics.jsonl summary.json checkpoints; do holds -e a/$f; done
    run 2 train random cartpole $quick --run a; says err 'already holds a run'; says err 'matchbox resume a'
    run 0 train random cartpole $quick; run 0 train random cartpole $quick
    holds -d runs/random-cartpole-1 ; holds -d runs/random-cartpole-1-2
    same runs/random-cartpole-1/checkpoints/000000020480.ckpt a/checkpoints/000000020480.ckpt
    run 0 train random cartpole $quick --eval-episodes 0 --run z --json; grep -q '"episodes":0,"return_mean":null' out || complain 'eval of none'
}

test_train_from_the_config_of_a_run() {
    run 0 train random cartpole $quick --horizon 64 --seed 3 --run b --json
    run 0 train random cartpole --config b/config.yaml --run c --json
    same b/checkpoints/000000020480.ckpt c/checkpoints/000000020480.ckpt
    same b/metrics.jsonl c/metrics.jsonl
    same b/config.yaml c/config.yaml
}

test_resume() {
    run 0 train random cartpole $quick --stop-after 8000 --run h --json
    grep -q '"steps":8192,' out || complain 'stop-after'
    run 0 resume h --json; json steps start_step eval; says err 'continuing at step 8192 of 20480'
    same h/checkpoints/000000020480.ckpt a/checkpoints/000000020480.ckpt
    run 1 resume nowhere; says err nowhere
    run 0 resume h --eval-episodes 3 --json
    says err 'h: was complete at step 20480'
    cp -r h torn; truncate -s 100 torn/checkpoints/000000020480.ckpt
    run 0 eval torn --episodes 2; says err 'warning: '
    run 0 resume torn --json; says err 'warning: '; says err 'continuing at step 8192'
    same torn/checkpoints/000000020480.ckpt a/checkpoints/000000020480.ckpt
    printf 'not a checkpoint' >torn/checkpoints/000000020480.ckpt; cp torn/checkpoints/000000020480.ckpt torn/checkpoints/000000008192.ckpt
    run 2 resume torn; says err 'can be used'
    run 2 eval torn; says err 'can be used'
}

test_busy() {
    "$mb" train random cartpole --total-steps 1G --eval-episodes 0 --run busy >/dev/null 2>&1 &
    pid=$!
    i=0; while [ ! -e busy/checkpoints/000000000000.ckpt ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i + 1)); done
    run 1 resume busy; says err 'another process'
    run 1 train random cartpole --run busy; says err 'another process'
    kill -INT $pid; wait $pid; holds $? -eq 3
    run 0 eval busy --episodes 3 --json
}

test_file_size_limit() {
    (ulimit -f 8; run 1 train ppo cartpole --total-steps 4k --run limited; [ $bad -eq 0 ]) || complain 'the limit of a file'
    says err 'error: cannot write'
}

test_an_environment_that_crashes() {
    cat >crash.c <<'END'
#include <matchbox.h>
struct crash { int n; };
static void reset(void *state, const void *options, mb_rng *rng, mb_io *io) { io->obs[0] = 0; }
static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io) { *(volatile int *)8 = 1; return (mb_step){ 0 }; }
MB_BATCH(reset, step)
MB_ENV(crash) = { MB_ENV_HEAD, .name = "crash", .summary = "s", .obs = MB_BOX(1), .act = MB_DISCRETE(2),
    .time_limit = 9, .state_size = sizeof(struct crash), .reset = reset, .step = step, .batch = batch };
END
    "$mb" check ./crash.c >out 2>err && complain 'a crash passed'
    grep -q AddressSanitizer err || says err 'error: the environment ./crash.c crashed'
}

test_signals() {
    for signal in INT TERM; do
        "$mb" train random cartpole --total-steps 1G --run s$signal --json >out 2>err &
        pid=$!
        i=0; while [ ! -e s$signal/checkpoints/000000000000.ckpt ] && [ $i -lt 100 ]; do sleep 0.05; i=$((i + 1)); done
        kill -$signal $pid; wait $pid; holds $? -eq 3
        says err 'error: stopped at step'; says err "matchbox resume s$signal"
        json run steps interrupted eval
        grep -q '"interrupted":true' out || complain interrupted
    done
    "$mb" check breakout --steps 1G >out 2>err & pid=$!
    sleep 0.3; kill -INT $pid; wait $pid; status=$?
    [ $status -eq 3 ] || [ $status -eq 130 ] || complain "check: status $status"
    # at any moment, set-up included
    for pause in 0 0.002 0.004 0.008 0.016; do
        rm -rf early
        "$mb" train random cartpole --total-steps 1G --run early >out 2>err & pid=$!
        sleep $pause; kill -TERM $pid; wait $pid; status=$?
        [ $status -eq 3 ] || [ $status -eq 143 ] || complain "status $status after $pause s"
        [ $status -ne 3 ] || holds -e early/config.yaml
    done
}

test_places_that_cannot_be_written() {
    echo x >file
    run 1 train random cartpole $quick --run file/run; says err "cannot make the directory 'file'"
    run 1 train random cartpole $quick --run /proc/nothing/run; says err /proc/nothing
    run 0 train random cartpole $quick --run ok; run 1 plot ok -o /proc/x.svg; says err '/proc/x.svg'
    "$mb" list envs >/dev/full 2>err; holds $? -eq 1; says err 'standard output'
}

test_lists() {
    for kind in algos envs models tasks experiments commands; do run 0 list $kind; run 0 list $kind --json; json; done
    run 0 list algos --json; json name summary source
    run 0 list envs --names; grep -qx cartpole out || complain 'cartpole is missing'
}

test_trace() {
    run 0 trace cartpole --state 0,0,0,0 --actions 1,0 --json
    json obs reward terminated truncated
    grep -q '^\[{"obs":\[0,0\.195' out || complain "$(cat out)"
    holds "$(grep -o '"reward":1' out | wc -l)" -eq 2
    run 0 trace cartpole --state 2.39,3,0,0 --actions 1,1,1 --json; says err 'ended at action 1 of 3'
    grep -q '"terminated":true' out || complain terminated
    run 0 trace cartpole --state=0,0,0,0 --actions=1 --env.gravity=5
    run 2 trace cartpole --state 0,0,0 --actions 1; says err cartpole
    run 2 trace cartpole --state 0,0,0,x --actions 1; says err "'x'"
    run 2 trace cartpole --state 0,0,0,0 --actions 2; says err '[0, 1]'
    run 2 trace cartpole --state 0,0,0,0 --actions 1:1; says err '1 component'
    run 2 trace cartpole --actions 1; says err '--state'
    run 2 trace cartpole --state 0,0,0,0; says err '--actions'
}

test_pictures() {
    run 0 play cartpole --gif c.gif --png c.png --episodes 2
    holds "$(head -c 6 c.gif)" = GIF89a
    holds "$(tail -c 1 c.gif | od -An -tx1 | tr -d ' ')" = 3b
    holds "$(head -c 8 c.png | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a
    if python3 -c 'import zlib' 2>/dev/null; then
        python3 - <<'END' || complain 'c.png does not decode'
import struct, zlib
d = open("c.png", "rb").read()[8:]
data = b""
while d:
    n, kind = struct.unpack(">I4s", d[:8])
    assert zlib.crc32(d[4:8 + n]) == struct.unpack(">I", d[8 + n:12 + n])[0]
    if kind == b"IHDR": w, h = struct.unpack(">II", d[8:16])
    if kind == b"IDAT": data += d[8:8 + n]
    d = d[12 + n:]
raw = zlib.decompress(data)
assert len(raw) == h * (3 * w + 1) and w == h == 400
assert len(set(raw[i:i + 3] for i in range(1, 1201, 3))) >= 1
END
    fi
    run 0 play a --png run.png --frame 3
    run 2 play a --png run.png --frame 100000 --frames 3; says err 'only 3 frames'
    run 2 play a; says err 'not a terminal'
    run 2 play nowhere; says err nowhere
}

test_plots() {
    run 0 train random cartpole $quick --seed 2 --run p2
    run 0 plot a p2; says out 'random, 2 seeds'; says out steps
    run 0 plot a p2 -o p.svg
    says p.svg '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800'; says p.svg '95 % t interval'; says p.svg '</svg>'
    if python3 -c 'import xml.dom.minidom' 2>/dev/null; then python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse("p.svg")' || complain 'p.svg is no XML'; fi
    "$mb" plot a -o p.png >out 2>err
    case $? in
    0) holds "$(head -c 4 p.png | od -An -tx1 | tr -d ' ')" = 89504e47 ;;
    2) says err 'built without cairo' ;;
    *) complain 'PNG curve' ;;
    esac
    run 2 plot a -o p.jpg; says err '.svg'
    run 2 plot a --metric nothing; says err "holds no values of 'nothing'"
    run 1 plot nowhere; says err nowhere
}

test_check() {
    run 0 check cartpole --steps 2000; says out 'cartpole: '; says out '0 to mend'
    run 2 check cartpol; says err "did you mean 'cartpole'?"
    cat >nan.c <<'END'
#include "matchbox/env.h"
static void reset(void *state, const void *options, mb_rng *rng, mb_io *io) { *(int *)state = 0; io->obs[0] = 0; }
static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    io->obs[0] = ++*(int *)state > 20 ? __builtin_nanf("") : 0.5f;
    return (mb_step){ .reward = 1, .terminated = *(int *)state == 30 };
}
MB_BATCH(reset, step)
MB_ENV(nan) = { MB_ENV_HEAD, .name = "nan", .summary = "s", .obs = MB_BOX(1), .act = MB_DISCRETE(2),
                .state_size = sizeof(int), .reset = reset, .step = step, .batch = batch };
END
    run 1 check ./nan.c; says out 'FAIL'; says err nan
    run 1 train random ./nan.c $quick --run nan; says err nan; says err 'the last checkpoint is nan/checkpoints/000000000000.ckpt'
}

test_own_environment() {
    cat >mine.c <<'END'
#include "matchbox/env.h"
static void reset(void *state, const void *options, mb_rng *rng, mb_io *io) { *(int *)state = 0; io->obs[0] = mb_uniform(rng, 0, 1); }
static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    io->obs[0] = (float)++*(int *)state / 8;
    return (mb_step){ .reward = (float)io->index[0], .terminated = *(int *)state == 8 };
}
MB_BATCH(reset, step)
MB_ENV(mine) = { MB_ENV_HEAD, .name = "mine", .summary = "s", .obs = MB_BOX_IN(1, 0, 1), .act = MB_DISCRETE(2),
                 .state_size = sizeof(int), .reset = reset, .step = step, .batch = batch };
END
    run 0 train random ./mine.c $quick --run m --json; grep -q '"env":"mine"' out || complain name
    grep -q '"length_mean":8}' out || complain length
    rm mine.c
    run 0 eval m --episodes 5 --json
    run 0 resume m --json
    echo 'int x;' >none.c; run 2 train random ./none.c; says err 'defines no environment'
    printf 'MB_ENV(x) = { nonsense\n' >broken.c; run 2 train random ./broken.c; says err 'does not compile'
    run 1 train random ./absent.c; says err absent.c
}

test_environments_from_a_shared_object() {
    cat >mine.c <<'END'
#include "matchbox/env.h"
static void reset(void *s, const void *o, mb_rng *r, mb_io *io) { *(int *)s = 0; io->obs[0] = 0; }
static mb_step step(void *s, const void *o, mb_rng *r, mb_io *io)
{
    int t = ++*(int *)s;
    io->obs[0] = t == BAD ? MB_INF : t / 8.0f;
    if (t == CRASH) *(volatile int *)16 = 0;
    return (mb_step){ 1, t == 8 };
}
MB_BATCH(reset, step)
MB_ENV(mine) = { MB_ENV_HEAD ABI, .name = "mine", .summary = "s", .obs = MB_BOX_IN(1, 0, 1), .act = MB_DISCRETE(2),
                 .state_size = sizeof(int), .reset = reset, .step = step, .batch = batch };
END
    object() { name=$1; shift; ${CC:-cc} -shared -fPIC -Wno-initializer-overrides -Wno-override-init -I "$root/include" -DBAD=-1 -DCRASH=-1 -DABI= "$@" -o $name mine.c 2>cc.log || complain "$(cat cc.log)"; }
    object mine.so
    run 0 train random mine.so $quick --run so --json; grep -q '"length_mean":8}' out || complain length
    rm mine.so
    run 0 resume so --json
    object old.so -UABI '-DABI=,.abi = 77'
    run 2 train random ./old.so; says err './old.so: made for another version of matchbox'; says err 'interface is number 77'
    cp "$mb" some.so; echo text >text.so
    run 2 train random ./text.so; says err './text.so: not a shared object'
    object bad.so -UBAD -DBAD=5
    run 1 train random ./bad.so $quick --run none; says err "environment './bad.so', instance 0: observation"; says err 'matchbox check ./bad.so'
    case $BUILD in *-address | *-thread) return ;; esac # they tell of a crash themselves
    object crash.so -UCRASH -DCRASH=5
    "$mb" train random ./crash.so $quick --run crashed >out 2>err </dev/null
    holds $? -gt 128
    says err 'error: the environment ./crash.so crashed'; says err 'crashed/checkpoints'; says err 'matchbox check ./crash.so'
    holds -n "$(ls crashed/checkpoints)"
}

test_progress_is_not_in_the_way() {
    run 0 train random cartpole $quick --run q --json
    holds ! -s err
    holds "$(wc -l <out)" -eq 1
}

finish
