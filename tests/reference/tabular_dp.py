"""Optimal values of small decision processes, by NumPy value iteration on Gymnasium's transition tables (and on the four rooms,
written down here once more).  Writes tests/reference/data/tabular-values.txt: one line `environment gamma n`, then n values.
Made with gymnasium 1.4.0 and numpy 2.4.6 (Python 3.11)."""
import sys

import gymnasium
import numpy as np


def solve(outcomes, states, actions, gamma):
    """outcomes(s, a) -> [(p, next, reward, terminated)]; all values at once (Jacobi), unlike the sweeps under test."""
    P = np.zeros((states, actions, states))
    R = np.zeros((states, actions))
    for s in range(states):
        for a in range(actions):
            for p, t, r, end in outcomes(s, a):
                R[s, a] += p * r
                if not end:
                    P[s, a, t] += p
    v = np.zeros(states)
    while True:
        new = (R + gamma * P @ v).max(axis=1)
        if np.abs(new - v).max() < 1e-13:
            return new
        v = new


def gym(name, gamma, **kw):
    env = gymnasium.make(name, **kw).unwrapped
    return solve(lambda s, a: env.P[s][a], env.observation_space.n, env.action_space.n, gamma)


def rooms(gamma, slip=1 / 3, goal=62):
    free = [(y, x) for y in range(11) for x in range(11)]
    wall = {(y, 5) for y in range(11)} - {(2, 5), (9, 5)}
    wall |= {(5, x) for x in range(5)} - {(5, 1)}
    wall |= {(6, x) for x in range(6, 11)} - {(6, 8)}
    cells = [c for c in free if c not in wall]
    number = {c: i for i, c in enumerate(cells)}
    moves = [(-1, 0), (0, 1), (1, 0), (0, -1)]

    def outcomes(s, a):
        if s == goal:
            return [(1.0, s, 0.0, True)]
        out = []
        for b, (dy, dx) in enumerate(moves):
            y, x = cells[s]
            t = number.get((y + dy, x + dx), s)
            out.append((1 - slip if b == a else slip / 3, t, float(t == goal), t == goal))
        return out

    return solve(outcomes, len(cells), 4, gamma)


out = open(sys.argv[1] if len(sys.argv) > 1 else "tests/reference/data/tabular-values.txt", "w")
for name, gamma, v in [
    ("frozenlake", 0.99, gym("FrozenLake-v1", 0.99)),
    ("frozenlake-8x8", 0.99, gym("FrozenLake-v1", 0.99, map_name="8x8")),
    ("cliffwalking", 0.99, gym("CliffWalking-v1", 0.99)),
    ("taxi", 0.99, gym("Taxi-v4", 0.99)),
    ("rooms", 0.9, rooms(0.9)),
]:
    print(name, gamma, len(v), file=out)
    for i in range(0, len(v), 8):
        print(" ".join(f"{x:.12g}" for x in v[i : i + 8]), file=out)
