"""Arrays as C: what the reference scripts of this folder share."""
import numpy as np


def rounded(x):
    """The nearest float32 of each number, as float64: both sides then start from the same inputs."""
    return np.asarray(x, dtype=np.float32).astype(np.float64)


def array(out, name, x, kind="float"):
    x = np.asarray(x).reshape(-1)
    forms = {"float": lambda v: str(np.float32(v)) + "f", "double": lambda v: repr(float(v))}
    text = [forms.get(kind, lambda v: str(int(v)))(v) for v in x]
    lines, line = [], "   "
    for t in text:
        if len(line) + len(t) > 110:
            lines.append(line)
            line = "   "
        line += " " + t + ","
    out.write(f"static const {kind} {name}[{len(text)}] = {{\n" + "\n".join(lines + [line]) + "\n};\n")
