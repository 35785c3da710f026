#!/usr/bin/env python3
"""Off-policy actors and critics: the squashed Gaussian, soft values, targets, temperature, and one whole update of SAC, TD3 and DDPG with
the gradients of PyTorch.  In float64.
Made with Python 3.11, NumPy 2.4.6, PyTorch 2.15.0:  python3 tests/reference/critic.py > tests/reference/data/critic.h"""
import sys

import numpy as np
import torch
from emit import array, rounded

R, A, N, CHOICES = 12, 2, 3, 4
rng = np.random.default_rng(5)
out = sys.stdout
out.write("/* made by tests/reference/critic.py */\n")
out.write(f"enum {{ CRITIC_R = {R}, CRITIC_A = {A}, CRITIC_N = {N}, CRITIC_CHOICES = {CHOICES} }};\n")


def given(name, x, kind="float"):
    x = rounded(x) if kind == "float" else x
    array(out, "critic_" + name, x, kind)
    return torch.tensor(x, requires_grad=kind == "float")


# a squashed Gaussian, as a transformed distribution
mean, log_std = given("mean", rng.normal(size=(R, A))), given("log_std", rng.normal(size=(R, A)) - 1)
noise, weight = given("noise", rng.normal(size=(R, A))), given("weight", rng.normal(size=R))
normal = torch.distributions.Normal(mean, log_std.exp())
squashed = torch.distributions.TransformedDistribution(normal, [torch.distributions.transforms.TanhTransform(cache_size=1)])
u = mean + log_std.exp() * noise
act = torch.tanh(u)
logp = (normal.log_prob(u) - torch.log1p(-act.square())).sum(-1)
assert torch.allclose(squashed.log_prob(act).sum(-1), logp, atol=1e-9)
array(out, "critic_act", act.detach().numpy())
array(out, "critic_logp", logp.detach().numpy())
(weight * (logp + act.square().sum(-1))).sum().backward()
array(out, "critic_mean_grad", mean.grad.numpy())
array(out, "critic_log_std_grad", log_std.grad.numpy())

# smoothing of the target's action, sigma 0.3 cut at 0.2
target = torch.tanh(mean.detach())
array(out, "critic_smoothed", (target + (0.3 * noise.detach()).clamp(-0.2, 0.2)).clamp(-1, 1).numpy())

# targets and losses: three critics, temperature 0.2
q, next_q = given("q", rng.normal(size=(N, R))), given("next_q", rng.normal(size=(N, R)))
reward = given("reward", rng.normal(size=R))
discount = given("discount", np.where(rng.uniform(size=R) < 0.3, 0, 0.97))
v = next_q.min(0).values - 0.2 * logp.detach()
array(out, "critic_soft", v.detach().numpy())
each = ((q - (reward + discount * v).detach()) ** 2).sum(0)
array(out, "critic_loss", each.detach().numpy())
array(out, "critic_error", (q - (reward + discount * v)).abs().mean(0).detach().numpy())
each.sum().backward()
array(out, "critic_q_grad", q.grad.numpy())

# the same over choices: expectations under a categorical policy
logits, values = given("logits", rng.normal(size=(R, CHOICES))), given("values", rng.normal(size=(R, CHOICES)))
policy = torch.distributions.Categorical(logits=logits)
soft = (policy.probs * (values - 0.2 * policy.logits)).sum(-1)
array(out, "critic_soft_choices", soft.detach().numpy())
soft.sum().backward()
array(out, "critic_logits_grad", logits.grad.numpy())

# temperature: the gradient of its logarithm towards an entropy of -2
log_alpha = torch.tensor(-0.4, dtype=torch.float64, requires_grad=True)
(-(log_alpha * (logp.detach() + -2.0))).mean().backward()
array(out, "critic_temperature_grad", log_alpha.grad.numpy())

# truncated quantiles: atoms of three critics pooled, the two greatest of each left out (Kuznetsov et al. 2020)
M, DROP = 5, 2
out.write(f"enum {{ CRITIC_M = {M}, CRITIC_DROP = {DROP} }};\n")
atoms = given("atoms", rng.normal(size=(N, R, M)))
pooled = atoms.permute(1, 0, 2).reshape(R, N * M).sort(-1).values[:, : N * M - DROP * N]
array(out, "critic_truncated", pooled.detach().numpy())


# ---- one whole update: IN observations, one hidden layer, batch R ----
IN, HIDDEN, LR, TAU, GAMMA = 3, 4, 0.01, 0.1, 0.9
ALPHA, ENTROPY, LOW, HIGH, NOISE, CLIP = 0.3, -2.0, -5.0, 2.0, 0.3, 0.25
out.write(f"enum {{ CRITIC_IN = {IN}, CRITIC_HIDDEN = {HIDDEN} }};\n")
obs, nxt, taken = (rounded(rng.normal(size=s)) for s in ((R, IN), (R, IN), (R, A)))
taken = rounded(np.tanh(taken))
next_noise = rounded(rng.normal(size=(R, A)))
for name, x in (("obs", obs), ("next", nxt), ("taken", taken), ("next_noise", next_noise)):
    array(out, "critic_" + name, x)
sizes_q = [(IN + A, HIDDEN), (HIDDEN,), (HIDDEN, 1), (1,)]
sizes_pi = [(IN, HIDDEN), (HIDDEN,), (HIDDEN, A), (A,), (HIDDEN, A), (A,)]


def weights(name, sizes):
    w = [rounded(0.6 * rng.normal(size=s)) for s in sizes]
    array(out, "critic_" + name, np.concatenate([x.reshape(-1) for x in w]))
    return w


start_q, start_target = weights("start_q", sizes_q * 2), weights("start_target", sizes_q * 2)
start_pi, start_pi_target = weights("start_pi", sizes_pi), weights("start_pi_target", sizes_pi)


def leaf(w):
    return [torch.tensor(x, requires_grad=True) for x in w]


def critic(w, s, a):
    return (torch.relu(torch.cat([s, a], 1) @ w[0] + w[1]) @ w[2] + w[3])[:, 0]


def both(w, s, a):
    return torch.stack([critic(w[:4], s, a), critic(w[4:], s, a)])


def actor(w, s, eps, soft):
    h = torch.relu(s @ w[0] + w[1])
    m = h @ w[2] + w[3]
    if not soft:
        return torch.tanh(m), None
    ls = LOW + 0.5 * (HIGH - LOW) * (torch.tanh(h @ w[4] + w[5]) + 1)
    d = torch.distributions.Normal(m, ls.exp())
    x = m + ls.exp() * eps
    a = torch.tanh(x)
    return a, (d.log_prob(x) - torch.log1p(-a.square())).sum(-1)


def adam(w, loss):
    opt = torch.optim.Adam(w, lr=LR, eps=1e-8)
    grads = torch.autograd.grad(loss, w, allow_unused=True)
    for p, g in zip(w, grads):
        p.grad = torch.zeros_like(p) if g is None else g
    opt.step()


def emit(name, w):
    array(out, "critic_" + name, np.concatenate([x.detach().numpy().reshape(-1) for x in w]))


def follow(to, w):
    with torch.no_grad():
        for t, x in zip(to, w):
            t += TAU * (x - t)


def update(name, soft, smooth):
    twin = name != "ddpg"
    many = 8 if twin else 4
    wq, wt, wp, wpt = leaf(start_q[:many]), leaf(start_target[:many]), leaf(start_pi), leaf(start_pi_target)
    s, s2, a, e2, e = (torch.tensor(x) for x in (obs, nxt, taken, next_noise, noise.detach().numpy()))
    r, d = reward.detach(), discount.detach()
    ens = both if twin else lambda w, x, y: critic(w, x, y)[None]
    log_alpha = torch.tensor(float(np.float32(np.log(np.float32(ALPHA)))), dtype=torch.float64, requires_grad=True)
    a2, lp2 = actor(wp if soft else wpt, s2, e2, soft)
    if smooth:
        a2 = (a2 + (NOISE * e2).clamp(-CLIP, CLIP)).clamp(-1, 1)
    y = ens(wt, s2, a2).min(0).values - (log_alpha.exp() * lp2 if soft else 0)
    loss = ((ens(wq, s, a) - (r + d * y).detach()) ** 2).sum(0).mean()
    array(out, f"critic_{name}_loss", loss.detach().numpy())
    adam(wq, loss)
    if soft:
        follow(wt, wq)
    pi, lp = actor(wp, s, e, soft)
    q = ens(wq, s, pi)
    loss = (log_alpha.exp().detach() * lp - q.min(0).values).mean() if soft else -q[0].mean()
    array(out, f"critic_{name}_actor_loss", loss.detach().numpy())
    used = wp if soft else wp[:4]
    adam(used, loss)
    if soft:
        adam([log_alpha], -(log_alpha * (lp.detach() + ENTROPY)).mean())
        array(out, f"critic_{name}_log_alpha", log_alpha.detach().numpy())
    else:
        follow(wt, wq)
        follow(wpt, wp)
        emit(name + "_pi_target", wpt[:4])
    emit(name + "_q", wq)
    emit(name + "_target", wt)
    emit(name + "_pi", used)


update("sac", True, False)
update("td3", False, True)
update("ddpg", False, False)
