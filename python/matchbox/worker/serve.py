"""A worker: says what an environment is, or steps a block of instances on command."""

import os

import numpy as np

from .find import maker
from .spec import Spec
from .trouble import Trouble, told


def describe(name, changes):
    with open(3, "w", encoding="utf-8", errors="replace") as out:
        try:
            spec = Spec(maker(name), changes)
            out.write("\n".join(spec.lines()) + "\n")
            return 0
        except Exception as error:
            lines = error.lines() if isinstance(error, Trouble) else told(error, "making it")
            out.write("".join(f"!{line}\n" for line in lines))
            help = getattr(error, "help", None)
            if isinstance(error, ModuleNotFoundError):
                help = f"pip install {error.name}"
            if help:
                out.write(f"!help {help}\n")
            return 1


def wait(sock, poller, spin):
    """The next command; b'' when nobody is there any more."""
    if spin:
        from time import perf_counter as now

        end = now() + 50e-6
        while not poller.poll(0) and now() < end:
            pass
    return sock.recv(1)


def serve(name, changes, layout):
    import gc
    import mmap
    import select
    import signal
    import socket

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer decides when to end
    sock = socket.socket(fileno=3)
    memory = mmap.mmap(4, layout["bytes"])
    group, trouble = None, None
    try:
        group = Spec(maker(name), changes).group(memory, layout)
    except Exception as error:
        trouble = error.lines() if isinstance(error, Trouble) else told(error, "making it")
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    spin = len(os.sched_getaffinity(0)) > layout["workers"]
    gc.collect()
    gc.freeze()
    while True:
        command = wait(sock, poller, spin)
        if not command:
            break
        if group is None:
            text = np.frombuffer(memory, np.uint8, layout["text_bytes"], layout["text"])
            data = "\n".join(trouble).encode("utf-8", "replace")[: len(text) - 1] + b"\0"
            text[: len(data)] = np.frombuffer(data, np.uint8)
            sock.send(b"e")
            continue
        lines = group.run(command.decode())
        if lines:
            group.block.say(lines)
        sock.send(b"e" if lines else b"k")
    if group:
        group.close()
    os._exit(0)
