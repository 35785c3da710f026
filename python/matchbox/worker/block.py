"""The memory that a worker and the library share."""

import numpy as np


class Block:
    """The arrays of a block of memory, laid out as the library says (foreign.h)."""

    def __init__(self, memory, layout, spec):
        self.count, self.agents, self.limit = layout["count"], layout["agents"], layout["limit"]
        self.worker, self.first = layout["worker"], layout["first"]
        rows = self.count * self.agents
        self.memory = memory

        def array(offset, dtype, shape):
            n = int(np.prod(shape))
            return np.frombuffer(memory, dtype, n, offset).reshape(shape) if n else np.zeros(shape, dtype)

        self.text = array(layout["text"], np.uint8, (layout["text_bytes"],))
        self.seed = array(layout["seed"], np.int64, (self.count,))
        self.index = array(layout["index"], np.int32, (rows, layout["nindex"]))
        self.value = array(layout["value"], np.float32, (rows, layout["nvalue"]))
        self.reward = array(layout["reward"], np.float32, (rows,))
        self.terminated = array(layout["terminated"], np.uint8, (self.count,))
        self.truncated = array(layout["truncated"], np.uint8, (self.count,))
        self.active = array(layout["active"], np.uint8, (rows,))
        self.mask = array(layout["mask"], np.uint8, (rows, layout["nmask"])) if layout["masked"] else None
        kinds = {"box": np.float32, "discrete": np.int32, "image": np.uint8}
        self.obs, self.final = [], []
        for f, o in enumerate(spec.obs):
            one = () if o.field.kind == "discrete" else o.field.hwc if o.field.kind == "image" else (o.field.n,)
            self.obs.append(array(layout["obs"][f], kinds[o.field.kind], (rows,) + one))
            self.final.append(array(layout["final"][f], kinds[o.field.kind], (rows,) + one))

    def say(self, lines):
        data = "\n".join(lines).encode("utf-8", "replace")[: len(self.text) - 1]
        self.text[: len(data)] = np.frombuffer(data, np.uint8)
        self.text[len(data)] = 0
