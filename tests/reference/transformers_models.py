"""Tiny random models of each family, with their logits and gradients: tests/reference/data/lm/models/FAMILY/.

A folder holds config.json and model.safetensors as save_pretrained writes them, and expected.safetensors: "tokens" [2, T] (two sequences),
"logits" [2, T, vocab] in float32 and "grad.NAME", the gradient of the sum over both sequences of -log p(token t + 1 | tokens up to t).
transformers 5.23.0, torch 2.15.0, Python 3.11.
    python transformers_models.py data/lm/models            make the folders
    python transformers_models.py --same FOLDER FOLDER      do both load in transformers with equal tensors and logits?
"""
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import (AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen2Config, Qwen3Config)

VOCAB, WIDTH, INNER, LAYERS, HEADS, KV, T = 32, 16, 24, 2, 4, 2, 12
common = dict(vocab_size=VOCAB, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
              num_key_value_heads=KV, max_position_embeddings=64, bos_token_id=0, eos_token_id=1, initializer_range=0.3)
FAMILIES = {
    "gpt2": lambda: GPT2Config(vocab_size=VOCAB, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_positions=64, bos_token_id=0, eos_token_id=1,
                               initializer_range=0.3),
    "llama3": lambda: LlamaConfig(**common, rope_theta=500000.0, rms_norm_eps=1e-5, tie_word_embeddings=False,
                                  rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                                    original_max_position_embeddings=16)),
    "smollm2": lambda: LlamaConfig(**common, rope_theta=100000.0, rms_norm_eps=1e-5, tie_word_embeddings=True),
    "qwen2": lambda: Qwen2Config(**common, rope_theta=1000000.0, rms_norm_eps=1e-6, tie_word_embeddings=True),
    "qwen3": lambda: Qwen3Config(**common, head_dim=8, rope_theta=1000000.0, rms_norm_eps=1e-6, tie_word_embeddings=True),
}


def make(out):
    for name, config in FAMILIES.items():
        torch.manual_seed(7)
        model = AutoModelForCausalLM.from_config(config(), attn_implementation="eager").float().eval()
        with torch.no_grad():  # biases and gains away from where they begin
            for p in model.parameters():
                if p.dim() == 1:
                    p.add_(torch.randn_like(p) * 0.2)
        folder = os.path.join(out, name)
        model.save_pretrained(folder)
        if os.path.exists(os.path.join(folder, "generation_config.json")):
            os.remove(os.path.join(folder, "generation_config.json"))
        tokens = torch.randint(0, VOCAB, (2, T))
        logits = model(tokens).logits
        logp = torch.log_softmax(logits[:, :-1], -1).gather(-1, tokens[:, 1:, None])
        (-logp.sum()).backward()
        held = {"tokens": tokens, "logits": logits.detach().contiguous()}
        for n, p in model.named_parameters():
            held["grad." + n] = p.grad.contiguous()
        save_file(held, os.path.join(folder, "expected.safetensors"))


def same(a, b):
    a, b = (AutoModelForCausalLM.from_pretrained(f, attn_implementation="eager", dtype=torch.float32) for f in (a, b))
    x, y = a.state_dict(), b.state_dict()
    if sorted(x) != sorted(y) or not all(torch.equal(x[k], y[k]) for k in x):
        sys.exit("tensors differ")
    tokens = torch.arange(10)[None] % a.config.vocab_size
    if not torch.equal(a(tokens).logits, b(tokens).logits):
        sys.exit("logits differ")
    print(f"{len(x)} tensors and the logits are equal")


if __name__ == "__main__":
    if sys.argv[1] == "--same":
        same(sys.argv[2], sys.argv[3])
    else:
        make(sys.argv[1])
