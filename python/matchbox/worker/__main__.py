"""What the library starts for `gym:ID`:

    __main__.py describe ID CHANGES         the spaces, as lines on file descriptor 3
    __main__.py serve ID CHANGES LAYOUT     serve one block: socket on descriptor 3, its memory on 4

ID is gym:NAME[?key=value&...] where NAME is an environment of Gymnasium, a module of PettingZoo, or FILE.py:CLASS.
CHANGES and LAYOUT are JSON.
"""

import json
import os
import sys


def package():
    """This folder as a package of a name that nobody else has, without putting it on the path of the user's modules."""
    import importlib.util

    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p) != here]
    spec = importlib.util.spec_from_file_location("matchbox_worker", os.path.join(here, "__init__.py"), submodule_search_locations=[here])
    sys.modules["matchbox_worker"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return importlib.import_module("matchbox_worker.serve")


def main(args):
    if len(args) < 3 or args[0] not in ("describe", "serve"):
        sys.exit(__doc__)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # workers share the machine: one thread each, set before numpy is loaded
    try:
        worker = package()
    except ModuleNotFoundError as error:
        with open(3, "w") as out:
            out.write(f"!the package '{error.name}' is not installed for {sys.executable}\n!MATCHBOX_PYTHON chooses another Python\n"
                      f"!help pip install {error.name} gymnasium\n")
        return 1
    changes = json.loads(args[2])
    return worker.describe(args[1], changes) if args[0] == "describe" else worker.serve(args[1], changes, json.loads(args[3]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
