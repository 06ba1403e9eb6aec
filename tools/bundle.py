"""One file beside the CNI plugins with the code of the modules that an ADD loads, and how a plugin imports from it.

Python's own importer looks at the file system some six times for each module; an ADD without an agent loads 140. What
is not in the file comes from the folder beside it, compiled too. The name has the version of Python: another one finds
no file, and loads all from there. docs/decisions/003-how-the-plugin-starts.md has the figures.
"""

from __future__ import annotations

import marshal
import sys
from importlib.util import cache_from_source
from pathlib import Path

NAME = f"modules.{sys.implementation.cache_tag}"
# What no ADD of a node with its own store loads.
ELSEWHERE = (
    *("conformance", "controller", "kube", "runtime"),
    *("stores/etcd", "stores/kubernetes", "stores/replica", "stores/transfer"),
)
_HEADER = 16  # bytes before the code in a compiled file (PEP 552)

# Run by a launcher, with `root`, the folder, and `modules`: by name whether it is a package, the paths of source and
# compiled file below the folder, and the code.
IMPORTER = """\
import sys
from _frozen_importlib import ModuleSpec
from marshal import loads


class Bundled:
    @staticmethod
    def find_spec(name, path=None, target=None):
        found = modules.get(name)
        if found is None:
            return None
        package, source, cached, _ = found
        spec = ModuleSpec(name, Bundled, origin=root + source, is_package=package)
        spec.has_location, spec.cached = True, root + cached
        if package:
            spec.submodule_search_locations.append(spec.origin.rpartition("/")[0])
        return spec

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        exec(loads(modules[module.__name__][3]), vars(module))


sys.meta_path.insert(0, Bundled)
"""


def write(folder: Path, package: str) -> None:
    """Write the file for the package in the folder, which is compiled already."""
    modules: dict[str, tuple[bool, str, str, bytes]] = {}
    for source in sorted((folder / package).rglob("*.py")):
        below = source.relative_to(folder)
        if any(below.is_relative_to(Path(package) / room) for room in ELSEWHERE):
            continue
        names = below.with_suffix("").parts
        is_package = names[-1] == "__init__"
        compiled = Path(cache_from_source(source))
        modules[".".join(names[:-1] if is_package else names)] = (
            is_package,
            f"/{below}",
            f"/{compiled.relative_to(folder)}",
            compiled.read_bytes()[_HEADER:],
        )
    importer = compile(IMPORTER, "<importer>", "exec")
    (folder / NAME).write_bytes(marshal.dumps((importer, modules)))
