#!/bin/sh
# Language models: teach, reinforce, test, sample; a run that was stopped ends with the same bytes; what is wrong is said.
self=tests/cli/lm_train.sh
. ./tests/cli/lib.inc
# built without jansson there is nothing to test here
"$mb" lm inspect /nonexistent 2>&1 | grep -q jansson && { echo '0 passed, 0 failed'; exit 0; }

small='--layers 1 --width 16 --heads 2 --context 48 --batch 4 --micro 128 --test-problems 0 --checkpoint-every 0'

test_a_stopped_run_ends_with_the_same_bytes() {
    rl="$small --sft-steps 3 --problems 2 --samples 4 --most 12 --total-steps 6 --log-steps 1 --seed 5 --tensorboard false --fields beta=0.05"
    run 0 lm rl addition $rl --run whole
    for stop in 2 4 5; do
        run 0 lm rl addition $rl --run "part$stop" --stop-after $stop
        run 0 resume "part$stop" --threads 2
        cmp whole/checkpoints/000000000006.ckpt "part$stop/checkpoints/000000000006.ckpt" || complain "stopped at $stop: another checkpoint"
        cmp whole/metrics.jsonl "part$stop/metrics.jsonl" || complain "stopped at $stop: other metrics"
        cmp whole/model/model.safetensors "part$stop/model/model.safetensors" || complain "stopped at $stop: another model"
    done
    grep -q '"mismatch":0[,}]' whole/metrics.jsonl || complain 'sampler and learner differ'
    grep '"mismatch":' whole/metrics.jsonl | grep -qv '"mismatch":0[,}]' && complain 'sampler and learner differ at a step'
    [ "$(wc -l <whole/metrics.jsonl)" -eq 6 ] || complain 'a line for each step'
}

test_a_run_goes_on_from_another() {
    printf '{"prompt":"2+2=","completion":"4"}\n{"messages":[{"role":"user","content":"3+4="},{"role":"assistant","content":"7"}]}\n{"text":"0123456789+="}\n' >d.jsonl
    run 0 lm sft d.jsonl $small --total-steps 60 --lr 1e-2 --run taught
    run 0 lm sample taught '2+2=' --temperature 0; says out '4'
    run 0 lm sample taught '3+4=' --samples 3 --temperature 0.01 --json; json text tokens logp kept truncated
    run 0 lm sft d.jsonl $small --model taught --total-steps 1 --run more
    run 0 lm inspect taught/model; says out 'model.embed_tokens.weight'
    run 0 lm eval taught addition --problems 4 --samples 2 --most 4 --json; json pass_1 pass_2 greedy invalid
    run 0 lm plan taught/model --json; json weights gradients optimizer activations cache total
    run 0 lm check-invariance taught d.jsonl --micro 256,64,48 --json; json documents difference
    run 1 lm check-invariance taught d.jsonl --micro 256,64,48 --tolerance 0; says err 'gradients differ'
    run 0 lm sft d.jsonl $small --model taught --lora 2 --total-steps 2 --run adapted
    cmp -s taught/model/model.safetensors adapted/model/model.safetensors && complain 'adapters are not merged into what is saved'
    run 0 lm pretrain addition $small --total-steps 2 --run pre
    says pre/config.yaml 'env: addition'
}

test_what_is_wrong_is_said() {
    run 2 lm rl adition --run no; says err "did you mean 'addition'?"
    run 2 lm rl addition $small --objective grop --run no; says err 'grop'
    run 2 lm rl addition $small --problems 3 --minibatches 2 --run no1; says err 'do not divide'
    run 2 lm rl addition $small --temperature 0 --run no2; says err 'one answer only'
    run 2 lm rl addition $small --env.settings level --run no3; says err 'is not key=value'
    run 2 lm rl addition $small --total-step 3 --run no4; says err "did you mean 'total-steps'?"
    run 2 train grpo cartpole; says err "cartpole"
    run 1 lm sft nowhere.jsonl --run no5; says err 'nowhere.jsonl'
    printf '{"prompt":"a"}\n' >bad.jsonl
    run 2 lm sft bad.jsonl --run no6; says err 'line 1'
    run 1 lm sample nowhere x; says err 'nowhere'
    run 1 lm eval nowhere addition; says err 'nowhere'
}

finish
