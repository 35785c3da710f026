"""Vocabularies that the reference library's own trainer makes of data/lm/train.txt: what `matchbox lm tokenizer` must write, byte for byte.

tokenizers 0.23.3, Python 3.11:
    python tokenizer_train.py data/lm
With a second argument, a folder of `matchbox lm tokenizer`, it says whether the library reads that file and gives the ids back as text:
    python tokenizer_train.py data/lm FOLDER
"""
import json
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

out = sys.argv[1]
text = open(f"{out}/train.txt", encoding="utf-8").read()


def make(name, vocab, all_bytes, digits, specials):
    t = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), level]) if digits else level
    t.decoder = decoders.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet() if all_bytes else []
    size = vocab or len(specials) + len({b for b in text.encode()})
    t.train_from_iterator([text], trainers.BpeTrainer(vocab_size=size, special_tokens=specials, initial_alphabet=alphabet, show_progress=False))
    data = json.loads(t.to_str())
    data["decoder"] = data["pre_tokenizer"]["pretokenizers"][1] if digits else data["pre_tokenizer"]
    with open(f"{out}/trained-{name}.json", "w", encoding="utf-8") as f:
        json.dump(data, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


if len(sys.argv) > 2:
    t = Tokenizer.from_file(f"{sys.argv[2]}/tokenizer.json")
    for line in text.splitlines():
        ids = t.encode(line).ids
        assert t.decode(ids) == line and all(i is not None for i in ids), line
    print(t.get_vocab_size(), "tokens,", len(t.encode(text).ids), "ids for", len(text.encode()), "bytes")
else:
    make("chars", 0, False, True, ["<|endoftext|>"])
    make("bpe", 380, True, False, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    make("digits", 150, False, True, [])
