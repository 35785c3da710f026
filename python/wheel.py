#!/usr/bin/env python3
"""Writes the wheel of the package: the modules, the library, the program, what both need beyond glibc, presets and other data.

    wheel.py LIBRARY PROGRAM VERSION OUT_DIR [SHIM...]        the last line of output is the wheel's path

Needs nothing but Python and binutils.  The platform tag follows from the newest symbol of glibc that is used."""

import base64
import hashlib
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parent
BASE = ("linux-vdso", "ld-linux", "libc.", "libm.", "libdl.", "libpthread.", "librt.", "libgcc_s.")  # every manylinux has these

# what the program finds beside itself: settings, claims, trained policies, pages of `matchbox help`, headers for environments in C
DATA = ("presets/*/*.yaml", "experiments/*.yaml", "zoo/*.mb", "docs/algo/*.md", "docs/env/*.md", "include/*.h", "include/matchbox/*.h")

METADATA = """\
Metadata-Version: 2.1
Name: matchbox
Version: {version}
Summary: Reinforcement learning in C: fast environments, training, and Gymnasium both ways
License: MIT
Requires-Python: >=3.9
Requires-Dist: numpy
Provides-Extra: gym
Requires-Dist: gymnasium>=1.0; extra == "gym"
Provides-Extra: multi
Requires-Dist: gymnasium>=1.0; extra == "multi"
Requires-Dist: pettingzoo>=1.24; extra == "multi"
Description-Content-Type: text/markdown

"""


def needed(library):
    """Shared libraries that have to come along."""
    out = subprocess.run(["ldd", library], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^\s*(\S+) => (\S+)", out, re.M)
    return {name: Path(path).resolve() for name, path in found if not name.startswith(BASE)}


def glibc(libraries):
    """Newest version of glibc whose symbols are used."""
    versions = [(2, 17)]
    for library in libraries:
        out = subprocess.run(["objdump", "-T", library], check=True, capture_output=True, text=True).stdout
        versions += [tuple(map(int, v.split("."))) for v in re.findall(r"GLIBC_(2\.\d+)", out)]
    return max(versions)


def main(library, program, version, out_dir, *shims):
    others = {**needed(library), **needed(program)}
    others.pop(Path(library).name, None)
    tag = "py3-none-manylinux_{}_{}_{}".format(*glibc([library, program, *shims, *others.values()]), platform.machine())
    info = f"matchbox-{version}.dist-info"
    files = {f"matchbox/{p.name}": p.read_bytes() for p in sorted((HERE / "matchbox").glob("*")) if p.suffix in (".py", ".typed")}
    files.update({f"matchbox/worker/{p.name}": p.read_bytes() for p in sorted((HERE / "matchbox/worker").glob("*.py"))})
    files["matchbox/matchbox"] = Path(program).read_bytes()
    files["matchbox/libmatchbox.so"] = Path(library).read_bytes()
    for shim in map(Path, shims):  # loaded on use; what they need in turn is asked for then
        files[f"matchbox/{shim.name}"] = shim.read_bytes()
    for name, path in others.items():
        files[f"matchbox/{name}"] = path.read_bytes()
    for pattern in DATA:
        for p in sorted(TREE.glob(pattern)):
            files[f"matchbox/{p.relative_to(TREE)}"] = p.read_bytes()
    files[f"{info}/entry_points.txt"] = b"[console_scripts]\nmatchbox = matchbox.__main__:main\n"
    files[f"{info}/METADATA"] = (METADATA.format(version=version) + (TREE / "docs/guide/python.md").read_text()).encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: matchbox\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    files[f"{info}/LICENSE"] = (TREE / "LICENSE").read_bytes()
    record = ""
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    wheel = Path(out_dir) / f"matchbox-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))  # equal inputs give equal files
            entry.external_attr = (0o100755 if ".so" in name or name == "matchbox/matchbox" else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(entry, data)
    print(wheel)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
