"""What a release wrote on a node is read, served, ended and carried over by the present code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from podberth.net.record_json import parse_steps, steps_json
from podberth.runtime.cache import Cache
from tests.netns.agent.running import agent
from tests.netns.kubelet import Pod
from tests.released import answers
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.released.versions import Release
    from tests.released.worker import Worker

NOBODY: dict[str, Any] = {"cni.dev/valid-attachments": []}
UNFINISHED = {"intent", "leaving"}  # a DEL that was killed while it undid things is made again by the runtime
OF_ANOTHER_BOOT = {"wired"}  # a record of a virtual function says in which boot it was made


def attachments(node: Worker) -> list[dict[str, Any]]:
    return list(answers.ask(node.state, "get", "attachments")["items"])


def leases(node: Worker) -> list[dict[str, Any]]:
    return list(answers.ask(node.state, "leases")["leases"])


def pod_of(attachment: dict[str, Any]) -> Pod:
    """Return the pod of a recorded attachment, whose network namespace is no more."""
    name = (attachment["pod"] or "bank/").partition("/")[2]
    return Pod(name=name, container_id=attachment["container_id"], netns=attachment["netns"].rpartition("/")[2])


def names(node: Worker) -> set[str]:
    """Return the names of the pods that are recorded."""
    return {pod_of(each).name for each in attachments(node)}


def taken(release: Release) -> dict[str, str]:
    """Return each address that somebody has, or that rests, with whose it is."""
    recorded = release.read("answers.json")
    found = {row["address"]: row["pod"] for row in recorded["get reservations"]["items"]}
    found |= {row["address"]: row["pod"] for row in recorded["leases"]["leases"]}
    return found


def test_every_question_is_answered_as_the_release_answered_it(node: Worker, release: Release) -> None:
    recorded = release.read("answers.json")
    assert len(recorded) > 300
    asked = answers.answers(node.state)
    assert {question: answers.told_then(asked.get(question), recorded[question]) for question in recorded} == recorded


def test_the_steps_of_every_op_are_read_and_written_so_that_the_release_reads_them(release: Release) -> None:
    """The release has the same defaults for what is not written, and refuses a field that it does not know."""
    text = (release.folder / "every-op.json").read_text().strip()
    steps = parse_steps(text)
    written = steps_json(steps)
    assert len(steps) == 17
    assert parse_steps(written) == steps
    for then, now in zip(json.loads(text), json.loads(written), strict=True):
        assert now.items() <= then.items()


def test_del_of_every_recorded_attachment_frees_its_addresses(node: Worker) -> None:
    recorded = attachments(node)
    assert {"mysql-1", "upstairs", "wired", "ran", "halfway", *UNFINISHED} <= {pod_of(each).name for each in recorded}
    for each in recorded:
        answer = node.call("DEL", pod_of(each), name=each["network"], ifname=each["ifname"], pool="db")
        assert answer.code == 0, (each, answer.stdout)
    assert attachments(node) == []
    assert [lease["attachment"]["network"] for lease in leases(node)] == ["oldnet"]


def test_gc_without_valid_attachments_frees_what_is_recorded_and_what_was_imported(node: Worker) -> None:
    networks = {each["network"] for each in attachments(node)} | {"oldnet"}
    for network in sorted(networks):
        answer = node.call("GC", pod_of(attachments(node)[0]), name=network, **NOBODY)
        assert answer.code == 0, (network, answer.stdout)
        if not attachments(node):
            break
    podless = Pod(name="", container_id="gc", netns="gc")
    assert node.call("GC", podless, name="oldnet", **NOBODY).code == 0
    assert attachments(node) == leases(node) == []


def test_an_agent_that_starts_ends_what_was_left_unfinished_or_by_a_boot_before_and_nothing_else(node: Worker) -> None:
    before = names(node)
    with agent(node, "--no-repair", "--check-interval", "86400"):
        until(lambda: before - names(node) == UNFINISHED | OF_ANOTHER_BOOT, lambda: f"recorded: {names(node)}")


def test_an_add_gives_no_recorded_address_to_another_pod(node: Worker, release: Release) -> None:
    whose = taken(release)
    given = []
    for number in range(4):
        for pool in ("db", "oldest"):
            answer = node.call("ADD", node.pod(f"new-{number}"), pool=pool, name=f"{pool}-again")
            assert answer.code == 0, answer.stdout
            given += [each["address"].partition("/")[0] for each in answer.result["ips"]]
    assert len(set(given)) == len(given) == 12
    assert not set(given) & whose.keys()


def test_an_address_that_rests_is_given_to_nobody(node: Worker) -> None:
    given: list[str] = []
    while True:
        answer = node.call("ADD", node.pod(f"new-{len(given)}"), pool="resting", name="resting-again")
        if answer.code:
            break
        given.append(answer.address)
    assert "no free IPv4 address" in answer.result["msg"]
    # Of six addresses one is the gateway's, and two rest.
    assert len(given) == 3


def test_a_pod_that_comes_again_has_its_recorded_address(node: Worker) -> None:
    (old,) = [each for each in attachments(node) if each["pod"] == "bank/mysql-1"]
    answer = node.call("ADD", node.pod("mysql-1", uid="u3"), pool="db")
    assert answer.code == 0, answer.stdout
    assert answer.address.partition("/")[0] in old["addresses"]
    assert "10.50.0.12" in old["addresses"]


def test_an_export_is_what_the_release_exported_and_comes_into_a_store_of_today(
    node: Worker, release: Release, tmp_path: Path
) -> None:
    recorded = release.read("answers.json")
    file = node.state.parent / "store.jsonl"
    node.podberth("export", "-o", "/var/lib/store.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert answers.told_then(rows[1:], recorded["export"]) == recorded["export"]
    answers.told(tmp_path / "fresh", "import", "store", str(file))
    asked = answers.answers(tmp_path / "fresh")
    own = ("get attachments",)  # the node's, and in no export
    others = {question: answer for question, answer in recorded.items() if question not in own}
    assert {question: answers.told_then(asked.get(question), answer) for question, answer in others.items()} == others


def test_a_run_of_the_release_is_listed_and_taken_down(node: Worker) -> None:
    words = ("run", "--run-dir", "/var/lib/run", "--json")
    (listed,) = json.loads(node.podberth(*words, "--list"))["runs"]
    assert listed["pod"] == "bank/ran"
    (cached,) = Cache(str(node.state.parent / "cni")).all()
    assert (cached.network, cached.container_id) == ("runnet", "run-0001")
    assert cached.result is not None

    node.podberth(*words, "--cleanup")

    assert list((node.state.parent / "run").iterdir()) == []
    assert list(Cache(str(node.state.parent / "cni")).all()) == []
    assert "runnet" not in {lease["attachment"]["network"] for lease in leases(node)}
