"""A node whose store is put back to an earlier state while its pods run, with and without an agent."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sqlite3
from typing import TYPE_CHECKING, Any

from tests.netns.agent.running import DOCUMENTS, agent, start
from tests.sizes import size

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns.kubelet import Kubelet

PODS = size(3, 100)  # that are started after the backup


def begin(node: Kubelet, *names: str) -> dict[str, str]:
    """Start pods; return the address of each."""
    given: dict[str, str] = {}
    for name in names:
        answer = node.call("ADD", node.pod(name))
        assert answer.code == 0, answer.stdout
        given[name] = answer.address.partition("/")[0]
    return given


def more(prefix: str) -> list[str]:
    return [f"{prefix}-{number}" for number in range(PODS)]


def held(node: Kubelet) -> set[str]:
    leases: list[dict[str, Any]] = json.loads(node.podberth("leases", "--json"))["leases"]
    return {str(lease["address"]) for lease in leases}


def all_apart(*starts: dict[str, str]) -> bool:
    every = [address for given in starts for address in given.values()]
    return len(every) == len(set(every))


def backup(node: Kubelet) -> Path:
    file = node.state.parent / "backup.db"
    node.podberth("store", "backup", str(file))
    return file


def copy_over(node: Kubelet, file: Path) -> None:
    """Put the backup there as an operator does by hand, while nobody has the store open."""
    for name in ("podberth.db", "podberth.db-wal", "podberth.db-shm"):
        (node.state / name).unlink(missing_ok=True)
    shutil.copyfile(file, node.state / "podberth.db")


def epoch(node: Kubelet) -> tuple[int, int]:
    """Return the number of the last epoch, and how many nodes are awaited."""
    with contextlib.closing(sqlite3.connect(node.state / "podberth.db")) as database:
        (number,) = database.execute("SELECT coalesce(max(number), 0) FROM epochs").fetchone()
        (awaited,) = database.execute("SELECT count(*) FROM awaited").fetchone()
    return number, awaited


def test_after_a_restore_an_agent_goes_on_and_gives_no_address_twice(node: Kubelet) -> None:
    node.apply(DOCUMENTS)
    with agent(node) as running:
        first = begin(node, *more("before"))
        file = backup(node)
        second = begin(node, *more("since"))
        told = json.loads(node.podberth("store", "restore", str(file), "--why", "a test", "--json"))
        assert sorted(told["bound"]) == sorted(second.values())
        third = begin(node, *more("after"))
        assert all_apart(first, second, third)
        assert held(node) == {*first.values(), *second.values(), *third.values()}
        assert running.process.poll() is None
        assert epoch(node) == (1, 0)
        assert node.call("STATUS", node.pod("x")).code == 0


def test_a_pod_of_after_the_backup_is_checked_and_ended_as_ever(node: Kubelet) -> None:
    node.apply(DOCUMENTS)
    with agent(node):
        file = backup(node)
        pod = node.pod("mysql-0")
        added = node.call("ADD", pod)
        node.podberth("store", "restore", str(file), "--why", "a test")
        assert node.call("CHECK", pod, prevResult=added.result).code == 0
        assert node.call("DEL", pod).code == 0
        assert begin(node, "mysql-1")["mysql-1"] != ""
        assert node.call("DEL", pod).code == 0


def test_an_agent_that_has_the_store_open_takes_over_what_it_had(node: Kubelet) -> None:
    """The file is replaced by hand, under a running agent."""
    node.apply(DOCUMENTS)
    with agent(node) as running:
        first = begin(node, *more("before"))
        file = backup(node)
        second = begin(node, *more("since"))
        copy_over(node, file)
        third = begin(node, *more("after"))
        assert all_apart(first, second, third)
        assert held(node) == {*first.values(), *second.values(), *third.values()}
        assert running.process.poll() is None
        assert node.call("STATUS", node.pod("x")).code == 0


def test_an_agent_that_is_started_on_an_older_copy_finds_the_pods_in_the_kernel(node: Kubelet) -> None:
    node.apply(DOCUMENTS)
    first = begin(node, *more("before"))
    file = backup(node)
    second = begin(node, *more("since"))
    copy_over(node, file)
    running = start(node)
    try:
        third = begin(node, *more("after"))
        assert all_apart(first, second, third)
        (told,) = running.wait_for("announced")
        assert sorted(told["bound"]) == sorted(second.values())
    finally:
        running.stop(signal.SIGTERM)


def test_without_an_agent_the_next_add_finds_the_pods_in_the_kernel(node: Kubelet) -> None:
    node.apply(DOCUMENTS)
    first = begin(node, *more("before"))
    file = backup(node)
    second = begin(node, *more("since"))
    copy_over(node, file)
    third = begin(node, *more("after"))
    assert all_apart(first, second, third)
    assert epoch(node) == (1, 0)


def test_a_pod_that_was_found_frees_its_address_once_it_is_gone(node: Kubelet) -> None:
    node.apply(DOCUMENTS.replace("10.60.0.0/16", "10.60.0.0/30"))
    file = backup(node)
    pod = node.pod("mysql-0")
    assert node.call("ADD", pod).address == "10.60.0.2/30"
    copy_over(node, file)
    refused = node.call("ADD", node.pod("mysql-1"))
    assert refused.result["code"] == 100
    assert node.call("DEL", pod).code == 0
    node.remove_namespace(pod.netns)
    assert begin(node, "mysql-2") == {"mysql-2": "10.60.0.2"}


def test_a_store_that_was_lost_and_declared_anew_gives_no_address_twice(node: Kubelet) -> None:
    node.apply(DOCUMENTS)
    first = begin(node, "mysql-0")
    for file in node.state.glob("podberth.db*"):
        file.unlink()
    node.apply(DOCUMENTS)
    assert all_apart(first, begin(node, "mysql-1"))
