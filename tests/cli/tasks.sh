# matchbox lm task, and what list and help say of tasks.
self=tests/cli/tasks.sh
. ./tests/cli/lib.inc

test_print() {
    run 0 lm task addition --task.digits 2 --count 2 --seed 9; says out '>'
    run 0 lm task lookup --task.level 2 --count 3 --jsonl
    [ "$(wc -l <out)" = 3 ] || complain 'not three lines'
    says out '"role":"tool"'
    run 0 lm task word --count 2 --json; json prompt completion
    run 0 lm task gold --pairs --count 2; says out '"flipped":'
    run 0 lm task countdown --split held-out --count 50 --task.level 2 --jsonl
}
test_verdict() {
    run 0 lm task chain --answer 7x; says out 'invalid: not a whole number'
    run 0 lm task lookup --answer 'get zzz|get zzz|get zzz'; says out 'invalid: a call, and no answer'
    answer=$("$mb" lm task chain --count 1 --jsonl | sed 's/.*"completion":"\([^"]*\)".*/\1/')
    run 0 lm task chain --answer "$answer"; says out 'score 1'
    run 0 lm task chain --answer "$answer" --json; json outcome score form why
}
test_refusals() {
    run 2 lm task chian; says err "did you mean 'chain'"
    run 2 lm task chain --task.step 3; says err "did you mean 'steps'"
    run 2 lm task chain --task.level 30; says err 'levels go from 1 to 20'
    run 2 lm task chain --pairs; says err 'makes no pairs'
    run 2 help countdwon; says err "did you mean 'countdown'"
    run 0 help countdown; says out '--task.largest'; says out '--task.style'
    run 0 list tasks; says out 'sudoku4'
}
test_corpus() {
    run 0 lm corpus countdown:style=work chain:level=2:share=3 lookup --count 40 -o corpus.txt
    [ "$(wc -l <corpus.txt)" = 40 ] || complain 'not forty lines'
    run 0 lm corpus lookup --count 2 --format parts; says out '["task","['
    run 0 lm corpus word --count 2 --format jsonl; says out '"task":"word"'
    run 2 lm corpus word:share=0; says err 'a share is a number above 0'
    run 2 lm corpus word:levl=1; says err "did you mean 'level'"
    run 2 lm corpus word:level; says err 'is not key=value'
    case $("$mb" --version) in *jansson*pcre2*|*pcre2*jansson*) ;; *) return ;; esac
    run 0 lm tokenizer corpus.txt -o tok --vocab 280 --alphabet bytes --json; says out '"tokens":280'
    run 0 lm tokenize tok '14-6'; says out '4 tokens'
    run 2 lm tokenizer corpus.txt -o tok --vocab 10; says err '10 tokens are too few'
    run 2 lm tokenizer corpus.txt; says err 'where to?'
}
outside() { # command, what is said
    run 0 lm task addition --answer 11 --verifier "$1" --verifier-seconds 2 --verifier-megabytes 64; says out "$2"
}
test_verifiers_outside() {
    outside 'echo looking; echo "score 0.5"' 'score 0.5'
    outside '[ "$MATCHBOX_PROMPT" = "5+6=" ] && [ "$MATCHBOX_ANSWER" = 11 ] && echo score 1' 'score 1'
    outside 'echo "invalid: no number"' 'invalid: no number'
    outside 'echo score nan' 'error: the verifier'
    outside 'echo score 7' 'error: the verifier'
    outside 'true' 'error: the verifier'
    outside 'exit 3' 'ended with status 3'
    outside 'kill -SEGV $$' 'signal 11'
    outside 'sleep 30' 'ran longer than 2 s'
    outside 'x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done' 'error: the verifier'
    outside '/no/such/program' 'ended with status 127'
}
finish
