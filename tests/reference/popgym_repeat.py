#!/usr/bin/env python3
"""Writes tests/reference/data/popgym-repeat-previous.txt: whole episodes of POPGym's RepeatPrevious.

Versions: popgym 1.0.7, gymnasium 1.4.0, numpy 2.4.6, Python 3.11.  Usage, in an environment of those:
    python tests/reference/popgym_repeat.py

Each line is one episode: `decks k suits actions rewards`: the suit shown at reset and after each step, and for each step the
action and the reward's sign (+ - 0), all as one digit or character per step; the size of a reward is 1 / (52 decks - k).
"""
import os

import numpy as np
from popgym.envs.repeat_previous import RepeatPrevious

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "popgym-repeat-previous.txt")
rng, lines = np.random.RandomState(1), []
for decks, k, episodes in ((1, 4, 60), (1, 1, 20), (1, 51, 5), (2, 32, 30), (3, 64, 25)):
    env = RepeatPrevious(num_decks=decks, k=k)
    for episode in range(episodes):
        obs, _ = env.reset(seed=episode)
        suits, actions, signs, done = [obs], [], "", False
        while not done:
            known = suits[-k] if len(suits) >= k else 0
            action = int(known) if rng.rand() < 0.5 else int(rng.randint(4))
            obs, reward, done, _, _ = env.step(action)
            assert reward == 0 or abs(abs(reward) - 1 / (52 * decks - k)) < 1e-12
            suits.append(obs)
            actions.append(action)
            signs += "+" if reward > 0 else "-" if reward < 0 else "0"
        lines.append("%d %d %s %s %s" % (decks, k, "".join(map(str, suits)), "".join(map(str, actions)), signs))
with open(OUT, "w") as f:
    f.write("\n".join(lines) + "\n")
print(len(lines), "episodes,", sum(len(line.split()[3]) for line in lines), "steps")
