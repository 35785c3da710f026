#!/usr/bin/env python3
"""Reference numbers for classic control, made with the real Gymnasium.

Made with Python 3.11, gymnasium 1.4.0, numpy 2.4.6:

    python3 -m venv /tmp/v && /tmp/v/bin/pip install gymnasium==1.4.0 numpy==2.4.6
    /tmp/v/bin/python tests/reference/gym_classic.py tests/reference/data

Writes, per environment, NAME.ref (10,000 single steps; little-endian):
    char[4] "GYM1"; int32 n, nstate, nobs; float32 state[n][nstate], action[n], obs[n][nobs], reward[n]; uint8 terminated[n]
and classic_stats.h: distributions of start observations and of returns under the policies named in `policy`.
Half of the states come from rollouts, half are uniform over a box wider than what a policy visits.
"""
import sys

import gymnasium as gym
import numpy as np

N = 10_000
ENVS = {  # name: (id, box of uniform states, time limit, episodes)
    "cartpole": ("CartPole-v1", [2.4, 4, 0.25, 4], 500, 4000),
    "acrobot": ("Acrobot-v1", [np.pi, np.pi, 4 * np.pi, 9 * np.pi], 500, 1200),
    "mountaincar": ("MountainCar-v0", None, 200, 2000),
    "mountaincar_continuous": ("MountainCarContinuous-v0", None, 999, 2000),
    "pendulum": ("Pendulum-v1", [20, 8], 200, 2000),
}


def policy(name, obs, rng):
    """Uniform random, but the cars follow their velocity with noise (a random one never reaches the flag)."""
    if name == "mountaincar":
        return int(rng.integers(3)) if rng.random() < 0.3 else (2 if obs[1] >= 0 else 0)
    if name == "mountaincar_continuous":
        u = rng.random()
        return np.array([(2 * rng.random() - 1) if u < 0.3 else (0.8 if obs[1] >= 0 else -0.8)], np.float32)
    if name == "pendulum":
        return np.array([4 * rng.random() - 2], np.float32)
    return int(rng.integers(2 if name == "cartpole" else 3))


def uniform_state(name, box, rng):
    if box is None:
        return np.array([rng.uniform(-1.2, 0.6), rng.uniform(-0.07, 0.07)])
    return np.array([rng.uniform(-b, b) for b in box])


def place(name, env, state):
    state = np.asarray(state, np.float32)
    if name == "mountaincar":  # keep inside the limits after rounding to float32
        state = np.clip(state, np.float32([-1.2, -0.07]), np.float32([0.6, 0.07]))
    env.state = state.astype(np.float32 if name == "mountaincar_continuous" else np.float64)
    if name == "mountaincar":
        env.state = tuple(float(x) for x in env.state)
    env.steps_beyond_terminated = None
    return state


def steps(name, env, box, rng):
    rows = []
    obs, _ = env.reset(seed=int(rng.integers(1 << 30)))
    length = 0
    while len(rows) < N:
        if len(rows) % 2:
            keep, kept = env.state, None
            state = place(name, env, uniform_state(name, box, rng))
        else:
            state = place(name, env, env.state)
        action = policy(name, obs, rng)
        if len(rows) % 4 == 3 and not np.isscalar(action) and not isinstance(action, int):
            action = action * np.float32(rng.random())
        nobs, reward, term, _, _ = env.step(action)
        rows.append((state, float(np.ravel(action)[0]), nobs.astype(np.float32), np.float32(reward), term))
        if len(rows) % 2 == 0:  # that was the uniform one: back to the rollout
            env.state = keep
            continue
        obs, length = nobs, length + 1
        if term or length == 200:
            obs, _ = env.reset()
            length = 0
    return rows


def write(path, rows):
    state = np.array([r[0] for r in rows], "<f4")
    obs = np.array([r[2] for r in rows], "<f4")
    with open(path, "wb") as f:
        f.write(b"GYM1" + np.array([len(rows), state.shape[1], obs.shape[1]], "<i4").tobytes())
        f.write(state.tobytes() + np.array([r[1] for r in rows], "<f4").tobytes() + obs.tobytes())
        f.write(np.array([r[3] for r in rows], "<f4").tobytes() + np.array([r[4] for r in rows], np.uint8).tobytes())


def returns(name, env, limit, episodes, rng):
    out = []
    for e in range(episodes):
        obs, _ = env.reset(seed=e)
        total = 0.0
        for _ in range(limit):
            obs, reward, term, _, _ = env.step(policy(name, obs, rng))
            total += float(reward)
            if term:
                break
        out.append(total)
    return np.array(out)


def main(folder):
    stats = open(f"{folder}/classic_stats.h", "w")
    stats.write("/* written by tests/reference/gym_classic.py with gymnasium %s: name, return (n, mean, std, quartiles),\n"
                "   start observations (mean and std of each component over 20,000 resets) */\n" % gym.__version__)
    for name, (ident, box, limit, episodes) in ENVS.items():
        rng = np.random.default_rng(1)
        env = gym.make(ident).unwrapped
        write(f"{folder}/{name}.ref", steps(name, env, box, rng))
        r = returns(name, env, limit, episodes, rng)
        starts = np.array([env.reset(seed=i)[0] for i in range(20_000)], np.float64)
        q = np.quantile(r, [0.25, 0.5, 0.75])
        numbers = lambda v: "{ " + ", ".join("%.6g" % x for x in v) + " }"
        stats.write('{ "%s", %d, %.6g, %.6g, %s, %s, %s },\n' % (name.replace("_", "-"), len(r), r.mean(), r.std(), numbers(q),
                                                           numbers(starts.mean(0)), numbers(starts.std(0))))
        print(name, r.mean(), r.std(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
