"""Small tokenizers of the four families and the ids that the reference library gives for hard strings.

tokenizers 0.23.3, Python 3.11.  Trained here on the project's own pages, so that no model is needed:
    python tokenizer_files.py data/lm > data/tokenizers.h
"""
import glob
import json
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

out = sys.argv[1]
corpus = [open(f, encoding="utf-8").read() for f in sorted(glob.glob("../../docs/guide/*.md"))[:4]]
corpus += ["na\u00efve caf\u00e9 d\u00e9j\u00e0 vu \u4f60\u597d\u4e16\u754c \u041f\u0440\u0438\u0432\u0435\u0442 \U0001f600\U0001f680 don't it's we'll 123 4567\n" * 4]
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
byte_level = lambda regex: pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)


def make(name, pre, normalizer=None, added=(), ignore_merges=False):
    t = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    t.pre_tokenizer, t.decoder = pre, decoders.ByteLevel()
    if normalizer:
        t.normalizer = normalizer
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    if ignore_merges:  # a long word of the vocabulary that no merge leads to: taken whole where merges are ignored
        data = json.loads(t.to_str())
        data["model"]["vocab"]["zyzzyva"] = len(data["model"]["vocab"])
        t = Tokenizer.from_str(json.dumps(data))
    for text, special, extra in added:
        (t.add_special_tokens if special else t.add_tokens)([AddedToken(text, special=special, **extra)])
    return name, t


split = lambda regex: pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), "isolated", False), byte_level(False)])
made = [
    make("gpt2", byte_level(True), added=[("<|endoftext|>", True, {})]),
    make("llama3", split(LLAMA3), added=[("<|begin_of_text|>", True, {}), ("<|end_of_text|>", True, {}), ("<|eot_id|>", True, {})], ignore_merges=True),
    make("qwen2", split(QWEN), normalizers.NFC(), [("<|endoftext|>", True, {}), ("<|im_start|>", True, {}), ("<|im_end|>", True, {}),
                                                   ("<tool_call>", False, {"normalized": False}), ("<think>", False, {"lstrip": True, "rstrip": True})]),
    make("smollm", pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(True)]), added=[("<|im_start|>", True, {})]),
]
bos = made[1][1].token_to_id("<|begin_of_text|>")
made[1][1].post_processor = processors.Sequence([
    processors.ByteLevel(trim_offsets=False),
    processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B", special_tokens=[("<|begin_of_text|>", bos)])])

for name, t in made:
    data = json.loads(t.to_str())
    if name in ("gpt2", "smollm"):  # the older spelling of merges
        data["model"]["merges"] = [" ".join(m) for m in data["model"]["merges"]]
    with open(f"{out}/tokenizer-{name}.json", "w", encoding="utf-8") as f:
        json.dump(data, f, ensure_ascii=False, separators=(",", ":"))

strings = [
    "", " ", "a", "Hello, world!", "I'm it'S DON'T we'LL", "x = 12345+67;\n\n  y", "tab\t\tx", "don\u2019t caf\u00e9", "a  b   c", "end  ", "  \n \n x", "(foo)bar_baz",
    " 1000000 ", "e\u0301 \u00bd \u0663", "'\u017fx", "\r\n\r\n  \r\n", "\u00a0nbsp\u2003em\u3000wide\u2028line\u0085nel", "\u4f60\u597d\uff0c\u4e16\u754c\u3002", "\u0645\u0631\u062d\u0628\u0627",
    "\u0928\u092e\u0938\u094d\u0924\u0947", "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f1fa\U0001f1f8", "\u1100\u1161\u11a8 \uac01", "A\u030a \u212b \u00c5", "zyzzyva zyzzyvas", "\ufeffbom",
    "<|im_start|>user\nhi<|im_end|>\n", "a <think>  b </think>", "<tool_call>{\"x\": 1}", "x<|endoftext|><|endoftext|>y", "<|eot_id|>", "<|begin_of_text|>a", "\u2126 \ufb01 \u00b2\u00b3",
    "the the the theories of reinforcement learning learn", "   leading", "trailing   \n", "\n", "\n\n\n", "...!?--", "CamelCaseAndsnake_case", "0123456789" * 3, "\u1680ogham\u180emvs\u200bzwsp",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "\x00\x01\x7f", "mixed \u0430bc \u03a9mega", "'s 's''s 'S'll'LL",
]
quote = lambda s: '"' + "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in s.encode()) + '"'
print("/* made by tests/reference/tokenizer_files.py: do not edit */")
print(f"enum {{ TOK_STRINGS = {len(strings)} }};\nstatic const struct {{ const char *text; int n; }} tok_string[TOK_STRINGS] = {{")
for s in strings:
    print(f"    {{ {quote(s)}, {len(s.encode())} }},")
print("};")
for name, t in made:
    flat, ends = [], []
    for s in strings:
        flat += t.encode(s, add_special_tokens=True).ids
        ends.append(len(flat))
    for what, v in (("ids", flat), ("end", ends)):
        rows = [", ".join(map(str, v[i : i + 24])) for i in range(0, len(v), 24)]
        print(f"static const int {name}_{what}[{len(v)}] = {{\n    " + ",\n    ".join(rows) + "\n};")
