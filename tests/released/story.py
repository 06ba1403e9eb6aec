"""What happened on worker-1 before a release's stores were kept: told through the command line and the plugin."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.checkout import ROOT
from tests.netns.kubelet import run
from tests.released.worker import NAME

if TYPE_CHECKING:
    from tests.netns.kubelet import Answer, Pod
    from tests.released.worker import Worker

DOCUMENTS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets:
  - {subnet: 10.50.0.0/24, gateway: 10.50.0.1, hold: [10.50.0.10-10.50.0.99]}
  - {subnet: fd00:50::/64, gateway: "fd00:50::1"}
  routes: [{dst: 0.0.0.0/0}]
  vlan: {id: 100}
---
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: resting}
spec: {subnets: [{subnet: 10.51.0.0/29, gateway: 10.51.0.1}], quarantine: 300d}
---
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: oldest}
spec: {subnets: [{subnet: 10.52.0.0/28, gateway: 10.52.0.1}], allocation: leastRecentlyUsed}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec:
  statefulSet: {name: mysql, replicas: 3}
  attachments:
  - {pool: db, ordinals: [{range: 10.50.0.11-10.50.0.13}], mac: fromAddress, rates: {egress: 100, ingress: 200}}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: web}
spec:
  deployment: {name: web}
  attachments: [{pool: db, addresses: [10.50.0.20, 10.50.0.21]}]
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: tuned}
spec:
  pod: tuned
  attachments:
  - pool: db
    addresses: [10.50.0.30, "fd00:50::30"]
    sysctls: {net.ipv4.conf.IFNAME.arp_notify: "1"}
    vlan: {id: 200}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: sticky}
spec: {pod: sticky, attachments: [{pool: oldest, sticky: true}]}
"""
MACVLAN: dict[str, Any] = {"name": "macnet", "device": "macvlan", "parent": "up0", "bridge": None, "isGateway": None}
WEB = ("web-7d4b9c8f5-x2x9k", "web-7d4b9c8f5-b4c5d")


def tell(node: Worker, store: str) -> dict[str, Pod]:
    """Let everything happen that this kind of store keeps. Return pods that still are."""
    (node.state.parent / "documents.yaml").write_text(DOCUMENTS)
    node.podberth("apply", "-f", "/var/lib/documents.yaml")
    node.network |= {"isGateway": True}
    pods = {name: node.pod(name) for name in ("mysql-0", "tuned", "batch", *WEB)}
    for name, pod in pods.items():
        answered(node.call("ADD", pod, pool="db"), name)
    answered(node.call("DEL", pods[WEB[1]], pool="db"), "one of the Deployment ended")
    if not node.bare:
        answered(node.call("ADD", node.pod("upstairs"), pool="oldest", **MACVLAN), "macvlan")
    _moved(node)
    _by_hand(node)
    _resting(node)
    if store != "kubernetes":  # an API server of 1.20 that Go 1.19 compiled takes an empty `netns` for null
        _imported(node)
    if store == "etcd":
        _fenced(node)
    _killed(node)
    if not node.bare:
        _runs(node)
    return pods


def answered(answer: Answer, what: str) -> None:
    """Fail unless a call succeeded."""
    assert answer.code == 0, f"{what}: {answer.stdout}{answer.stderr}"


def _moved(node: Worker) -> None:
    """A pod whose first sandbox vanished, and whose second takes the address over."""
    old, new = node.pod("mysql-1"), node.pod("mysql-1", uid="u2")
    answered(node.call("ADD", old, pool="db"), "mysql-1")
    node.remove_namespace(old.netns)
    answered(node.call("ADD", new, pool="db"), "mysql-1 again")


def _by_hand(node: Worker) -> None:
    node.podberth("reserve", "bank/kept", "10.50.0.60")
    node.podberth("reserve", "bank/away", "10.50.0.61")
    answered(node.call("ADD", node.pod("kept"), pool="db"), "kept")
    node.podberth("release", "10.50.0.60")
    node.podberth("reserve", "bank/over", "10.50.0.62")
    node.podberth("release", "10.50.0.62")


def _resting(node: Worker) -> None:
    """Addresses that rest for long, and one that is sticky."""
    for name, pool in (("short", "resting"), ("other", "resting"), ("sticky", "oldest")):
        pod = node.pod(name)
        answered(node.call("ADD", pod, pool=pool, name=f"{pool}net"), name)
        answered(node.call("DEL", pod, pool=pool, name=f"{pool}net"), name)


def _imported(node: Worker) -> None:
    """A lease that host-local had given to a container."""
    folder = node.state.parent / "cni" / "networks" / "oldnet"
    folder.mkdir(parents=True)
    (folder / "10.50.0.200").write_text("0123456789abcdef\r\neth0")
    (folder / "last_reserved_ip.0").write_text("10.50.0.200")
    node.podberth("import", "host-local", "--dir", "/var/lib/cni/networks/oldnet", "--pool", "db")
    shutil.rmtree(folder)


def _fenced(node: Worker) -> None:
    """Another node says that nothing runs here any more, and takes it back."""
    chosen = json.loads((node.state / "store.json").read_text())
    other = node.state.parent / "other"
    other.mkdir(mode=0o700)
    (other / "store.json").write_text(json.dumps({**chosen, "node": "worker-2"}))
    node.podberth("--state", "/var/lib/other", "fence", NAME, "--why", "burnt, and switched off")
    node.podberth("--state", "/var/lib/other", "unfence", NAME, "--why", "it was another one")


def _killed(node: Worker) -> None:
    """An ADD and a DEL that were killed half way; the last is a DEL that an agent had answered."""
    pods = [node.pod(name) for name in ("intent", "halfway", "leaving")]
    for pod in pods[1:]:
        answered(node.call("ADD", pod, pool="db"), pod.name)
    assert node.call("ADD", pods[0], pool="db", tripwire="5:after:kill").code == -signal.SIGKILL
    assert node.call("DEL", pods[1], pool="db", tripwire="2:after:kill").code == -signal.SIGKILL
    _left_by_an_agent(node, pods[2])


def _left_by_an_agent(node: Worker, pod: Pod) -> None:
    """An agent answers a DEL, and is killed before it ends it: nothing that it left is undone until the next starts."""
    command = [sys.executable, "-m", "tests.released.answering"]
    env = {**node.env("DEL", pod), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*node.at_node, *command], input=json.dumps(node.config(pool="db")), env=env, text=True, check=False,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def _runs(node: Worker) -> None:
    """A run whose process was killed, with what libcni's cache has of it."""
    folder = node.state.parent / "net.d"
    folder.mkdir()
    conf = {**node.config(pool="db", name="runnet"), "cniVersion": "1.0.0"}
    network = {"cniVersion": conf.pop("cniVersion"), "name": conf.pop("name"), "plugins": [conf]}
    (folder / "10-runnet.conflist").write_text(json.dumps(network))
    podberth = [*node.at_node, sys.executable, "-m", "podberth.cli.main", "run", "--network", "runnet"]
    podberth += ["--name", "ran", "--namespace", "bank", "--container-id", "run-0001", "--conf-dir", "/var/lib/net.d"]
    podberth += ["--run-dir", "/var/lib/run", "--", "sh", "-c", "kill -KILL $PPID; sleep 1"]
    subprocess.run(podberth, capture_output=True, check=False)
    assert (node.state.parent / "run" / "run-0001.json").exists()
    run("ip", "netns", "delete", "run-0001")
