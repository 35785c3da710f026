#!/usr/bin/env python3
"""Writes tests/reference/data/minatar-*.txt: the MinAtar games as the package `minatar` plays them.

Versions: minatar 1.0.15, numpy 2.4.6, Python 3.11.  Usage, in an environment of those:
    python tests/reference/minatar_games.py

Each file holds 10,000 steps of a game in segments of at most 60 steps:
    s v1 v2 ...            the full state a segment starts from, in the order of the environment's `trace` state
    a action reward done hash draws...
                           one step; hash: FNV-1a (32 bit) over the observation's bytes [y][x][channel], then the full
                           state after the step as little-endian int16; draws: the random numbers that step used
    r return_mean return_error length_mean length_error
                           random policy on the minimal actions, sticky actions 0.1: means and their standard errors
Actions mostly avoid death (one step of look-ahead), and segments often start from edited timers, counters and
positions, so that states of long games occur.
"""
import copy
import os
import struct

import numpy as np
from minatar import Environment

STEPS, SEGMENT = 10000, 60
EPISODES = {"asterix": 3000, "breakout": 4000, "freeway": 60, "seaquest": 2000, "space_invaders": 2000}
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


class Log:
    """numpy's RandomState that remembers what it gave."""

    def __init__(self, seed):
        self.source, self.given = np.random.RandomState(seed), []

    def rand(self, *shape):
        v = self.source.rand(*shape)
        self.given.append(np.copy(v))
        return v

    def randint(self, *args, **named):
        v = self.source.randint(*args, **named)
        self.given.append(np.copy(v))
        return v

    def __deepcopy__(self, memo):
        c = Log(0)
        c.source.set_state(self.source.get_state())
        return c


def bits(row):
    return int(sum(1 << x for x in range(10) if row[x]))


# ---- the full state, in the order of the C environment; *_packed: as its struct lies in memory ----

def asterix(e):
    v = [0, e.player_x, e.player_y, e.spawn_speed, e.spawn_timer, e.move_speed, e.move_timer, e.ramp_timer, e.ramp_index]
    v += [x[0] if x else -1 for x in e.entities]
    v += [int(x[2]) if x else 0 for x in e.entities]
    v += [int(x[3]) if x else 0 for x in e.entities]
    return v


def breakout(e):
    return [0, e.ball_x, e.ball_y, e.ball_dir, e.pos, int(e.strike), e.last_x, e.last_y] + [bits(e.brick_map[y]) for y in (1, 2, 3)]


def freeway(e):
    return [0, e.pos, e.move_timer, e.terminate_timer] + [int(c[k]) for k in (0, 2, 3) for c in e.cars]


def space_invaders(e):
    v = [0, e.pos, e.alien_dir, e.enemy_move_interval, e.alien_move_timer, e.alien_shot_timer, e.shot_timer]
    return v + [bits(m[y]) for m in (e.alien_map, e.f_bullet_map, e.e_bullet_map) for y in range(10)]


def seaquest_scalars(e):
    return [0, e.sub_x, e.sub_y, int(e.sub_or), e.oxygen, e.diver_count, int(e.surface), e.shot_timer, e.e_spawn_speed,
            e.e_spawn_timer, e.d_spawn_timer, e.move_speed, e.ramp_index]


def seaquest_lists(e):
    return [e.f_bullets, e.e_bullets, e.e_fish, e.e_subs, e.divers]


def seaquest(e):
    v = seaquest_scalars(e)
    for items in seaquest_lists(e):
        v += [len(items)] + [int(k) for item in items for k in item]
    return v


def seaquest_packed(e):
    lists = seaquest_lists(e)
    v = seaquest_scalars(e) + [len(items) for items in lists]
    for items, room in zip(lists, (4, 48, 32, 32, 4)):
        assert len(items) <= room
        body = [int(k) for item in items for k in list(item) + [0] * (5 - len(item))]
        v += body + [0] * (5 * room - len(body))
    return v


VALUES = {"asterix": asterix, "breakout": breakout, "freeway": freeway, "seaquest": seaquest, "space_invaders": space_invaders}
PACKED = dict(VALUES, seaquest=seaquest_packed)


# ---- the numbers a step drew, in the form the C environment takes them ----

def draws(name, before, env, given):
    if name == "asterix" and before.spawn_timer == 0:
        slot = given[2] if len(given) > 2 else 0
        return [int(given[0] < 1 / 2), int(given[1] < 1 / 3), int(slot)]
    if name == "freeway" and given:
        return [int(k) for k in given[0] * np.sign(given[1] - 0.5)]
    if name == "seaquest":
        given, v = list(given), [0] * 5
        if before.e_spawn_timer == 0:
            v[:3] = [int(given.pop(0) < 1 / 2), int(given.pop(0) < 1 / 3), int(given.pop(0))]
        if before.d_spawn_timer == 0:
            v[3:] = [int(given.pop(0) < 1 / 2), int(given.pop(0))]
        assert not given
        return v
    assert not given
    return []


# ---- states that a short game does not reach ----

def edit(name, e, rng):
    if name == "asterix":
        e.spawn_speed, e.move_speed = int(rng.randint(1, 11)), int(rng.randint(1, 6))
        e.spawn_timer, e.move_timer = int(rng.randint(0, e.spawn_speed + 1)), int(rng.randint(0, e.move_speed + 1))
        e.ramp_timer, e.ramp_index = int(rng.randint(-1, 101)), int(rng.randint(0, 9))
    elif name == "breakout":
        e.brick_map[1:4, :] = rng.rand(3, 10) < rng.rand()
        if rng.rand() < 0.2:
            e.brick_map[:] = 0
    elif name == "freeway":
        e.pos, e.terminate_timer = int(rng.randint(1, 10)), int(rng.choice([rng.randint(0, 40), rng.randint(40, 2501)]))
        for c in e.cars:
            c[0], c[2] = int(rng.randint(10)), int(rng.randint(0, abs(c[3]) + 1))
    elif name == "seaquest":
        e.e_spawn_speed, e.move_speed = int(rng.choice([1, 2, rng.randint(3, 21)])), int(rng.randint(2, 6))
        e.e_spawn_timer = int(rng.randint(0, e.e_spawn_speed + 1))
        e.d_spawn_timer, e.ramp_index = int(rng.randint(0, 31)), int(rng.randint(0, 19))
        e.diver_count, e.oxygen = int(rng.randint(-1, 7)), int(rng.choice([rng.randint(0, 15), rng.randint(15, 201)]))
        e.sub_y = int(rng.randint(0, 9))
        e.surface = bool(e.sub_y == 0)
    else:
        keep = rng.rand()
        e.alien_map[:] = np.logical_and(np.roll(e.alien_map, rng.randint(0, 6), axis=0), rng.rand(10, 10) < keep)
        e.alien_map[int(rng.randint(0, 9)), int(rng.randint(10))] = 1
        e.alien_dir, e.enemy_move_interval = int(rng.choice([-1, 1])), int(rng.randint(6, 13))
        e.alien_move_timer, e.alien_shot_timer = int(rng.randint(0, 4)), int(rng.randint(0, 10))


def fnv(data):
    h = 0x811C9DC5
    for b in data:
        h = ((h ^ b) * 0x01000193) & 0xFFFFFFFF
    return h


def digest(name, e):
    v = [int(k) for k in PACKED[name](e)]
    return fnv(e.state().astype(np.uint8).tobytes() + struct.pack("<%dh" % len(v), *v))


def choose(env, rng, actions):
    """A random action; nine times out of ten one that survives this step, where there is one."""
    order = [int(a) for a in rng.permutation(actions)]
    if rng.rand() < 0.1:
        return order[0]
    for a in order:
        if not copy.deepcopy(env).act(a)[1]:
            return a
    return order[0]


def play_segment(name, e, rng, out, room):
    out.append("s " + " ".join(str(int(v)) for v in VALUES[name](e)))
    for k in range(room):
        before = copy.deepcopy(e)
        a = choose(e, rng, range(6))
        e.random.given.clear()
        reward, done = e.act(a)
        d = draws(name, before, e, e.random.given)
        out.append(" ".join(["a", str(a), str(int(reward)), str(int(done)), "%08x" % digest(name, e)] + [str(v) for v in d]))
        if done:
            return k + 1
    return room


def steps(name):
    rng, out, n = np.random.RandomState(7), [], 0
    game = Environment(name).env
    game.random = Log(11)
    while n < STEPS:
        game.reset()
        if rng.rand() < 0.7:
            edit(name, game, rng)
        while n < STEPS and not game.terminal:
            n += play_segment(name, game, rng, out, min(SEGMENT, STEPS - n))
            if name == "freeway" or (name != "seaquest" and rng.rand() < 0.1):
                break
    return out


def random_policy(name):
    env, rng = Environment(name), np.random.RandomState(3)
    env.seed(5)
    actions, returns, lengths = env.minimal_action_set(), [], []
    for _ in range(EPISODES[name]):
        env.reset()
        env.last_action = 0
        total, length, done = 0, 0, False
        while not done:
            reward, done = env.act(actions[rng.randint(len(actions))])
            total, length = total + reward, length + 1
        returns.append(total)
        lengths.append(length)
    n = len(returns) ** 0.5
    return "r %.6f %.6f %.6f %.6f" % (np.mean(returns), np.std(returns) / n, np.mean(lengths), np.std(lengths) / n)


for game_name in VALUES:
    lines = [random_policy(game_name)] + steps(game_name)
    with open(os.path.join(DATA, "minatar-%s.txt" % game_name.replace("_", "")), "w") as f:
        f.write("\n".join(lines) + "\n")
    print(game_name, lines[0], len(lines), "lines")
