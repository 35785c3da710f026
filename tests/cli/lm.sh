# matchbox lm loss, lm inspect, lm tokenize: arrays in, loss and derivatives out; and what is said of a file that is not as it should be.
self=tests/cli/lm.sh
. ./tests/cli/lib.inc

# two answers to one question, one right and one wrong, on policy: the loss is the mean of -A over sequences, which is 0, and
# the derivative of a token is -A / (length x sequences); A = 0.5 / (sqrt(0.5) + 1e-4)
cat >two.json <<'END'
{"config": {"clip_high": 0.28},
 "sequences": [{"group": 7, "reward": 1, "logp": [-1, -2], "old_logp": [-1, -2], "mask": [1, 1]},
               {"group": 7, "reward": 0, "logp": [-0.5, -1, -9], "old_logp": [-0.5, -1, -9], "mask": [1, 1, 0]}]}
END
test_by_hand() {
    run 0 lm loss two.json --json; json loss advantages grad
    equals out <<'END'
{"loss":0,"advantages":[0.7070067953266834,-0.7070067953266834],"grad":[[-0.17675169883167086,-0.17675169883167086],[0.17675169883167086,0.17675169883167086,0]]}
END
    "$mb" lm loss - --json <two.json >piped || complain 'not from standard input'
    same out piped
}
test_presets() {
    run 0 lm loss --presets; says out 'dr-grpo'; says out 'Liu et al. 2025'
    run 0 lm loss --fields; says out 'std-scope'; says out 'group|batch'
    run 0 lm loss two.json --preset dr_grpo; json loss grad
    run 2 lm loss two.json --preset gropo; says err "no preset is called 'gropo'"
    run 2 lm loss two.json --preset grpo --convention tlr; says err "there are paper|trl"
}
test_pairs() {
    echo '{"config": {"preset": "ipo"}, "pairs": [{"chosen_logp": -1, "chosen_ref": -3, "rejected_logp": -2, "rejected_ref": -2}]}' >pairs.json
    run 0 lm loss pairs.json --json; json loss grad
    says out '"loss":9,"grad":[[-6,6]]' # (2 - 0 - 5)^2, and its derivatives
    run 2 lm loss pairs.json --preset simpo; says err "pair 0: 'chosen_tokens' is missing"
    echo '{"config": {"preset": "kto"}, "z0": 0, "items": [{"logp": -1, "ref": -1, "desirable": true}]}' >kto.json
    run 0 lm loss kto.json --json; says out '"loss":0.5,"grad":[-0.025'
}
bad() { # text, what is said
    printf '%s' "$1" >bad.json
    run 2 lm loss bad.json; says err "$2"
}
test_bad_files() {
    run 1 lm loss nothing.json; says err 'nothing.json: cannot be read'
    run 2 lm loss; says err 'the file is missing'
    bad '{"config": {}' 'bad.json, line 1, column'
    bad '[]' 'is not an object'
    bad '{"sequences": []}' "'sequences' is missing or empty"
    bad '{"sequences": [{"reward": 1}]}' "sequence 0: 'logp' is missing"
    bad '{"sequences": [{"logp": [-1]}]}' "sequence 0: 'reward' is missing"
    bad '{"sequences": [{"reward": 1, "logp": [-1, -2], "mask": [1]}]}' "'mask' has 1 elements, 'logp' has 2"
    bad '{"sequences": [{"reward": 1, "logp": [-1, "x"]}]}' 'holds something that is not a number'
    bad '{"sequences": [{"reward": 1, "logp": [-1, 1e999]}]}' 'line 1'
    bad '{"config": {"clip_hi": 1}, "sequences": []}' "did you mean 'clip-high'"
    bad '{"config": {"advantage": "centre"}, "sequences": []}' 'must be one of center, standardize'
    bad '{"config": {"beta": [1]}, "sequences": []}' 'neither a number nor a word'
    bad '{"config": {"kl": "k3", "beta": 1}, "sequences": [{"reward": 1, "logp": [-1]}]}' 'lack ref_logp'
    bad '{"sequences": [{"reward": 1, "logp": [-1], "ref_logp": [-1]}, {"reward": 0, "logp": [-1]}]}' "'ref_logp' is missing, and others have it"
    bad '{"config": {"preset": "dpo"}, "pairs": []}' "'pairs' is missing or empty"
    bad '{"config": {"preset": "kto"}, "items": [{"logp": 1, "ref": 1, "desirable": 1}]}' "'z0' is missing"
}
test_inspect() {
    run 0 lm inspect "$root/tests/reference/data/lm/one.safetensors"; says out '9 tensors'; says out 'model.embed.weight'
    run 0 lm inspect "$root/tests/reference/data/lm/sharded" --json; json name dtype shape
    run 1 lm inspect nowhere; says err 'nowhere: cannot be opened'
    run 2 lm inspect bad.json; says err 'bad.json'
}
test_tokenize() {
    tok=$root/tests/reference/data/lm/tokenizer-gpt2.json
    run 0 lm tokenize "$tok" 'the theory <|endoftext|>' --json; json ids pieces
    says out '"pieces":["t","he"," the","or","y"," ","<|endoftext|>"]'
    ids=$(sed 's/.*"ids":\[\([^]]*\).*/\1/' out)
    run 0 lm tokenize "$tok" --decode "$ids"; equals out <<END
the theory <|endoftext|>
END
    run 2 lm tokenize "$tok"; says err 'no text'
    run 2 lm tokenize "$tok" --decode 1,99999; says err "'99999' begins with no id"
    run 1 lm tokenize nowhere.json hi; says err 'nowhere.json: cannot be read'
}
case $("$mb" --version) in *jansson*pcre2*|*pcre2*jansson*) finish ;; *) echo 'built without jansson or PCRE2'; echo '0 passed, 0 failed' ;; esac
