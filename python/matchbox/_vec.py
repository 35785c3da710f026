"""A vectoriser of the library with NumPy's views of its memory; knows nothing of Gymnasium."""

from __future__ import annotations

import ctypes as c
from typing import Any, Dict, List, Optional

import numpy as np

from . import _c

ARENA = 1 << 34  # of addresses, not of memory
KINDS = ("box", "discrete", "image")


class FieldInfo:
    """One field of a space: kind ("box", "discrete" or "image"), n, shape, name, low and high (arrays for a box)."""

    def __init__(self, f: _c.mb_field):
        self.kind, self.n = KINDS[f.kind], f.n
        self.name = f.name.decode() if f.name else ""
        self.shape = (f.h, f.w, f.c) if f.h else (f.n,)
        self.dtype = (np.float32, np.int32, np.uint8)[f.kind]
        self.low = np.array(f.lows[: f.n] if f.lows else [f.low] * f.n, np.float32)
        self.high = np.array(f.highs[: f.n] if f.highs else [f.high] * f.n, np.float32)


def fields(space: _c.mb_space) -> List[FieldInfo]:
    return [FieldInfo(space.field[i]) for i in range(space.nfields)]


def array_of(owner: Any, address: int, dtype: Any, *shape: int) -> np.ndarray:
    return _c.array(address, dtype, shape, owner)


class Arena:
    """Memory of the library; everything made in it goes when the last view of it has gone."""

    def __init__(self, bytes: int = ARENA):
        self.pointer = _c.call("mb_arena_new", bytes)
        self.pool: Optional[int] = None
        self.vec: Optional[int] = None

    def __del__(self):
        if getattr(self, "pointer", None):
            if self.vec:
                _c.lib().mb_vec_close(self.vec)
            if self.pool:
                _c.lib().mb_pool_free(self.pool)
            _c.lib().mb_arena_free(self.pointer)


class Vec:
    """`nenvs` instances of an environment.  The arrays are the library's own memory and change with every step.

    obs, final_obs: one array for each field, [rows, ...]; index [rows, nindex] and value [rows, nvalue]: actions, to be
    written before step(); reward [rows]; terminated, truncated, start [nenvs]; mask [rows, nmask] or None;
    last_length [nenvs] > 0 where an episode ended, last_return [rows].
    """

    def __init__(self, env: str, nenvs: int, seed: int = 0, threads: int = 1, options: Optional[Dict[str, Any]] = None,
                 definition: Optional[int] = None, definition_options: Optional[int] = None):
        arena = self.arena = Arena()
        if definition is None:
            settings = _c.call("mb_settings_new", arena.pointer, b"random", env.encode())
            for key, value in (options or {}).items():
                _c.call("mb_settings_set", settings, f"env.{key}".encode(), _c.value_text(value), None)
            definition = _c.lib().mb_settings_env(settings)
            definition_options = _c.lib().mb_settings_env_options(settings)
        self.scope = _c.mb_scope(arena=arena.pointer, seed=seed)
        if threads > 1:
            arena.pool = self.scope.pool = _c.call("mb_pool_new", threads)
        self.pointer = arena.vec = _c.call("mb_vec_new", c.byref(self.scope), b"python", definition, definition_options, nenvs)
        self.shape = _c.lib().mb_vec_shape(self.pointer).contents
        self.obs_fields, self.act_fields = fields(self.shape.obs), fields(self.shape.act)
        self._views(_c.lib().mb_vec_view_of(self.pointer).contents)
        self._err = _c.mb_error()
        self._vec, self._err_ref = c.c_void_p(self.pointer), c.byref(self._err)
        self._step, self._reset = _c.lib().mb_vec_step, _c.lib().mb_vec_reset

    def _views(self, w: _c.mb_vec_view) -> None:
        def view(address: int, dtype: Any, *shape: int) -> np.ndarray:
            return array_of(self.arena, address, dtype, *shape)

        self.nenvs, self.nagents, rows = w.nenvs, w.nagents, w.rows
        self.obs, self.final_obs = [], []
        for i, f in enumerate(self.obs_fields):
            one = () if f.kind == "discrete" else f.shape
            self.obs.append(view(w.obs[i], f.dtype, rows, *one))
            self.final_obs.append(view(w.final_obs[i], f.dtype, rows, *one))
        self.index = view(w.index, np.int32, rows, w.nindex)
        self.value = view(w.value, np.float32, rows, w.nvalue)
        self.reward = view(w.reward, np.float32, rows)
        self.terminated = view(w.terminated, np.bool_, w.nenvs)
        self.truncated = view(w.truncated, np.bool_, w.nenvs)
        self.start = view(w.start, np.bool_, w.nenvs)
        self.active = view(w.active, np.bool_, rows)
        self.mask = view(w.mask, np.int8, rows, w.nmask) if w.mask else None
        self.last_length = view(w.last_length, np.int32, w.nenvs)
        self.last_return = view(w.last_return, np.float32, rows)

    def _fail(self) -> None:
        error = _c.error_of(self._err)
        c.memset(c.addressof(self._err), 0, c.sizeof(self._err))
        raise error

    def step(self) -> None:
        if not self._step(self._vec, self._err_ref):
            self._fail()

    def reset(self, seed: Optional[int] = None) -> None:
        if seed is not None:
            _c.lib().mb_vec_seed(self.pointer, seed)
        if not self._reset(self._vec, self._err_ref):
            self._fail()

    def close(self) -> None:
        _c.lib().mb_vec_close(self.pointer)

    def draw(self, env: int = 0, width: int = 400, height: int = 300) -> np.ndarray:
        picture = np.zeros((height, width, 3), np.uint8)
        _c.lib().mb_vec_draw(self.pointer, env, c.byref(_c.mb_canvas(width, height, picture.ctypes.data)))
        return picture
