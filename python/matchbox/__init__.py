"""matchbox: reinforcement learning in C, from Python.

    import matchbox
    results = matchbox.train("ppo", "cartpole", total_steps=100_000)
    policy = results.load()                        # or matchbox.load("runs/ppo-cartpole-1")
    action = policy.act(observation)

    envs = matchbox.make_vec("cartpole", 1024)     # a gymnasium.vector.VectorEnv; needs the package gymnasium
    env = matchbox.make("cartpole")                # a gymnasium.Env
    game = matchbox.make_parallel("spread")        # PettingZoo's ParallelEnv; needs pettingzoo

What goes wrong is a matchbox.Error with what, notes (where) and help (what to do).
"""

from typing import Any, List

from ._c import Error

__version__ = "0.1.0"
__all__ = ["Error", "Evaluation", "Policy", "Progress", "Results", "Step", "environments", "load", "make", "make_parallel", "make_vec", "train"]

_HOME = {"make": "envs", "make_vec": "envs", "make_parallel": "parallel", "train": "training", "load": "training", "Policy": "training",
         "Results": "training", "Progress": "training", "Evaluation": "training", "Step": "custom"}


def __getattr__(name: str) -> Any:
    """Parts are loaded when they are asked for: gymnasium and pettingzoo are needed by their wrappers only."""
    if name not in _HOME:
        raise AttributeError(f"module 'matchbox' has no attribute '{name}'")
    from importlib import import_module

    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted(set(globals()) | set(__all__))


def environments() -> List[str]:
    """Names of matchbox's own environments."""
    from ._c import lib

    names: List[str] = []
    while True:
        found = lib().mb_env_at(len(names))
        if not found:
            return names
        names.append(found.contents.name.decode())
