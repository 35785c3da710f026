"""Training, and policies that were trained."""

from __future__ import annotations

import ctypes as c
import json
import logging
import os
import sys
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, NamedTuple, Optional, Union

import numpy as np

from . import _c
from ._c import Error
from ._vec import Arena, array_of, fields

log = logging.getLogger("matchbox")


class Progress(NamedTuple):
    """How far training is.  return_mean: of the last 100 episodes, NaN before one has ended."""

    step: int
    total_steps: int
    seconds: float
    steps_per_second: float
    return_mean: float
    episodes: int


class Evaluation(NamedTuple):
    """Returns of whole episodes played greedily."""

    episodes: int
    return_mean: float
    return_std: float
    return_min: float
    return_max: float
    length_mean: float


@dataclass(frozen=True)
class Results:
    """What a training run gave; the same numbers as `matchbox train --json`.

    run: directory of the run (None: kept nothing), checkpoint: its newest file; return_mean: last 100 training episodes;
    eval: the evaluation at the end, or None; interrupted: stopped before its end, with a checkpoint."""

    run: Optional[str]
    algo: str
    env: str
    seed: int
    steps: int
    seconds: float
    steps_per_second: float
    return_mean: Optional[float]
    eval: Optional[Evaluation]
    checkpoint: Optional[str]
    interrupted: bool
    summary: Dict[str, Any] = field(repr=False)
    _env: Any = field(default=None, repr=False)

    def load(self) -> "Policy":
        """The trained policy."""
        if not self.run:
            raise Error("this run kept nothing (run='none')", [], "train with a directory: run='runs/mine'")
        return load(self.run, env=self._env)


def _evaluation(e: _c.mb_eval) -> Evaluation:
    return Evaluation(e.episodes, e.return_mean, e.return_std, e.return_min, e.return_max, e.length_mean)


def _on_log(context: Any, level: int, text: bytes) -> None:
    log.log(logging.WARNING if level else logging.INFO, text.decode("utf-8", "replace"))


class _Hooks:
    """What the library tells and asks while it trains."""

    def __init__(self, progress: Optional[Callable[[Progress], Any]] = None, definition: Optional[int] = None):
        self.user, self.stop = progress, c.c_int(0)
        self.exception: Optional[BaseException] = None
        shown = _c.PROGRESS(self.progress) if progress else _c.PROGRESS(0)
        self.c = _c.mb_hooks(shown, c.addressof(self.stop), _c.mb_logger(_c.LOG_LINE(_on_log), None), None, definition)

    def progress(self, context: Any, info: Any) -> None:
        p = info.contents
        try:
            if self.user(Progress(p.step, p.total_steps, p.seconds, p.steps_per_second, p.return_mean, p.episodes)) is False:
                self.stop.value = 1
        except BaseException as error:
            self.exception = error
            self.stop.value = 1

    def run(self, work: Callable[[], Any]) -> Any:
        """Do the work in a thread while this one waits for Ctrl-C, which asks for a clean stop."""
        if threading.current_thread() is not threading.main_thread():
            return work()
        outcome: list = []
        done = threading.Event()

        def target() -> None:
            try:
                outcome.append((work(), None))
            except BaseException as error:
                outcome.append((None, error))
            done.set()

        thread = threading.Thread(target=target, name="matchbox")
        thread.start()
        while not done.is_set():
            try:
                done.wait(0.2)
            except KeyboardInterrupt:
                self.stop.value = 1
        thread.join()
        result, error = outcome[0]
        if error is not None:
            raise error
        return result


def _own_python() -> None:
    """Workers of gym: environments use the Python that runs now, unless told otherwise."""
    if sys.executable:
        os.environ.setdefault("MATCHBOX_PYTHON", sys.executable)


def _printer(p: Progress) -> None:
    print(f"{100 * p.step / p.total_steps:3.0f} %  {p.step} of {p.total_steps} steps  {p.steps_per_second:,.0f}/s  return {p.return_mean:.2f}",
          file=sys.stderr)


def _foreign(env: Any, env_kwargs: Optional[dict]) -> Any:
    """The descriptor of an environment of Python; None: a name."""
    if isinstance(env, str):
        if env_kwargs:
            raise Error("env_kwargs is for environments given as a class or function", [], "write them into the name, gym:ID?key=value, or as env_options")
        return None
    from .custom import PythonEnv, _Foreign

    if isinstance(env, _Foreign):
        return env
    if not callable(env):
        raise Error(f"env is a {type(env).__name__}, not a name, a class or a function that makes an environment", [],
                    "pass the class, or lambda: ..., so that several instances can be made")
    name = getattr(env, "__name__", type(env).__name__).strip("<>").lower().replace("_", "-")
    return PythonEnv(lambda: env(**(env_kwargs or {})), name)


def train(algo: str, env: Union[str, Callable[..., Any]], *, total_steps: Optional[int] = None, seed: Optional[int] = None,
          run: Optional[str] = None, preset: Optional[str] = None, config: Optional[str] = None,
          progress: Union[None, bool, Callable[[Progress], Any]] = None, reward: Optional[Callable[[Any], Any]] = None,
          env_options: Optional[Dict[str, Any]] = None, env_kwargs: Optional[Dict[str, Any]] = None, **options: Any) -> Results:
    """Train `algo` on `env`, as `matchbox train ALGO ENV` does.

    env        a name ("cartpole"), a file ("./my_env.c", "./my_env.so"), "gym:ID?key=value", or a class or function that makes
               an environment with Gymnasium's interface, stepped in this process
    run        directory of the run; default runs/ALGO-ENV-SEED, "none" keeps nothing
    progress   called about ten times a second with a Progress (False stops); True prints
    reward     function(step) -> rewards [n] in place of the environment's, see matchbox.custom.Step; evaluation uses it as well
    env_options, env_kwargs   options of one of matchbox's environments; arguments of a class
    **options  any setting of the run or the algorithm: envs=16, horizon=64, lr="linear:1e-3:0", hidden=[64, 64]

    Ctrl-C stops after a checkpoint; the results say interrupted.  What goes wrong is a matchbox.Error.
    """
    _own_python()
    foreign = _foreign(env, env_kwargs)
    arena = Arena(1 << 28)
    if foreign is None:
        settings = _c.call("mb_settings_new", arena.pointer, algo.encode(), env.encode())
    else:
        settings = _c.call("mb_settings_of", arena.pointer, _c.call("mb_algo_find", algo.encode()), foreign.definition)
    given = {**options, **{f"env.{k}": v for k, v in (env_options or {}).items()}}
    given.update({k: v for k, v in (("total-steps", total_steps), ("seed", seed), ("run", run)) if v is not None})

    def apply(settings: int) -> None:
        _c.call("mb_settings_preset", settings, preset.encode() if preset else None)
        if config:
            _c.call("mb_settings_file", settings, config.encode())
        for key, value in given.items():
            _c.call("mb_settings_set", settings, key.encode(), _c.value_text(value), b"in the call of train")

    apply(settings)
    if reward is not None:
        from .custom import Reward

        if foreign is not None:
            raise Error("reward is for environments of matchbox", [], "compute it in the environment's own step")
        foreign = Reward(env, reward, settings)
        settings = _c.call("mb_settings_of", arena.pointer, _c.call("mb_algo_find", algo.encode()), foreign.definition)
        apply(settings)
    hooks = _Hooks(_printer if progress is True else progress or None)
    try:
        summary = hooks.run(lambda: _train(settings, hooks))
    except Error as error:
        cause = getattr(foreign, "exception", None)
        raise error from cause
    if hooks.exception is not None and not isinstance(hooks.exception, KeyboardInterrupt):
        raise hooks.exception
    played = summary.get("eval") or {}
    evaluation = Evaluation(**{k: played[k] for k in Evaluation._fields}) if played.get("episodes") else None
    kept = {k: summary.get(k) for k in ("run", "algo", "env", "seed", "steps", "seconds", "steps_per_second", "return_mean", "checkpoint", "interrupted")}
    return Results(eval=evaluation, summary=summary, _env=None if reward is not None else foreign, **kept)


def _train(settings: int, hooks: _Hooks) -> Dict[str, Any]:
    trainer = _c.call("mb_trainer_new", settings, c.byref(hooks.c))
    try:
        try:
            _c.call("mb_trainer_run", trainer)
            text = c.create_string_buffer(32)
            _c.lib().mb_settings_get(settings, b"eval-episodes", text, 32)
            if int(text.value) > 0:
                _c.call("mb_trainer_evaluate", trainer, int(text.value), c.byref(_c.mb_eval()))
        except Error as error:
            if error.code != "interrupted":
                raise
        summary, out = c.create_string_buffer(_c.SUMMARY_BYTES), c.create_string_buffer(1 << 16)
        text = _c.mb_str()
        _c.call("mb_trainer_summary", trainer, summary)
        _c.lib().mb_str_init(c.byref(text), out, len(out))
        _c.lib().mb_summary_json(summary, c.byref(text))
        return json.loads(out.value)
    finally:
        _c.lib().mb_trainer_free(trainer)


# ---- policies -------------------------------------------------------------------------------------------------------------


class Policy:
    """A trained policy.  Made by matchbox.load(run)."""

    def __init__(self, run: str, env: Any = None):
        _own_python()
        self.run, self._foreign = run, _foreign(env, None) if env is not None else None
        self._players: Dict[int, Any] = {}
        self._started: Dict[int, bool] = {}
        player = self._player(1)
        self.trained_steps: int = _c.lib().mb_player_trained(player.pointer)
        self.observation_fields, self.action_fields = player.obs_fields, player.act_fields

    def _player(self, n: int) -> "_Player":
        if n not in self._players:
            self._players[n] = _Player(self.run, n, self._foreign.definition if self._foreign else None)
            self._started[n] = True
        return self._players[n]

    def reset(self) -> None:
        """Forget what a recurrent policy remembers of the episodes so far."""
        self._started = dict.fromkeys(self._started, True)

    def act(self, obs: Any, *, greedy: bool = True, mask: Any = None, start: Any = None) -> Any:
        """Actions for observations as the environment gives them: one, or a batch.

        Several fields: a dict of arrays by their names.  Discrete actions come as int64, continuous ones as float32 within
        their bounds.  greedy: the likeliest action; else a sample.  mask [n, choices]: 1 where an action is allowed.
        start [n]: where an episode begins, for recurrent policies, whose rows are those of the last call."""
        parts = [np.asarray(obs[f.name]) for f in self.observation_fields] if isinstance(obs, dict) else [np.asarray(obs)]
        if len(parts) != len(self.observation_fields):
            raise Error(f"the observation has {len(self.observation_fields)} fields: {', '.join(f.name for f in self.observation_fields)}", [],
                        "pass a dict of arrays", "shape")
        n, single = self._batch(parts)
        p = self._player(n)
        for f, a, to in zip(self.observation_fields, parts, p.obs):
            to[...] = a.reshape(to.shape)
        if p.mask is not None:
            p.mask[...] = 1 if mask is None else np.asarray(mask).reshape(p.mask.shape)
        p.start[...] = self._started[n] if start is None else start
        self._started[n] = False
        _c.call("mb_player_act", p.pointer, greedy)
        return p.actions(single)

    def _batch(self, parts: list) -> Any:
        f, a = self.observation_fields[0], parts[0]
        shape = () if f.kind == "discrete" else f.shape
        if a.shape == shape or a.size == f.n and a.ndim < 2 and f.kind != "discrete":
            return 1, True
        one = 1 if f.kind == "discrete" else f.n
        if a.ndim < 1 or a.size != len(a) * one or a.size == 0:
            raise Error(f"an observation of shape {a.shape}; expected {shape} or (n, {', '.join(map(str, shape))})", [], "", "shape")
        return len(a), False

    def evaluate(self, episodes: int = 100, *, seed: Optional[int] = None) -> Evaluation:
        """Play whole episodes greedily.  Without a seed: the very episodes that training is evaluated on."""
        hooks = _Hooks(definition=self._foreign.definition if self._foreign else None)
        chosen = (1 << 64) - 1 if seed is None else seed
        out = _c.mb_eval()

        def work() -> None:
            player = _c.call("mb_player_open", self.run.encode(), min(episodes, 100), chosen, c.byref(hooks.c))
            try:
                _c.call("mb_player_eval", player, episodes, c.addressof(hooks.stop), c.byref(out))
            finally:
                _c.lib().mb_player_free(player)

        hooks.run(work)
        return _evaluation(out)


class _Player:
    def __init__(self, run: str, n: int, definition: Optional[int]):
        self.hooks = _Hooks(definition=definition)
        self.pointer = _c.call("mb_player_open", run.encode(), n, (1 << 64) - 1, c.byref(self.hooks.c))
        vec = _c.lib().mb_player_vec(self.pointer)
        shape, w = _c.lib().mb_vec_shape(vec).contents, _c.lib().mb_vec_view_of(vec).contents
        if w.nagents > 1:
            raise Error(f"{run}: a policy of {w.nagents} agents; act is for one", [], "matchbox play RUN shows it", "unsupported")
        self.obs_fields, self.act_fields = fields(shape.obs), fields(shape.act)
        self.obs = [array_of(self, w.obs[i], f.dtype, w.rows, *(() if f.kind == "discrete" else f.shape)) for i, f in enumerate(self.obs_fields)]
        self.index = array_of(self, w.index, np.int32, w.rows, w.nindex)
        self.value = array_of(self, w.value, np.float32, w.rows, w.nvalue)
        self.start = array_of(self, w.start, np.bool_, w.nenvs)
        self.mask = array_of(self, w.mask, np.uint8, w.rows, w.nmask) if w.mask else None
        self.low = np.concatenate([f.low for f in self.act_fields if f.kind == "box"] or [np.zeros(0, np.float32)])
        self.high = np.concatenate([f.high for f in self.act_fields if f.kind == "box"] or [np.zeros(0, np.float32)])

    def actions(self, single: bool) -> Any:
        index, value = self.index.astype(np.int64), np.clip(self.value, self.low, self.high)
        if single:
            index, value = index[0], value[0]
        if not value.shape[-1]:
            index = index[..., 0] if index.shape[-1] == 1 else index
            return int(index) if index.ndim == 0 else index
        if not index.shape[-1]:
            return value
        out, i, v = {}, 0, 0
        for f in self.act_fields:
            if f.kind == "discrete":
                out[f.name], i = index[..., i], i + 1
            else:
                out[f.name], v = value[..., v : v + f.n], v + f.n
        return out

    def __del__(self) -> None:
        if getattr(self, "pointer", None):
            _c.lib().mb_player_free(self.pointer)


def load(run: str, *, env: Any = None) -> Policy:
    """The policy of the newest checkpoint of a run.  env: the class or function it was trained on, where it was no name."""
    return Policy(str(run), env)
