"""The package and gym: environments, with nothing but gymnasium and numpy.  Independent references: Gymnasium's own CartPole,
its env checker, and a compiler for the layout of structures."""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env
from harness import TREE, main, program, raises, write

import matchbox
from matchbox import _c

GUESS = '''
import os, signal
import numpy as np
import gymnasium as gym
from gymnasium import spaces
class Guess(gym.Env):
    """Say whether the number shown is positive; 20 rounds."""
    observation_space, action_space = spaces.Box(-1, 1, (2,)), spaces.Discrete(2)
    def __init__(self, bad="", once=""):
        self.bad, self.once, self.t = bad, once, 0
    def look(self):
        self.x = float(self.np_random.uniform(-1, 1))
        return np.array([self.x, self.t / 20], np.float32)
    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.look(), {}
    def step(self, action):
        reward = float((self.x > 0) == bool(action))
        self.t += 1
        obs = self.look()
        if self.bad == "raise" and self.t == 7: raise ValueError("the seventh step")
        if self.bad == "shape" and self.t == 7: obs = np.zeros(3, np.float32)
        if self.bad == "nan" and self.t == 7: obs[1] = np.nan
        if self.bad == "crash" and self.t == 7 and not os.path.exists(self.once):
            open(self.once, "w").close()
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.bad == "always" and self.t == 2: os.kill(os.getpid(), signal.SIGKILL)
        return obs, reward, self.t >= 20, False, {}
class Strange(gym.Env):
    observation_space, action_space = spaces.Box(-1, 1, (2,)), spaces.Sequence(spaces.Discrete(3))
'''


def guess():
    if "guess" not in sys.modules:
        write("guess.py", GUESS)
        sys.path.insert(0, os.getcwd())
    import guess

    return guess


def quick(**more):
    return {"total_steps": 2048, "run": "none", "envs": 4, "eval_episodes": 4, **more}


# ---- structures ----


def test_structures_are_those_of_the_headers():
    lines = ['#include "matchbox.h"', "#include <stdio.h>", "int main(void) {"]
    partial = ("mb_env_def", "mb_progress_info")  # only their beginning is mirrored
    for name, s in vars(_c).items():
        if name.startswith("mb_") and isinstance(s, type) and issubclass(s, ctypes.Structure):
            if name not in partial:
                lines.append(f'printf("{name} %zu\\n", sizeof({name if name not in ("mb_foreign", "mb_canvas") else "struct " + name}));')
            lines += [f'printf("{name}.{f[0]} %zu\\n", offsetof({name}, {f[0]}));' for f in s._fields_]
    lines.append(f'printf("summary %d\\n", sizeof(mb_summary) <= {_c.SUMMARY_BYTES}); }}')
    write("layout.c", "\n".join(lines))
    if subprocess.run([os.environ["CC"], "-I", TREE + "/include", "layout.c", "-o", "layout"]).returncode:
        raise AssertionError("does not compile")
    for line in subprocess.run(["./layout"], capture_output=True, text=True, check=True).stdout.splitlines():
        key, value = line.split()
        name, _, field = key.partition(".")
        mine = 1 if name == "summary" else getattr(getattr(_c, name), field).offset if field else ctypes.sizeof(getattr(_c, name))
        assert mine == int(value), f"{key}: {mine} here, {value} in the header"


# ---- environments ----


def test_every_environment_passes_gymnasiums_checker():
    for name in matchbox.environments():
        try:
            env = matchbox.make(name)
        except matchbox.Error as error:
            lacks_library = "apt-get install" in error.help or "was built without" in error.what  # this machine or build does without
            assert lacks_library or ("agents" in error.what and "make_parallel" in error.help)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_env(env, skip_render_check=name != "cartpole")


def test_cartpole_moves_like_gymnasiums():
    ours, theirs = matchbox.make("cartpole"), gymnasium.make("CartPole-v1").unwrapped
    rng, steps = np.random.default_rng(0), 0
    for seed in range(20):
        obs, _ = ours.reset(seed=seed)
        theirs.reset(seed=seed)
        theirs.state = tuple(obs.astype(np.float64))
        while True:
            action = int(rng.integers(2))
            a, b = ours.step(action), theirs.step(action)
            assert np.allclose(a[0], b[0], atol=1e-5) and a[1] == b[1] and a[2] == b[2]
            steps += 1
            if a[2]:
                break
    assert steps > 200


def test_one_seed_one_episode():
    a, b = matchbox.make("pendulum"), matchbox.make("pendulum")
    for env in (a, b):
        env.action_space.seed(3)
    assert (a.reset(seed=5)[0] == b.reset(seed=5)[0]).all() and not (a.reset()[0] == b.reset(seed=6)[0]).all()
    fresh = [matchbox.make("pendulum").reset()[0] for _ in range(2)]
    assert not (fresh[0] == fresh[1]).all()


def test_vector_environment():
    n = 64
    envs = matchbox.make_vec("cartpole", n, seed=1, copy=True)
    assert isinstance(envs, gymnasium.vector.VectorEnv) and envs.num_envs == n
    assert envs.metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.SAME_STEP
    obs, info = envs.reset(seed=4)
    assert obs in envs.observation_space and (obs == envs.reset(seed=4)[0]).all()
    returns, ended = np.zeros(n), 0
    for _ in range(300):
        obs, reward, terminated, truncated, info = envs.step(envs.action_space.sample())
        returns += reward
        assert obs in envs.observation_space and terminated.dtype == bool
        for i in np.flatnonzero(terminated | truncated):
            final = info["final_obs"][i]
            assert info["_final_obs"][i] and info["episode"]["r"][i] == returns[i] == info["episode"]["l"][i]
            assert abs(final[0]) > 2.4 or abs(final[2]) > 0.2094, "an episode ends where the pole has fallen"
            assert np.abs(obs[i]).max() <= 0.05, "and the next one begins upright"
            returns[i], ended = 0, ended + 1
    assert ended > 500
    envs.close()


def test_time_limit_is_truncation():
    env = matchbox.make_vec("pendulum", 3, seed=0)
    env.reset()
    for t in range(200):
        _, _, terminated, truncated, info = env.step(np.zeros((3, 1), np.float32))
        assert not terminated.any() and truncated.all() == (t == 199)
    assert info["_final_obs"].all() and info["final_obs"].shape == (3, 3)


def test_views_are_the_librarys_memory():
    envs = matchbox.make_vec("cartpole", 8, seed=0)
    obs, _ = envs.reset()
    before = obs.copy()
    after = envs.step(np.ones(8, np.int64))[0]
    assert after is obs and not (obs == before).all()
    keep = envs._vec.obs[0]
    del envs, after
    assert np.isfinite(keep).all()  # the memory lives as long as a view of it


def test_masks_and_other_spaces():
    assert "action_mask" in matchbox.make("tictactoe").reset(seed=0)[1] if "tictactoe" in matchbox.environments() else True
    assert isinstance(matchbox.make("pendulum").action_space, gymnasium.spaces.Box)
    assert isinstance(matchbox.make("taxi").observation_space, gymnasium.spaces.Discrete)
    assert matchbox.make("breakout").observation_space.shape == (10, 10, 4)
    assert (matchbox.make("cartpole", gravity=20).reset(seed=1)[0] == matchbox.make("cartpole").reset(seed=1)[0]).all()


def test_errors_say_what_where_and_help():
    error = raises(matchbox.Error, "unknown environment 'cartpol'", lambda: matchbox.make("cartpol"))
    assert error.code == "usage" and "did you mean 'cartpole'?" in error.notes and error.help == "matchbox list envs"
    raises(matchbox.Error, "did you mean 'env.gravity'?", lambda: matchbox.make("cartpole", gravty=3))
    envs = matchbox.make_vec("cartpole", 2, seed=0)
    envs.reset()
    error = raises(matchbox.Error, "instance 1: action is 7", lambda: envs.step(np.array([0, 7])))
    assert error.code == "env"
    envs.step(np.array([0, 1]))  # and goes on


# ---- training ----


def test_train_load_act():
    seen = []
    results = matchbox.train("ppo", "cartpole", total_steps=60000, seed=1, run="runs/pole", progress=lambda p: seen.append(p.step))
    assert results.eval.return_mean > 400 and results.run == "runs/pole" and os.path.exists(results.checkpoint) and seen[-1] == results.steps
    policy = results.load()
    assert policy.trained_steps == results.steps
    assert policy.evaluate(100) == results.eval, "the episodes of the evaluation at the end of training"
    env, total = matchbox.make("cartpole"), 0
    obs, _ = env.reset(seed=9)
    while True:
        obs, reward, terminated, truncated, _ = env.step(policy.act(obs))
        total += reward
        if terminated or truncated:
            break
    assert total > 300
    batch = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
    assert (policy.act(batch) == [policy.act(row) for row in batch]).all()
    raises(matchbox.Error, "shape (32, 3)", lambda: policy.act(batch[:, :3]))
    same = matchbox.train("ppo", "cartpole", total_steps=60000, seed=1, run="runs/again", threads=2)
    with open(results.checkpoint, "rb") as a, open(same.checkpoint, "rb") as b:
        assert a.read() == b.read(), "the same seed gives the same bytes"


def test_settings_are_checked():
    raises(matchbox.Error, "did you mean 'horizon'?", lambda: matchbox.train("ppo", "cartpole", horizn=3))
    raises(matchbox.Error, "option 'clip' must lie in [0, 1], not 1.7", lambda: matchbox.train("ppo", "cartpole", clip=1.7))
    raises(matchbox.Error, "did you mean 'ppo'?", lambda: matchbox.train("pppo", "cartpole"))


def test_stopping():
    results = matchbox.train("random", "cartpole", total_steps=10**12, run="runs/stopped", progress=lambda p: p.step < 1000)
    assert results.interrupted and os.path.exists(results.checkpoint)
    threading.Timer(1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    results = matchbox.train("random", "cartpole", total_steps=10**12, run="none")
    assert results.interrupted and results.steps > 1000


def test_an_environment_of_python():
    module = guess()
    results = matchbox.train("ppo", module.Guess, total_steps=16384, envs=8, run="runs/guess")
    assert results.eval.return_mean > 18 and results.eval.length_mean == 20
    assert results.load().act(np.array([0.7, 0.1])) == 1 and results.load().act(np.array([-0.7, 0.1])) == 0
    assert matchbox.load("runs/guess", env=module.Guess).evaluate(8).return_mean > 17
    error = raises(matchbox.Error, "raised ValueError: the seventh step", lambda: matchbox.train("ppo", module.Guess, env_kwargs={"bad": "raise"}, **quick()))
    assert isinstance(error.__cause__, ValueError) and "guess.py" in error.notes[0]
    raises(matchbox.Error, "shape (3,), its space says (2,)", lambda: matchbox.train("ppo", module.Guess, env_kwargs={"bad": "shape"}, **quick()))
    raises(matchbox.Error, "component 1, is nan", lambda: matchbox.train("ppo", module.Guess, env_kwargs={"bad": "nan"}, **quick()))
    raises(matchbox.Error, "a space of kind Sequence", lambda: matchbox.train("ppo", module.Strange, **quick()))


def test_a_reward_of_the_users():
    twice = matchbox.train("ppo", "cartpole", total_steps=8192, seed=2, run="runs/twice", reward=lambda s: 2 * s.reward)
    plain = matchbox.train("ppo", "cartpole", total_steps=8192, seed=2, run="none", reward_scale=2, reward=lambda s: s.reward)
    assert abs(twice.return_mean - 2 * plain.return_mean) < 1e-6, "the same training but for the scale"
    own = twice.load().evaluate(100).return_mean
    assert 0.7 < twice.eval.return_mean / (2 * own) < 1.4, "a run is loaded with the environment's own reward"
    raises(matchbox.Error, "the reward function raised KeyError", lambda: matchbox.train("ppo", "cartpole", reward=lambda s: {}["no"], **quick()))
    raises(matchbox.Error, "returned shape (3,)", lambda: matchbox.train("ppo", "cartpole", reward=lambda s: np.zeros(3), **quick()))


# ---- gym: from the program ----


def test_gymnasiums_environments_are_trained_on():
    out, _ = program("train", "ppo", "gym:CartPole-v1", "--total-steps", "40k", "--envs", "8", "--env.workers", "1", "--run", "runs/gym", "--json", "--eval-episodes", "10")
    summary = json.loads(out.splitlines()[-1])
    assert summary["eval"]["return_mean"] > 100 and summary["env"] == "gym:CartPole-v1" and summary["eval"]["return_max"] <= 500
    again, _ = program("eval", "runs/gym", "--episodes", "10", "--json")
    assert json.loads(again) == summary["eval"], "the same episodes"
    policy = matchbox.load("runs/gym")
    env = gymnasium.make("CartPole-v1")
    obs, _ = env.reset(seed=0)
    total = 0
    for _ in range(500):
        obs, reward, terminated, truncated, _ = env.step(policy.act(obs))
        total += reward
        if terminated or truncated:
            break
    assert total > 60


def test_workers_do_not_show():
    sums = []
    for workers in ("1", "3"):
        program("train", "ppo", "gym:CartPole-v1", "--total-steps", "4096", "--envs", "8", "--env.workers", workers, "--run", "runs/w" + workers, "--eval-episodes", "0")
        name = [f for f in os.listdir(f"runs/w{workers}/checkpoints")]
        with open(f"runs/w{workers}/checkpoints/{max(name)}", "rb") as f:
            sums.append(f.read())
    assert sums[0] == sums[1]


def test_resuming_begins_new_episodes():
    program("train", "ppo", "gym:CartPole-v1", "--total-steps", "2048", "--stop-after", "1024", "--env.workers", "1", "--run", "runs/part", "--eval-episodes", "0")
    _, said = program("resume", "runs/part", "--eval-episodes", "0")
    assert "its episodes begin anew" in said


def test_a_lost_worker_is_started_again():
    guess()
    once = os.path.abspath("crashed-once")
    _, said = program("train", "ppo", f"gym:./guess.py:Guess?bad=crash&once={once}", "--total-steps", "2048", "--envs", "8", "--run", "none", "--eval-episodes", "0")
    assert re.search(r"worker \d was ended by signal 11 .*; it is started again, its \d episodes begin anew", said), said
    _, said = program("train", "ppo", "gym:./guess.py:Guess?bad=always", "--total-steps", "4096", "--env.workers", "1", "--run", "none", status=1)
    assert "was ended by signal 9" in said and "error:" in said


def test_errors_of_environments_name_environment_worker_and_place():
    guess()
    common = ("--total-steps", "4096", "--envs", "4", "--env.workers", "2", "--run", "none")
    _, said = program("train", "ppo", "gym:./guess.py:Guess?bad=raise", *common, status=1)
    assert re.search(r"environment 'gym:\S+guess.py:Guess\?bad=raise', worker \d: step of instance \d raised ValueError: the seventh step", said), said
    assert "in step: if self.bad ==" in said
    _, said = program("train", "ppo", "gym:./guess.py:Guess?bad=shape", *common, status=1)
    assert "the observation has shape (3,), its space says (2,)" in said
    _, said = program("train", "ppo", "gym:./guess.py:Guess?bad=nan", *common, status=1)
    assert "component 1, is nan" in said and re.search(r"instance \d is stepped by worker \d", said), said
    for name, text in (("gym:Nothing-v0", "doesn't exist"), ("gym:./guess.py:None_", "defines no 'None_'"), ("gym:./missing.py:X", "no such file"),
                       ("gym:./guess.py:Strange", "a space of kind Sequence"), ("gym:nothing.here", "nothing")):
        done = subprocess.run([os.environ["MATCHBOX"], "train", "ppo", name, "--run", "none"], capture_output=True, text=True)
        assert done.returncode in (1, 2) and text in done.stderr, done.stderr
    done = subprocess.run([os.environ["MATCHBOX"], "train", "ppo", "gym:CartPole-v1", "--run", "none"], capture_output=True, text=True,
                          env={**os.environ, "MATCHBOX_PYTHON": "/nowhere/python"})
    assert "'/nowhere/python' cannot be started" in done.stderr, done.stderr


def test_spaces():
    write("spaces_.py", '''
import numpy as np
import gymnasium as gym
from gymnasium import spaces
class Much(gym.Env):
    observation_space = spaces.Dict({"image": spaces.Box(0, 255, (3, 20, 24), np.uint8), "speed": spaces.Box(-1, 1, (2, 2), np.float64),
        "gear": spaces.Discrete(3, start=-1), "switches": spaces.MultiBinary(4), "pair": spaces.Tuple((spaces.Discrete(2), spaces.MultiDiscrete([2, 3])))})
    action_space = spaces.Dict({"move": spaces.Discrete(4, start=1), "aim": spaces.Box(-2, 2, (2,)), "keys": spaces.MultiDiscrete([2, 3])})
    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        self.t = 0
        return self.observation_space.sample(), {}
    def step(self, action):
        assert action in self.action_space, action
        self.t += 1
        return self.observation_space.sample(), 1, False, self.t >= 9, {}
class Masked(gym.Env):
    observation_space, action_space = spaces.Discrete(5), spaces.Discrete(5)
    def mask(self):
        self.allowed = int(self.np_random.integers(5))
        return {"action_mask": np.arange(5) == self.allowed}
    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        return 0, self.mask()
    def step(self, action):
        assert action == self.allowed
        return int(action), 1.0, bool(self.np_random.random() < 0.1), False, self.mask()
''')
    sys.path.insert(0, os.getcwd())
    import spaces_

    results = matchbox.train("ppo", spaces_.Much, **quick())
    assert results.eval.length_mean == 9, "truncated by itself"
    matchbox.train("ppo", spaces_.Masked, **quick())
    program("train", "ppo", "gym:./spaces_.py:Masked", "--total-steps", "1024", "--run", "none", "--eval-episodes", "2")


def test_images_are_changed_as_asked():
    from gymnasium import spaces
    from matchbox import worker

    class Film(gymnasium.Env):
        observation_space, action_space = spaces.Box(0, 255, (42, 63, 3), np.uint8), spaces.Discrete(2)

        def reset(self, seed=None, options=None):
            self.t = 0
            return np.full((42, 63, 3), 10, np.uint8), {}

        def step(self, action):
            self.t += 1
            return np.full((42, 63, 3), 10 + self.t, np.uint8), 1.0, False, False, {}

    env = worker.Spec(Film, {"skip": 4, "resize": 21, "gray": True, "stack": 3}).fresh()
    assert env.observation_space.shape == (21, 21, 3)
    obs, _ = env.reset(seed=0)
    assert obs.shape == (21, 21, 3) and (obs == 10).all()
    obs, reward, *_ = env.step(0)
    assert reward == 4 and (obs[:, :, 2] == 14).all() and (obs[:, :, 1] == 10).all()
    # areas: the mean of each 2 x 3 block of a picture that is halved and thirded
    down, across = worker.shrink(42, 21), worker.shrink(63, 21)
    picture = np.random.default_rng(0).random((42, 63)).astype(np.float32)
    assert np.allclose(down @ picture @ across.T, picture.reshape(21, 2, 21, 3).mean(axis=(1, 3)), atol=1e-5)


def test_time_limits_of_gymnasium_are_truncations():
    from matchbox import worker

    spec = worker.Spec(lambda: gymnasium.make("Pendulum-v1"))
    assert spec.limit == 200 and type(spec.fresh()).__name__ == "PendulumEnv"
    assert worker.Spec(lambda: gymnasium.make("Pendulum-v1"), {"limit": 7}).limit == 7


# ---- the program that comes with the package ----


def test_the_package_brings_the_program():
    program = os.path.join(os.path.dirname(sys.executable), "matchbox")
    with tempfile.TemporaryDirectory() as there:
        def run(*arguments):
            bare = {"PATH": "/nowhere"}  # finds everything beside itself, and workers run on the same Python
            done = subprocess.run([program, *arguments], cwd=there, env=bare, capture_output=True, text=True)
            assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
            return done.stdout

        run("train", "ppo", "cartpole", "--total-steps", "2048", "--run", "run", "--eval-episodes", "0")
        with open(f"{there}/run/config.yaml") as f:
            assert 'preset: "cartpole"' in f.read()
        assert json.loads(run("eval", "zoo:cartpole", "--episodes", "5", "--json").splitlines()[-1])["return_mean"] > 400
        run("train", "ppo", "gym:CartPole-v1", "--total-steps", "512", "--run", "none", "--eval-episodes", "0")
    done = subprocess.run([sys.executable, "-m", "matchbox", "train", "pqo", "cartpole"], capture_output=True, text=True)
    assert done.returncode != 0 and "ppo" in done.stderr


# ---- what the pages promise ----


def test_the_lines_of_the_pages_run():
    for page in ("README.md", "docs/guide/python.md", "docs/guide/gymnasium.md"):
        with open(f"{TREE}/{page}") as f:
            blocks = re.findall(r"<!-- python -->\n```python\n(.*?)```", f.read(), re.S)
        assert blocks, f"{page} has no line of Python"
        with tempfile.TemporaryDirectory() as there:
            code = "\n".join(blocks)
            done = subprocess.run([sys.executable, "-c", code], cwd=there, capture_output=True, text=True)
            assert done.returncode == 0, f"{page}: {done.stderr}"


main(globals())
