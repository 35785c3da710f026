"""Functions test_* of a file, run one by one; the last line is `N passed, N failed`."""

import os
import signal
import subprocess
import sys
import traceback

PROGRAM = os.environ["MATCHBOX"]
TREE = os.environ["TREE"]


def program(*arguments, status=0):
    """Run matchbox; its output and errors as text."""
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == status, f"matchbox {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout, done.stderr


def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return name


def raises(kind, part, function):
    """The exception that function() raises; its text must hold `part`."""
    try:
        function()
    except kind as error:
        assert part in str(error), f"the error does not say '{part}' but: {error}"
        return error
    raise AssertionError(f"nothing was raised; expected '{part}'")


def main(names):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with it ignored
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    passed = failed = 0
    for name, test in list(names.items()):
        if not name.startswith("test_") or wanted not in name:
            continue
        try:
            test()
            passed += 1
        except BaseException:
            failed += 1
            print(f"FAIL {name}:")
            print("".join(f"FAIL   | {line}\n" for line in traceback.format_exc().splitlines()[-12:]), end="")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)
