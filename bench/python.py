#!/usr/bin/env python3
"""Speed at the border to Python (needs gymnasium and the package `matchbox`):

    make wheel && pip install build/matchbox-*.whl gymnasium
    python3 bench/python.py [--program build/matchbox] [--seconds 2] [--cpu] [settings of the run: --envs 256 ...]

1. steps per second of matchbox.make_vec("cartpole", 4096), called from Python, beside Gymnasium's own vector of it;
2. `matchbox train ppo gym:CartPole-v1` with one core and with two, as a share of the rate at which one core steps that
   environment of Gymnasium in a plain loop, which is measured before and after each run.
Every figure is the median of several windows, printed with the least and the greatest.  --cpu counts seconds of the processor
in place of seconds of the clock, of all processes together: what one core does, on a machine that has other work as well.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

import gymnasium
import numpy as np

import matchbox

ENV = "CartPole-v1"
clock = time.perf_counter


def windows(step, per_call, seconds, n=5):
    """Rates of n windows of calls of `step`, each of which makes `per_call` steps."""
    step()
    rates = []
    for _ in range(n):
        calls, begin = 0, clock()
        while (took := clock() - begin) < seconds / n:
            for _ in range(16):
                step()
            calls += 16
        rates.append(calls * per_call / took)
    return rates


def ours(seconds, nenvs=4096):
    envs = matchbox.make_vec("cartpole", nenvs, seed=1)
    envs.reset()
    actions = np.random.default_rng(1).integers(0, 2, (16, nenvs)).astype(np.int32)
    at = iter(range(10**12))
    return windows(lambda: envs.step(actions[next(at) % 16]), nenvs, seconds)


def theirs(seconds, nenvs=4096):
    envs = gymnasium.make_vec(ENV, nenvs, vectorization_mode="vector_entry_point")
    envs.reset(seed=1)
    actions = np.random.default_rng(1).integers(0, 2, (16, nenvs))
    at = iter(range(10**12))
    return windows(lambda: envs.step(actions[next(at) % 16]), nenvs, seconds)


def raw(seconds):
    """One instance as gymnasium.make gives it, in a plain loop."""
    env = gymnasium.make(ENV)
    env.reset(seed=1)
    actions = np.random.default_rng(1).integers(0, 2, 1024).tolist()
    rates = []
    for _ in range(3):
        n, begin = 0, clock()
        while (took := clock() - begin) < seconds / 3:
            for action in actions:
                _, _, ended, cut, _ = env.step(action)
                if ended or cut:
                    env.reset()
            n += 1024
        rates.append(n / took)
    return rates


def training(program, cores, steps, extra):
    args = [program, "train", "ppo", f"gym:{ENV}", "--run", "none", "--eval-episodes", "0", "--json", "--seed", "1",
            "--total-steps", str(steps), *extra]
    env = dict(os.environ, MATCHBOX_PYTHON=sys.executable)
    out = subprocess.run(args, capture_output=True, text=True, env=env, check=True,
                         preexec_fn=lambda: os.sched_setaffinity(0, cores)).stdout
    return json.loads(out.splitlines()[-1])["steps_per_second"]


def training_by_cpu(program, steps, extra):
    """Steps per second of the processor, workers included; the time of a short run, which is the start, is taken off."""

    def used(n):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        training(program, sorted(os.sched_getaffinity(0))[:1], n, ["--threads", "1", "--env.workers", "1", *extra])
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return steps / (used(steps + steps // 4) - used(steps // 4))


def line(name, rates, unit=1e6, mark="M"):
    print(f"{name:46} {statistics.median(rates) / unit:9.2f} {mark}  {min(rates) / unit:9.2f} {max(rates) / unit:9.2f}", flush=True)
    return statistics.median(rates)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", default="build/matchbox")
    p.add_argument("--seconds", type=float, default=2)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--steps", type=int, default=200000)
    p.add_argument("--only", default="vector one two")
    p.add_argument("--cpu", action="store_true")
    o, extra = p.parse_known_args()
    global clock
    clock = time.process_time if o.cpu else clock
    print(f"python {sys.version.split()[0]}, numpy {np.__version__}, gymnasium {gymnasium.__version__}")
    print(f"{'':46} {'median':>9}    {'least':>9} {'greatest':>9}")
    if "vector" in o.only:
        line('steps/s: matchbox.make_vec("cartpole", 4096)', ours(o.seconds))
        line("steps/s: Gymnasium's CartPole vector of 4096", theirs(o.seconds))
    have = sorted(os.sched_getaffinity(0))
    for name, cores in (("one", have[:1]), ("two", have[:2])):
        if name not in o.only or len(cores) < 1 + (name == "two") or (o.cpu and name == "two"):
            continue
        whole, loop, rates = os.sched_getaffinity(0), [], []
        for _ in range(o.runs):
            os.sched_setaffinity(0, have[:1])
            before = raw(o.seconds / 2)
            os.sched_setaffinity(0, whole)
            rates.append(training_by_cpu(o.program, o.steps, extra) if o.cpu else training(o.program, cores, o.steps, extra))
            loop += before
        base = line(f"steps/s: Gymnasium's loop, {ENV}", loop, 1e3, "k")
        rate = line(f"steps/s: ppo gym:{ENV}, {len(cores)} core{'s' * (len(cores) > 1)}", rates, 1e3, "k")
        print(f"{'':10}that is {100 * rate / base:.0f} % of the loop")


if __name__ == "__main__":
    main()
