#!/bin/sh
# The zoo: trained policies that come with matchbox.
#   zoo.sh make PROGRAM [NAME...]   train them (all of them) again, each by its command below, and write zoo/NAME.mb
#   zoo.sh readme PROGRAM           play 100 evaluation episodes with each and write zoo/README.md
# The commands are those of the presets with the first reporting seed; what is smaller or shorter than the preset says so here,
# to keep files under 200 KB and training to a few minutes.
commands() {
    sed 's/#.*//; /^ *$/d' <<'LIST'
acrobot                 ppo acrobot
asterix                 ppo asterix --hidden 96,64 --total-steps 4M
bandit                  ppo bandit
blackjack               ppo blackjack
breakout                ppo breakout --hidden 96,64 --total-steps 4M
cartpole                ppo cartpole
cartpole-masked         ppo cartpole-masked
catch                   ppo catch
cliffwalking            ppo cliffwalking
connect-four            ppo connect-four
doorkey                 ppo doorkey
freeway                 ppo freeway --hidden 64,64 --total-steps 4M
frozenlake              ppo frozenlake
mountaincar             ppo mountaincar
mountaincar-continuous  ppo mountaincar-continuous
pendulum                ppo pendulum
repeat-previous         ppo repeat-previous
seaquest                ppo seaquest --hidden 40,64 --total-steps 4M
soccer                  ppo soccer
spaceinvaders           ppo spaceinvaders --hidden 72,64 --total-steps 2M
spread                  ppo spread
taxi                    q-learning taxi --alpha 0.5 --total-steps 1M
tictactoe               ppo tictactoe
tmaze                   ppo tmaze
LIST
}
mode=$1 program=$2
shift 2
case $mode in
make)
    work=$(mktemp -d) || exit 1
    trap 'rm -rf "$work"' EXIT
    mkdir -p zoo
    commands | while read -r name command; do
        case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
        # shellcheck disable=SC2086
        "$program" train $command --seed 101 --run "$work/$name" --eval-episodes 0 --json </dev/null >/dev/null &&
            "$program" export "$work/$name" --to policy -o "zoo/$name.mb" --episodes 2 </dev/null || echo "zoo: $name failed" >&2
        rm -rf "${work:?}/$name"
    done
    ;;
readme)
    {
        echo '# The zoo'
        echo
        echo 'Trained policies that come with matchbox: settings and the weights that acting reads, at most 200 KB each. Where a command'
        echo 'takes a run, it takes `zoo:NAME`:'
        echo
        echo '    matchbox play zoo:cartpole'
        echo '    matchbox eval zoo:cartpole --json'
        echo '    matchbox export zoo:cartpole --to c'
        echo
        echo 'Returns are of 100 evaluation episodes with the best actions; they come from `tools/zoo.sh readme`, which writes this page.'
        echo 'One seed each (101), trained once by the command beside it: examples, not evidence (that is in docs/results).'
        echo
        echo '| name | return: mean | deviation | least | most | KB | trained by `matchbox train` |'
        echo '|---|---|---|---|---|---|---|'
        commands | while read -r name command; do
            [ -f "zoo/$name.mb" ] || continue
            line=$("$program" eval "zoo/$name.mb" --json </dev/null | tail -n 1)
            field() { printf '%s' "$line" | sed -n "s/.*\"$1\":\([-0-9.e]*\).*/\1/p" | awk '{ printf "%.5g", $1 }'; }
            echo "| $name | $(field return_mean) | $(field return_std) | $(field return_min) | $(field return_max) | $(($(wc -c <"zoo/$name.mb") / 1000 + 1)) | \`$command --seed 101\` |"
        done
    } >zoo/README.md.tmp && mv zoo/README.md.tmp zoo/README.md
    ;;
esac
