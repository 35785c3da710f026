"""The program `matchbox` of the package: the same as the one that is built from source."""

import os
import sys

from ._c import Error


def main() -> None:
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "matchbox")
    if not os.access(program, os.X_OK):
        sys.exit(str(Error("the program is only in the package that was installed from a wheel", [f"looked for {program}"], "make wheel")))
    os.environ.setdefault("MATCHBOX_PYTHON", sys.executable)  # workers of gym: environments
    os.execv(program, ["matchbox", *sys.argv[1:]])


if __name__ == "__main__":
    main()
