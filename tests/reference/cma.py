#!/usr/bin/env python3
"""CMA-ES: three generations on given points, written anew from the equations of Hansen's tutorial (arXiv:1604.00772, figure 6) with NumPy's
matrix functions.
Made with Python 3.11, NumPy 2.4.6:  python3 tests/reference/cma.py > tests/reference/data/cma.h"""
import sys

import numpy as np
from emit import array

N, POPULATION, GENERATIONS, SIGMA = 4, 8, 3, 0.7
rng = np.random.default_rng(3)
out = sys.stdout
out.write("/* made by tests/reference/cma.py */\n")
out.write(f"enum {{ CMA_N = {N}, CMA_POPULATION = {POPULATION}, CMA_GENERATIONS = {GENERATIONS} }};\n")
mu = POPULATION // 2
w = np.log((POPULATION + 1) / 2) - np.log(np.arange(1, mu + 1))
w /= w.sum()
mueff = 1 / (w**2).sum()
cs = (mueff + 2) / (N + mueff + 5)
ds = 1 + 2 * max(0, np.sqrt((mueff - 1) / (N + 1)) - 1) + cs
cc = (4 + mueff / N) / (N + 4 + 2 * mueff / N)
c1 = 2 / ((N + 1.3) ** 2 + mueff)
cmu = min(1 - c1, 2 * (mueff - 2 + 1 / mueff) / ((N + 2) ** 2 + mueff))
chi = np.sqrt(N) * (1 - 1 / (4 * N) + 1 / (21 * N**2))
mean, sigma, C, ps, pc = np.array([0.5, -1, 2, 0]), SIGMA, np.eye(N), np.zeros(N), np.zeros(N)
array(out, "cma_start", mean, "double")
points, losses, means, sigmas, covariances = [], [], [], [], []
for g in range(GENERATIONS):
    x = mean + sigma * rng.multivariate_normal(np.zeros(N), C, POPULATION) * (3 if g == 1 else 1)
    loss = (x**2 * np.array([1, 10, 0.1, 4])).sum(1)
    points.append(x)
    losses.append(loss)
    y = (x[np.argsort(loss)][:mu] - mean) / sigma
    yw = w @ y
    mean = mean + sigma * yw
    value, B = np.linalg.eigh(C)
    ps = (1 - cs) * ps + np.sqrt(cs * (2 - cs) * mueff) * (B @ np.diag(value**-0.5) @ B.T @ yw)
    h = np.linalg.norm(ps) / np.sqrt(1 - (1 - cs) ** (2 * (g + 1))) < (1.4 + 2 / (N + 1)) * chi
    pc = (1 - cc) * pc + h * np.sqrt(cc * (2 - cc) * mueff) * yw
    C = (1 - c1 - cmu + (not h) * c1 * cc * (2 - cc)) * C + c1 * np.outer(pc, pc) + cmu * (y.T * w) @ y
    sigma *= np.exp(cs / ds * (np.linalg.norm(ps) / chi - 1))
    means.append(mean)
    sigmas.append(sigma)
    covariances.append(C)
for name, v in [("points", points), ("losses", losses), ("mean", means), ("sigma", sigmas), ("covariance", covariances)]:
    array(out, "cma_" + name, np.array(v), "double")
