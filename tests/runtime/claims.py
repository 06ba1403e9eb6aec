"""A node with an agent that serves resource claims: a real runtime, a real API server, and kubelet's side of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podberth.dra.driver import DRIVER
from tests.checkout import ROOT
from tests.runtime.kubelet import Kubelet
from tests.runtime.site import POD_NAMESPACE
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.runtime.site import Sandbox, Site
    from tests.servers.kube import KubeServer

HOOK = ROOT / "build/shim/podberth-link-hook"
NODE = "node1"
POOLS = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets:
  - {subnet: 10.50.0.0/24, gateway: 10.50.0.1, hold: [10.50.0.2-10.50.0.99]}
---
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: trade}
spec:
  subnets:
  - {subnet: 10.70.0.0/24, hold: [10.70.0.2-10.70.0.99]}
  routes: [{dst: 10.90.0.0/16, gw: 10.70.0.254}]
  allow:
  - {namespaces: [bank], podRequests: true, addresses: [10.70.0.30-10.70.0.49, 10.70.0.77]}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: mysql}
spec:
  statefulSet: {name: mysql, replicas: 4}
  attachments:
  - {pool: db, ordinals: [{base: 10.50.0.40}]}
  - {ifname: net1, pool: trade, ordinals: [{base: 10.70.0.40}]}
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: ledger}
spec:
  pod: ledger
  attachments:
  - {ifname: net1, pool: trade, addresses: [10.70.0.77]}
"""


@dataclass
class Claims:
    """One node's claims. `kubelet` is on the other side of the driver."""

    site: Site
    kube: KubeServer
    kubelet: Kubelet
    folder: Path
    places: int = 4  # on the link
    _agent: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def link(self) -> str:
        """The bridge that pods of claims are on."""
        return f"cl-{self.site.mark}"

    def start(self) -> None:
        """Start the agent, and have kubelet and runtime take it."""
        site, root = self.site, self.site.containerd.root
        argv = [
            *("--state", str(site.state), "agent", "--socket", str(self.folder / "agent.sock")),
            *("--check-interval", "1"),
            *("--dra", "--dra-link", f"bridge:{self.link}={self.places}", "--dra-hook", str(HOOK)),
            *("--kubelet", str(self.kubelet.root), "--nri-socket", str(root / "nri.sock")),
            *("--cdi-dir", str(root / "cdi"), "--kubeconfig", str(self.kube.kubeconfig)),
        ]
        command = site.node.command(sys.executable, "-m", "podberth.cli.main", *argv)
        with (self.folder / "agent.log").open("ab") as log:
            self._agent = subprocess.Popen(command, stderr=log, env={**os.environ, "NODE_NAME": NODE})
        until(lambda: '"runtime"' in self.log(), lambda: f"the runtime does not take the agent: {self.log()}")
        self.kubelet.register()

    def log(self) -> str:
        """Return what the agent that runs has said."""
        return (self.folder / "agent.log").read_text()

    def kill(self) -> None:
        """SIGKILL to the agent."""
        assert self._agent is not None
        self._signal("KILL")
        self._agent.wait()
        self._agent = None
        (self.folder / "agent.log").write_text("")

    def freeze(self) -> None:
        """SIGSTOP to the agent: it says nothing, and keeps its connections."""
        self._signal("STOP")

    def thaw(self) -> None:
        """SIGCONT to the agent, and to the program that began it in the node's namespaces: that stops with it."""
        if self._agent is not None:
            self._agent.send_signal(signal.SIGCONT)
            self._signal("CONT")

    def _signal(self, name: str) -> None:
        for pid in self.site.node.run("pgrep", "-f", f"agent --socket {self.folder}/agent.sock").split():
            self.site.node.run("kill", f"-{name}", pid)

    def stop(self) -> None:
        """SIGTERM to the agent; it ends what runs."""
        if self._agent is not None:
            self._signal("TERM")
            self._agent.wait()
            self._agent = None

    def devices(self) -> list[str]:
        """Return the devices that the node's slices offer."""
        resource = self.kube.operator.resource({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice"})
        items = self.kube.operator.client.list(resource).items
        return [device["name"] for item in items for device in item["spec"]["devices"]]

    def claim(
        self, name: str, pod: str, uid: str, *, number: int = 0, says: Mapping[str, Any] | None = None,
        operator: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Make a claim as it is once the scheduler has allocated it for a pod; return it."""
        device = f"bridge-{self.link}-{number}"
        configurations = []
        for source, said in (("FromClass", operator), ("FromClaim", says)):
            if said is not None:
                about = {"apiVersion": "podberth.io/v1alpha1", "kind": "InterfaceParameters", **said}
                opaque = {"driver": DRIVER, "parameters": about}
                configurations.append({"source": source, "requests": ["net1"], "opaque": opaque})
        result = {"request": "net1", "driver": DRIVER, "pool": NODE, "device": device}
        status = {
            "allocation": {"devices": {"results": [result], "config": configurations}},
            "reservedFor": [{"resource": "pods", "name": pod, "uid": uid}],
        }
        about = {"namespace": POD_NAMESPACE, "name": name}
        made = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": about, "spec": {}}
        self.kube.operator.create(made)
        resource = self.kube.operator.resource(made)
        client = self.kube.operator.client
        return client.merge_patch(resource, name, {"status": status}, POD_NAMESPACE, subresource="status")

    def told(self, claim: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what the claim's status says of its devices."""
        resource = self.kube.operator.resource({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim"})
        found = self.kube.operator.client.get(resource, claim["metadata"]["name"], POD_NAMESPACE)
        return list(found["status"].get("devices", []))

    def addresses(self, sandbox: Sandbox) -> str:
        """Return what `ip address` shows of net1 in a pod."""
        return self.site.inside(sandbox, "ip", "-o", "address", "show", "net1")


@contextlib.contextmanager
def claims(site: Site, kube: KubeServer, folder: Path, version: str, places: int = 4) -> Iterator[Claims]:
    """Have an agent with a driver run on the site's node."""
    kubelet = Kubelet(folder / "kubelet", version)
    made = Claims(site=site, kube=kube, kubelet=kubelet, folder=folder, places=places)
    site.node.run("ip", "link", "add", made.link, "type", "bridge")
    site.node.run("ip", "link", "set", made.link, "up")
    try:
        made.start()
        yield made
    finally:
        made.thaw()
        made.stop()
        kubelet.close()
        site.node.run("ip", "link", "delete", made.link)
