# Episodes as pictures: every environment of the registry as GIF and PNG, one as a film; curves by several metrics.
self=tests/cli/pictures.sh
. ./tests/cli/lib.inc

envs() { "$mb" list envs --json | tr '{' '\n' | sed -n 's/.*"name":"\([^"]*\)".*/\1/p'; }

# an environment on a library that this machine or this build does without says so, and what to install
without_library() {
    "$mb" play "$1" --png none.png --frames 1 --size 96 >out 2>err </dev/null && return 1
    [ $? -eq 2 ] && grep -qE 'apt-get install|was built without' err && echo "     $1: $(head -n 1 err)"
}
test_every_environment_draws() {
    n=0
    for env in $(envs); do
        n=$((n + 1))
        if without_library "$env"; then continue; fi
        run 0 play "$env" --gif e.gif --png e.png --frames 4 --size 96
        holds "$(head -c 6 e.gif)" = GIF89a
        holds "$(tail -c 1 e.gif | od -An -tx1 | tr -d ' ')" = 3b
        holds "$(head -c 8 e.png | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a
        holds "$(wc -c <e.png)" -gt 200 # a blank picture of this size has 150
        mv e.png "of-$env.png"
    done
    holds $n -gt 20
    run 2 play halfcheetah --env.model nothing.xml; says err 'while opening environment'
    holds ! -e e.gif.tmp
    command -v python3 >/dev/null 2>&1 || return
    python3 - of-*.png <<'END' || complain 'a picture is blank or does not decode'
import sys, zlib
for name in sys.argv[1:]:
    d = open(name, "rb").read()
    i = d.index(b"IDAT")
    raw = zlib.decompress(d[i + 4:i + 4 + int.from_bytes(d[i - 4:i], "big")])
    assert len(raw) == 96 * (96 * 3 + 1), name
    colors = {raw[y * 289 + 1 + x * 3:][:3] for y in range(96) for x in range(96)}
    assert len(colors) >= 2, f"{name}: {len(colors)} colours"
END
}

test_film() {
    PATH=/nowhere "$mb" play cartpole --mp4 no.mp4 >out 2>err
    holds $? -eq 2
    says err 'needs the program ffmpeg'; says err '--gif'
    holds ! -e no.mp4
    command -v ffmpeg >/dev/null 2>&1 || return
    run 0 play breakout --mp4 film.mp4 --frames 20 --size 64
    holds "$(head -c 8 film.mp4 | tail -c 4)" = ftyp
    holds ! -e film.mp4.tmp
    run 1 play breakout --mp4 nowhere/film.mp4 --frames 20
    holds ! -e nowhere
}

test_curves_by_several_metrics() {
    for s in 1 2 3; do run 0 train reinforce cartpole --total-steps 40k --seed $s --run r$s --eval-every 10k --eval-episodes 2; done
    run 0 plot r1 r2 r3 --metric return_mean,eval/return_mean,length_mean -o all.svg
    for t in 'return, mean of the last 100 episodes' 'return, evaluation' 'episode length' 'reinforce, 3 seeds' 'shaded: 95 % t interval' '>20k<'; do
        says all.svg "$t"
    done
    holds "$(grep -c '<polygon' all.svg)" -eq 3
    holds "$(grep -c '>environment steps<' all.svg)" -eq 3
    run 0 plot r1 --metric return_mean,length_mean; says out 'episode length'
    run 2 plot r1 --metric return_mean,nothing; says err "no values of 'nothing'"
    run 2 plot r1 --metric ,; says err "no values of ''"
    run 2 plot r1 --metric ""; says err 'names none'
    run 2 plot r1 --metric 1,2,3,4,5,6,7,8,9,10,11,12,13; says err "no values of '1'"
}
finish
