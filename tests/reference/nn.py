#!/usr/bin/env python3
"""Distributions (SciPy), policy-gradient losses, recurrent cells and optimisers, in float64.
Made with Python 3.11, NumPy 2.4.6, SciPy 1.17.1:  python3 tests/reference/nn.py > tests/reference/data/nn.h"""
import sys

import numpy as np
from emit import array, rounded
from scipy import stats
from scipy.special import expit, log_softmax

rng = np.random.default_rng(3)
out = sys.stdout
out.write("/* made by tests/reference/nn.py */\n")
f32 = lambda x: float(np.float32(x))

# ---- a mixed distribution: two discrete parts and a Gaussian one ----
B, N0, N1, V = 4, 3, 5, 2
out.write(f"enum {{ DIST_B = {B}, DIST_N0 = {N0}, DIST_N1 = {N1}, DIST_V = {V} }};\n")


def distribution(tag):
    l0, l1 = rounded(rng.normal(size=(B, N0))), rounded(rng.normal(size=(B, N1)))
    mean, log_std = rounded(rng.normal(size=(B, V))), rounded(0.5 * rng.normal(size=V))
    for name, x in [("l0", l0), ("l1", l1), ("mean", mean), ("log_std", log_std)]:
        array(out, f"{tag}_{name}", x)
    return log_softmax(l0, axis=1), log_softmax(l1, axis=1), mean, np.exp(log_std)


p, q = distribution("dist_p"), distribution("dist_q")
i0, i1, value = rng.integers(N0, size=B), rng.integers(N1, size=B), rounded(rng.normal(size=(B, V)))
array(out, "dist_i0", i0, "int32_t")
array(out, "dist_i1", i1, "int32_t")
array(out, "dist_value", value)
rows = np.arange(B)
array(out, "dist_logp", p[0][rows, i0] + p[1][rows, i1] + stats.norm.logpdf(value, p[2], p[3]).sum(axis=1))
array(out, "dist_entropy", stats.entropy(np.exp(p[0]), axis=1) + stats.entropy(np.exp(p[1]), axis=1) + stats.norm.entropy(p[2], p[3]).sum(axis=1))
gauss = np.log(q[3] / p[3]) + (p[3] ** 2 + (p[2] - q[2]) ** 2) / (2 * q[3] ** 2) - 0.5
array(out, "dist_kl", stats.entropy(np.exp(p[0]), np.exp(q[0]), axis=1) + stats.entropy(np.exp(p[1]), np.exp(q[1]), axis=1) + gauss.sum(axis=1))

# ---- policy-gradient losses ----
n = 24
logp, old, adv = rounded(-2 + rng.normal(size=n)), rounded(-2 + rng.normal(size=n)), rounded(rng.normal(size=n))
ratio = np.exp(logp - old)
out.write(f"enum {{ PG_N = {n} }};\n")
for name, x in [("logp", logp), ("old", old), ("adv", adv)]:
    array(out, "pg_" + name, x)
surrogate = lambda lo, hi: np.minimum(ratio * adv, np.clip(ratio, 1 - f32(lo), 1 + f32(hi)) * adv)
array(out, "pg_plain", -adv * logp)
array(out, "pg_ratio", -adv * ratio)
array(out, "pg_clip", -surrogate(0.2, 0.2))
array(out, "pg_clip_higher", -surrogate(0.2, 0.28))
array(out, "pg_dual", -np.where(adv < 0, np.maximum(surrogate(0.2, 0.2), 3 * adv), surrogate(0.2, 0.2)))
outside = np.where(adv > 0, ratio > 1 + f32(0.2), ratio < 1 - f32(0.2))
array(out, "pg_clipped", outside)
array(out, "pg_k1", old - logp)
array(out, "pg_k2", (old - logp) ** 2 / 2)
array(out, "pg_k3", ratio - 1 - (logp - old))
v, v0, ret = (rounded(rng.normal(size=n)) for _ in range(3))
for name, x in [("v", v), ("v0", v0), ("ret", ret)]:
    array(out, "pg_" + name, x)
array(out, "pg_mse", 0.5 * (v - ret) ** 2)
array(out, "pg_vclip", 0.5 * np.maximum((v - ret) ** 2, (v0 + np.clip(v - v0, -f32(0.2), f32(0.2)) - ret) ** 2))

# ---- recurrent cells, with one episode beginning inside the sequence ----
RB, T, IN, U = 2, 5, 3, 4
out.write(f"enum {{ RNN_B = {RB}, RNN_T = {T}, RNN_IN = {IN}, RNN_U = {U} }};\n")
x, keep = rounded(rng.normal(size=(RB, T, IN))), np.ones((RB, T))
keep[0, 3] = keep[1, 0] = 0
h0, c0 = rounded(rng.normal(size=(RB, U))), rounded(rng.normal(size=(RB, U)))
wx, bx = rounded(rng.normal(size=(IN, 4 * U))), rounded(rng.normal(size=4 * U))
wh, bh = rounded(rng.normal(size=(U, 4 * U))), rounded(rng.normal(size=4 * U))
for name, a in [("x", x), ("keep", keep), ("h0", h0), ("c0", c0), ("wx", wx), ("bx", bx), ("wh", wh)]:
    array(out, "rnn_" + name, a)
array(out, "gru_wx", wx[:, : 3 * U])
array(out, "gru_wh", wh[:, : 3 * U])
array(out, "gru_bh", bh[: 3 * U])


def lstm():
    h, c, ys = h0.copy(), c0.copy(), []
    for t in range(T):
        h, c = h * keep[:, t : t + 1], c * keep[:, t : t + 1]
        i, f, g, o = np.split(x[:, t] @ wx + bx + h @ wh, 4, axis=1)
        c = expit(f) * c + expit(i) * np.tanh(g)
        h = expit(o) * np.tanh(c)
        ys.append(h)
    return np.stack(ys, axis=1), h, c


def gru():
    h, ys = h0.copy(), []
    for t in range(T):
        h = h * keep[:, t : t + 1]
        xr, xz, xn = np.split(x[:, t] @ wx[:, : 3 * U] + bx[: 3 * U], 3, axis=1)
        hr, hz, hn = np.split(h @ wh[:, : 3 * U] + bh[: 3 * U], 3, axis=1)
        r, z = expit(xr + hr), expit(xz + hz)
        h = (1 - z) * np.tanh(xn + r * hn) + z * h
        ys.append(h)
    return np.stack(ys, axis=1), h


for name, a in zip(["y", "h", "c"], lstm()):
    array(out, "lstm_" + name, a)
for name, a in zip(["y", "h"], gru()):
    array(out, "gru_" + name, a)

# ---- optimisers: three steps on loss = sum(target * w) + sum(w^2) / 2, so that gradients change ----
w0, target = rounded(rng.normal(size=(3, 2))), rounded(rng.normal(size=(3, 2)))
array(out, "opt_w0", w0)
array(out, "opt_target", target)
LR, B1, B2, EPS, DECAY = f32(0.05), f32(0.9), f32(0.99), f32(1e-3), f32(0.1)


def newton_schulz(g):
    """five quintic steps towards the nearest orthogonal matrix (Jordan et al. 2024)"""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (np.linalg.norm(g) + 1e-7)
    for _ in range(5):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x


def run(kind, max_norm=0.0):
    w, m, v = w0.copy(), np.zeros_like(w0), np.zeros_like(w0)
    for t in range(1, 4):
        g = target + w
        if max_norm and np.linalg.norm(g) > max_norm:
            g = g * max_norm / (np.linalg.norm(g) + 1e-6)
        if kind == "sgd":
            m = B1 * m + g
            w = w - LR * m
        elif kind == "rmsprop":
            v = B2 * v + (1 - B2) * g * g
            w = w - LR * g / (np.sqrt(v) + EPS)
        elif kind in ("adam", "adamw"):
            if kind == "adamw":
                w = w - LR * DECAY * w
            m, v = B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g * g
            w = w - LR * (m / (1 - B1 ** t)) / (np.sqrt(v / (1 - B2 ** t)) + EPS)
        else:  # muon; w is [in, out], the update is that of its transpose [out, in]
            m = B1 * m + g
            u = (g + B1 * m).T
            big = u.shape[0] > u.shape[1]
            u = newton_schulz(u.T).T if big else newton_schulz(u)
            w = (1 - LR * DECAY) * w - LR * max(1.0, u.shape[0] / u.shape[1]) ** 0.5 * u.T
    return w


for kind in ["sgd", "rmsprop", "adam", "adamw", "muon"]:
    array(out, "opt_" + kind, run(kind))
array(out, "opt_clipped", run("adam", f32(0.7)))
