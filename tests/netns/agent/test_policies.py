"""Directories of documents under an agent: what changes in them comes into force, and what does not is left alone."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.agent.running import agent
from tests.netns.agent.test_desk import page, podberth, samples
from tests.netns.kubelet import run
from tests.servers.child import freeze
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.netns.kubelet import Kubelet

LOOKS = "podberth_policy_looks_total{}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "etc" / "policies"
    made.mkdir(parents=True)
    return made


def document(pod: str, host: int) -> str:
    return f"""\
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {{namespace: bank, name: {pod}}}
spec: {{pod: {pod}, attachments: [{{pool: db, addresses: [10.60.0.{host}]}}]}}
"""


def write(file: Path, pod: str, host: int) -> None:
    """Write a document as a new file in the old one's place."""
    replaced(file, document(pod, host))


def replaced(file: Path, text: str) -> None:
    """Have the text be in the file at once: nobody sees a part of it."""
    fresh = file.with_name(".fresh")
    fresh.write_text(text)
    fresh.replace(file)


def declared(node: Kubelet) -> set[str]:
    """Return the addresses that are declared, without asking the agent."""
    items = json.loads(node.podberth("get", "podnetworks", "--json"))["items"]
    return {str(item["spec"]["attachments"][0]["addresses"][0]) for item in items}


def wait_until_declared(node: Kubelet, *hosts: int) -> None:
    wanted = {f"10.60.0.{host}" for host in hosts}
    until(lambda: declared(node) == wanted, lambda: f"declared: {declared(node)}")


def standing(node: Kubelet) -> dict[str, Any]:
    (found,) = json.loads(page(node, "/v1/state")[1])["policies"]
    return dict(found)


def add(node: Kubelet, folder: Path, pod: str) -> Any:
    return node.call("ADD", node.pod(pod), policyDir=str(folder))


def known(node: Kubelet, folder: Path) -> None:
    """Have the agent know the directory, as from the first ADD of a network with it."""
    assert add(node, folder, "first").code == 0


def quiet(node: Kubelet) -> float:
    """Wait until the agent looks no more; return how often it has looked.

    That is longer than changes are gathered, and than an agent needs that takes long to answer.
    """
    before, pause = -1.0, 0.7
    while True:
        began = time.monotonic()
        now = samples(node)[LOOKS]
        if now == before:
            return now
        before, pause = now, max(pause, 40 * (time.monotonic() - began))
        time.sleep(pause)


def test_files_that_are_written_renamed_and_removed_come_into_force_without_an_add(node: Kubelet, folder: Path) -> None:
    (folder / "a.yaml").write_text(document("a", 11))
    with agent(node):
        known(node, folder)
        (folder / "b.yaml").write_text(document("b", 12))
        wait_until_declared(node, 11, 12)
        (folder / "a.yaml").write_text(document("a", 13))
        wait_until_declared(node, 13, 12)
        write(folder / "c.txt", "c", 14)
        (folder / "c.txt").rename(folder / "c.yaml")
        wait_until_declared(node, 13, 12, 14)
        (folder / "a.yaml").unlink()
        wait_until_declared(node, 12, 14)
        (folder / "b.yaml").rename(folder / "b.off")
        wait_until_declared(node, 14)
        history = json.loads(node.podberth("history", "bank/b", "--json"))["events"]
    assert {(event["who"], event["why"]) for event in history} == {("agent", "policyDir")}


def test_a_configmap_and_links_to_elsewhere_come_into_force_without_an_add(
    node: Kubelet, folder: Path, tmp_path: Path
) -> None:
    for release, host in (("..one", 11), ("..two", 12)):
        (folder / release).mkdir()
        write(folder / release / "db.yaml", "a", host)
    (folder / "..data").symlink_to("..one")
    (folder / "db.yaml").symlink_to("..data/db.yaml")
    far = tmp_path / "far" / "v1"
    far.mkdir(parents=True)
    write(far / "b.yaml", "b", 21)
    (tmp_path / "now").symlink_to("far/v1")
    (folder / "b.yaml").symlink_to(tmp_path / "now" / "b.yaml")
    (folder / "c.yaml").symlink_to(tmp_path / "far" / "later.yaml")
    with agent(node):
        known(node, folder)
        (folder / "..next").symlink_to("..two")
        (folder / "..next").rename(folder / "..data")
        wait_until_declared(node, 12, 21)
        (far / "b.yaml").write_text(document("b", 22))
        wait_until_declared(node, 12, 22)
        (tmp_path / "far" / "v2").mkdir()
        write(tmp_path / "far" / "v2" / "b.yaml", "b", 23)
        (tmp_path / "next").symlink_to("far/v2")
        (tmp_path / "next").rename(tmp_path / "now")
        wait_until_declared(node, 12, 23)
        write(tmp_path / "far" / "later.yaml", "c", 31)
        wait_until_declared(node, 12, 23, 31)
        os.link(far / "b.yaml", folder / "d.yaml")
        (far / "b.yaml").write_text(document("d", 41))  # by its other name
        wait_until_declared(node, 12, 23, 31, 41)


def test_an_add_brings_into_force_what_was_written_just_before_it(node: Kubelet, folder: Path) -> None:
    pods = [(node.pod(f"p{number}"), number) for number in range(11, 41)]
    with agent(node):
        for pod, host in pods:
            write(folder / f"{pod.name}.yaml", pod.name, host)
            answer = node.call("ADD", pod, policyDir=str(folder), undeclared="refuse")
            assert answer.code == 0, answer.stdout
            assert answer.address == f"10.60.0.{host}/16"


def test_an_unchanged_directory_is_not_looked_at_by_adds(node: Kubelet, folder: Path) -> None:
    write(folder / "a.yaml", "a", 11)
    pods = [node.pod(f"web-{number}") for number in range(5)]
    with agent(node):
        known(node, folder)
        looks = quiet(node)
        for pod in pods:
            assert node.call("ADD", pod, policyDir=str(folder)).code == 0
        assert samples(node)[LOOKS] == looks
        node.pod("mount")  # a namespace is a mount: places are compared, files are not
        assert node.call("DEL", pods[0], policyDir=str(folder)).code == 0
        assert node.call("ADD", pods[0], policyDir=str(folder)).code == 0
        assert samples(node)[LOOKS] == looks
        write(folder / "a.yaml", "a", 12)
        assert add(node, folder, "a").address == "10.60.0.12/16"
        assert samples(node)[LOOKS] > looks


def test_after_an_overflow_every_directory_is_looked_at(node: Kubelet, folder: Path) -> None:
    write(folder / "a.yaml", "a", 11)
    with agent(node) as running:
        known(node, folder)
        quiet(node)
        freeze(running.process.pid)
        churned = folder.parent  # watched for one name alone: these events would change nothing
        limit = int(run("cat", "/proc/sys/fs/inotify/max_queued_events"))
        for number in range(limit // 2 + 10):
            (churned / f"x{number}").touch()
            (churned / f"x{number}").unlink()
        write(folder / "a.yaml", "a", 12)
        running.process.send_signal(signal.SIGCONT)
        wait_until_declared(node, 12)
    assert any("lost events" in event.get("message", "") for event in running.events("policies"))


def test_a_broken_file_is_told_once_and_shown_until_it_is_mended(node: Kubelet, folder: Path) -> None:
    write(folder / "a.yaml", "a", 11)
    failed = f'podberth_policy_directories{{"directory": "{folder}", "state": "failed"}}'
    with agent(node) as running:
        known(node, folder)
        assert (standing(node)["state"], standing(node)["watched"], samples(node)[failed]) == ("in force", True, 0)
        replaced(folder / "a.yaml", "}")
        told = running.wait_for("policies", 2)[-1]
        assert (told["level"], told["state"], "a.yaml:1: not valid YAML" in told["message"]) == (
            "warning",
            "failed",
            True,
        )
        assert standing(node)["message"] == told["message"]
        assert samples(node)[failed] == 1
        assert "not valid YAML" in podberth(node, "top").stdout
        assert add(node, folder, "a").address == "10.60.0.11/16"
        refused = add(node, folder, "late")
        assert (refused.code, "not valid YAML" in refused.stdout) == (1, True)
        assert len(running.events("policies")) == 2
        write(folder / "a.yaml", "a", 11)
        assert running.wait_for("policies", 3)[-1]["state"] == "in force"
        assert samples(node)[failed] == 0
        assert add(node, folder, "late").code == 0


def test_a_directory_that_is_missing_replaced_or_mounted_over_comes_into_force(
    node: Kubelet, folder: Path, tmp_path: Path
) -> None:
    folder.rmdir()
    folder.parent.rmdir()
    with agent(node) as running:
        assert add(node, folder, "first").code == 1
        folder.mkdir(parents=True)
        write(folder / "a.yaml", "a", 11)
        wait_until_declared(node, 11)
        other = tmp_path / "other"
        other.mkdir()
        write(other / "a.yaml", "a", 12)
        folder.rename(tmp_path / "old")
        other.rename(folder)
        wait_until_declared(node, 12)
        (tmp_path / "etc").rename(tmp_path / "away")
        running.wait_for("policies", 3)
        (tmp_path / "away").rename(tmp_path / "etc")
        write(folder / "a.yaml", "a", 13)
        wait_until_declared(node, 13)
        over = tmp_path / "over"
        over.mkdir()
        write(over / "a.yaml", "a", 14)
        inside = ("nsenter", "--mount", "--target", str(running.process.pid))
        run(*inside, "mount", "--bind", str(over), str(folder))
        try:
            wait_until_declared(node, 14)
            write(over / "a.yaml", "a", 15)
            wait_until_declared(node, 15)
        finally:
            run(*inside, "umount", str(folder))
        assert add(node, folder, "a").address == "10.60.0.13/16"
        wait_until_declared(node, 13)


def test_the_next_agent_follows_what_the_one_before_did(node: Kubelet, folder: Path) -> None:
    write(folder / "a.yaml", "a", 11)
    with agent(node) as first:
        known(node, folder)
        assert first.stop() == 0
    write(folder / "a.yaml", "a", 12)
    with agent(node):
        wait_until_declared(node, 12)
        write(folder / "a.yaml", "a", 13)
        wait_until_declared(node, 13)


def test_what_is_on_a_file_system_that_tells_nothing_is_looked_at_by_each_add(node: Kubelet, folder: Path) -> None:
    (folder / "a.yaml").symlink_to("/proc/self/nothing.yaml")
    unwatched = f'podberth_policy_directories{{"directory": "{folder}", "state": "unwatched"}}'
    with agent(node) as running:
        known(node, folder)
        looks = samples(node)[LOOKS]
        for number in range(3):
            assert add(node, folder, f"web-{number}").code == 0
        found = samples(node)
        assert (found[LOOKS] >= looks + 3, found[unwatched]) == (True, 1)
        (told,) = running.events("policies not watched")
        assert "/proc" in told["message"]
        write(folder / "a.yaml", "a", 11)
        assert add(node, folder, "a").address == "10.60.0.11/16"
        assert (samples(node)[unwatched], standing(node)["watched"]) == (0, True)
