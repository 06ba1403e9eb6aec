"""Build the CNI executables: `python tools/build_cni.py build/cni` makes one per module of podberth/plugins.

Those that stand in for the CNI project's own plugins are put into a folder beside it, `build/cni-standard`.

Each is the shim, which hands its call to the agent. Where no agent runs it becomes the plugin of the same name in
.podberth/bin: a few lines that start the interpreter bare and load the package from a compiled copy beside them, most
of it from one file (tools/bundle.py). So they keep working while the checkout changes. The figures behind each choice
are in docs/decisions/003-how-the-plugin-starts.md and 013-a-shim-in-c.md.
"""

from __future__ import annotations

import argparse
import compileall
import importlib.util
import py_compile
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tools import build_shim, bundle

SOURCE = Path(__file__).parent.parent / "src" / "podberth"
COPY = ".podberth"
LAUNCHERS = "bin"  # in COPY; shim/podberth-shim.c knows the place
ROOMS_LEFT_OUT = ("cli", "agent", "dra", "nri")
OWN, STANDARD = ("plugins",), ("plugins/standard", "ipam_plugins")
# What an ADD may load from outside the standard library: a node whose policies are YAML files.
BROUGHT = ("yaml",)

LAUNCHER = """\
#!{python} -IS
# Made by `make build`: the CNI plugin of type {kind}, for where no agent runs.
import gc
import marshal
import os
import sys

gc.disable()  # the process ends before a collection pays for itself
root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, root)
try:
    bundle = open(root + "/modules." + sys.implementation.cache_tag, "rb", buffering=0)
    codes = {length} + int.from_bytes(bundle.read({length}), "little")
    importer, modules = marshal.loads(bundle.read(codes - {length}))
    exec(importer)
except FileNotFoundError:
    pass  # made by another version of Python: the same from a file for each module, more slowly
from podberth.entry import main

status = main("{kind}")
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)  # taking the interpreter down in order would cost 3 ms
"""


def build(target: Path, source: Path = SOURCE) -> list[Path]:
    """Make `target` anew, as a whole or not at all; return its executables.

    The interpreter is the one that runs this, or the one its virtual environment is based on.
    """
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    package = fresh / COPY / source.name
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__", "py.typed"))
    for room in ROOMS_LEFT_OUT:
        shutil.rmtree(package / room, ignore_errors=True)
    for name in BROUGHT:
        _bring(name, fresh / COPY)
    _compile(fresh, target)
    bundle.write(fresh / COPY, source.name)
    kinds, standard = _kinds(source, *OWN), _kinds(source, *STANDARD)
    if not kinds:
        raise SystemExit(f"build: no plugin in {source / 'plugins'}")
    shim = fresh / kinds[0]
    build_shim.compiled(shim)
    (fresh / COPY / LAUNCHERS).mkdir()
    beside = target.with_name(f"{target.name}-standard")
    other = beside.with_name(f"{beside.name}.new")
    shutil.rmtree(other, ignore_errors=True)
    other.mkdir()
    (other / COPY).symlink_to(Path("..") / target.name / COPY)
    for kind in kinds + standard:
        _launcher(fresh / COPY / LAUNCHERS / kind, kind)
        if kind != kinds[0]:
            ((fresh if kind in kinds else other) / kind).hardlink_to(shim)
    _replace(target, fresh)
    _replace(beside, other)
    return [target / kind for kind in kinds]


def _kinds(source: Path, *rooms: str) -> list[str]:
    """Return the plugin types, which are modules: an underscore in a module's name is a hyphen of the type's."""
    return sorted(path.stem.replace("_", "-") for room in rooms for path in (source / room).glob("[!_]*.py"))


def _bring(name: str, folder: Path) -> None:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise SystemExit(f"build: the package {name} is not installed")
    shutil.copytree(Path(found.origin).parent, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def _compile(fresh: Path, target: Path) -> None:
    """Compile all, with the final paths in tracebacks; unchecked: nothing compares times with sources at start."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    final = str(target.absolute() / COPY)
    if not compileall.compile_dir(
        fresh / COPY, quiet=1, stripdir=str(fresh / COPY), prependdir=final, invalidation_mode=mode
    ):
        raise SystemExit("build: a module does not compile")


def _launcher(path: Path, kind: str) -> None:
    path.write_text(LAUNCHER.format(python=_interpreter(), kind=kind, length=bundle.LENGTH))
    path.chmod(0o755)


def _interpreter() -> Path:
    """Return the base interpreter, by its name without a version where that is the same: it outlives upgrades."""
    base = Path(getattr(sys, "_base_executable", sys.executable))
    lasting = base.with_name("python3")
    return lasting if lasting.exists() and lasting.samefile(base) else base


def _replace(target: Path, fresh: Path) -> None:
    old = target.with_name(target.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        shutil.move(target, old)  # by copying it where overlayfs can't rename a folder of its lower layer
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    """Build into the folder given as the only argument."""
    parser = argparse.ArgumentParser(description="Build the CNI executables.")
    parser.add_argument("target", type=Path)
    build(parser.parse_args().target)


if __name__ == "__main__":
    main()
