"""Environments by name: of Gymnasium, of PettingZoo, in a file."""

import json
import os
import sys

from .trouble import Trouble


def argument(text):
    try:
        return json.loads(text)
    except ValueError:
        return {"True": True, "False": False, "None": None}.get(text, text)


def parse(name):
    """'gym:ID?a=1&b=x' as ('ID', {'a': 1, 'b': 'x'})"""
    from urllib.parse import unquote

    name = name[4:] if name.startswith("gym:") else name
    name, _, query = name.partition("?")
    return name, {k: argument(unquote(v)) for k, _, v in (part.partition("=") for part in query.split("&") if part)}


def from_file(path, name, kwargs):
    import importlib.util

    label = "matchbox_user_" + os.path.splitext(os.path.basename(path))[0]
    if label not in sys.modules:
        sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
        spec = importlib.util.spec_from_file_location(label, path)
        sys.modules[label] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[label])
    if not hasattr(sys.modules[label], name):
        raise Trouble(f"{path} defines no '{name}'")
    return lambda: getattr(sys.modules[label], name)(**kwargs)


def from_pettingzoo(name, kwargs):
    import importlib

    module = importlib.import_module(name)
    interface = kwargs.pop("interface", None)
    maker = getattr(module, {"parallel": "parallel_env", "aec": "env"}.get(interface, "parallel_env"), None) or getattr(module, "env", None)
    if maker is None:
        raise Trouble(f"the module {name} has neither parallel_env nor env: not one of PettingZoo's")
    if interface is None and hasattr(module, "env") and ".classic." in name:
        maker = module.env  # games in turns
    return lambda: maker(**kwargs)


def from_gymnasium(name, kwargs):
    import gymnasium

    if name.startswith("ALE/"):
        try:
            import ale_py
        except ImportError:
            raise Trouble(f"{name} needs the package ale-py", help="pip install ale-py") from None
        gymnasium.register_envs(ale_py)

    def make():
        try:
            return gymnasium.make(name, disable_env_checker=True, **kwargs)
        except gymnasium.error.Error as error:
            lines = [line.strip() for line in str(error).strip().split("\n")]
            raise Trouble(lines[0], *lines[1:4], help="python3 -c 'import gymnasium; gymnasium.pprint_registry()'") from None

    return make


def maker(name):
    name, kwargs = parse(name)
    path, mark, attribute = name.partition(".py:")
    if mark:
        return from_file(path + ".py", attribute, kwargs)
    if "." in name and "/" not in name and ":" not in name:
        return from_pettingzoo(name, kwargs)
    try:
        return from_gymnasium(name, kwargs)
    except ModuleNotFoundError as error:
        raise Trouble(f"the package '{error.name}' is not installed for {sys.executable}", "MATCHBOX_PYTHON chooses another Python",
                      help=f"pip install {error.name}") from None
