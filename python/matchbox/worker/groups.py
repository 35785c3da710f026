"""Instances stepped over a block of memory: one agent, agents at once, agents in turns."""

import numpy as np

from .spaces import at
from .trouble import Trouble, told


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
