"""Checks the ONNX files that build/tests/run/export_onnx writes: the onnx package's checker with full shape inference, and
onnxruntime's outputs against those of matchbox within 1e-5.  Prints what the onnx package reads in them, which is
tests/reference/data/onnx.txt.  Made with onnx 1.23.2 and onnxruntime 1.31.1.

    make test-onnx PYTHON=python3          (in a virtual environment: pip install onnx onnxruntime)
    python3 onnx_check.py DIR > onnx.txt   DIR: as EXPORT_ONNX_DIR of the test
"""
import json, sys
import numpy as np, onnx, onnxruntime

names = ["mlp", "gelu", "cnn", "lstm", "gru", "attention", "duel", "quantiles", "support", "table"]
bad = 0


def dims(info):
    t = info.type.tensor_type
    return f"{info.name} type {t.elem_type} " + " ".join(d.dim_param or str(d.dim_value) for d in t.shape.dim)


def listing(model):
    print("ir", model.ir_version)
    # the order of the file: everything of the graph, then the opset
    g = model.graph
    for i in g.input: print("input", dims(i))
    for n in g.node:
        line = f"{n.op_type}: {' '.join(n.input)} -> {' '.join(n.output)}"
        for a in n.attribute:
            values = {1: lambda: [f"{a.f:g}"], 2: lambda: [a.i], 7: lambda: a.ints}[a.type]()
            line += f" {a.name}=" + "".join(f"{v}," for v in values)
        print(line)
    for t in g.initializer: print("tensor", t.name, "".join(f"{d} " for d in t.dims) + f"type {t.data_type}")
    for o in g.output: print("output", dims(o))
    print("opset", model.opset_import[0].version)


def run(name, session):
    """rows together, as a batch, must give what they give one by one"""
    global bad
    cases = [json.loads(line) for line in open(f"{sys.argv[1]}/{name}.cases")]
    types = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int32)": np.int32}
    feed = {i.name: np.array([c["in"][i.name] for c in cases], types[i.type]) for i in session.get_inputs()}
    got = dict(zip([o.name for o in session.get_outputs()], session.run(None, feed)))
    worst = 0
    if set(got) != set(cases[0]["out"]): bad += 1; print(f"{name}: outputs {sorted(got)}", file=sys.stderr)
    for key, value in got.items():
        want = np.array([c["out"][key] for c in cases])
        if value.dtype == np.int64:
            logp = got[key + "_logp" if key + "_logp" in got else key + "_value"]  # choices may differ where two are as good
            top = np.sort(logp, axis=1)
            clear = top[:, -1] - top[:, -2] > 1e-5
            if (value != want)[clear].any(): bad += 1; print(f"{name}: {key} chooses otherwise", file=sys.stderr)
        else:
            shown = want > -1e8  # forbidden choices are at -1e9 in both
            worst = max(worst, np.max(np.abs(value - want)[shown] / (1 + np.abs(want)[shown])))
            if (value[~shown] > -1e8).any(): bad += 1
    if not worst <= 1e-5: bad += 1
    print(f"{name}: {len(cases)} cases, largest difference {worst:.2g}", file=sys.stderr)


for name in names:
    path = f"{sys.argv[1]}/{name}.onnx"
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    print("==", name)
    listing(model)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    if name != "table":
        run(name, session)
        continue
    a, b = np.repeat(np.arange(3), 2).astype(np.int32), np.tile(np.arange(2), 3).astype(np.int32)
    free, only = np.ones((6, 2), np.uint8), np.tile(np.array([[1, 0]], np.uint8), (6, 1))
    if session.run(None, {"a": a, "b": b, "mask": free})[0].tolist() != [1, 0, 0, 0, 0, 1]: bad += 1; print("table: choices", file=sys.stderr)
    if session.run(None, {"a": a, "b": b, "mask": only})[0].any(): bad += 1; print("table: mask", file=sys.stderr)
sys.exit(bad > 0)
