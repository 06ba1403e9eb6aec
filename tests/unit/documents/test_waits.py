"""No test gives what must happen less time than a busy machine may need: short waits are for what must not happen.

A wait of less than a minute that ends a test in failure has broken runs on machines that had much else to do. Such a
wait takes `tests.waiting.PATIENCE`, or `until`. A pause takes for granted that something has happened after it: so each
one is listed here. A server that is asked once may be unable to answer just then: `tests/servers/asking.py` asks again.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
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
# Where a pause is, and why no slow machine makes it too short: by file, how many.
PAUSES = {
    "tests/contract/control/test_controller.py": 2,  # nothing must happen in it
    "tests/contract/test_etcd_watch.py": 1,  # a loop looks again
    "tests/contract/test_sqlite_replaced.py": 1,  # one that waits a little later is served as well
    "tests/documents/stage.py": 1,  # a loop looks again
    "tests/image/cluster/health.py": 1,  # between two questions, as many as there may be
    "tests/netns/agent/running.py": 1,  # a fifth of a second, where the agent gives five
    "tests/netns/agent/test_killed.py": 1,  # a kill at any moment
    "tests/netns/agent/test_policies.py": 1,  # longer where the agent is slower
    "tests/netns/agent/test_supervised.py": 1,  # signals at any moment
    "tests/netns/cluster/test_long_outage.py": 2,  # a loop looks again
    "tests/netns/crash/chain.py": 1,  # the same
    "tests/netns/linux/test_transactions.py": 1,  # a look that takes long
    "tests/netns/shim/test_shim.py": 1,  # an answer that is to be late
    "tests/servers/asking.py": 1,  # a loop asks again
    "tests/tiers/running.py": 1,  # a loop looks again
    "tests/unit/dra/test_watch.py": 1,  # nothing must be said in it
    "tests/unit/process/test_pages.py": 1,  # a loop looks again
    "tests/vm/conftest.py": 1,  # the same
    "tests/vm/inside/card.py": 1,  # the same
    "tests/vm/inside/cluster/site.py": 2,  # the same
    "tests/vm/inside/test_bond.py": 1,  # a card that must not lose its carrier in it
    "tests/vm/machine.py": 1,  # a loop looks again
    "tests/waiting.py": 1,  # the same
}
# Who asks by HTTP without asking again: by file, how often.
ASKS = {
    "tests/contract/control/test_controller.py": 2,  # podberth's own pages: an answer is what is tested
    "tests/image/cluster/health.py": 1,  # the same
    "tests/netns/cluster/test_long_outage.py": 1,  # the same
    "tests/servers/asking.py": 1,  # it does
    "tests/servers/etcd.py": 1,  # asked until it serves
    "tests/servers/kube.py": 1,  # the same
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


def calls(source: str, *names: str) -> Iterator[int]:
    """Yield the lines in which a function or a method of these names is called."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in names:
                yield node.lineno


def files() -> list[Path]:
    return sorted(path for path in (ROOT / "tests").rglob("*.py") if "golden" not in path.parts)


@pytest.mark.parametrize("line", ["at.settimeout(5)", "one.wait(30)", "f(timeout=0.5)", "x.result(timeout=1)"])
def test_a_short_wait_is_found(line: str) -> None:
    assert list(short(f"pass\n{line}")) == [2]


@pytest.mark.parametrize("line", ["at.settimeout(PATIENCE)", "one.wait()", "f(timeout=None)", "x.get('key')", "f(5)"])
def test_all_else_is_none(line: str) -> None:
    assert list(short(line)) == []


def beyond(look: Callable[[str], Iterator[int]], may: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the lines that are found in a file which may have fewer; and files that have fewer than they may."""
    found = {str(path.relative_to(ROOT)): sorted(look(path.read_text(encoding="utf-8"))) for path in files()}
    stale = {name: found.get(name, []) for name, most in may.items() if len(found.get(name, ())) < most}
    return {**stale, **{name: lines for name, lines in found.items() if len(lines) > may.get(name, 0)}}


def test_no_test_waits_too_short_for_what_must_happen() -> None:
    assert beyond(short, MAY) == {}, "take tests.waiting.PATIENCE, or say in MAY why it must not come"


def test_no_test_takes_for_granted_what_has_happened_after_a_pause() -> None:
    assert beyond(lambda text: calls(text, "sleep"), PAUSES) == {}, "take tests.waiting.until, or say why in PAUSES"


def test_no_server_is_asked_only_once() -> None:
    assert beyond(lambda text: calls(text, "urlopen"), ASKS) == {}, "take tests.servers.asking, or say why in ASKS"


@pytest.mark.parametrize("line", ["time.sleep(1)", "sleep(x)", "a().sleep()"])
def test_a_call_is_found_by_its_name(line: str) -> None:
    assert list(calls(f"pass\n{line}", "sleep")) == [2]
    assert list(calls(f"x = '{line}'\nsleep = 1", "sleep")) == []
