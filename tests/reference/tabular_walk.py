"""TD(lambda) on the 19-state random walk (rewards -1 and 1, gamma 1, values 0 at first, accumulating traces, online): the error over the
19 states, root mean square at the end of each of the first 10 episodes, averaged over them and over runs.  Writes
tests/reference/data/tabular-walk.txt: lines `lambda alpha mean standard_error`.  Made with numpy 2.4.6 (Python 3.11)."""
import sys

import numpy as np

STATES, EPISODES, RUNS = 19, 10, 1000
TRUE = np.arange(-9, 10) / 10


def curve(lam, alpha, rng):
    """All runs side by side; a run whose episode has ended waits until all have."""
    v = np.zeros((RUNS, STATES))
    error = np.zeros(RUNS)
    rows = np.arange(RUNS)
    for _ in range(EPISODES):
        at = np.full(RUNS, 9)
        e = np.zeros((RUNS, STATES))
        alive = np.ones(RUNS, bool)
        while alive.any():
            to = at + rng.choice([-1, 1], RUNS)
            out = (to < 0) | (to >= STATES)
            reward = np.where(to < 0, -1.0, np.where(to >= STATES, 1.0, 0.0))
            there = np.where(out, 0, to)
            delta = reward + np.where(out, 0, v[rows, there]) - v[rows, at]
            e *= lam
            e[rows, at] += 1
            v += np.where(alive, alpha * delta, 0)[:, None] * e
            alive &= ~out
            at = np.where(out, at, to)
        error += np.sqrt(((v - TRUE) ** 2).mean(axis=1))
    error /= EPISODES
    return error.mean(), error.std(ddof=1) / np.sqrt(RUNS)


out = open(sys.argv[1] if len(sys.argv) > 1 else "tests/reference/data/tabular-walk.txt", "w")
rng = np.random.default_rng(2024)
grid = {
    0: [0.1, 0.2, 0.4, 0.6, 0.8, 1.0],
    0.4: [0.1, 0.2, 0.3, 0.4, 0.6, 0.8],
    0.8: [0.05, 0.1, 0.15, 0.2, 0.3, 0.4],
    0.9: [0.025, 0.05, 0.1, 0.15, 0.2, 0.3],
    0.95: [0.025, 0.05, 0.075, 0.1, 0.15, 0.2],
    1: [0.005, 0.01, 0.02, 0.03, 0.05],
}
for lam, alphas in grid.items():
    for alpha in alphas:
        print(lam, alpha, *(f"{x:.5f}" for x in curve(lam, alpha, rng)), file=out)
