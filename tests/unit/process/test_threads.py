"""Every thread of this package is a loop or an errand of the room `process`: none can end unseen."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import podberth

SOURCE = Path(podberth.__file__).parent
MAKERS = {"loop.py", "errand.py"}  # of threads, in process/
BEGINS = ("Thread", "Timer", "start_new_thread", "start_joinable_thread", "Executor", "ThreadingMixIn")
ROOMS = ("concurrent", "multiprocessing", "asyncio", "sched", "socketserver")  # of the library: they begin threads


def beginnings(text: str) -> list[int]:
    """Return the lines of a source that begin a thread."""
    return [
        node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.expr | ast.stmt) and _begins(node)
    ]


def _begins(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name, ctx=ast.Load()) | ast.Attribute(attr=name):
            return name in BEGINS or name.endswith("Executor") or name.startswith("Threading")
        case ast.ImportFrom(module=module, names=names):
            return _of_a_room(module or "") or any(alias.name in BEGINS for alias in names)
        case ast.Import(names=names):
            return any(_of_a_room(alias.name) for alias in names)
    return False


def _of_a_room(module: str) -> bool:
    return module.partition(".")[0] in ROOMS


def test_no_thread_begins_outside_the_room_that_looks_after_them() -> None:
    found = {
        f"{path.relative_to(SOURCE)}:{line}"
        for path in SOURCE.rglob("*.py")
        if not (path.parent.name == "process" and path.name in MAKERS)
        for line in beginnings(path.read_text())
    }
    assert found == set()


@pytest.mark.parametrize(
    "text",
    [
        "threading.Thread(target=f)", "from threading import Thread", "_thread.start_new_thread(f, ())",
        "make = threading.Thread", "class Own(threading.Thread): ...", "threading.Timer(1, f)",
        "from concurrent.futures import ThreadPoolExecutor", "import concurrent.futures", "import asyncio",
        "import multiprocessing.pool as p", "http.server.ThreadingHTTPServer(a, b)", "import socketserver",
    ],
)  # fmt: skip
def test_every_way_to_begin_a_thread_is_found(text: str) -> None:
    assert beginnings(text) == [1]


def test_the_room_s_own_threads_are_found_too() -> None:
    assert all(beginnings((SOURCE / "process" / name).read_text()) for name in MAKERS)
