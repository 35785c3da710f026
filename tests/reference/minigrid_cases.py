"""One-step fixtures of MiniGrid DoorKey and FourRooms for tests/env/minigrid.c.

Puts the reference environment into a random full state, steps it once and writes a line per case.
Made with minigrid 3.2.0, gymnasium 1.4.0, numpy 2.4.6:

    python3 tests/reference/minigrid_cases.py > tests/reference/minigrid_cases.inc

A line holds base-36 digits: size, the state in the order of the page (step_count with three digits, '.' for -1),
the action, terminated; then the CRC-32 of the next image bytes and direction, and for a terminated step the reward
as hexadecimal float32.
"""
import struct
import zlib

import numpy as np
from minigrid.core.world_object import Door, Goal, Key, Wall
from minigrid.envs import DoorKeyEnv, FourRoomsEnv

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
rng = np.random.default_rng(20240501)


def digits(v, n=1):
    out = ""
    for _ in range(n):
        out, v = DIGITS[v % 36] + out, v // 36
    return out


def find(env, kind):
    g = env.unwrapped.grid
    return [(x, y) for y in range(g.height) for x in range(g.width) if isinstance(g.get(x, y), kind)]


def free_cells(env):
    g = env.grid
    return [(x, y) for y in range(g.height) for x in range(g.width) if g.get(x, y) is None or g.get(x, y).can_overlap()]


def put_agent(env):
    """Anywhere, often next to something interesting and facing it."""
    cells = free_cells(env)
    env.agent_pos = cells[rng.integers(len(cells))]
    env.agent_dir = int(rng.integers(4))
    targets = find(env, (Goal, Door, Key))
    if targets and rng.random() < 0.5:
        x, y = targets[rng.integers(len(targets))]
        d = int(rng.integers(4))
        dx, dy = [(1, 0), (0, 1), (-1, 0), (0, -1)][d]
        if (x - dx, y - dy) in cells:
            env.agent_pos, env.agent_dir = (x - dx, y - dy), d
    env.step_count = int(rng.integers(env.max_steps))


def finish(env, size, state, action):
    obs, reward, terminated, _, _ = env.step(action)
    crc = zlib.crc32(obs["image"].tobytes() + bytes([obs["direction"]]))
    line = digits(size) + state + digits(action) + str(int(terminated)) + "%08x" % crc
    if terminated:
        line += struct.pack(">f", np.float32(reward)).hex()
    else:
        assert reward == 0
    return line


def doorkey(size):
    env = DoorKeyEnv(size=size)
    env.reset(seed=int(rng.integers(1 << 30)))
    (split, row), (key,) = find(env, Door)[0], find(env, Key)
    door = env.grid.get(split, row)
    state = int(rng.integers(3))
    door.is_open, door.is_locked = state == 0, state == 2
    where = rng.integers(3)  # 0: where it was, 1: carried, 2: dropped anywhere
    if where > 0:
        obj = env.grid.get(*key)
        env.grid.set(*key, None)
        if where == 1:
            env.carrying, key = obj, None
        else:
            cells = [c for c in free_cells(env) if env.grid.get(*c) is None]
            key = cells[rng.integers(len(cells))]
            env.grid.set(*key, obj)
    put_agent(env)
    s = [env.agent_pos[0], env.agent_pos[1], env.agent_dir]
    text = "".join(map(digits, s)) + digits(env.step_count, 3) + "".join(map(digits, (split, row, state)))
    text += digits(key[0]) + digits(key[1]) if key else ".."
    action = int(rng.integers(7)) if rng.random() < 0.7 else int(rng.choice([2, 5]))
    return finish(env, size, text, action)


def fourrooms():
    env = FourRoomsEnv()
    env.reset(seed=int(rng.integers(1 << 30)))
    env.carrying = None
    gaps = [
        next(y for y in range(1, 9) if not isinstance(env.grid.get(9, y), Wall)),
        next(x for x in range(1, 9) if not isinstance(env.grid.get(x, 9), Wall)),
        next(x for x in range(10, 18) if not isinstance(env.grid.get(x, 9), Wall)),
        next(y for y in range(10, 18) if not isinstance(env.grid.get(9, y), Wall)),
    ]
    put_agent(env)
    goal = find(env, Goal)[0]
    text = "".join(map(digits, (*env.agent_pos, env.agent_dir))) + digits(env.step_count, 3)
    text += "".join(map(digits, (*goal, *gaps)))
    action = int(rng.integers(7)) if rng.random() < 0.5 else 2
    return finish(env, 19, text, action)


print("/* written by minigrid_cases.py: minigrid 3.2.0, gymnasium 1.4.0, numpy 2.4.6 */")
print("static const char *const doorkey_cases[] = {")
for i in range(6000):
    print('"%s",' % doorkey((5, 6, 8, 11, 16)[i % 5]))
print("};\nstatic const char *const fourrooms_cases[] = {")
for i in range(4000):
    print('"%s",' % fourrooms())
print("};")
