"""Exact values for a policy that can be enumerated: tests/reference/data/oracle.h.

A softmax over V tokens after every prefix; token 0 ends a text of at most L tokens. All texts and all groups of three are listed, gradients
are differences of the closed form by automatic differentiation (autograd 1.9.1, NumPy 2.4, Python 3.11), so nothing here knows the
score-function formulas that bench/rows/oracle.h uses.
    python oracle.py > data/oracle.h
"""
import itertools

import autograd.numpy as np
import numpy
from autograd import grad, jacobian

V, L = 3, 3
rng = numpy.random.default_rng(7)
texts, prefixes = [], {}


def grow(prefix):
    prefixes[prefix] = len(prefixes)
    for a in range(V):
        if a > 0 and len(prefix) + 1 < L:
            grow(prefix + (a,))
        else:
            texts.append(prefix + (a,))


grow(())
K, S = len(prefixes), len(texts)
logits, ref = numpy.round(rng.normal(size=(K, V)), 3), numpy.round(rng.normal(size=(K, V)), 3)
reward = numpy.round(rng.uniform(size=S), 3)
length = numpy.array([len(t) for t in texts])


def soft(z):
    return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))


def token_logp(z):  # list over texts of lists over tokens
    lp = soft(z)
    return [[lp[prefixes[t[:k]], t[k]] for k in range(len(t))] for t in texts]


def logp(z):
    return np.array([sum(x) for x in token_logp(z)])


J = lambda z: np.sum(np.exp(logp(z)) * reward)
reverse = lambda z: np.sum(np.exp(logp(z)) * (logp(z) - logp(ref)))
forward = lambda z: np.sum(np.exp(logp(ref)) * (logp(ref) - logp(z)))
p0, lp0, tl0, tr0 = numpy.exp(logp(logits)), logp(logits), token_logp(logits), token_logp(ref)


def k_loss(kind):  # samples stay those of the policy as it is; the estimator moves
    def f(z):
        total = 0.0
        for s, row in enumerate(token_logp(z)):
            for t, x in enumerate(row):
                d = x - tr0[s][t]
                total = total + p0[s] * (d if kind == 1 else d * d / 2 if kind == 2 else np.exp(-d) + d - 1)
        return total

    return f


score = jacobian(lambda z: np.array([x for row in token_logp(z) for x in row]))(logits)  # [tokens, K, V]
start = numpy.concatenate([[0], numpy.cumsum(length)])


def group_gradient(rule, den, group):
    r = reward[list(group)]
    n = len(group)
    if rule == "none":
        a = r
    elif rule == "loo":
        a = numpy.array([r[i] - numpy.delete(r, i).mean() for i in range(n)])
    else:
        a = r - r.mean()
        if rule == "std":
            sd = r.std(ddof=1)
            a = a / (sd + 1e-4) if sd > 1e-12 else 0 * a
    out = 0
    for i, s in enumerate(group):
        w = {"sum": 1 / n, "mean": 1 / n / length[s], "token": 1 / length[list(group)].sum(), "constant": 1 / n / L}[den]
        out = out + a[i] * w * score[start[s] : start[s + 1]].sum(axis=0)
    return out


def expected(rule, den, n=3):
    mean, square = 0, 0
    for group in itertools.product(range(S), repeat=n):
        p = numpy.prod(p0[list(group)])
        g = group_gradient(rule, den, group)
        mean, square = mean + p * g, square + p * (g * g).sum()
    return mean, square - (mean * mean).sum()


def put(name, v):
    v = numpy.ravel(v)
    print(f"static const double {name}[{len(v)}] = {{ {', '.join(repr(float(x)) for x in v)} }};")


print("/* made by tests/reference/oracle.py: do not edit */")
print(f"enum {{ ORACLE_V = {V}, ORACLE_L = {L}, ORACLE_K = {K}, ORACLE_S = {S} }};")
put("oracle_logits", logits), put("oracle_ref", ref), put("oracle_reward", reward), put("oracle_logp", lp0)
put("oracle_j", [J(logits)]), put("oracle_j_grad", grad(J)(logits))
put("oracle_reverse", [reverse(logits)]), put("oracle_reverse_grad", grad(reverse)(logits))
put("oracle_forward", [forward(logits)]), put("oracle_forward_grad", grad(forward)(logits))
for kind in (1, 2, 3):
    put(f"oracle_k{kind}", [k_loss(kind)(logits)]), put(f"oracle_k{kind}_grad", grad(k_loss(kind))(logits))
rules, dens = ["none", "center", "loo", "std"], ["sum", "mean", "token", "constant"]
means, traces = [], []
for rule in rules:
    for den in dens:
        m, t = expected(rule, den)
        means.append(m), traces.append(t)
put("oracle_expected", means), put("oracle_trace", traces)
