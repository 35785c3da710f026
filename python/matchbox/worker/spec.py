"""What an environment is: its spaces, its time limit, and new instances of it."""

from .block import Block
from .groups import ParallelGroup, SingleGroup, TurnGroup
from .images import Changed
from .spaces import Acted, kind_of, observed
from .trouble import Trouble

VERSION = 1
WRAPPERS = ("TimeLimit", "OrderEnforcing", "PassiveEnvChecker")  # what matchbox does itself


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
