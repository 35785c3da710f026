"""Spaces of Gymnasium as the fields of matchbox's, their observations and actions."""

import numpy as np

from .trouble import Trouble

MAX_FIELDS = 8


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
