"""Reads the events of runs with TensorBoard itself and compares them with metrics.jsonl.
   python3 -m venv v && v/bin/pip install tensorboard==2.18.0
   v/bin/python tests/reference/tensorboard_events.py RUN...
Last done with tensorboard 2.18.0 (protobuf 7.36): a run of 200 k steps, one stopped at half and resumed, one killed with
SIGKILL and resumed: every scalar of every line, steps in order, none twice."""
import json, math, struct, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

def single(x): return struct.unpack("f", struct.pack("f", x))[0]

bad = 0
for run in sys.argv[1:]:
    acc = EventAccumulator(run, size_guidance={"scalars": 0})
    acc.Reload()
    want = {}
    for line in open(f"{run}/metrics.jsonl"):
        row = json.loads(line)
        step = row.pop("step")
        if "eval" in row: row = {f"eval/{k}": v for k, v in row["eval"].items() if k != "episodes"}
        for k, v in row.items():
            if v is not None: want.setdefault(k, []).append((step, single(v)))
    tags = set(acc.Tags()["scalars"])
    wrong = set(want) - tags
    for tag, points in want.items():
        have = [(e.step, e.value) for e in acc.Scalars(tag)] if tag in tags else []
        if tag.startswith("eval/"): have = sorted(set(have) & set(points))  # evaluations at the end of a process have no line
        if have != points: wrong.add(tag)
    print(f"{run}: {len(tags)} tags, {sum(map(len, want.values()))} values", f"WRONG: {sorted(wrong)}" if wrong else "equal")
    bad |= bool(wrong)
sys.exit(bad)
