"""A live migration: the target's leg is there beforehand and silent, and has the address once the guest runs there."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from podberth.kube.resources import PODS
from podberth.networks.migration import JOB, READY
from tests.netns.agent.running import agent
from tests.netns.kubelet import run, within
from tests.netns.networks.conftest import NAMESPACE, NODE, leg
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.agent.running import Running
    from tests.netns.kubelet import Pod
    from tests.netns.networks.conftest import Site

VM = {"name": "storage", "ipam-claim-reference": "vm.net1"}
NOW = "2026-11-30 14:00:00.5 +0000 UTC"


@pytest.fixture
def source(site: Site) -> Iterator[tuple[Site, Pod, Running]]:
    """Yield a node with an agent, and the pod of a virtual machine on it, which has the claim's address."""
    site.define("storage", leg(site.folder))
    site.claim("vm.net1")
    with agent(site.node, env={"NODE_NAME": NODE}) as running:
        pod = site.pod("virt-launcher-a", [VM])
        assert site.added(pod).code == 0
        yield site, pod, running


def target_of(site: Site) -> Pod:
    """Make the pod that a migration goes to, and its networks."""
    pod = site.pod("virt-launcher-b", [VM], labels={JOB: "5f0d"})
    added = site.added(pod)
    assert added.code == 0, added.stdout
    return pod


def arrive(site: Site, pod: Pod) -> None:
    """Have KubeVirt say that the guest runs in the pod."""
    site.client.merge_patch(PODS, pod.name, {"metadata": {"annotations": {READY: NOW}}}, NAMESPACE)


def holder(site: Site) -> tuple[str, str]:
    """Return which pod has the address by the ledger, and what happened to it last."""
    (address,) = [kept for kept, _ in site.kept()]
    who = json.loads(site.node.podberth("who", address, "--json"))
    return str(who["pod"]), str(who["event"]["kind"])


def says(pod: Pod, seconds: float = 1.5) -> str:
    """Return what leaves the pod's link while it asks for another address."""
    argv = ["timeout", str(seconds), "ping", "-c", "3", "-i", "0.2", "-W", "1", "-I", "net1", "10.81.0.200"]
    before = _sent(pod)
    subprocess.run([*within(pod.netns), *argv], capture_output=True, check=False)
    return "something" if _sent(pod) > before else "nothing"


def _sent(pod: Pod) -> int:
    shown = json.loads(run("ip", "-n", pod.netns, "-s", "-json", "link", "show", "net1"))
    return int(shown[0]["stats64"]["tx"]["packets"])


def address(site: Site) -> str:
    return site.kept()[0][0]


def test_the_target_is_silent_until_its_guest_runs_there_and_then_it_has_the_address(
    source: tuple[Site, Pod, Running],
) -> None:
    site, first, running = source
    second = target_of(site)
    has = run("ip", "-n", second.netns, "address", "show", "net1")
    assert f"{address(site)}/24" in has
    assert "state UP" in has
    assert (says(first), says(second)) == ("something", "nothing")
    assert holder(site) == ("bank/virt-launcher-a", "Bound")
    assert site.call("CHECK", second).code == 0
    until(lambda: site.claim_status("vm.net1")["ownerPod"] == "virt-launcher-a")
    arrive(site, second)
    (moved,) = running.wait_for("migrated")
    assert moved["addresses"] == [address(site)]
    assert holder(site) == ("bank/virt-launcher-b", "Moved")
    assert says(second) == "something"
    assert "net1" not in site.node.links(first.netns)  # whoever gave it away has it no more
    until(lambda: site.claim_status("vm.net1")["ownerPod"] == "virt-launcher-b")
    assert site.call("CHECK", second).code == 0
    for pod in (first, second):
        assert site.call("DEL", pod).code == 0
    assert site.gone(second)
    assert "podberth-standby" not in run(*within(second.netns), "nft", "list", "ruleset")


def test_who_had_the_address_has_one_answer_at_each_time(source: tuple[Site, Pod, Running]) -> None:
    site, _, running = source
    second = target_of(site)
    arrive(site, second)
    running.wait_for("migrated")
    story = site.node.podberth("history", address(site), "--json")
    events = json.loads(story)["events"]
    assert [event["kind"] for event in events] == ["Reserved", "Bound", "Moved"]
    assert re.search(r"live migration: from container \S+ on node \S+: its guest runs here since 2026", story)


def test_a_migration_that_is_given_up_leaves_the_address_with_the_source(source: tuple[Site, Pod, Running]) -> None:
    site, first, _ = source
    second = target_of(site)
    assert site.call("DEL", second).code == 0
    until(lambda: set(site.node.links(second.netns)) == {"lo"})
    assert holder(site) == ("bank/virt-launcher-a", "Bound")
    assert says(first) == "something"
    site.remove_pod(second)
    arrive(site, target_of(site))
    until(lambda: holder(site)[1] == "Moved")


def test_the_target_has_the_address_once_its_source_has_let_go(source: tuple[Site, Pod, Running]) -> None:
    site, first, running = source
    second = target_of(site)
    assert site.call("DEL", first).code == 0
    running.wait_for("migrated")
    assert holder(site) == ("bank/virt-launcher-b", "Bound")
    assert says(second) == "something"


def test_what_an_agent_was_killed_at_the_next_one_ends(source: tuple[Site, Pod, Running]) -> None:
    site, first, running = source
    second = target_of(site)
    running.stop(signal.SIGKILL)
    arrive(site, second)
    with agent(site.node, env={"NODE_NAME": NODE}) as after:
        after.wait_for("migrated")
        assert holder(site) == ("bank/virt-launcher-b", "Moved")
        assert says(second) == "something"
        assert "net1" not in site.node.links(first.netns)


def test_a_target_without_an_agent_waits_like_any_other_pod(site: Site) -> None:
    site.define("storage", leg(site.folder))
    site.claim("vm.net1")
    assert site.added(site.pod("virt-launcher-a", [VM])).code == 0
    refused = site.call("ADD", site.pod("virt-launcher-b", [VM], labels={JOB: "5f0d"}))
    assert (refused.code, json.loads(refused.stdout)["code"]) == (1, 11)
