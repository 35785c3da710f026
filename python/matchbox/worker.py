"""Environments of Python for matchbox: what their spaces are, and instances of them, stepped through a block of memory.

As a program it is what the library starts for `gym:ID`:

    worker.py describe ID CHANGES           the spaces, as lines on file descriptor 3
    worker.py serve ID CHANGES LAYOUT       serve one block: socket on descriptor 3, its memory on 4

ID is gym:NAME[?key=value&...] where NAME is an environment of Gymnasium, a module of PettingZoo, or FILE.py:CLASS.
CHANGES and LAYOUT are JSON.  The package `matchbox` uses the same classes within the user's process.
"""

import json
import os
import sys
import traceback

if __name__ == "__main__":  # workers share the machine: one thread each, set before numpy is loaded
    for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(_name, "1")

try:
    import numpy as np
except ModuleNotFoundError:
    if __name__ != "__main__":
        raise
    with open(3, "w") as _out:
        _out.write(f"!the package 'numpy' is not installed for {sys.executable}\n!MATCHBOX_PYTHON chooses another Python\n!help pip install numpy gymnasium\n")
    sys.exit(1)

VERSION = 1
MAX_FIELDS = 8
WRAPPERS = ("TimeLimit", "OrderEnforcing", "PassiveEnvChecker")  # what matchbox does itself


class Trouble(Exception):
    """Something to tell the user: the first line is what, the others are notes."""

    def __init__(self, what, *notes, help=None):
        super().__init__(what)
        self.notes = [str(n) for n in notes]
        self.help = help

    def lines(self):
        return [str(self)] + self.notes


def told(error, doing):
    """An exception as lines: what was being done, the exception, and the last places of its traceback."""
    if isinstance(error, Trouble):
        return [f"{doing}: {error}"] + error.notes
    places = traceback.extract_tb(error.__traceback__)
    own = os.path.dirname(os.path.abspath(__file__))
    places = [p for p in places if os.path.dirname(p.filename) != own] or places
    text = str(error).strip().split("\n")
    lines = [f"{doing} raised {type(error).__name__}: {text[0]}"]
    return lines + [f"{p.filename}:{p.lineno}, in {p.name}: {p.line}" for p in places[-3:]][::-1]


# ---- spaces -------------------------------------------------------------------------------------------------------------


class Field:
    """One field of a space, as matchbox knows it (env.h)."""

    def __init__(self, kind, n, hwc=(0, 0, 0), name="", low=None, high=None):
        self.kind, self.n, self.hwc, self.name, self.low, self.high = kind, int(n), hwc, name, low, high

    def line(self, what):
        text = f"{what} {self.kind} {self.n} {self.hwc[0]} {self.hwc[1]} {self.hwc[2]} {self.name}".rstrip()
        if what == "act" and self.kind == "box":
            text += "\nlow " + " ".join(map(repr, self.low)) + "\nhigh " + " ".join(map(repr, self.high))
        return text


def kind_of(space):
    return type(space).__name__


def is_image(space):
    return kind_of(space) == "Box" and space.dtype == np.uint8 and len(space.shape) in (2, 3) and min(space.shape[:2]) > 1


def channels_first(shape):
    return len(shape) == 3 and shape[0] <= 16 and shape[2] > 16


def image_size(shape):
    if len(shape) == 2:
        return shape[0], shape[1], 1
    return (shape[1], shape[2], shape[0]) if channels_first(shape) else tuple(shape)


def leaves(space, path=()):
    """The simple spaces within a space, with the keys that lead to each."""
    kind = kind_of(space)
    if kind == "Dict":
        return [leaf for key in space.spaces for leaf in leaves(space.spaces[key], path + (key,))]
    if kind == "Tuple":
        return [leaf for key, sub in enumerate(space.spaces) for leaf in leaves(sub, path + (key,))]
    if kind not in ("Box", "Discrete", "MultiDiscrete", "MultiBinary"):
        raise Trouble(f"a space of kind {kind} is not supported", "supported: Box, Discrete, MultiDiscrete, MultiBinary, Dict, Tuple")
    return [(path, space)]


def at(value, path):
    for key in path:
        value = value[key]
    return value


def field_name(path):
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in ".".join(map(str, path)))[:60]


class Observed:
    """One leaf of an observation space: its field, and how values are written into an array of it."""

    def __init__(self, path, space, flat=False):
        self.path, self.space, self.shape = path, space, getattr(space, "shape", ())
        kind, name = kind_of(space), field_name(path)
        if kind == "Discrete" and not flat:
            self.field = Field("discrete", space.n, name=name)
            self.convert = self.number
        elif kind == "Discrete":
            self.nvec, self.base = np.array([space.n]), np.array([space.start])
            self.field, self.convert = Field("box", space.n, name=name), self.one_hot
        elif kind == "MultiDiscrete":
            self.nvec, self.base = space.nvec.ravel(), np.asarray(space.start).ravel()
            self.field, self.convert = Field("box", self.nvec.sum(), name=name), self.one_hot
        elif not flat and is_image(space):
            size = image_size(self.shape)
            self.field = Field("image", size[0] * size[1] * size[2], size, name)
            self.convert = self.turned if channels_first(self.shape) else self.plain
        else:
            n = int(np.prod(self.shape)) or 1
            grid = len(self.shape) == 3 and not channels_first(self.shape) and not flat
            self.field = Field("box", n, tuple(self.shape) if grid else (0, 0, 0), name)
            self.convert = self.plain
        self.one = self.field.hwc if self.field.kind == "image" else (self.field.n,)

    def array(self, value):
        a = value if type(value) is np.ndarray else np.asarray(value)
        if a.shape != self.shape:
            where = f" '{self.field.name}'" if self.field.name else ""
            raise Trouble(f"the observation{where} has shape {a.shape}, its space says {self.shape}")
        return a

    def plain(self, value):
        return self.array(value).reshape(self.one)

    def turned(self, value):
        return self.array(value).transpose(1, 2, 0)

    def number(self, value):
        v = int(value) - int(self.space.start)
        if not 0 <= v < self.space.n:
            raise Trouble(f"the observation is {int(value)}, its space is {self.space}")
        return v

    def one_hot(self, value):
        v = np.asarray(value).ravel() - self.base
        if v.shape != self.nvec.shape or (v < 0).any() or (v >= self.nvec).any():
            raise Trouble(f"the observation is {value}, its space is {self.space}")
        out = np.zeros(self.field.n, np.float32)
        out[np.concatenate(([0], np.cumsum(self.nvec)[:-1])) + v] = 1
        return out


class Together:
    """Several leaves as one box, where there are more than matchbox has fields for."""

    def __init__(self, parts):
        self.parts = parts
        self.field = Field("box", sum(p.field.n for p in parts), name="rest")
        self.path = ()

    def convert(self, value):
        return np.concatenate([np.asarray(p.convert(at(value, p.path)), np.float32).ravel() for p in self.parts])


def observed(space):
    found = leaves(space)
    if not found:
        raise Trouble("the observation space is empty")
    out = [Observed(path, leaf) for path, leaf in found]
    if len(out) > MAX_FIELDS:
        images = [o for o in out if o.field.kind == "image"]
        if len(images) >= MAX_FIELDS:
            raise Trouble(f"{len(images)} images in an observation; at most {MAX_FIELDS - 1}")
        out = images + [Together([Observed(o.path, o.space, flat=True) for o in out if o.field.kind != "image"])]
    return out


class Acted:
    """How rows of indices and values become actions of a space."""

    def __init__(self, space):
        self.space, self.fields, self.parts = space, [], []
        index = value = 0
        for path, leaf in leaves(space):
            kind, name = kind_of(leaf), field_name(path)
            if kind == "Box":
                low, high = (np.asarray(b, np.float64).ravel().astype(np.float32).tolist() for b in (leaf.low, leaf.high))
                n = len(low)
                self.fields.append(Field("box", n, name=name, low=low, high=high))
                self.parts.append((path, leaf, "value", value, n))
                value += n
                continue
            sizes = [leaf.n] if kind == "Discrete" else leaf.nvec.ravel().tolist() if kind == "MultiDiscrete" else [2] * int(np.prod(leaf.shape))
            for i, n in enumerate(sizes):
                self.fields.append(Field("discrete", n, name=name if len(sizes) == 1 and name else f"{name or 'choice'}{i}"))
            self.parts.append((path, leaf, "index", index, len(sizes)))
            index += len(sizes)
        if not self.fields or len(self.fields) > MAX_FIELDS:
            raise Trouble(f"an action of {len(self.fields)} fields; matchbox knows 1 to {MAX_FIELDS}")
        if len(self.fields) == 1:
            self.fields[0].name = ""

    def one(self, part, index, value):
        _, leaf, _, first, n = part
        kind = kind_of(leaf)
        if kind == "Box":
            v = value[first : first + n].reshape(leaf.shape)
            return v.astype(leaf.dtype) if leaf.dtype.kind == "f" else np.rint(v).astype(leaf.dtype)
        if kind == "Discrete":
            return int(index[first]) + int(leaf.start)
        v = index[first : first + n].reshape(leaf.shape).astype(leaf.dtype)
        return v + leaf.start if kind == "MultiDiscrete" else v

    def build(self, space, path, index, value):
        kind = kind_of(space)
        if kind == "Dict":
            return {k: self.build(s, path + (k,), index, value) for k, s in space.spaces.items()}
        if kind == "Tuple":
            return tuple(self.build(s, path + (k,), index, value) for k, s in enumerate(space.spaces))
        return self.one(next(p for p in self.parts if p[0] == path), index, value)

    def rows(self, index, value):
        """Actions of all rows: index [rows, nindex], value [rows, nvalue]."""
        if kind_of(self.space) == "Discrete":
            start = int(self.space.start)
            acts = index[:, 0].tolist()
            return [a + start for a in acts] if start else acts
        return [self.build(self.space, (), index[i], value[i]) for i in range(len(index))]


# ---- images -------------------------------------------------------------------------------------------------------------


def shrink(n, m):
    """[m, n]: averages over the area each of m pixels covers of n."""
    edge = np.linspace(0, n, m + 1)
    cell = np.arange(n)
    cover = np.minimum(edge[1:, None], cell + 1) - np.maximum(edge[:-1, None], cell)
    return (np.maximum(cover, 0) / (n / m)).astype(np.float32)


class Pixels:
    """Brightness, size and a stack of an environment's images."""

    def __init__(self, space, changes):
        from gymnasium import spaces

        if not is_image(space):
            raise Trouble("resize, gray and stack need observations that are one image (Box of uint8, two or three axes)", f"the space is {space}")
        self.first = channels_first(space.shape)
        h, w, c = image_size(space.shape)
        self.gray, self.size, self.stack = changes["gray"] and c == 3, changes["resize"], changes["stack"]
        self.down = self.across = None
        if self.size:
            self.down, self.across = shrink(h, self.size), shrink(w, self.size)
            h = w = self.size
        self.channels = 1 if self.gray else c
        self.space = spaces.Box(0, 255, (h, w, self.channels * self.stack), np.uint8)

    def frame(self, image):
        x = np.asarray(image)
        x = x.transpose(1, 2, 0) if self.first else x if x.ndim == 3 else x[:, :, None]
        if not self.gray and self.down is None:
            return x
        if self.gray:
            x = (x @ np.array([0.299, 0.587, 0.114], np.float32))[:, :, None]
        if self.down is not None:
            x = np.stack([self.down @ x[:, :, k].astype(np.float32) @ self.across.T for k in range(x.shape[2])], axis=2)
        return np.rint(x).astype(np.uint8)

    def begin(self, image):
        f = self.frame(image)
        return np.concatenate([f] * self.stack, axis=2)

    def add(self, held, image):
        if self.stack == 1:
            return self.frame(image)
        return np.concatenate([held[:, :, self.channels :], self.frame(image)], axis=2)


class Changed:
    """An environment with frame skip and changed images."""

    def __init__(self, env, changes):
        self.env, self.skip = env, changes["skip"]
        self.action_space, self.observation_space = env.action_space, env.observation_space
        self.pixels = None
        if changes["resize"] or changes["gray"] or changes["stack"] > 1:
            self.pixels = Pixels(env.observation_space, changes)
            self.observation_space = self.pixels.space
        self.image = is_image(env.observation_space)

    def reset(self, **more):
        obs, info = self.env.reset(**more)
        if self.pixels:
            obs = self.held = self.pixels.begin(obs)
        return obs, info

    def step(self, action):
        total, before = 0.0, None
        for k in range(self.skip):
            obs, reward, terminated, truncated, info = self.env.step(action)
            total += reward
            if terminated or truncated:
                break
            if self.image and k == self.skip - 2:
                before = np.array(obs)
        if before is not None and k == self.skip - 1:
            obs = np.maximum(before, obs)  # sprites that show on every other frame
        if self.pixels:
            obs = self.held = self.pixels.add(self.held, obs)
        return obs, total, terminated, truncated, info

    def close(self):
        self.env.close()


# ---- instances over a block ---------------------------------------------------------------------------------------------


class Block:
    """The arrays of a block of memory, laid out as the library says (foreign.h)."""

    def __init__(self, memory, layout, spec):
        self.count, self.agents, self.limit = layout["count"], layout["agents"], layout["limit"]
        self.worker, self.first = layout["worker"], layout["first"]
        rows = self.count * self.agents
        self.memory = memory

        def array(offset, dtype, shape):
            n = int(np.prod(shape))
            return np.frombuffer(memory, dtype, n, offset).reshape(shape) if n else np.zeros(shape, dtype)

        self.text = array(layout["text"], np.uint8, (layout["text_bytes"],))
        self.seed = array(layout["seed"], np.int64, (self.count,))
        self.index = array(layout["index"], np.int32, (rows, layout["nindex"]))
        self.value = array(layout["value"], np.float32, (rows, layout["nvalue"]))
        self.reward = array(layout["reward"], np.float32, (rows,))
        self.terminated = array(layout["terminated"], np.uint8, (self.count,))
        self.truncated = array(layout["truncated"], np.uint8, (self.count,))
        self.active = array(layout["active"], np.uint8, (rows,))
        self.mask = array(layout["mask"], np.uint8, (rows, layout["nmask"])) if layout["masked"] else None
        kinds = {"box": np.float32, "discrete": np.int32, "image": np.uint8}
        self.obs, self.final = [], []
        for f, o in enumerate(spec.obs):
            one = () if o.field.kind == "discrete" else o.field.hwc if o.field.kind == "image" else (o.field.n,)
            self.obs.append(array(layout["obs"][f], kinds[o.field.kind], (rows,) + one))
            self.final.append(array(layout["final"][f], kinds[o.field.kind], (rows,) + one))

    def say(self, lines):
        data = "\n".join(lines).encode("utf-8", "replace")[: len(self.text) - 1]
        self.text[: len(data)] = np.frombuffer(data, np.uint8)
        self.text[len(data)] = 0


class Group:
    """The instances of one block.  reset() and step() read actions from it and write results to it."""

    def __init__(self, spec, block):
        self.spec, self.block, self.at = spec, block, 0
        self.envs = [spec.take_or_make() for _ in range(block.count)]
        self.length = [0] * block.count
        block.active[:] = 1
        if block.mask is not None:
            block.mask[:] = 1

    def write(self, row, obs, into):
        for o, array in zip(self.spec.obs, into):
            array[row] = o.convert(at(obs, o.path))

    def write_mask(self, row, mask):
        if mask is None:
            self.block.mask[row] = 1
            return
        flat = np.concatenate([np.ravel(m) for m in mask]) if isinstance(mask, (tuple, list)) else np.ravel(mask)
        if flat.shape != self.block.mask[row].shape:
            raise Trouble(f"the action mask has {flat.size} entries, the actions have {self.block.mask.shape[1]} choices")
        self.block.mask[row] = flat != 0

    def run(self, command):
        """One command of the library; lines of text when it failed, else None."""
        self.at = 0
        doing = "reset" if command == "r" else "step"
        try:
            self.reset() if command == "r" else self.step()
        except Exception as error:
            self.exception = error
            return told(error, f"{doing} of instance {self.block.first + self.at}")
        return None

    def close(self):
        for env in self.envs:
            try:
                env.close()
            except Exception:
                pass


class SingleGroup(Group):
    """Instances with one agent: Gymnasium's."""

    def begin(self, i, **more):
        obs, info = self.envs[i].reset(**more)
        self.length[i] = 0
        self.write(i, obs, self.block.obs)
        if self.block.mask is not None:
            self.write_mask(i, self.spec.mask_of(obs, info))

    def reset(self):
        for i, seed in enumerate(self.block.seed.tolist()):
            self.at = i
            self.begin(i, seed=seed)

    def step(self):
        b, spec, limit = self.block, self.spec, self.block.limit
        actions = spec.act.rows(b.index, b.value)
        if spec.fast is not None and b.mask is None:
            return self.step_plain(actions, limit or 1 << 60)
        fast = spec.fast
        into = b.obs[0]
        reward, terminated, truncated = [], [], []
        for i, env in enumerate(self.envs):
            self.at = i
            obs, r, end, cut, info = env.step(actions[i])
            if limit:
                self.length[i] += 1
                cut = cut or self.length[i] >= limit
            reward.append(r)
            terminated.append(bool(end))
            truncated.append(bool(cut))
            if end or cut:
                self.write(i, obs, b.final)
                self.begin(i)
                continue
            if fast is not None and type(obs) is np.ndarray and obs.shape == fast:
                into[i] = obs
            else:
                self.write(i, obs, b.obs)
            if b.mask is not None:
                self.write_mask(i, spec.mask_of(obs, info))
        b.reward[:] = reward
        b.terminated[:] = terminated
        b.truncated[:] = truncated


    def step_plain(self, actions, limit):
        """The same for observations that are one row of numbers: whole batches are written at once."""
        b, length, rows, reward = self.block, self.length, [], []
        b.terminated[:] = 0
        b.truncated[:] = 0
        try:
            for i, env in enumerate(self.envs):
                obs, r, end, cut, _ = env.step(actions[i])
                length[i] += 1
                if end or cut or length[i] >= limit:
                    b.terminated[i], b.truncated[i] = bool(end), bool(cut) or length[i] >= limit
                    self.write(i, obs, b.final)
                    obs = env.reset()[0]
                    length[i] = 0
                rows.append(obs)
                reward.append(r)
        finally:
            self.at = len(reward)
        b.reward[:] = reward
        try:
            np.concatenate(rows, out=b.obs[0].reshape(-1))
        except ValueError:  # one of them has another shape: find which
            for self.at, obs in enumerate(rows):
                self.write(self.at, obs, b.obs)


class ParallelGroup(Group):
    """Instances whose agents act at once: PettingZoo's parallel interface."""

    def put(self, i, obs, infos, into, here):
        for k, name in enumerate(self.spec.names):
            row = i * self.block.agents + k
            alive = name in here and name in obs
            self.block.active[row] = alive
            if not alive:
                for array in into:
                    array[row] = 0
                continue
            self.write(row, self.spec.plain(obs[name]), into)
            if self.block.mask is not None:
                self.write_mask(row, self.spec.mask_of(obs[name], infos.get(name, {})))

    def begin(self, i, **more):
        out = self.envs[i].reset(**more)
        obs, infos = out if isinstance(out, tuple) else (out, {})
        self.length[i] = 0
        self.put(i, obs, infos, self.block.obs, self.envs[i].agents)

    def reset(self):
        for i, seed in enumerate(self.block.seed.tolist()):
            self.at = i
            self.begin(i, seed=seed)

    def step(self):
        b, n = self.block, self.block.agents
        actions = self.spec.act.rows(b.index, b.value)
        for i, env in enumerate(self.envs):
            self.at = i
            obs, rewards, ends, cuts, infos = env.step({a: actions[i * n + self.spec.names.index(a)] for a in env.agents})
            self.length[i] += 1
            for k, name in enumerate(self.spec.names):
                b.reward[i * n + k] = rewards.get(name, 0.0)
            over = not env.agents
            cut = over and any(cuts.values()) and not all(ends.values())
            cut = cut or (not over and 0 < b.limit <= self.length[i])
            b.terminated[i], b.truncated[i] = over and not cut, cut
            if not over and not cut:
                self.put(i, obs, infos, b.obs, env.agents)
                continue
            self.put(i, obs, infos, b.final, self.spec.names)
            self.begin(i)


class TurnGroup(Group):
    """Instances whose agents act in turns: PettingZoo's agent-environment cycle.  The others' actions do not matter."""

    def put(self, i, into):
        env = self.envs[i]
        for k, name in enumerate(self.spec.names):
            row = i * self.block.agents + k
            obs = env.observe(name)
            self.block.active[row] = bool(env.agents) and name == env.agent_selection
            self.write(row, self.spec.plain(obs), into)
            if self.block.mask is not None:
                self.write_mask(row, self.spec.mask_of(obs, env.infos.get(name, {})))

    def skip_dead(self, env):
        while env.agents and (env.terminations[env.agent_selection] or env.truncations[env.agent_selection]):
            env.step(None)

    def begin(self, i, **more):
        self.envs[i].reset(**more)
        self.length[i] = 0
        self.put(i, self.block.obs)

    def reset(self):
        for i, seed in enumerate(self.block.seed.tolist()):
            self.at = i
            self.begin(i, seed=seed)

    def step(self):
        b, n = self.block, self.block.agents
        actions = self.spec.act.rows(b.index, b.value)
        for i, env in enumerate(self.envs):
            self.at = i
            env.step(actions[i * n + self.spec.names.index(env.agent_selection)])
            self.length[i] += 1
            for k, name in enumerate(self.spec.names):
                b.reward[i * n + k] = env.rewards.get(name, 0.0)
            ends, cuts = list(env.terminations.values()), list(env.truncations.values())
            over = not ends or all(e or c for e, c in zip(ends, cuts))
            cut = over and any(cuts) and not all(ends)
            cut = cut or (not over and 0 < b.limit <= self.length[i])
            b.terminated[i], b.truncated[i] = over and not cut, cut
            if over or cut:
                self.put(i, b.final)
                self.begin(i)
            else:
                self.skip_dead(env)
                self.put(i, b.obs)


# ---- what an environment is ---------------------------------------------------------------------------------------------


def unwrap(env):
    """Without the wrappers whose work matchbox does; the time limit they held (0: none)."""
    limit = 0
    while type(env).__name__ in WRAPPERS:
        limit = getattr(env, "_max_episode_steps", 0) or limit
        env = env.env
    return env, limit


class Spec:
    """Spaces of an environment, and instances of it.  `make` gives a new one each time it is called."""

    def __init__(self, make, changes=None):
        self.changes = {"skip": 1, "resize": 0, "gray": False, "stack": 1, "limit": -1, **(changes or {})}
        self.make = make
        self.limit, self.mask_key = 0, None
        env = self.first = self.fresh()
        self.kind = "parallel" if hasattr(env, "possible_agents") and not hasattr(env, "agent_selection") and not hasattr(env, "last") \
            else "turns" if hasattr(env, "possible_agents") else "single"
        if self.kind == "single":
            self.names, obs_space, act_space = [], env.observation_space, env.action_space
        else:
            obs_space, act_space = self.common_spaces(env)
        obs_space = self.without_mask(obs_space)
        self.act = Acted(act_space)
        self.obs = observed(obs_space)
        self.masked = self.find_mask(env)
        o = self.obs[0]
        plain = self.kind == "single" and len(self.obs) == 1 and not getattr(o, "path", ()) and o.field.kind == "box"
        self.fast = o.shape if plain and getattr(o, "convert", None) == getattr(o, "plain", 0) and len(o.shape) == 1 else None
        if self.changes["limit"] >= 0:
            self.limit = self.changes["limit"]

    def fresh(self):
        env, limit = unwrap(self.make())
        self.limit = self.limit or limit
        c = self.changes
        if hasattr(env, "possible_agents"):
            if c["skip"] > 1 or c["resize"] or c["gray"] or c["stack"] > 1:
                raise Trouble("skip, resize, gray and stack are for environments with one agent")
            return env
        for name in ("reset", "step", "observation_space", "action_space"):
            if not hasattr(env, name):
                raise Trouble(f"{type(env).__name__} has no {name}: not an environment with Gymnasium's or PettingZoo's interface")
        return Changed(env, c) if c["skip"] > 1 or c["resize"] or c["gray"] or c["stack"] > 1 else env

    def take_or_make(self):
        env, self.first = self.first, None
        return env if env is not None else self.fresh()

    def common_spaces(self, env):
        self.names = list(env.possible_agents)
        pairs = [(env.observation_space(n), env.action_space(n)) for n in self.names]
        for name, pair in zip(self.names, pairs):
            if pair != pairs[0]:
                raise Trouble(f"agents '{self.names[0]}' and '{name}' have different spaces; matchbox needs the same for all")
        return pairs[0]

    def without_mask(self, space):
        """PettingZoo's convention: an observation of {observation, action_mask}."""
        if kind_of(space) != "Dict" or "action_mask" not in space.spaces:
            return space
        self.mask_key = "action_mask"
        rest = {k: s for k, s in space.spaces.items() if k != "action_mask"}
        return rest["observation"] if list(rest) == ["observation"] else type(space)(rest)

    def plain(self, obs):
        return obs["observation"] if self.mask_key and "observation" in obs and len(obs) == 2 else obs

    def find_mask(self, env):
        if self.mask_key:
            return any(f.kind == "discrete" for f in self.act.fields)
        if self.kind == "turns":
            env.reset(seed=0)
            return any("action_mask" in env.infos.get(n, {}) for n in self.names)
        out = env.reset(seed=0)
        if not isinstance(out, tuple) or len(out) != 2:
            raise Trouble(f"reset returned {type(out).__name__}, not (observation, info): the interface before Gymnasium 0.26?")
        infos = [out[1]] if self.kind == "single" else list(out[1].values())
        return any("action_mask" in i for i in infos)

    def mask_of(self, obs, info):
        return obs[self.mask_key] if self.mask_key else info.get("action_mask")

    def lines(self):
        return [f"matchbox {VERSION}", f"agents {max(1, len(self.names))}", f"limit {self.limit}", f"masked {int(self.masked)}"] + \
            [o.field.line("obs") for o in self.obs] + [f.line("act") for f in self.act.fields]

    def group(self, memory, layout):
        return {"single": SingleGroup, "parallel": ParallelGroup, "turns": TurnGroup}[self.kind](self, Block(memory, layout, self))


# ---- finding one by name ------------------------------------------------------------------------------------------------


def argument(text):
    try:
        return json.loads(text)
    except ValueError:
        return {"True": True, "False": False, "None": None}.get(text, text)


def parse(name):
    """'gym:ID?a=1&b=x' as ('ID', {'a': 1, 'b': 'x'})"""
    from urllib.parse import unquote

    name = name[4:] if name.startswith("gym:") else name
    name, _, query = name.partition("?")
    return name, {k: argument(unquote(v)) for k, _, v in (part.partition("=") for part in query.split("&") if part)}


def from_file(path, name, kwargs):
    import importlib.util

    label = "matchbox_user_" + os.path.splitext(os.path.basename(path))[0]
    if label not in sys.modules:
        sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
        spec = importlib.util.spec_from_file_location(label, path)
        sys.modules[label] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[label])
    if not hasattr(sys.modules[label], name):
        raise Trouble(f"{path} defines no '{name}'")
    return lambda: getattr(sys.modules[label], name)(**kwargs)


def from_pettingzoo(name, kwargs):
    import importlib

    module = importlib.import_module(name)
    interface = kwargs.pop("interface", None)
    maker = getattr(module, {"parallel": "parallel_env", "aec": "env"}.get(interface, "parallel_env"), None) or getattr(module, "env", None)
    if maker is None:
        raise Trouble(f"the module {name} has neither parallel_env nor env: not one of PettingZoo's")
    if interface is None and hasattr(module, "env") and ".classic." in name:
        maker = module.env  # games in turns
    return lambda: maker(**kwargs)


def from_gymnasium(name, kwargs):
    import gymnasium

    if name.startswith("ALE/"):
        try:
            import ale_py
        except ImportError:
            raise Trouble(f"{name} needs the package ale-py", help="pip install ale-py") from None
        gymnasium.register_envs(ale_py)

    def make():
        try:
            return gymnasium.make(name, disable_env_checker=True, **kwargs)
        except gymnasium.error.Error as error:
            lines = [line.strip() for line in str(error).strip().split("\n")]
            raise Trouble(lines[0], *lines[1:4], help="python3 -c 'import gymnasium; gymnasium.pprint_registry()'") from None

    return make


def maker(name):
    name, kwargs = parse(name)
    path, mark, attribute = name.partition(".py:")
    if mark:
        return from_file(path + ".py", attribute, kwargs)
    if "." in name and "/" not in name and ":" not in name:
        return from_pettingzoo(name, kwargs)
    try:
        return from_gymnasium(name, kwargs)
    except ModuleNotFoundError as error:
        raise Trouble(f"the package '{error.name}' is not installed for {sys.executable}", "MATCHBOX_PYTHON chooses another Python",
                      help=f"pip install {error.name}") from None


# ---- the program --------------------------------------------------------------------------------------------------------


def describe(name, changes):
    with open(3, "w", encoding="utf-8", errors="replace") as out:
        try:
            spec = Spec(maker(name), changes)
            out.write("\n".join(spec.lines()) + "\n")
            return 0
        except Exception as error:
            lines = error.lines() if isinstance(error, Trouble) else told(error, "making it")
            out.write("".join(f"!{line}\n" for line in lines))
            help = getattr(error, "help", None)
            if isinstance(error, ModuleNotFoundError):
                help = f"pip install {error.name}"
            if help:
                out.write(f"!help {help}\n")
            return 1


def wait(sock, poller, spin):
    """The next command; b'' when nobody is there any more."""
    if spin:
        from time import perf_counter as now

        end = now() + 50e-6
        while not poller.poll(0) and now() < end:
            pass
    return sock.recv(1)


def serve(name, changes, layout):
    import gc
    import mmap
    import select
    import signal
    import socket

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer decides when to end
    sock = socket.socket(fileno=3)
    memory = mmap.mmap(4, layout["bytes"])
    group, trouble = None, None
    try:
        group = Spec(maker(name), changes).group(memory, layout)
    except Exception as error:
        trouble = error.lines() if isinstance(error, Trouble) else told(error, "making it")
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    spin = len(os.sched_getaffinity(0)) > layout["workers"]
    gc.collect()
    gc.freeze()
    while True:
        command = wait(sock, poller, spin)
        if not command:
            break
        if group is None:
            text = np.frombuffer(memory, np.uint8, layout["text_bytes"], layout["text"])
            data = "\n".join(trouble).encode("utf-8", "replace")[: len(text) - 1] + b"\0"
            text[: len(data)] = np.frombuffer(data, np.uint8)
            sock.send(b"e")
            continue
        lines = group.run(command.decode())
        if lines:
            group.block.say(lines)
        sock.send(b"e" if lines else b"k")
    if group:
        group.close()
    os._exit(0)


def main(args):
    if len(args) < 3 or args[0] not in ("describe", "serve"):
        sys.exit(__doc__)
    changes = json.loads(args[2])
    return describe(args[1], changes) if args[0] == "describe" else serve(args[1], changes, json.loads(args[3]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
