# export: files, what is said about them, and every kind of bad input; policy files and the zoo.
self=tests/cli/export.sh
. ./tests/cli/lib.inc
ln -s "$root/zoo" zoo; ln -s "$root/presets" presets
train() { run 0 train "$@" --eval-episodes 0 --run "$name" --json; }

test_c() {
    name=a; train ppo cartpole --total-steps 4k --hidden 64,64
    run 0 export a -o a.c --json; json file bytes weights memory episodes decisions return_mean int8
    says a.c 'environment  cartpole'; says a.c 'cartpole_act('
    run 0 export a --name my-robot; says cartpole.c 'my_robot_act('; says out 'equal bit for bit'
    ${CC:-cc} -std=c99 -O2 -ffp-contract=off -Wall -Wextra -pedantic -Werror -c a.c -o a.o || complain 'a.c does not compile'
    run 0 export a --int8 -o a8.c; says out '8 bits: return'; says a8.c 'weights in 8 bits'
    holds "$(wc -c <a8.c)" -lt "$(wc -c <a.c)"
    cat >use.cc <<'EOF'
#define CARTPOLE_DECLARATIONS
#include "a.c"
#include <cstdio>
int main() { cartpole_obs o = { { 0.01f, 0.2f, 0.05f, 0.3f } }; cartpole_action a; cartpole_act(&o, &a); std::printf("%d\n", (int)a.action); }
EOF
    if command -v g++ >/dev/null; then
        g++ use.cc a.o -lm -o use && ./use >answer || complain 'not usable from C++'
        grep -q '^[01]$' answer || complain 'answer'
    fi
}

test_onnx() {
    name=o; train ppo tmaze --total-steps 2k
    run 0 export o --to onnx -o o.onnx; says out 'equal bit for bit'
    grep -q memory_h_next o.onnx || complain 'memory'
    run 2 export o --to onnx --int8 -o x.onnx; says err 'can only be written as C'; holds ! -e x.onnx
}

test_policy_file() {
    name=p; train ppo cartpole --total-steps 4k --seed 7
    run 0 export p --to policy -o p.mb
    run 0 eval p --json --episodes 10; cp out want
    run 0 eval p.mb --json --episodes 10; same out want
    run 0 export p -o p.c; run 0 export p.mb -o q.c; same p.c q.c
    run 0 export p.mb --to policy -o q.mb; same p.mb q.mb
    run 0 play p.mb --png p.png
    holds "$(wc -c <p.mb)" -lt "$(wc -c <"$(ls p/checkpoints/*.ckpt | tail -n 1)")"
    name=q; train q-learning frozenlake --total-steps 4k
    run 0 export q --to policy -o t.mb; run 0 eval q --json --episodes 10; cp out want; run 0 eval t.mb --json --episodes 10; same out want
    run 0 export q -o t.c; says t.c 'best_action[16]'
}

test_off_policy_actors() {
    for algo in sac td3; do
        name=$algo; train $algo pendulum --total-steps 600 --learning-starts 500 --hidden 16
        run 0 export $algo -o $algo.c; says out 'equal bit for bit'; says $algo.c 'pendulum_act('
        grep -q 'pendulum_sample(' $algo.c && complain 'there is nothing to draw from'
        ${CC:-cc} -std=c99 -ffp-contract=off -Wall -Wextra -pedantic -Werror -c $algo.c -o $algo.o || complain "$algo.c does not compile"
        run 0 export $algo --to onnx -o $algo.onnx; says out 'equal bit for bit'
        run 0 export $algo --to policy -o $algo.mb; run 0 eval $algo --json --episodes 5; cp out want; run 0 eval $algo.mb --json --episodes 5; same out want
    done
}

test_agents_with_a_policy_each() {
    name=s; train ppo spread --total-steps 4k --agents separate
    run 0 export s --agent 0 -o s0.c; run 0 export s --agent 1 -o s1.c; says s1.c 'agent 1 of'
    cmp -s s0.c s1.c && complain 'two agents, one policy'
    run 2 export s --agent 7; says err 'agent 7: there are'
    run 0 export s --to policy -o s.mb; run 0 eval s --json --episodes 5; cp out want; run 0 eval s.mb --json --episodes 5; same out want
}

test_bad_input() {
    run 1 export nowhere; says err nowhere
    run 2 export; says err 'something is missing'
    name=b; train random cartpole --total-steps 2k
    run 2 export b; says err 'what random learns cannot be exported'; says err ppo
    name=c; train ppo cartpole --total-steps 2k
    run 2 export c --to java; says err 'one of c, onnx, policy'
    run 1 export c -o no/such/folder/x.c; says err 'no/such/folder'
    run 2 export c --episodes -1; says err episodes
    run 2 export c --agent 1; says err 'agent 1'
    for f in c/checkpoints/*; do printf 'not a checkpoint' >"$f"; done
    run 2 export c; says err 'does not begin with MATCHBOX'
    echo text >foreign.mb; run 2 eval foreign.mb; says err 'does not begin with MATCHBOX'; says err 'not a policy file'
    name=d; train ppo cartpole --total-steps 2k
    ckpt=$(ls d/checkpoints/*.ckpt | tail -n 1)
    run 2 eval "$ckpt"; says err "no block 'policy.yaml'"
    run 0 export d --to policy -o d.mb
    head -c 900 d.mb >cut.mb; run 2 eval cut.mb; says err truncated
    name=e; train ppo cartpole --total-steps 2k
    rm -r e/checkpoints; run 1 export e; says err 'holds no checkpoint'
}

test_zoo() {
    run 0 list zoo; says out cartpole; grep -q 'cannot be used' out && complain 'a policy of the zoo cannot be used'
    run 0 list zoo --json; json name summary source
    run 0 eval zoo:cartpole --json --episodes 20
    grep -q '"return_mean":500,' out || complain 'cartpole of the zoo falls'
    run 0 play zoo:cartpole --png z.png
    run 0 export zoo:cartpole --episodes 2; says cartpole.c 'seed 101'
    run 1 eval zoo:cartpool; says err 'zoo/cartpool.mb'; says err 'matchbox list zoo'
    for f in zoo/*.mb; do holds "$(wc -c <"$f")" -le 200000; done
}

finish
