#!/usr/bin/env python3
"""Targets and losses of action values: projections, histograms, quantile regression with its gradient by automatic differentiation,
value rescaling.  In float64.
Made with Python 3.11, NumPy 2.4.6, PyTorch 2.15.0:  python3 tests/reference/value.py > tests/reference/data/value.h"""
import sys

import numpy as np
import torch
from emit import array, rounded

R, K, LOW, HIGH, SIGMA, N, M, KAPPA = 6, 11, -2.0, 3.0, 0.4, 5, 7, 0.7
rng = np.random.default_rng(2)
out = sys.stdout
out.write("/* made by tests/reference/value.py */\n")
out.write(f"enum {{ VALUE_R = {R}, VALUE_K = {K}, VALUE_N = {N}, VALUE_M = {M} }};\n")
points = np.linspace(LOW, HIGH, K)
reward, discount = rounded(rng.normal(size=R)), rounded(np.array([0.9, 0.81, 0.0, 0.99, 1.0, 0.5]))
reward[4] = 0
p = rounded(rng.dirichlet(np.ones(K), R))
array(out, "value_reward", reward)
array(out, "value_discount", discount)
array(out, "value_p", p)

# the categorical projection as its authors' algorithm 1 runs it: mass to the floor and the ceiling
projected, gap = np.zeros((R, K)), (HIGH - LOW) / (K - 1)
for r in range(R):
    for j in range(K):
        b = (np.clip(reward[r] + discount[r] * points[j], LOW, HIGH) - LOW) / gap
        low, high = int(np.floor(b + 1e-9)), int(np.ceil(b - 1e-9))
        if low == high:
            projected[r, low] += p[r, j]
        else:
            projected[r, low] += p[r, j] * (high - b)
            projected[r, high] += p[r, j] * (b - low)
array(out, "value_projected", projected)

y = rounded(np.array([-1.9, 0.37, 2.99, 5.0, -7.0, 1.5]))
array(out, "value_y", y)
two_hot = np.zeros((R, K))
for r in range(R):
    b = (np.clip(y[r], LOW, HIGH) - LOW) / gap
    low = min(int(b), K - 2)
    two_hot[r, low], two_hot[r, low + 1] = 1 - (b - low), b - low
array(out, "value_two_hot", two_hot)

edges = np.concatenate([points - gap / 2, [HIGH + gap / 2]])
cdf = torch.special.erf(torch.tensor((edges[None] - np.clip(y, LOW, HIGH)[:, None]) / (SIGMA * np.sqrt(2)))).numpy()
array(out, "value_hl_gauss", (cdf[:, 1:] - cdf[:, :-1]) / (cdf[:, -1:] - cdf[:, :1]))
logits = rounded(rng.normal(size=(R, K)))
array(out, "value_logits", logits)
array(out, "value_cross", -(torch.tensor(p) * torch.log_softmax(torch.tensor(logits), -1)).sum(-1).numpy())

x = np.linspace(-3.5, 3.5, 29)
array(out, "value_x", rounded(x))
array(out, "value_erf", torch.special.erf(torch.tensor(rounded(x))).numpy())

theta, target, own = rounded(rng.normal(size=(R, N))), rounded(rng.normal(size=(R, M))), rounded(rng.uniform(size=(R, N)))
tau = rounded((np.arange(N) + 0.5) / N)
weight = rounded(rng.normal(size=R))
for name, v in [("theta", theta), ("target", target), ("tau", tau), ("own_tau", own), ("weight", weight)]:
    array(out, "value_" + name, v)
for label, fractions, kappa in [("fixed", np.broadcast_to(tau, (R, N)), KAPPA), ("own", own, KAPPA), ("line", own, 0.0)]:
    q = torch.tensor(theta, requires_grad=True)
    u = torch.tensor(target)[:, None, :] - q[:, :, None]
    lean = (torch.tensor(np.array(fractions))[:, :, None] - (u.detach() < 0).double()).abs()
    size = torch.nn.functional.huber_loss(u, torch.zeros_like(u), reduction="none", delta=kappa) / kappa if kappa else u.abs()
    loss = (lean * size).mean(2).sum(1)
    (loss * torch.tensor(weight)).sum().backward()
    array(out, f"value_quantile_{label}", loss.detach().numpy())
    array(out, f"value_quantile_{label}_grad", q.grad.numpy())

wide = rounded(np.array([-250.0, -3.0, -0.01, 0.0, 0.5, 7.0, 1e4]))
array(out, "value_wide", wide)
array(out, "value_rescaled", np.sign(wide) * (np.sqrt(np.abs(wide) + 1) - 1) + 1e-3 * wide)
