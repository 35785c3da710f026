#!/usr/bin/env python3
"""Reference steps of the MuJoCo environments, made with the real Gymnasium.

Made with Python 3.11, gymnasium 1.1.1, mujoco 2.3.7, numpy 2.4.6:

    python3 -m venv /tmp/v && /tmp/v/bin/pip install gymnasium==1.1.1 mujoco==2.3.7 numpy==2.4.6
    /tmp/v/bin/python tests/reference/gym_mujoco.py tests/reference/data/mujoco.ref

One step from each of many states and actions.  Of every environment and version a block, little-endian:
    char name[32]; int32 version, n, nstate, nact, nobs;
    float32 state[n][nstate], action[n][nact], obs[n][nobs], reward[n]; uint8 terminated[n]; zeros up to a multiple of 4
A third of the states come from episodes of random actions, a third from episodes of weak ones, which last longer, and a third
are such states with noise.  States and actions are float32 numbers, so both sides begin with the same.
"""
import sys
import warnings

import gymnasium as gym
import mujoco
import numpy as np

ENVS = {  # name: (id, number of steps of each version)
    "ant": ("Ant", 210), "halfcheetah": ("HalfCheetah", 210), "hopper": ("Hopper", 210), "humanoid": ("Humanoid", 60),
    "humanoid-standup": ("HumanoidStandup", 60), "inverted-double-pendulum": ("InvertedDoublePendulum", 210),
    "inverted-pendulum": ("InvertedPendulum", 210), "pusher": ("Pusher", 210), "reacher": ("Reacher", 210),
    "swimmer": ("Swimmer", 210), "walker2d": ("Walker2d", 210),
}


def place(env, state):
    nq = env.model.nq
    mujoco.mj_resetData(env.model, env.data)
    env.set_state(state[:nq].astype(np.float64), state[nq:].astype(np.float64))


def visited(env, n, scale, rng):
    """States on the way of random actions of this scale."""
    out = []
    while len(out) < n:
        env.reset(seed=int(rng.integers(1 << 30)))
        for k in range(200):
            action = scale * rng.uniform(env.action_space.low, env.action_space.high)
            terminated = env.step(action)[2]
            if rng.random() < 0.1:
                out.append(np.concatenate([env.data.qpos, env.data.qvel]))
            if terminated:
                break
    return out[:n]


def steps(env, n, rng):
    states = visited(env, n // 3, 1.0, rng) + visited(env, n // 3, 0.2, rng)
    for s in visited(env, n // 3, 0.5, rng):
        noise = rng.normal(size=s.size) * np.where(np.arange(s.size) < env.model.nq, 0.05, 0.5)
        states.append(s + noise)
    rows = []
    for state in states:
        state = state.astype(np.float32)
        action = rng.uniform(env.action_space.low, env.action_space.high).astype(np.float32)
        place(env, state)
        obs, reward, terminated, _, _ = env.step(action.astype(np.float64))
        rows.append((state, action, np.float32(obs), np.float32(reward), terminated))
    return rows


def main(path):
    warnings.simplefilter("ignore")
    with open(path, "wb") as out:
        for name, (ident, n) in ENVS.items():
            for version in 4, 5:
                rng = np.random.default_rng(7)
                env = gym.make(f"{ident}-v{version}").unwrapped
                rows = steps(env, n, rng)
                out.write(name.encode().ljust(32, b"\0"))
                out.write(np.int32([version, len(rows)] + [len(rows[0][i]) for i in range(3)]).tobytes())
                for i in range(3):
                    out.write(np.float32([r[i] for r in rows]).tobytes())
                out.write(np.float32([r[3] for r in rows]).tobytes())
                ends = np.uint8([r[4] for r in rows]).tobytes()
                out.write(ends + b"\0" * (-len(ends) % 4))
                print(name, version, len(rows), "terminated", sum(r[4] for r in rows))


main(sys.argv[1])
