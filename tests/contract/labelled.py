"""A node of each store, whose labels a test says; and short ways to write pools and declarations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from podberth.cni.errors import TryAgainLater
from podberth.entry import handle
from podberth.net.facts import NetnsId
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from podberth.verbs.node import Node
from tests.hosts import FakeHost

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from podberth.cni.pod import PodRef
    from tests.contract.declarations import Store

ZONE = "topology.kubernetes.io/zone"
IN_ZONE_A = {"nodeSelector": {"matchLabels": {ZONE: "a"}}}
IN_ZONE_B = {"nodeSelector": {"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["b"]}]}}


def pool(name: str, subnet: str, **spec: object) -> dict[str, object]:
    return {"kind": "Pool", "metadata": {"name": name}, "spec": {"subnets": [{"subnet": subnet}], **spec}}


def declared(pod: str, *pools: str, namespace: str = "db", **more: object) -> dict[str, object]:
    return {
        "kind": "PodNetwork",
        "metadata": {"namespace": namespace, "name": pod},
        "spec": {"pod": pod, "attachments": [{"pools": list(pools), **more}]},
    }


class Site:
    """A node of the store, whose labels and those of its pods a test says."""

    def __init__(self, store: Store, state: Path) -> None:
        self.store = store
        self.host = FakeHost()
        self.labels: dict[str, Mapping[str, str]] = {"Node": {ZONE: "a"}}
        self.asked: list[str] = []
        database = Database(str(state))
        with database.write():
            pass
        self.node = Node(
            name="worker-1",
            host=self.host,
            policies=store.policies,
            ledger=store.ledger,
            attachments=SqliteAttachments(database),
            clock=lambda: 10**18,
            follow=lambda _: "",
            labels=self._labels,
        )

    def _labels(self, kind: str, pod: PodRef | None) -> Mapping[str, str]:
        key = kind if kind == "Node" else f"{kind} {pod.namespace if pod and kind == 'Namespace' else pod}"
        self.asked.append(key)
        if key not in self.labels:
            raise TryAgainLater(f"the labels of {key} are not known: the API server is away")
        return self.labels[key]

    def call(self, verb: str, pod: str, container: str = "", ifname: str = "eth0", **conf: Any) -> dict[str, Any]:
        """Return the result, or the error, of a call for a pod 'namespace/name'."""
        namespace, _, name = pod.partition("/")
        container = container or f"c-{name}"
        netns = f"/run/netns/{container}"
        self.host.namespaces.setdefault(netns, NetnsId(device=4, inode=100 + len(self.host.namespaces)))
        env = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": container,
            "CNI_NETNS": netns,
            "CNI_IFNAME": ifname,
            "CNI_PATH": "/opt/cni/bin",
            "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE={namespace};K8S_POD_NAME={name};K8S_POD_UID=u",
        }
        full = {
            "cniVersion": "1.0.0",
            "name": "banknet",
            "type": "podberth",
            "device": "bridge",
            "bridge": "br0",
            **conf,
        }
        _, stdout = handle(env, json.dumps(full).encode(), connect=lambda _: self.node)
        return json.loads(stdout) if stdout else {}

    def add(self, pod: str, container: str = "", **conf: Any) -> str:
        """Return the address that an ADD gives, or the code and message of its error."""
        said = self.call("ADD", pod, container, **conf)
        if "code" in said:
            return f"{said['code']}: {said['msg']}; {said.get('details', '')}"
        return str(said["ips"][0]["address"]).partition("/")[0]
