"""matchbox's environments with Gymnasium's and PettingZoo's interfaces."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from ._c import Error
from ._vec import FieldInfo, Vec

try:
    import gymnasium
    from gymnasium import spaces
    from gymnasium.envs.registration import EnvSpec
    from gymnasium.vector import VectorEnv as _VectorEnv
    from gymnasium.vector.utils import batch_space
except ImportError:
    raise Error("make and make_vec need the package gymnasium, which is not installed", [], "pip install 'gymnasium>=1.0'", "unsupported") from None

try:
    from gymnasium.vector import AutoresetMode

    SAME_STEP: Any = AutoresetMode.SAME_STEP
except ImportError:
    SAME_STEP = "SameStep"


def observation_space(fields: List[FieldInfo]) -> spaces.Space:
    """Box, Discrete or image of one field; a Dict of several."""

    def one(f: FieldInfo) -> spaces.Space:
        if f.kind == "discrete":
            return spaces.Discrete(f.n)
        if f.kind == "image":
            return spaces.Box(0, 255, f.shape, np.uint8)
        return spaces.Box(f.low.reshape(f.shape), f.high.reshape(f.shape), f.shape, np.float32)

    return one(fields[0]) if len(fields) == 1 else spaces.Dict({f.name: one(f) for f in fields})


def action_space(fields: List[FieldInfo]) -> spaces.Space:
    """Discrete, MultiDiscrete or Box; a Dict where an action is some of each."""
    if all(f.kind == "discrete" for f in fields):
        return spaces.Discrete(fields[0].n) if len(fields) == 1 else spaces.MultiDiscrete([f.n for f in fields])
    if all(f.kind == "box" for f in fields):
        low, high = np.concatenate([f.low for f in fields]), np.concatenate([f.high for f in fields])
        return spaces.Box(low, high, low.shape, np.float32)
    return spaces.Dict({f.name: spaces.Discrete(f.n) if f.kind == "discrete" else spaces.Box(f.low, f.high, (f.n,), np.float32) for f in fields})


class _Actions:
    """Writes actions of a space into the vectoriser: a batch [rows, ...], or a Dict of batches."""

    def __init__(self, vec: Vec):
        self.index, self.value = vec.index, vec.value
        self.only_index = vec.value.shape[1] == 0
        self.only_value = vec.index.shape[1] == 0
        self.first = vec.index[:, 0] if vec.index.shape[1] == 1 else None
        self.fields = vec.act_fields

    def write(self, actions: Any) -> None:
        if self.first is not None and self.only_index:
            self.first[...] = actions
        elif self.only_index:
            self.index[...] = np.asarray(actions).reshape(self.index.shape)
        elif self.only_value:
            self.value[...] = np.asarray(actions).reshape(self.value.shape)
        else:
            i = v = 0
            for f in self.fields:
                if f.kind == "discrete":
                    self.index[:, i], i = actions[f.name], i + 1
                else:
                    self.value[:, v : v + f.n], v = actions[f.name], v + f.n


def _one_agent(vec: Vec, name: str) -> Vec:
    if vec.nagents > 1:
        raise Error(f"{name} has {vec.nagents} agents, which Gymnasium's interface has no place for", [], f"matchbox.make_parallel('{name}')")
    return vec


class VectorEnv(_VectorEnv):
    """`num_envs` instances stepped by the library, as a gymnasium.vector.VectorEnv.

    Episodes that end begin anew in the same step (AutoresetMode.SAME_STEP): the last observation is in
    infos["final_obs"] where infos["_final_obs"], returns and lengths are in infos["episode"].

    Arrays are views of the library's memory: the next step overwrites them.  copy=True gives arrays of their own.
    With action masks, infos["action_mask"] holds those of the observations returned.
    """

    def __init__(self, name: str, num_envs: int = 1, *, seed: Optional[int] = None, threads: int = 1, copy: bool = False,
                 render_mode: Optional[str] = None, **options: Any):
        self.metadata = {"autoreset_mode": SAME_STEP, "render_modes": ["rgb_array"], "render_fps": 30}
        vec = self._vec = _one_agent(Vec(name, num_envs, seed or 0, threads, options), name)
        self.name, self.num_envs, self.render_mode, self.copy = name, num_envs, render_mode, copy
        self.single_observation_space, self.single_action_space = observation_space(vec.obs_fields), action_space(vec.act_fields)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._actions, self._seeded = _Actions(vec), seed is not None
        names = [f.name for f in vec.obs_fields]
        self._dict = len(names) > 1
        self._obs: Any = dict(zip(names, vec.obs)) if self._dict else vec.obs[0]
        self._final: Any = dict(zip(names, vec.final_obs)) if self._dict else vec.final_obs[0]
        self._stats = {"r": vec.last_return, "l": vec.last_length, "_r": vec.start, "_l": vec.start}
        self._simple = self._actions.first if self._actions.only_index else None
        self._masked = vec.mask is not None

    def _observation(self) -> Any:
        if not self.copy:
            return self._obs
        return {k: v.copy() for k, v in self._obs.items()} if self._dict else self._obs.copy()

    def _infos(self) -> Dict[str, Any]:
        infos: Dict[str, Any] = {}
        start = self._vec.start
        if start.any():
            final = self._final
            if self._dict:
                final = np.full(self.num_envs, None, dtype=object)
                for i in np.flatnonzero(start):
                    final[i] = {k: v[i].copy() for k, v in self._final.items()}
            infos = {"final_obs": final, "_final_obs": start, "episode": self._stats, "_episode": start}
            if self.copy:
                ended = start.copy()
                infos = {"final_obs": final.copy(), "_final_obs": ended, "_episode": ended,
                         "episode": {"r": self._vec.last_return.copy(), "l": self._vec.last_length.copy(), "_r": ended, "_l": ended}}
        if self._masked:
            infos["action_mask"] = self._vec.mask.copy() if self.copy else self._vec.mask
        return infos

    def reset(self, *, seed: Any = None, options: Optional[dict] = None) -> Tuple[Any, Dict[str, Any]]:
        """New episodes everywhere.  seed: an int (a list's first counts); without one the streams go on, and the first
        reset of an environment made without a seed is random."""
        if isinstance(seed, (list, tuple)):
            seed = next((s for s in seed if s is not None), None)
        if seed is None and not self._seeded:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        if seed is not None:
            self._np_random, self._np_random_seed = gymnasium.utils.seeding.np_random(seed)
        self._seeded = True
        self._vec.reset(seed)
        return self._observation(), {"action_mask": self._vec.mask} if self._masked else {}

    def step(self, actions: Any) -> Tuple[Any, np.ndarray, np.ndarray, np.ndarray, Dict[str, Any]]:
        vec = self._vec
        if self._simple is not None:
            self._simple[...] = actions
        else:
            self._actions.write(actions)
        vec.step()
        if self.copy:
            return self._observation(), vec.reward.copy(), vec.terminated.copy(), vec.truncated.copy(), self._infos()
        return self._obs, vec.reward, vec.terminated, vec.truncated, self._infos()

    def render(self) -> Optional[Tuple[np.ndarray, ...]]:
        return tuple(self._vec.draw(i) for i in range(self.num_envs)) if self.render_mode == "rgb_array" else None

    def close_extras(self, **kwargs: Any) -> None:
        self._vec.close()


class Env(gymnasium.Env):
    """One instance as a gymnasium.Env."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}

    def __init__(self, name: str, *, render_mode: Optional[str] = None, **options: Any):
        if render_mode not in (None, "rgb_array"):
            raise Error(f"render_mode '{render_mode}'", ["there are: None, 'rgb_array'"], "", "range")
        vec = self._vec = _one_agent(Vec(name, 1, options=options), name)
        self.name, self.render_mode = name, render_mode
        self.spec = EnvSpec(f"matchbox/{name}-v0", "matchbox.envs:Env", kwargs={"name": name, **options})
        self.observation_space, self.action_space = observation_space(vec.obs_fields), action_space(vec.act_fields)
        self._actions = _Actions(vec)
        self._seeded = self._running = False

    def _observation(self, arrays: List[np.ndarray]) -> Any:
        one = [np.int64(a[0]) if f.kind == "discrete" else a[0].copy() for f, a in zip(self._vec.obs_fields, arrays)]
        return one[0] if len(one) == 1 else {f.name: v for f, v in zip(self._vec.obs_fields, one)}

    def _info(self) -> Dict[str, Any]:
        return {} if self._vec.mask is None else {"action_mask": self._vec.mask[0].copy()}

    def reset(self, *, seed: Optional[int] = None, options: Optional[dict] = None) -> Tuple[Any, Dict[str, Any]]:
        super().reset(seed=seed)
        if seed is None and not self._seeded:
            seed = int(self.np_random.integers(1 << 62))
        self._seeded = True
        self._vec.reset(seed)
        self._running = True
        return self._observation(self._vec.obs), self._info()

    def step(self, action: Any) -> Tuple[Any, float, bool, bool, Dict[str, Any]]:
        if not self._running:
            raise Error(f"{self.name}: step before reset", ["an episode has ended, or none has begun"], "call reset()")
        vec = self._vec
        batch = {k: np.asarray(v)[None] for k, v in action.items()} if isinstance(action, dict) else np.asarray(action)[None]
        self._actions.write(batch)
        vec.step()
        terminated, truncated = bool(vec.terminated[0]), bool(vec.truncated[0])
        self._running = not (terminated or truncated)
        observation = self._observation(vec.obs if self._running else vec.final_obs)
        return observation, float(vec.reward[0]), terminated, truncated, self._info()

    def render(self) -> Optional[np.ndarray]:
        return self._vec.draw() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        self._vec.close()


def make(name: str, *, render_mode: Optional[str] = None, **options: Any) -> Env:
    """One environment of matchbox as a gymnasium.Env.  Options are the environment's: make("cartpole", gravity=5)."""
    return Env(name, render_mode=render_mode, **options)


def make_vec(name: str, num_envs: int = 1, *, seed: Optional[int] = None, threads: int = 1, copy: bool = False,
             render_mode: Optional[str] = None, **options: Any) -> VectorEnv:
    """Many instances as a gymnasium.vector.VectorEnv; see VectorEnv.  threads: for large batches."""
    return VectorEnv(name, num_envs, seed=seed, threads=threads, copy=copy, render_mode=render_mode, **options)
