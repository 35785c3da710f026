#!/usr/bin/env python3
"""Returns, advantages and V-trace, written from their definitions as sums (not as recursions), in float64.
Made with Python 3.11, NumPy 2.4.6:  python3 tests/reference/returns.py > tests/reference/data/returns.h"""
import sys

import numpy as np
from emit import array, rounded

T, R, GAMMA, LAMBDA, N = 12, 3, 0.97, 0.9, 4
rng = np.random.default_rng(1)
reward, value = rounded(rng.normal(size=(T, R))), rounded(rng.normal(size=(T, R)))
last = rounded(rng.normal(size=R))
terminated, truncated = np.zeros((T, R), bool), np.zeros((T, R), bool)
terminated[3, 0] = terminated[11, 1] = terminated[4, 1] = True
truncated[7, 0] = truncated[5, 1] = truncated[11, 0] = True
final = rounded(rng.normal(size=(T, R)))
ended = terminated | truncated
boot = np.where(truncated, final, 0)
log_rho = rounded(0.7 * rng.normal(size=(T, R)))
gamma, lam = float(np.float32(GAMMA)), float(np.float32(LAMBDA))


def end_of(t, r):
    """last step of the episode of step t, or of the rollout"""
    while t < T - 1 and not ended[t, r]:
        t += 1
    return t


def after(t, r):
    """value of the state that step t leads to"""
    if ended[t, r]:
        return boot[t, r]
    return value[t + 1, r] if t + 1 < T else last[r]


def nstep(t, r, n):
    stop = min(t + n - 1, end_of(t, r))
    return sum(gamma ** (k - t) * reward[k, r] for k in range(t, stop + 1)) + gamma ** (stop + 1 - t) * after(stop, r)


def gae(t, r):
    """(1 - lambda) sum lambda^(n-1) of the n-step returns, the longest takes what is left"""
    longest = end_of(t, r) - t + 1
    mixed = sum((1 - lam) * lam ** (n - 1) * nstep(t, r, n) for n in range(1, longest))
    return mixed + lam ** (longest - 1) * nstep(t, r, longest) - value[t, r]


def vtrace(t, r, l, rho_bar, c_bar):
    """Espeholt et al. (2018), equation 1"""
    total, product = value[t, r], 1.0
    for s in range(t, end_of(t, r) + 1):
        ratio = np.exp(log_rho[s, r])
        delta = min(rho_bar, ratio) * (reward[s, r] + gamma * after(s, r) - value[s, r])
        total += gamma ** (s - t) * product * delta
        product *= l * min(c_bar, ratio)
    return total


def vtrace_adv(t, r, l, rho_bar, c_bar):
    follow = boot[t, r] if ended[t, r] else (vtrace(t + 1, r, l, rho_bar, c_bar) if t + 1 < T else last[r])
    return min(rho_bar, np.exp(log_rho[t, r])) * (reward[t, r] + gamma * follow - value[t, r])


def table(f, *args):
    return [[f(t, r, *args) for r in range(R)] for t in range(T)]


out = sys.stdout
out.write("/* made by tests/reference/returns.py */\n")
out.write(f"enum {{ REF_T = {T}, REF_ROWS = {R}, REF_N = {N} }};\nstatic const float ref_gamma = {GAMMA}f, ref_lambda = {LAMBDA}f;\n")
for name, x in [("reward", reward), ("value", value), ("last", last), ("boot", boot), ("log_rho", log_rho)]:
    array(out, "ref_" + name, x)
array(out, "ref_ended", ended, "uint8_t")
array(out, "ref_gae", table(gae))
array(out, "ref_discounted", table(nstep, 10 ** 6))
array(out, "ref_nstep", table(nstep, N))
array(out, "ref_vtrace", table(vtrace, lam, 1.0, 1.0))
array(out, "ref_vtrace_adv", table(vtrace_adv, lam, 1.0, 1.0))
array(out, "ref_vtrace_wide", table(vtrace, 1.0, 2.0, 1.5))
