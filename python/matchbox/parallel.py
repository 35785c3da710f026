"""matchbox's environments with several agents as PettingZoo's parallel environments."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import numpy as np

from ._c import Error
from ._vec import Vec
from .envs import _Actions, action_space, observation_space

try:
    from pettingzoo import ParallelEnv as _ParallelEnv
except ImportError:
    raise Error("make_parallel needs the package pettingzoo, which is not installed", [], "pip install pettingzoo", "unsupported") from None


class ParallelEnv(_ParallelEnv):
    """One instance with its agents "agent_0", "agent_1", ...  In games with turns, infos[agent]["active"] is False for an
    agent whose next action does not matter."""

    def __init__(self, name: str, *, render_mode: Optional[str] = None, **options: Any):
        vec = self._vec = Vec(name, 1, options=options)
        self.metadata = {"name": f"{name}_v0", "render_modes": ["rgb_array"], "is_parallelizable": True, "render_fps": 30}
        self.name, self.render_mode = name, render_mode
        self.possible_agents: List[str] = [f"agent_{i}" for i in range(vec.nagents)]
        self.agents: List[str] = []
        self.observation_spaces = {a: observation_space(vec.obs_fields) for a in self.possible_agents}
        self.action_spaces = {a: action_space(vec.act_fields) for a in self.possible_agents}
        self._actions, self._seeded = _Actions(vec), False

    def observation_space(self, agent: str) -> Any:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        return self.action_spaces[agent]

    def _observations(self, arrays: List[np.ndarray]) -> Dict[str, Any]:
        fields = self._vec.obs_fields

        def one(k: int) -> Any:
            parts = [np.int64(a[k]) if f.kind == "discrete" else a[k].copy() for f, a in zip(fields, arrays)]
            return parts[0] if len(parts) == 1 else {f.name: p for f, p in zip(fields, parts)}

        return {a: one(k) for k, a in enumerate(self.possible_agents)}

    def _infos(self) -> Dict[str, Dict[str, Any]]:
        mask, active = self._vec.mask, self._vec.active
        return {a: {"active": bool(active[k]), **({} if mask is None else {"action_mask": mask[k].copy()})}
                for k, a in enumerate(self.possible_agents)}

    def reset(self, seed: Optional[int] = None, options: Optional[dict] = None) -> Any:
        if seed is None and not self._seeded:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        self._seeded = True
        self._vec.reset(seed)
        self.agents = list(self.possible_agents)
        return self._observations(self._vec.obs), self._infos()

    def step(self, actions: Dict[str, Any]) -> Any:
        vec = self._vec
        if not self.agents:
            return {}, {}, {}, {}, {}
        given = [actions[a] for a in self.possible_agents]
        self._actions.write({k: np.array([g[k] for g in given]) for k in given[0]} if isinstance(given[0], dict) else np.array(given))
        vec.step()
        terminated, truncated = bool(vec.terminated[0]), bool(vec.truncated[0])
        over = terminated or truncated
        observations = self._observations(vec.final_obs if over else vec.obs)
        infos = self._infos()
        rewards = {a: float(vec.reward[k]) for k, a in enumerate(self.possible_agents)}
        if over:
            self.agents = []
        return (observations, rewards, {a: terminated for a in self.possible_agents}, {a: truncated for a in self.possible_agents}, infos)

    def render(self) -> Optional[np.ndarray]:
        return self._vec.draw() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        self._vec.close()


def make_parallel(name: str, *, render_mode: Optional[str] = None, **options: Any) -> ParallelEnv:
    """An environment of matchbox as PettingZoo's ParallelEnv."""
    return ParallelEnv(name, render_mode=render_mode, **options)
