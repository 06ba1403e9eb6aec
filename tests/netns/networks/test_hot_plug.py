"""The annotation of a running pod changes: networks come and go, and nothing else of the pod is touched."""

from __future__ import annotations

import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from podberth.kube.resources import NETWORK_ATTACHMENTS, PODS
from podberth.networks.selection import NETWORKS
from tests.checkout import ROOT
from tests.netns.agent.running import agent
from tests.netns.kubelet import run, within
from tests.netns.networks.conftest import NODE, leg
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Pod
    from tests.netns.networks.conftest import Site


@pytest.fixture
def followed(site: Site) -> Iterator[Site]:
    """Yield a node whose agent follows its pods."""
    site.define("storage", leg(site.folder))
    site.define("backup", leg(site.folder))
    with agent(site.node, env={"NODE_NAME": NODE}):
        yield site


def select(site: Site, pod: Pod, networks: str | None) -> None:
    """Change the pod's annotation."""
    site.client.merge_patch(PODS, pod.name, {"metadata": {"annotations": {NETWORKS: networks}}}, pod.namespace)


def attached(site: Site, pod: Pod, *links: str) -> bool:
    """Wait until the pod has these links, and its network-status says so."""

    def names() -> tuple[set[str], set[str]]:
        inside = {name for name in site.node.links(pod.netns) if not name.startswith("pg")}
        return inside, {one["interface"] for one in site.status(pod)}

    wanted = {"lo", "eth0", *links}, {"eth0", *links}
    return until(lambda: names() == wanted, lambda: f"{names()} is not {wanted}")


def started(site: Site, networks: str = "") -> Pod:
    """Have a running pod."""
    pod = site.pod("mysql-0", networks)
    added = site.added(pod)
    assert added.code == 0, added.stdout
    return pod


def test_networks_come_and_go_with_the_annotation(followed: Site) -> None:
    pod = started(followed)
    for networks, links in (
        ("storage", ["net1"]), ("storage,backup@vault", ["net1", "vault"]), ("backup@vault,storage", ["net1", "vault"]),
        ("backup@vault", ["vault"]), (None, []),
    ):  # fmt: skip
        select(followed, pod, networks)
        assert attached(followed, pod, *links)
    assert followed.call("DEL", pod).code == 0
    assert followed.gone(pod)


def test_a_name_that_the_annotation_gives_is_had_though_it_is_that_of_a_place(followed: Site) -> None:
    pod = started(followed, "storage,backup")
    select(followed, pod, "backup")
    assert attached(followed, pod, "net2")
    select(followed, pod, "backup@net1")
    assert attached(followed, pod, "net1")
    assert followed.call("CHECK", pod).code == 0
    assert followed.call("DEL", pod).code == 0
    assert followed.gone(pod)


def test_a_leg_that_stays_keeps_link_and_address_and_no_packet_of_it_is_lost(followed: Site) -> None:
    pod = started(followed, "storage")
    before = followed.node.links(pod.netns)
    beat = ["ping", "-i", "0.01", "-q", "-w", "20", "10.80.0.1"]
    with subprocess.Popen([*within(pod.netns), *beat], stdout=subprocess.PIPE, text=True) as pinging:
        for networks, links in (("storage,backup", ["net1", "net2"]), ("storage", ["net1"])):
            select(followed, pod, networks)
            assert attached(followed, pod, *links)
        pinging.send_signal(2)
        shown, _ = pinging.communicate()
    sent, received = (int(number) for number in re.findall(r"(\d+) (?:packets transmitted|received)", shown))
    assert sent == received > 0
    after = followed.node.links(pod.netns)
    assert [after[name]["ifindex"] for name in ("eth0", "net1")] == [
        before[name]["ifindex"] for name in ("eth0", "net1")
    ]


def test_what_can_not_be_made_changes_nothing_and_is_made_once_it_can(followed: Site) -> None:
    pod = started(followed, "storage")
    select(followed, pod, "storage,later")
    assert attached(followed, pod, "net1")
    followed.define("later", leg(followed.folder))
    assert attached(followed, pod, "net1", "net2")
    select(followed, pod, "storage,[")
    followed.client.delete(NETWORK_ATTACHMENTS, "later", "bank")
    assert attached(followed, pod, "net1", "net2")


@pytest.mark.parametrize("networks", ["slow,storage", "storage"], ids=["comes", "goes"])
def test_a_change_that_was_killed_half_way_is_ended_by_the_next_agent(site: Site, networks: str) -> None:
    """A plugin between waits as long as it is told to."""
    folder, hold = site.folder / "bin", site.folder / "hold"
    folder.mkdir()
    for plugin in (ROOT / "build" / "cni-standard").iterdir():
        (folder / plugin.name).symlink_to(plugin)
    (folder / "bridge-slow").write_text(
        f"#!/bin/sh\ntouch {hold}.seen\nwhile test -e {hold}; do sleep 0.05; done\n"
        f"sed s/bridge-slow/bridge/ | {folder}/bridge\n"
    )
    (folder / "bridge-slow").chmod(0o755)
    slow = {"type": "bridge-slow", "bridge": "legs0", "ipam": {}, "stateDir": str(site.node.state)}
    site.define("slow", {"cniVersion": "1.1.0", "name": "slow", "plugins": [slow]})
    site.define("storage", leg(site.folder))
    other = "storage" if networks == "slow,storage" else "slow,storage"
    with agent(site.node, env={"NODE_NAME": NODE}) as running:
        pod = site.pod("mysql-0", other)
        assert site.added(pod, binDir=str(folder)).code == 0
        hold.touch()
        select(site, pod, networks)
        (site.folder / "hold.seen").unlink(missing_ok=True)
        until((site.folder / "hold.seen").exists)
        running.stop(signal.SIGKILL)
    hold.unlink()
    with agent(site.node, env={"NODE_NAME": NODE}):
        assert attached(site, pod, *(["net1", "net2"] if "slow" in networks else ["net2"]))
        assert site.call("CHECK", pod, binDir=str(folder)).code == 0
        assert site.call("DEL", pod, binDir=str(folder)).code == 0
        assert site.gone(pod)


def test_another_default_route_waits_for_a_restart(followed: Site) -> None:
    pod = started(followed, "storage")
    select(followed, pod, '[{"name": "storage", "default-route": []}, {"name": "backup"}]')
    select(followed, pod, "storage,backup")
    assert attached(followed, pod, "net1", "net2")
    routes = run("ip", "-n", pod.netns, "route", "show", "default")
    assert "10.80.0.1 dev eth0" in routes


@pytest.mark.parametrize("spelt", ["kubeconfig", "KubeConfig"])  # Go takes either
def test_what_changed_while_no_agent_ran_is_caught_up_with(site: Site, spelt: str) -> None:
    site.define("storage", leg(site.folder))
    named = {"kubeconfig": None, spelt: str(site.server.kubeconfig)}
    with agent(site.node, env={"NODE_NAME": NODE}):
        pod = site.pod("mysql-0", "")
        assert site.call("ADD", pod, tripwire=None, **named).code == 0
    select(site, pod, "storage")
    with agent(site.node, env={"NODE_NAME": NODE}):
        assert attached(site, pod, "net1")
        assert site.call("DEL", pod).code == 0
        assert site.gone(pod)
    assert "net1" not in run("ip", "-n", pod.netns, "link")


HANGS = """#!/bin/sh
cat > /dev/null
touch "$0.called"
until [ -e "$0.end" ]; do sleep 0.1; done
"""


def test_a_plugin_that_hangs_delays_no_networks_of_pods_of_other_namespaces(followed: Site) -> None:
    folder = followed.folder / "bin"
    folder.mkdir()
    for plugin in (ROOT / "build" / "cni-standard").iterdir():
        (folder / plugin.name).symlink_to(plugin)
    (folder / "hangs").write_text(HANGS)
    (folder / "hangs").chmod(0o755)
    followed.define("hangs", {"cniVersion": "1.0.0", "type": "hangs"})
    plain = {"type": "bridge", "bridge": "legs0", "ipam": {}, "stateDir": str(followed.node.state)}
    followed.define("plain", {"cniVersion": "1.0.0", "name": "plain", "plugins": [plain]}, "shared")
    waiting, other = followed.pod("mysql-0"), followed.pod("web-0", namespace="shared")
    for pod in (waiting, other):
        assert followed.added(pod, binDir=str(folder)).code == 0
    select(followed, waiting, "hangs")
    until((folder / "hangs.called").exists)
    select(followed, other, "plain")
    assert attached(followed, other, "net1")
    (folder / "hangs.end").touch()
