#!/usr/bin/env python3
"""Distributions of returns and lengths of the Box2D environments, made with the real Gymnasium.

Made with Python 3.11, gymnasium 1.1.1, box2d 2.3.10 (Gymnasium's own choice, box2d-py 2.3.5, is the same library), numpy 2.4.6:

    python3 -m venv /tmp/v && /tmp/v/bin/pip install gymnasium==1.1.1 box2d==2.3.10 numpy==2.4.6
    /tmp/v/bin/python tests/reference/gym_box2d.py > tests/reference/data/box2d.txt

One line per environment and policy: name, policy, episodes, mean and standard deviation of the return, of the length, and the return
below which 5, 25, 50, 75 and 95 percent of the episodes lie.  Policies: uniform random, and the heuristic controllers that Gymnasium
brings along (the walker's is stopped after 400 steps).
"""
import sys
import warnings

import gymnasium as gym
import numpy as np
from gymnasium.envs.box2d.bipedal_walker import BipedalWalkerHeuristics
from gymnasium.envs.box2d.lunar_lander import heuristic

LONG = 400
ENVS = {  # name: (id, episodes)
    "lunarlander": ("LunarLander-v3", 800), "lunarlander-continuous": ("LunarLanderContinuous-v3", 800),
    "bipedalwalker": ("BipedalWalker-v3", 400), "bipedalwalker-hardcore": ("BipedalWalkerHardcore-v3", 400),
}


def episode(env, policy, rng):
    obs, _ = env.reset(seed=int(rng.integers(1 << 30)))
    walker = BipedalWalkerHeuristics()
    total, length = 0.0, 0
    while True:
        if policy == "random":
            action = env.action_space.sample()
        elif "Lander" in env.spec.id:
            action = heuristic(env, obs)
        else:
            action = walker.step_heuristic(obs)
        obs, reward, terminated, truncated, _ = env.step(action)
        total, length = total + reward, length + 1
        if terminated or truncated or ("Bipedal" in env.spec.id and length == LONG):
            return total, length


warnings.simplefilter("ignore")
for name, (ident, n) in ENVS.items():
    for policy in "random", "heuristic":
        rng = np.random.default_rng(11)
        env = gym.make(ident)
        env.action_space.seed(5)
        r = np.array([episode(env, policy, rng) for _ in range(n)])
        q = np.quantile(r[:, 0], [0.05, 0.25, 0.5, 0.75, 0.95])
        print(name, policy, n, *(f"{x:.6g}" for x in (r[:, 0].mean(), r[:, 0].std(), r[:, 1].mean(), r[:, 1].std(), *q)), flush=True)
