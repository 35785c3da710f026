#!/usr/bin/env python3
"""Parzen estimators, Gaussian processes, expected improvement, functional analysis of variance, successive halving and
population-based training, from Optuna, scikit-learn, SciPy and (halving) a plain event loop.
Made with Python 3.11, NumPy 2.4.6, SciPy 1.17.1, scikit-learn 1.9.1, Optuna 5.0.0:
    python3 tests/reference/tune.py > tests/reference/data/tune.h"""
import sys

import numpy as np
from emit import array
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.sampler import default_gamma, default_weights
from scipy import integrate, optimize, special, stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

out = sys.stdout
out.write("/* Written by tests/reference/tune.py. */\n")
rng = np.random.default_rng(3)


def d(name, x):
    array(out, name, x, "double")


# ---- the error function
x = np.concatenate([np.linspace(-7, 7, 57), [1e-9, 2.49999, 2.5, 2.50001, 6.4999, 6.5]])
d("erf_x", x)
d("erf_y", special.erf(x))

# ---- Parzen estimators: sizes below and above what the old-observation rule and the narrowest width touch
parameters = _ParzenEstimatorParameters(prior_weight=1.0, consider_magic_clip=True, consider_endpoints=False,
                                        weights=default_weights, multivariate=False)
at = np.linspace(0, 1, 9)
sizes = [0, 1, 2, 7, 26, 60]
seen, logs, kinds, kind_logs = [], [], [], []
for n in sizes:
    obs = rng.random(n) ** 2
    if n == 7:
        obs[3] = obs[4] = 0.25
        obs[0] = 0.0
    seen.append(obs)
    logs.append(_ParzenEstimator({"x": obs}, {"x": FloatDistribution(0, 1)}, parameters).log_pdf({"x": at}))
    c = rng.integers(0, 3, n)
    kinds.append(c)
    space = {"x": CategoricalDistribution(("a", "b", "c"))}
    kind_logs.append(_ParzenEstimator({"x": c}, space, parameters).log_pdf({"x": np.arange(3)}))
array(out, "parzen_n", sizes, "int")
d("parzen_x", np.concatenate(seen))
d("parzen_at", at)
d("parzen_log", np.concatenate(logs))
d("parzen_kind", np.concatenate(kinds))
d("parzen_kind_log", np.concatenate(kind_logs))
array(out, "tpe_good", [default_gamma(n) for n in range(1, 300)], "int")

# ---- Gaussian process: two numbers and one choice of three (one-hot columns scaled so that two choices are at distance 1)
n, choices = 24, 3
X = np.column_stack([rng.random(n), rng.random(n), rng.integers(0, choices, n)])
f = np.sin(5 * X[:, 0]) + 0.5 * X[:, 1] * (X[:, 2] == 1) + 3
y = f + 0.1 * rng.normal(size=n)
length, signal, noise = np.array([0.3, 0.7, 1.4]), 1.7, 0.04
standard = (y - y.mean()) / y.std()


def columns(X):
    return np.column_stack([X[:, :2], np.eye(choices)[X[:, 2].astype(int)] / np.sqrt(2)])


def process(length, signal, noise):
    kernel = ConstantKernel(signal) * RBF(np.append(length[:2], [length[2]] * choices)) + WhiteKernel(noise)
    return GaussianProcessRegressor(kernel, alpha=1e-10, optimizer=None).fit(columns(X), standard)


g = process(length, signal, noise)
Q = np.column_stack([rng.random(8), rng.random(8), rng.integers(0, choices, 8)])
latent = GaussianProcessRegressor(g.kernel_.k1, alpha=noise + 1e-10, optimizer=None).fit(columns(X), standard)
mean, sd = latent.predict(columns(Q), return_std=True)
d("gp_x", X)
d("gp_y", y)
d("gp_length", length)
d("gp_signal_noise", [signal, noise])
d("gp_likelihood", [g.log_marginal_likelihood_value_])
d("gp_at", Q)
d("gp_mean", y.mean() + y.std() * mean)
d("gp_variance", (y.std() * sd) ** 2)


# the posterior of the parameters, maximised from several beginnings
def minus_posterior(theta):
    v = np.exp(theta)
    prior = -0.5 * np.sum((theta[:4] - np.log([0.5, 0.5, 0.5, 1])) ** 2) - 0.5 * ((theta[4] - np.log(0.05)) / 1.5) ** 2
    return -process(v[:3], v[3], v[4]).log_marginal_likelihood_value_ - prior


starts = [np.log([0.5, 0.5, 0.5, 1, 0.05]) + rng.normal(size=5) for _ in range(4)]
best = min((optimize.minimize(minus_posterior, s, method="Nelder-Mead", options={"maxiter": 900, "maxfev": 900}) for s in starts),
           key=lambda r: r.fun)
d("gp_best", [-best.fun])

# ---- expected improvement, as the integral that defines it
cases = [(0.0, 1.0, 0.5), (1.0, 0.2, 0.9), (-3.0, 0.5, 0.0), (2.0, 3.0, 1.0)]
d("ei_case", cases)
d("ei", [integrate.quad(lambda v: (v - b) * stats.norm.pdf(v, m, s), b, m + 12 * s, epsabs=1e-14)[0] for m, s, b in cases])

# ---- analysis of variance of the mean: sums over a fine grid (midpoints), straight from the definition
cells = 120
grid = (np.arange(cells) + 0.5) / cells
points = np.array(np.meshgrid(grid, grid, np.arange(choices), indexing="ij")).reshape(3, -1).T
F = g.predict(columns(points)).reshape(cells, cells, choices)
V = F.var()
axes = [(1, 2), (0, 2), (0, 1)]
d("share_alone", [F.mean(axis=a).var() / V for a in axes])
d("share_total", [1 - F.mean(axis=k).var() / V for k in range(3)])

# ---- successive halving: one worker, trials come in order; the event loop of Li et al. (2020), algorithm 2, with sorting
eta, rungs, trials = 3, 4, 40
values = rng.normal(size=(trials, rungs)).round(1)  # with equal values
rung = [{} for _ in range(rungs)]
promoted = [set() for _ in range(rungs)]
events, fresh = [], 0
while True:
    job = None
    for k in reversed(range(rungs - 1)):
        order = sorted(rung[k], key=lambda t: (-rung[k][t], t))
        candidates = [t for t in order[: len(order) // eta] if t not in promoted[k]]
        if candidates:
            promoted[k].add(candidates[0])
            job = (candidates[0], k + 1)
            break
    if job is None and fresh < trials:
        job, fresh = (fresh, 0), fresh + 1
    if job is None:
        break
    events.append(job)
    rung[job[1]][job[0]] = values[job[0], job[1]]
d("asha_value", values)
array(out, "asha_event", np.array(events), "int")

# ---- population-based training: who is cut and who may be copied
pbt = rng.normal(size=20).round(1)
order = sorted(range(20), key=lambda i: (-pbt[i], i))
d("pbt_value", pbt)
array(out, "pbt_worst", sorted(order[-4:]), "int")
array(out, "pbt_best", order[:4], "int")
