"""Files written by the reference library: tests/reference/data/lm/*.safetensors, and what they hold as float32.

safetensors 0.8.0, ml_dtypes 0.6.0, NumPy 2.4.6, Python 3.11.
    python safetensors_files.py data/lm > data/safetensors.h
"""
import json
import sys

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

out = sys.argv[1]
edge = np.array([0.0, -0.0, 1.0, -1.5, 65504.0, 65519.0, 65520.0, -1e9, 1e-8, 2.9802322e-08, 2.98023259e-08, 5.9604645e-08, 6.1035156e-05, 6.0975552e-05,
                 0.1, 1 / 3, 1.00048828125, 1.00146484375, 3.4e38, 1e-40, np.inf, -np.inf, 255.49999, 2049.0, 2051.0], np.float32)
rng = np.random.default_rng(7)
random = (rng.normal(size=40) * 10.0 ** rng.integers(-9, 6, 40)).astype(np.float32)
x = np.concatenate([edge, random])
with np.errstate(over="ignore"):
    half, brain = x.astype(np.float16), x.astype(ml_dtypes.bfloat16)
one = {
    "model.embed.weight": np.arange(12, dtype=np.float32).reshape(3, 4) / 7,
    "a.half": half, "b.brain": brain, "scalar": np.array(2.5, np.float32), "empty": np.zeros((0, 4), np.float32),
    "ids": np.array([-3, 7, 1 << 40], np.int64), "flags": np.array([True, False, True]), "double": np.array([0.1, -2e300]) * 1e-200,
    "na\u00efve \"name\"": np.array([1, 200], np.uint8),
}
save_file(one, f"{out}/one.safetensors")
two = {"layer.1.w": np.full((2, 2), 0.25, np.float32), "layer.1.b": np.arange(2, dtype=np.float32)}
save_file({"layer.0.w": np.full((2, 2), -1, np.float32)}, f"{out}/sharded/model-00001-of-00002.safetensors")
save_file(two, f"{out}/sharded/model-00002-of-00002.safetensors")
names = {"layer.0.w": 1, "layer.1.w": 2, "layer.1.b": 2}
with open(f"{out}/sharded/model.safetensors.index.json", "w") as f:
    json.dump({"metadata": {"total_size": 40}, "weight_map": {k: f"model-0000{v}-of-00002.safetensors" for k, v in names.items()}}, f)


def table(name, v, kind):
    bits = np.asarray(v).view({"float": np.uint32, "uint16_t": np.uint16}[kind])
    text = [hex(int(b)) for b in bits]
    rows = [", ".join(text[i : i + 12]) for i in range(0, len(text), 12)]
    print(f"static const {'uint32_t' if kind == 'float' else kind} {name}[{len(text)}] = {{\n    " + ",\n    ".join(rows) + "\n};")


print("/* made by tests/reference/safetensors_files.py: do not edit; bits of numbers */")
print(f"enum {{ ST_N = {len(x)} }};")
table("st_x", x, "float")
table("st_half", half, "uint16_t")
table("st_brain", brain, "uint16_t")
table("st_half_back", half.astype(np.float32), "float")
table("st_brain_back", brain.astype(np.float32), "float")
