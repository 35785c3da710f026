"""The library through ctypes: its structures (tests/python checks them against the headers), functions, and errors."""

from __future__ import annotations

import ctypes as c
import os
from pathlib import Path
from typing import Any, List, Optional

MAX_FIELDS = 8
CODES = ("ok", "usage", "range", "shape", "io", "format", "memory", "numeric", "env", "busy", "unsupported", "interrupted")


class Error(Exception):
    """What went wrong, where, and what to do.

    what:  the cause in one line;  notes: where it happened, innermost first;  help: what to do, or "";
    code:  "usage", "range", "shape", "io", "format", "memory", "numeric", "env", "busy", "unsupported" or "interrupted".
    """

    def __init__(self, what: str, notes: Optional[List[str]] = None, help: str = "", code: str = "usage"):
        self.what, self.notes, self.help, self.code = what, list(notes or []), help, code
        lines = [what] + [f"  note: {n}" for n in self.notes] + ([f"  help: {help}"] if help else [])
        super().__init__("\n".join(lines))


# ---- structures (include/matchbox) ----------------------------------------------------------------------------------------


class mb_error(c.Structure):
    _fields_ = [("code", c.c_int), ("what", c.c_char * 384), ("nnotes", c.c_int), ("notes", (c.c_char * 192) * 6), ("help", c.c_char * 96)]


class mb_scope(c.Structure):
    _fields_ = [("arena", c.c_void_p), ("store", c.c_void_p), ("pool", c.c_void_p), ("seed", c.c_uint64), ("kernels", c.c_char_p),
                ("log", c.c_void_p), ("phases", c.c_void_p), ("dir", c.c_char_p)]


class mb_field(c.Structure):
    _fields_ = [("kind", c.c_int), ("n", c.c_int), ("low", c.c_float), ("high", c.c_float), ("name", c.c_char_p), ("h", c.c_int),
                ("w", c.c_int), ("c", c.c_int), ("lows", c.POINTER(c.c_float)), ("highs", c.POINTER(c.c_float))]


class mb_space(c.Structure):
    _fields_ = [("nfields", c.c_int), ("field", mb_field * MAX_FIELDS)]


class mb_env_shape(c.Structure):
    _fields_ = [("obs", mb_space), ("act", mb_space), ("nagents", c.c_int), ("time_limit", c.c_int), ("masked", c.c_bool),
                ("state_size", c.c_size_t)]


class mb_env_def(c.Structure):
    """The part that is needed here; a descriptor goes on after it."""

    _fields_ = [("abi", c.c_int), ("size", c.c_size_t), ("name", c.c_char_p), ("summary", c.c_char_p), ("source", c.c_char_p),
                ("obs", mb_space), ("act", mb_space), ("nagents", c.c_int), ("time_limit", c.c_int), ("masked", c.c_bool),
                ("solved", c.c_float), ("state_size", c.c_size_t), ("options", c.c_void_p), ("options_size", c.c_size_t)]


class mb_vec_view(c.Structure):
    _fields_ = [(n, c.c_int) for n in ("nenvs", "nagents", "rows", "nfields", "nindex", "nvalue", "nmask")] + [
        ("obs", c.c_void_p * MAX_FIELDS), ("mask", c.c_void_p), ("active", c.c_void_p), ("start", c.c_void_p), ("index", c.c_void_p),
        ("value", c.c_void_p), ("reward", c.c_void_p), ("terminated", c.c_void_p), ("truncated", c.c_void_p),
        ("final_obs", c.c_void_p * MAX_FIELDS), ("last_length", c.c_void_p), ("last_return", c.c_void_p)]


class mb_canvas(c.Structure):
    _fields_ = [("w", c.c_int), ("h", c.c_int), ("rgb", c.c_void_p)]


class mb_eval(c.Structure):
    _fields_ = [("episodes", c.c_int)] + [(n, c.c_double) for n in ("return_mean", "return_std", "return_min", "return_max", "length_mean")]


class mb_progress_info(c.Structure):
    """Its beginning."""

    _fields_ = [("step", c.c_int64), ("total_steps", c.c_int64), ("seconds", c.c_double), ("steps_per_second", c.c_double),
                ("return_mean", c.c_double), ("last_eval", c.c_double), ("episodes", c.c_int64), ("done", c.c_bool)]


PROGRESS = c.CFUNCTYPE(None, c.c_void_p, c.POINTER(mb_progress_info))
LOG_LINE = c.CFUNCTYPE(None, c.c_void_p, c.c_int, c.c_char_p)


class mb_logger(c.Structure):
    _fields_ = [("line", LOG_LINE), ("ctx", c.c_void_p)]


class mb_hooks(c.Structure):
    _fields_ = [("progress", PROGRESS), ("stop", c.c_void_p), ("log", mb_logger), ("ctx", c.c_void_p), ("env", c.c_void_p)]


class mb_str(c.Structure):
    _fields_ = [("s", c.c_void_p), ("n", c.c_size_t), ("cap", c.c_size_t), ("full", c.c_bool)]


class mb_block(c.Structure):
    _fields_ = [(n, c.c_int) for n in ("worker", "nworkers", "first", "count")] + [
        ("shape", c.POINTER(mb_env_shape)), ("base", c.c_void_p), ("bytes", c.c_size_t), ("fd", c.c_int), ("pid", c.c_int),
        ("channel", c.c_int), ("layout", c.c_char_p)] + [
        (n, c.c_size_t) for n in ("text", "seed", "index", "value", "reward", "terminated", "truncated", "active", "mask")] + [
        ("obs", c.c_size_t * MAX_FIELDS), ("final_obs", c.c_size_t * MAX_FIELDS)]


SHAPE = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.c_void_p, c.POINTER(mb_env_shape), c.POINTER(mb_error))
WORKERS = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.c_int)
OPEN = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.c_void_p, c.POINTER(mb_block), c.POINTER(mb_error))
SEND = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.POINTER(mb_block), c.c_int, c.POINTER(mb_error))
RECEIVE = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(c.POINTER(mb_block)), c.c_int, c.POINTER(c.c_int), c.POINTER(mb_error))
CLOSE = c.CFUNCTYPE(None, c.c_void_p, c.POINTER(mb_block))


class mb_foreign(c.Structure):
    _fields_ = [("self", c.c_void_p), ("shared", c.c_bool), ("shape", SHAPE), ("workers", WORKERS), ("open", OPEN), ("send", SEND),
                ("receive", RECEIVE), ("close", CLOSE)]


# ---- the library ----------------------------------------------------------------------------------------------------------

P, I, S, B = c.c_void_p, c.c_int, c.c_char_p, c.c_bool
E = c.POINTER(mb_error)
FUNCTIONS = {
    "mb_arena_new": (P, c.c_size_t, E), "mb_arena_free": (None, P), "mb_pool_new": (P, I, E), "mb_pool_free": (None, P),
    "mb_isa": (B, c.POINTER(S), E), "mb_fail": (B, E, I, S), "mb_error_text": (None, E, S, c.c_size_t),
    "mb_env_at": (c.POINTER(mb_env_def), I), "mb_env_foreign": (P, P, S, c.POINTER(mb_foreign), P, c.c_size_t, E),
    "mb_env_shape_of": (B, P, P, c.POINTER(mb_env_shape), E),
    "mb_vec_new": (P, c.POINTER(mb_scope), S, P, P, I, E), "mb_vec_shape": (c.POINTER(mb_env_shape), P),
    "mb_vec_view_of": (c.POINTER(mb_vec_view), P), "mb_vec_reset": (B, P, E), "mb_vec_step": (B, P, E), "mb_vec_seed": (None, P, c.c_uint64),
    "mb_vec_close": (None, P), "mb_vec_draw": (None, P, I, c.POINTER(mb_canvas)),
    "mb_settings_new": (P, P, S, S, E), "mb_settings_of": (P, P, P, P, E), "mb_settings_set": (B, P, S, S, S, E),
    "mb_settings_file": (B, P, S, E), "mb_settings_preset": (B, P, S, E), "mb_settings_env": (P, P), "mb_settings_env_options": (P, P),
    "mb_settings_get": (B, P, S, S, c.c_size_t),
    "mb_algo_find": (P, S, E), "mb_trainer_new": (P, P, c.POINTER(mb_hooks), E), "mb_trainer_run": (B, P, E),
    "mb_trainer_open": (P, S, c.POINTER(mb_hooks), E),
    "mb_trainer_evaluate": (B, P, I, c.POINTER(mb_eval), E), "mb_trainer_summary": (B, P, P, E), "mb_trainer_free": (None, P),
    "mb_summary_json": (None, P, c.POINTER(mb_str)), "mb_str_init": (None, c.POINTER(mb_str), P, c.c_size_t),
    "mb_player_open": (P, S, I, c.c_uint64, c.POINTER(mb_hooks), E), "mb_player_act": (B, P, B, E), "mb_player_vec": (P, P),
    "mb_player_settings": (P, P), "mb_player_trained": (c.c_int64, P),
    "mb_player_eval": (B, P, I, P, c.POINTER(mb_eval), E), "mb_player_free": (None, P),
}
SUMMARY_BYTES = 1024  # more than mb_summary needs


def _find() -> Path:
    """$MATCHBOX_LIBRARY, the one in this package, or the one of the source tree this package lies in."""
    own = Path(__file__).resolve().parent
    asked = os.environ.get("MATCHBOX_LIBRARY")
    places = [Path(asked)] if asked else [own / "libmatchbox.so", own.parents[1] / "build" / "libmatchbox.so.0"]
    for place in places:
        if place.exists():
            return place
    raise Error("libmatchbox was not found", [f"looked for {p}" for p in places], "make build/libmatchbox.so.0, or pip install matchbox")


_library: Any = None


def lib() -> Any:
    """The loaded library."""
    global _library
    if _library is None:
        path = _find()
        try:
            loaded = c.CDLL(str(path))
            for name, (result, *arguments) in FUNCTIONS.items():
                f = getattr(loaded, name)
                f.restype, f.argtypes = result, arguments
        except (OSError, AttributeError) as error:
            raise Error(f"{path}: not the library that belongs to this package", [str(error)], "install matchbox again", "format") from None
        _library = loaded
    return _library


def error_of(err: mb_error) -> Error:
    def text(raw: bytes) -> str:
        return raw.decode("utf-8", "replace")

    notes = [text(err.notes[i].value) for i in range(err.nnotes)]
    return Error(text(err.what), notes, text(err.help), CODES[err.code] if 0 < err.code < len(CODES) else "usage")


def call(name: str, *args: Any) -> Any:
    """Call a function that takes an error as its last argument; what it says is raised."""
    err = mb_error()
    result = getattr(lib(), name)(*args, c.byref(err))
    if err.code:
        raise error_of(err)
    return result


def value_text(value: Any) -> bytes:
    """A setting as the command line writes it."""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, (list, tuple)):
        return ",".join(str(v) for v in value).encode()
    return str(value).encode()


def array(address: int, dtype: Any, shape: tuple, owner: Any) -> Any:
    """NumPy's view of memory of the library, which `owner` keeps alive."""
    import numpy as np

    dtype = np.dtype(dtype)
    n = int(np.prod(shape)) * dtype.itemsize
    if n == 0:
        return np.zeros(shape, dtype)
    buffer = (c.c_char * n).from_address(address)
    buffer.owner = owner
    return np.frombuffer(buffer, dtype).reshape(shape)
