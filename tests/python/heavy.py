"""The package against packages that are large: PettingZoo's API tests, Atari, and stable-baselines3."""

import json
import warnings

import numpy as np
from harness import main, program

import matchbox


def test_pettingzoo_api():
    from pettingzoo.test import parallel_api_test, parallel_seed_test

    tried = 0
    for name in matchbox.environments():
        try:
            matchbox.make(name)
        except matchbox.Error:
            parallel_api_test(matchbox.make_parallel(name), num_cycles=300)
            parallel_seed_test(lambda: matchbox.make_parallel(name))
            tried += 1
    assert tried >= 2


def test_pettingzoo_environments_are_trained_on():
    for name in ("gym:pettingzoo.classic.tictactoe_v3", "gym:pettingzoo.classic.connect_four_v3", "gym:pettingzoo.classic.rps_v2?interface=parallel"):
        out, _ = program("train", "ppo", name, "--total-steps", "2048", "--run", "none", "--eval-episodes", "4", "--json")
        assert json.loads(out.splitlines()[-1])["eval"]["episodes"] == 4


def test_atari():
    out, _ = program("train", "ppo", "gym:ALE/Pong-v5", "--env.resize", "84", "--env.gray", "--env.stack", "4", "--model", "cnn", "--envs", "4",
                     "--horizon", "32", "--total-steps", "512", "--run", "none", "--eval-episodes", "1", "--json")
    result = json.loads(out.splitlines()[-1])["eval"]
    assert -21 <= result["return_mean"] <= 21 and result["length_mean"] > 500


def test_stable_baselines3_learns_on_ours():
    from stable_baselines3 import PPO
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = PPO("MlpPolicy", Monitor(matchbox.make("cartpole")), seed=0, device="cpu", n_steps=1024)
        before, _ = evaluate_policy(model, Monitor(matchbox.make("cartpole")), 20)
        model.learn(30000)
        after, _ = evaluate_policy(model, Monitor(matchbox.make("cartpole")), 20)
    print(f"stable-baselines3's PPO on our CartPole: {before:.0f} before, {after:.0f} after 30000 steps")
    assert after > 300 > before and np.isfinite(after)


main(globals())
