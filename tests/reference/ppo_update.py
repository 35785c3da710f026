#!/usr/bin/env python3
"""One whole update of PPO on a fixed batch: losses, every gradient, parameters after one step of Adam with a global-norm clip.
Gradients by the complex-step method in float64 (exact to rounding, and nothing like reverse differentiation).
Made with Python 3.11, NumPy 2.4.6:  python3 tests/reference/ppo_update.py > tests/reference/data/ppo_update.h"""
import sys

import numpy as np
from emit import array, rounded

B, IN, HIDDEN, CHOICES, BOX = 16, 3, 4, 3, 2
CLIP, CLIP_HIGH, DUAL, ENT, VF, KL, MAX_NORM, LR, EPS = 0.2, 0.3, 1.5, 0.01, 0.5, 0.1, 0.5, 0.01, 1e-5
SHAPES = [("policy.0.w", (IN, HIDDEN)), ("policy.0.b", (HIDDEN,)), ("critic.0.w", (IN, HIDDEN)), ("critic.0.b", (HIDDEN,)),
          ("logits0.w", (HIDDEN, CHOICES)), ("logits0.b", (CHOICES,)), ("mean.w", (HIDDEN, BOX)), ("mean.b", (BOX,)),
          ("log_std", (BOX,)), ("value.w", (HIDDEN, 1)), ("value.b", (1,))]
rng = np.random.default_rng(2)
params = [rounded(0.6 * rng.normal(size=s)) for _, s in SHAPES]
obs = rounded(rng.normal(size=(B, IN)))
index, box = rng.integers(CHOICES, size=B), rounded(rng.normal(size=(B, BOX)))
mask = np.ones((B, CHOICES), bool)
mask[np.arange(B // 2), (index[: B // 2] + 1) % CHOICES] = False
adv, ret, old_value = (rounded(rng.normal(size=B)) for _ in range(3))
f32 = lambda x: float(np.float32(x))


def smaller(a, b):
    return np.where(a.real <= b.real, a, b)


def larger(a, b):
    return np.where(a.real >= b.real, a, b)


def clip(a, lo, hi):
    return np.where(a.real < lo, lo, np.where(a.real > hi, hi, a))


def forward(p):
    h, hv = np.tanh(obs @ p[0] + p[1]), np.tanh(obs @ p[2] + p[3])
    logits = np.where(mask, h @ p[4] + p[5], -1e9)
    shifted = logits - logits.real.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logp, h @ p[6] + p[7], p[8], (hv @ p[9] + p[10])[:, 0]


def log_prob(p):
    logp, mean, log_std, _ = forward(p)
    z = (box - mean) / np.exp(log_std)
    return logp[np.arange(B), index] + (-0.5 * z * z - log_std - 0.5 * np.log(2 * np.pi)).sum(axis=1)


old_logp = rounded(log_prob([x + 0.15 * rng.normal(size=x.shape) for x in params]).real)


def losses(p):
    logp, _, log_std, value = forward(p)
    log_ratio = log_prob(p) - old_logp
    ratio = np.exp(log_ratio)
    a = (adv - adv.mean()) / (adv.std(ddof=1) + 1e-8)
    gain = smaller(ratio * a, clip(ratio, 1 - f32(CLIP), 1 + f32(CLIP_HIGH)) * a)
    gain = np.where(a < 0, larger(gain, DUAL * a), gain)
    held = old_value + clip(value - old_value, -f32(CLIP), f32(CLIP))
    v = 0.5 * larger((value - ret) ** 2, (held - ret) ** 2).mean()
    each = np.where(mask, np.exp(logp) * logp, 0)
    entropy = -each.sum(axis=1).mean() + (log_std + 0.5 * np.log(2 * np.pi * np.e)).sum()
    kl = (ratio - 1 - log_ratio).mean()
    loss = -gain.mean() + VF * v - f32(ENT) * entropy + f32(KL) * kl
    return loss, -gain.mean(), v, entropy, kl


grads = []
for i, x in enumerate(params):
    g = np.zeros(x.size)
    for j in range(x.size):
        p = [q.astype(complex) for q in params]
        p[i].reshape(-1)[j] += 1e-30j
        g[j] = losses(p)[0].imag / 1e-30
    grads.append(g.reshape(x.shape))
norm = np.sqrt(sum((g ** 2).sum() for g in grads))
scale = f32(MAX_NORM) / (norm + 1e-6) if norm > MAX_NORM else 1.0
b1, b2 = f32(0.9), f32(0.999)
after = []
for x, g in zip(params, grads):
    g = scale * g
    m, v = (1 - b1) * g, (1 - b2) * g * g
    after.append(x - f32(LR) * (m / (1 - b1)) / (np.sqrt(v / (1 - b2)) + f32(EPS)))

flat = lambda xs: np.concatenate([x.reshape(-1) for x in xs])
out = sys.stdout
out.write("/* made by tests/reference/ppo_update.py */\n")
out.write(f"enum {{ REF_B = {B}, REF_IN = {IN}, REF_CHOICES = {CHOICES}, REF_BOX = {BOX} }};\n")
out.write("static const char *const ref_names[] = { " + ", ".join(f'"{n}"' for n, _ in SHAPES) + " };\n")
for name, x in [("params", flat(params)), ("obs", obs), ("box", box), ("adv", adv), ("ret", ret), ("old_value", old_value),
                ("old_logp", old_logp), ("losses", [x.real for x in losses([q.astype(complex) for q in params])]),
                ("grads", flat(grads)), ("norm", [norm]), ("after", flat(after))]:
    array(out, "ref_" + name, x)
array(out, "ref_index", index, "int32_t")
array(out, "ref_mask", mask, "uint8_t")
