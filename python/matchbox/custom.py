"""Environments and rewards written in Python, stepped within the trainer's process (include/matchbox/foreign.h)."""

from __future__ import annotations

import ctypes as c
import json
from typing import Any, Callable, Dict, NamedTuple, Optional

import numpy as np

from . import _c, worker
from ._vec import Arena, Vec


class Step(NamedTuple):
    """What a reward function is given: one step of all instances, arrays that begin with the instances.

    obs and next_obs are arrays, or dicts of arrays where the observation has several fields; next_obs is what the step led
    to, also where the episode ended with it.  action is int32 [n] for one discrete action, else as the actions are."""

    obs: Any
    action: Any
    reward: np.ndarray
    next_obs: Any
    terminated: np.ndarray
    truncated: np.ndarray


class _Foreign:
    """A descriptor whose instances are groups made by `make_group(block, memory, layout, options)`."""

    def __init__(self, name: str, options: int = 0, options_size: int = 0):
        self.arena = Arena(1 << 24)
        self.groups: Dict[int, Any] = {}
        self.commands: Dict[int, str] = {}
        self.exception: Optional[BaseException] = None
        self.c = _c.mb_foreign(None, False, _c.SHAPE(self._shape), _c.WORKERS(0), _c.OPEN(self._open), _c.SEND(self._send),
                               _c.RECEIVE(self._receive), _c.CLOSE(self._close))
        self.definition = _c.call("mb_env_foreign", self.arena.pointer, name.encode(), c.byref(self.c), options, options_size)

    # An exception must not leave a function that C calls: it is told through the error.
    def _told(self, err: Any, error: BaseException) -> bool:
        self.exception = error
        text = str(error) if isinstance(error, (worker.Trouble, _c.Error)) else f"{type(error).__name__}: {error}"
        _c.lib().mb_fail(err, 8, text.split("\n")[0].replace("%", "%%").encode()[:300])
        return False

    def _shape(self, self_, options, shape, err) -> bool:
        try:
            self.fill(shape.contents, options)
            return True
        except BaseException as error:
            return self._told(err, error)

    def _open(self, self_, options, block, err) -> bool:
        try:
            b = block.contents
            memory = (c.c_char * b.bytes).from_address(b.base)
            self.groups[c.addressof(b)] = self.make_group(memory, json.loads(b.layout), options)
            return True
        except BaseException as error:
            return self._told(err, error)

    def _send(self, self_, block, command, err) -> bool:
        self.commands[c.addressof(block.contents)] = chr(command)
        return True

    def _receive(self, self_, blocks, n, reply, err) -> int:
        at = c.addressof(blocks[0].contents)
        group = self.groups[at]
        try:
            lines = group.run(self.commands[at])
        except BaseException as error:  # KeyboardInterrupt and the like
            lines = worker.told(error, "a step")
            self.exception = error
        if lines:
            self.exception = getattr(group, "exception", None) or self.exception
            group.block.say(lines)
        reply[0] = ord("e" if lines else "k")
        return 0

    def _close(self, self_, block) -> None:
        group = self.groups.pop(c.addressof(block.contents), None)
        if group:
            group.close()

    def fill(self, shape: _c.mb_env_shape, options: int) -> None:
        raise NotImplementedError

    def make_group(self, memory: Any, layout: dict, options: int) -> Any:
        raise NotImplementedError


class PythonEnv(_Foreign):
    """Environments that `make()` gives: Gymnasium's interface, or PettingZoo's."""

    def __init__(self, make: Callable[[], Any], name: str):
        try:
            self.spec = worker.Spec(make)
        except worker.Trouble as trouble:
            raise _c.Error(f"environment '{name}': {trouble}", trouble.notes, trouble.help or "", "env") from None
        self.keep: list = []
        super().__init__(name)

    def field(self, f: worker.Field) -> _c.mb_field:
        out = _c.mb_field(("box", "discrete", "image").index(f.kind), f.n, -np.inf, np.inf, None, *f.hwc)
        if f.kind == "image":
            out.low, out.high = 0, 255
        if f.name:
            out.name = f.name.encode()
            self.keep.append(out.name)
        if f.low is not None:
            out.lows, out.highs = (c.c_float * f.n)(*f.low), (c.c_float * f.n)(*f.high)
            self.keep += [out.lows, out.highs]
        return out

    def fill(self, shape: _c.mb_env_shape, options: int) -> None:
        for space, found in ((shape.obs, [o.field for o in self.spec.obs]), (shape.act, self.spec.act.fields)):
            space.nfields = len(found)
            for i, f in enumerate(found):
                made = self.field(f)
                self.keep.append(made)
                space.field[i] = made
        shape.nagents, shape.time_limit = max(1, len(self.spec.names)), self.spec.limit
        shape.masked, shape.state_size = self.spec.masked, 8

    def make_group(self, memory: Any, layout: dict, options: int) -> Any:
        return self.spec.group(memory, layout)


class _RewardGroup:
    """Instances of the library's own whose rewards a function of the user's decides."""

    def __init__(self, owner: "Reward", memory: Any, layout: dict, options: int):
        self.function, self.exception = owner.function, None
        self.vec = Vec("", layout["count"], definition=owner.native, definition_options=options)
        self.block = worker.Block(memory, layout, owner)
        self.names = [f.name for f in self.vec.obs_fields]

    def named(self, arrays: list) -> Any:
        return arrays[0] if len(arrays) == 1 else dict(zip(self.names, arrays))

    def give(self) -> None:
        b, v = self.block, self.vec
        for to, array in zip(b.obs, v.obs):
            to[...] = array.reshape(to.shape)
        b.active[...] = v.active
        if b.mask is not None:
            b.mask[...] = v.mask

    def step(self) -> None:
        b, v = self.block, self.vec
        before = [array.copy() for array in v.obs]
        v.index[...], v.value[...] = b.index, b.value
        v.step()
        ended = v.start
        after = [np.where(ended.reshape((-1,) + (1,) * (o.ndim - 1)), f, o) for o, f in zip(v.obs, v.final_obs)] if ended.any() else v.obs
        action = b.index[:, 0] if b.index.shape[1] == 1 and not b.value.shape[1] else b.index if not b.value.shape[1] else \
            b.value if not b.index.shape[1] else {"index": b.index, "value": b.value}
        reward = np.asarray(self.function(Step(self.named(before), action, v.reward.copy(), self.named(after), v.terminated, v.truncated)))
        if reward.shape not in ((), b.reward.shape):
            raise worker.Trouble(f"the reward function returned shape {reward.shape}; one number for each of the {len(b.reward)} instances is needed")
        b.reward[...] = reward
        b.terminated[...], b.truncated[...] = v.terminated, v.truncated
        for to, array in zip(b.final, v.final_obs):
            to[...] = array.reshape(to.shape)
        self.give()

    def run(self, command: str) -> Optional[list]:
        try:
            if command == "s":
                self.step()
            else:
                self.vec.reset(int(self.block.seed[0]))
                self.give()
        except Exception as error:
            self.exception = error
            return worker.told(error, "the reward function" if command == "s" else "reset")
        return None

    def close(self) -> None:
        pass


class Reward(_Foreign):
    """The environment `name` of the library with the reward function(step) in place of its own."""

    def __init__(self, name: str, function: Callable[[Step], Any], settings: int):
        self.function = function
        self.native = _c.lib().mb_settings_env(settings)
        native = c.cast(self.native, c.POINTER(_c.mb_env_def)).contents
        shape = _c.mb_env_shape()
        _c.call("mb_env_shape_of", self.native, _c.lib().mb_settings_env_options(settings), c.byref(shape))
        if shape.nagents > 1:
            raise _c.Error(f"{name} has {shape.nagents} agents; a reward function is for environments with one", [], "", "unsupported")
        self.obs = [type("Leaf", (), {"field": worker.Field(("box", "discrete", "image")[f.kind], f.n, (f.h, f.w, f.c) if f.h else (0, 0, 0))})
                    for f in (shape.obs.field[i] for i in range(shape.obs.nfields))]
        super().__init__(native.name.decode(), native.options or 0, native.options_size)

    def fill(self, shape: _c.mb_env_shape, options: int) -> None:
        _c.call("mb_env_shape_of", self.native, options, c.byref(shape))

    def make_group(self, memory: Any, layout: dict, options: int) -> Any:
        return _RewardGroup(self, memory, layout, options)
