"""One file beside the CNI plugins with the code of the modules that an ADD loads, and how a plugin imports from it.

Python's own importer looks at the file system some six times for each module, and takes locks besides. Here each module
is there from the start, and its code runs when something of it is asked for: what a call has no use for costs nothing.
What is not in the file comes from the folder beside it, compiled too. The name has the version of Python: another one
finds no file, and loads all from there. docs/decisions/003-how-the-plugin-starts.md has the figures.

The file: how long its head is, in eight bytes; the head, a marshalled pair of the importer's code and the index; the
code of each module. An ADD runs a third of it, so each module is read by itself.
"""

from __future__ import annotations

import marshal
import sys
from importlib.util import cache_from_source
from pathlib import Path

NAME = f"modules.{sys.implementation.cache_tag}"
# What no ADD of a node with its own store loads.
ELSEWHERE = (
    *("conformance", "controller", "devices", "kube", "runtime"),
    *("stores/etcd", "stores/kubernetes", "stores/replica", "stores/transfer"),
)
_HEADER = 16  # bytes before the code in a compiled file (PEP 552)
LENGTH = 8  # bytes that say how long the head is

# Run by a launcher, with `root`, the folder; `bundle`, the open file; `codes`, where in it the code begins; and
# `modules`: by name whether it is a package, and where its code begins and how long it is, counted from `codes`.
# An import statement finds its module already there. The module is empty until something of it is asked for.
IMPORTER = """\
import sys
from _frozen_importlib import ModuleSpec
from _thread import RLock
from marshal import loads
from posix import pread

Loaded = type(sys)
awaited = set(modules)
turn = RLock()
spec = ModuleSpec("podberth", None)  # each import asks it whether the module is still being loaded


class Later(Loaded):
    def __getattr__(self, name):
        with turn:
            if self.__name__ in awaited:
                awaited.remove(self.__name__)
                _, begin, length = modules[self.__name__]
                code = loads(pread(bundle.fileno(), length, codes + begin))
                self.__file__ = code.co_filename
                exec(code, vars(self))
                self.__class__ = Loaded
        return Loaded.__getattribute__(self, name)


for name, (package, _, _) in modules.items():
    module = sys.modules[name] = Later(name)
    module.__spec__ = spec
    if package:
        module.__path__ = [root + "/" + name.replace(".", "/")]
    above, _, last = name.rpartition(".")
    if above:
        setattr(sys.modules[above], last, module)
"""


def write(folder: Path, package: str) -> None:
    """Write the file for the package in the folder, which is compiled already."""
    codes: dict[str, tuple[bool, bytes]] = {}
    for source in sorted((folder / package).rglob("*.py")):  # a package before its modules
        below = source.relative_to(folder)
        if any(below.is_relative_to(Path(package) / room) for room in ELSEWHERE):
            continue
        names = below.with_suffix("").parts
        is_package = names[-1] == "__init__"
        compiled = Path(cache_from_source(source))
        codes[".".join(names[:-1] if is_package else names)] = is_package, compiled.read_bytes()[_HEADER:]
    index: dict[str, tuple[bool, int, int]] = {}
    begin = 0
    for name, (is_package, code) in codes.items():
        index[name] = is_package, begin, len(code)
        begin += len(code)
    head = marshal.dumps((compile(IMPORTER, "<importer>", "exec"), index))
    length = len(head).to_bytes(LENGTH, "little")
    (folder / NAME).write_bytes(length + head + b"".join(code for _, code in codes.values()))
