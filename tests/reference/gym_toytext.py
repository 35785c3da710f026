#!/usr/bin/env python3
"""Writes tests/reference/data/toytext-*.txt: Gymnasium's toy-text tables and blackjack hands.

Versions: gymnasium 1.4.0, numpy 2.4.6, Python 3.11.  Usage, in an environment of those:
    python tests/reference/gym_toytext.py

Tables, one line per state and action:  state action n, then n times: probability next reward terminated
toytext-taxi.txt begins with 500 lines `m state mask` (bit a: action a is allowed) and ends with `i state` for each start state.
toytext-blackjack.txt: `h sab natural player_sum player_ace player_cards shown hidden action n card.. | total shown ace reward done`
and `r mean error`: return of the uniformly random policy.
"""
import os

import gymnasium as gym
import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


def save(name, lines):
    with open(os.path.join(DATA, "toytext-%s.txt" % name), "w") as f:
        f.write("\n".join(lines) + "\n")
    print(name, len(lines))


def table(env):
    return ["%d %d %d " % (s, a, len(p)) + " ".join("%.12g %d %g %d" % (q, n, r, t) for q, n, r, t in p)
            for s, actions in env.unwrapped.P.items() for a, p in actions.items()]


def taxi():
    dry = gym.make("Taxi-v4").unwrapped
    masks = ["m %d %d" % (s, sum(int(b) << a for a, b in enumerate(dry.action_mask(s)))) for s in range(500)]
    starts = ["i %d" % s for s in np.flatnonzero(dry.initial_state_distrib)]
    assert len(set(dry.initial_state_distrib[dry.initial_state_distrib > 0])) == 1
    save("taxi", masks + table(dry) + starts)
    save("taxi-rainy", table(gym.make("Taxi-v4", is_rainy=True)))


class Cards:
    """Gives what the deck holds and remembers it."""

    def __init__(self, seed):
        self.source, self.given = np.random.RandomState(seed), []

    def choice(self, deck):
        card = deck[self.source.randint(len(deck))]
        self.given.append(card)
        return card


def hand(cards):
    return [sum(cards), int(1 in cards), len(cards)]


def blackjack():
    lines, rng = [], np.random.RandomState(4)
    for k, (sab, natural) in enumerate(((True, False), (False, True), (False, False))):
        env = gym.make("Blackjack-v1", sab=sab, natural=natural).unwrapped
        env.reset(seed=1)
        env._np_random = deck = Cards(2)
        while len(lines) < 10002 * (k + 1) // 3:
            env.dealer, env.player, done = [deck.choice(DECK), deck.choice(DECK)], [deck.choice(DECK), deck.choice(DECK)], False
            while not done:
                action = int(rng.rand() < (0.8 if sum(env.player) < 14 else 0.3))
                before = [int(sab), int(natural)] + hand(env.player) + env.dealer[:2] + [action]
                deck.given.clear()
                obs, reward, done, _, _ = env.step(action)
                cards = [len(deck.given)] + deck.given
                lines.append("h " + " ".join(map(str, before + cards)) + " | %d %d %d %g %d" % (*obs, reward, done))
    env = gym.make("Blackjack-v1").unwrapped
    env.reset(seed=9)
    returns = []
    for _ in range(100000):
        env.reset()
        reward, done = 0, False
        while not done:
            _, reward, done, _, _ = env.step(int(rng.randint(2)))
        returns.append(reward)
    save("blackjack", ["r %.6f %.6f" % (np.mean(returns), np.std(returns) / len(returns) ** 0.5)] + lines)


DECK = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10]
save("frozenlake-4x4", table(gym.make("FrozenLake-v1")))
save("frozenlake-8x8", table(gym.make("FrozenLake8x8-v1", success_rate=0.75)))
save("frozenlake-dry", table(gym.make("FrozenLake-v1", is_slippery=False, reward_schedule=(5, -3, -1))))
save("cliffwalking", table(gym.make("CliffWalking-v1")))
save("cliffwalking-slippery", table(gym.make("CliffWalking-v1", is_slippery=True)))
taxi()
blackjack()
