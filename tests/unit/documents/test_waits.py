"""No test gives what must happen less time than a busy machine may need: short waits are for what must not happen.

A wait of less than a minute that ends a test in failure has broken runs on machines that had much else to do. Such a
wait takes `tests.waiting.PATIENCE`, or `until`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHORT = 60  # seconds
WAITING = ("settimeout", "wait", "join", "communicate", "result", "get", "acquire")  # first argument, or `timeout`
# What is waited for must not happen there, or a loop around it looks again: by file, how many.
MAY = {
    "tests/contract/kube/test_client.py": 1,  # the same
    "tests/contract/kube/test_leader.py": 2,  # the same; and a pause
    "tests/contract/test_etcd_faults.py": 2,  # servers that are silent
    "tests/contract/test_fence.py": 1,  # a pause
    "tests/contract/test_kubernetes_silence.py": 1,  # a server that is frozen
    "tests/netns/standard/test_host_local.py": 1,  # a lock that another has
    "tests/servers/etcd.py": 1,  # asked until it answers
    "tests/servers/kube.py": 1,  # the same
    "tests/unit/dhcp/test_flags.py": 1,  # an option that is read
    "tests/unit/process/test_errand.py": 2,  # an errand that does not end; a pause
    "tests/unit/process/test_health.py": 1,  # the loop has ended
    "tests/unit/runtime/test_invoke.py": 2,  # programs that hang
}


def short(source: str) -> Iterator[int]:
    """Yield the lines with a wait of a number of seconds that a busy machine may need."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        said = [word.value for word in node.keywords if word.arg == "timeout"]
        if isinstance(node.func, ast.Attribute) and node.func.attr in WAITING:
            said += node.args[:1]
        for one in said:
            if isinstance(one, ast.Constant) and isinstance(one.value, int | float) and one.value < SHORT:
                yield node.lineno


def files() -> list[Path]:
    return sorted(path for path in (ROOT / "tests").rglob("*.py") if "golden" not in path.parts)


@pytest.mark.parametrize("line", ["at.settimeout(5)", "one.wait(30)", "f(timeout=0.5)", "x.result(timeout=1)"])
def test_a_short_wait_is_found(line: str) -> None:
    assert list(short(f"pass\n{line}")) == [2]


@pytest.mark.parametrize("line", ["at.settimeout(PATIENCE)", "one.wait()", "f(timeout=None)", "x.get('key')", "f(5)"])
def test_all_else_is_none(line: str) -> None:
    assert list(short(line)) == []


def test_no_test_waits_too_short_for_what_must_happen() -> None:
    found = {str(path.relative_to(ROOT)): sorted(short(path.read_text(encoding="utf-8"))) for path in files()}
    wrong = {name: lines for name, lines in found.items() if len(lines) > MAY.get(name, 0)}
    assert wrong == {}, "take tests.waiting.PATIENCE, or say in MAY why it must not come"
    stale = [name for name, most in MAY.items() if len(found.get(name, ())) < most]
    assert stale == []
