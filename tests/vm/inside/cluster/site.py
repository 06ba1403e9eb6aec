"""A StatefulSet whose pods have three legs, on the node: what is declared, what is there, and who has what."""

from __future__ import annotations

import contextlib
import io
import json
import time
from dataclasses import dataclass, field
from ipaddress import ip_interface
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podberth.cli.main import main as podberth
from podberth.devices.kubelet import Kubelet
from podberth.entry import open_node
from podberth.kube import errors
from podberth.kube.client import Call
from podberth.kube.resources import NETWORK_ATTACHMENTS, NODES, PODS, Resource
from tests.netns.kubelet import run
from tests.netns.networks.conftest import CRD
from tests.runtime import image
from tests.servers.operator import Operator
from tests.vm.control import NODE
from tests.vm.inside import card
from tests.vm.inside.cluster.worker import BRIDGE, KUBELET, STATE
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.devices.health import Allocated
    from podberth.net.record import Record
    from tests.vm.inside.cluster.worker import Worker

BANK = "bank"
PAUSE = 1.0  # seconds between two looks at least: each costs a processor that is emulated some
SET = "mysql"
RESOURCE = "bank.example/fast"
STATEFUL_SETS = Resource(group="apps", version="v1", plural="statefulsets", kind="StatefulSet", namespaced=True)
EVENTS = Resource(group="", version="v1", plural="events", kind="Event", namespaced=True)
STATUS = "k8s.v1.cni.cncf.io/network-status"
VLANS = {"net1": 100, "net2": 200}
LEGS = {"eth0": "10.70.0", "net1": "10.71.0", "net2": "10.72.0"}
_POOLS = {"eth0": "cluster", "net1": "storage", "net2": "backup"}
_API = "podberth.io/v1alpha1"


def address(ordinal: int, ifname: str) -> str:
    """Return the address that is declared for a leg of a pod."""
    return f"{LEGS[ifname]}.{11 + ordinal}"


def documents() -> str:
    """Return what is declared: a pool for each leg, and the addresses of three pods in each."""
    pools = [
        {
            "apiVersion": _API,
            "kind": "Pool",
            "metadata": {"name": pool},
            "spec": {"subnets": [{"subnet": f"{LEGS[ifname]}.0/24"}],
                     "allow": [{"namespaces": [BANK], "vlans": ["0-300"]}]},
        }
        for ifname, pool in _POOLS.items()
    ]  # fmt: skip
    attachments: list[dict[str, object]] = [
        {"ifname": ifname, "pool": pool, "ordinals": [{"base": address(0, ifname)}]} for ifname, pool in _POOLS.items()
    ]
    for each in attachments:
        if each["ifname"] in VLANS:
            each |= {"vlan": {"id": VLANS[str(each["ifname"])]}, "mac": "fromAddress", "rates": {"egress": 50}}
    spec = {"statefulSet": {"name": SET, "replicas": 3}, "attachments": attachments}
    declared = {"apiVersion": _API, "kind": "PodNetwork", "metadata": {"namespace": BANK, "name": SET}, "spec": spec}
    return "\n---\n".join(map(json.dumps, (*pools, declared)))


def stateful_set() -> dict[str, Any]:
    """Return the StatefulSet: two of the devices for each pod, and the networks that have them."""
    limits = {RESOURCE: "2", "cpu": "10m", "memory": "16Mi"}
    container = {"name": "main", "image": image.NAME, "imagePullPolicy": "Never",
                 "resources": {"limits": limits, "requests": limits}}  # fmt: skip
    labels = {"app": SET}
    template = {
        "metadata": {"labels": labels, "annotations": {"k8s.v1.cni.cncf.io/networks": "storage,backup"}},
        "spec": {
            "containers": [container],
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
            "dnsPolicy": "Default",
        },
    }
    spec = {"serviceName": SET, "replicas": 0, "selector": {"matchLabels": labels}, "template": template,
            "podManagementPolicy": "Parallel"}  # fmt: skip
    metadata = {"namespace": BANK, "name": SET}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": spec}


@dataclass
class Site:
    """The StatefulSet on the node. `wrong` is what was seen at some time and must never be.

    `lost` are the containers whose DEL never came.
    """

    worker: Worker
    first: list[str] = field(default_factory=list)
    links: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.operator = Operator(Path(self.worker.joined.operator))
        self.client = self.operator.client
        self.kubelet = Kubelet(str(KUBELET))
        self.devices = self.worker.root / "devices.yaml"
        self.devices.write_text(f"{{resources: [{{name: {RESOURCE}, vf: {{pf: {card.PF}}}}}]}}")

    def install(self) -> None:
        """Declare, define, and have the node join."""
        self.first, self.links = card.seen(), links()
        file = self.worker.root / "documents.yaml"
        file.write_text(documents())
        assert podberth(["apply", "-f", str(file)]) == 0
        self.operator.apply(CRD, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": BANK}})
        until(self._defined, "definitions are not served")
        self.worker.use(self._networks())
        self.worker.start_agent(self.devices)
        self.worker.start_kubelet()
        until(lambda: self.free() == len(card.functions()), lambda: self.worker.tail("the node does not join"))
        self.operator.apply(stateful_set())

    def _networks(self) -> dict[str, object]:
        folder = self.worker.root / "multi"
        folder.mkdir()
        own = {"type": "podberth", "device": "bridge", "bridge": BRIDGE, "pool": "cluster"}
        cluster = {"cniVersion": "1.0.0", "name": "cluster", "plugins": [own]}
        (folder / "10-cluster.conflist").write_text(json.dumps(cluster))
        meta = {
            "type": "podberth-networks",
            "clusterNetwork": "cluster",
            "confDir": str(folder),
            "binDir": str(self.worker.bin),
            "cniDir": str(self.worker.root / "cni"),
            "kubeconfig": self.worker.joined.agent,
            "capabilities": {"io.kubernetes.cri.pod-annotations": True},
        }
        return {"cniVersion": "1.0.0", "name": "every", "plugins": [meta]}

    def _defined(self) -> bool:
        for name, pool in (("storage", "storage"), ("backup", "backup")):
            plugin = {"type": "podberth", "device": "sriov", "pool": pool}
            config = json.dumps({"cniVersion": "1.0.0", "name": name, "plugins": [plugin]})
            annotations = {"k8s.v1.cni.cncf.io/resourceName": RESOURCE}
            body = {
                "metadata": {"name": name, "namespace": BANK, "annotations": annotations},
                "spec": {"config": config},
            }
            try:
                self.client.create(NETWORK_ATTACHMENTS, body, BANK)
            except errors.NotFound:
                return False
            except errors.AlreadyExists:
                pass
        return True

    def free(self) -> int:
        """Return how many devices the API server knows of the node, once that is ready; 0 before."""
        try:
            status = self.client.get(NODES, NODE)["status"]
        except errors.NotFound:
            return 0
        ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", ()))
        return int(status.get("allocatable", {}).get(RESOURCE, 0)) if ready else 0

    def scale(self, replicas: int) -> None:
        """Have so many pods be wanted."""
        self.client.merge_patch(STATEFUL_SETS, SET, {"spec": {"replicas": replicas}}, BANK)

    def delete(self, name: str, *, force: bool = False) -> str:
        """Delete a pod, as kubectl does; return its UID."""
        uid = str(self.client.get(PODS, name, BANK)["metadata"]["uid"])
        options: dict[str, object] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        options |= {"gracePeriodSeconds": 0} if force else {}
        self.client.call(
            Call(verb="delete", resource=PODS, namespace=BANK, name=name, body=json.dumps(options).encode())
        )
        return uid

    def pods(self) -> dict[str, dict[str, Any]]:
        """Return the pods, by name."""
        return {one["metadata"]["name"]: one for one in self.client.list(PODS, BANK).items}

    def uids(self) -> dict[str, str]:
        """Return the UIDs of the pods, by name."""
        return {name: str(one["metadata"]["uid"]) for name, one in self.pods().items()}

    def events(self) -> list[dict[str, Any]]:
        """Return the ledger's events."""
        return list(self._said("history")["events"])

    def collect(self) -> None:
        """Take back what has lost its namespace, as docs/several-networks.md says it."""
        self._said("gc", "--gone", "--yes", state=STATE / "networks")
        self._said("gc", "--gone", "--yes")

    def _said(self, *argv: str, state: Path = STATE) -> Any:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            code = podberth(["--state", str(state), *argv, "--json"])
        assert code == 0, said.getvalue()
        return json.loads(said.getvalue())

    def records(self) -> tuple[Record, ...]:
        """Return what the node's store has of legs."""
        opened = open_node(str(STATE))
        try:
            return tuple(opened.attachments.all())
        finally:
            opened.host.close()

    def left(self) -> list[object]:
        """Return what is recorded and leased, of legs and of the calls for them, and kept of results."""
        found: list[object] = []
        for state in (STATE, STATE / "networks"):
            if (state / "podberth.db").exists():
                opened = open_node(str(state))
                found += [str(record.attachment) for record in opened.attachments.all()]
                found += [str(lease) for lease in opened.ledger.leases()]
                opened.host.close()
        found += [path.name for path in (self.worker.root / "cni" / "results").glob("*")]
        return found

    def look(self) -> None:
        """Note what must never be: a function that two records have, or that the kubelet has given to two pods."""
        records = self.records()
        self.wrong += twice("records", [(one, str(record.attachment)) for record in records for one in record.devices])
        given = self.given()
        self.wrong += twice("the kubelet", [(one.device, f"{one.namespace}/{one.name}") for one in given])

    def given(self) -> Sequence[Allocated]:
        """Return what the kubelet says it has given; nothing while it is away."""
        return self.kubelet.every() or ()

    def run(self, ordinals: Iterable[int], but: Iterable[str] = ()) -> None:
        """Wait until just these pods run, with another UID than those of `but`, and each leg is as it is declared."""
        wanted, old = {f"{SET}-{ordinal}": ordinal for ordinal in ordinals}, set(but)

        def ready() -> bool:
            time.sleep(PAUSE)
            self.look()
            pods = self.pods()
            return set(pods) == set(wanted) and all(
                _ready(one) and one["metadata"]["uid"] not in old and len(_told(one)) == len(LEGS)
                for one in pods.values()
            )

        until(ready, self._trouble)
        until(lambda: len(self.records()) == len(LEGS) * len(wanted), lambda: f"records: {self.left()}")
        for name, pod in self.pods().items():
            self._as_declared(wanted[name], pod)

    def _as_declared(self, ordinal: int, pod: dict[str, Any]) -> None:
        name = f"{SET}-{ordinal}"
        assert pod["status"]["podIP"] == address(ordinal, "eth0")
        told = {one["interface"]: one["ips"] for one in _told(pod)}
        assert told == {ifname: [address(ordinal, ifname)] for ifname in LEGS}
        records = {one.attachment.ifname: one for one in self.records() if one.pod is not None and one.pod.name == name}
        assert {record.pod.uid for record in records.values() if record.pod} == {pod["metadata"]["uid"]}
        shown = {link["ifname"]: link for link in in_namespace(records["eth0"].netns)}
        assert set(shown) == {"lo", *LEGS}
        given = {one.device for one in self.given() if (one.namespace, one.name) == (BANK, name)}
        assert given == {device for record in records.values() for device in record.devices}
        for ifname, vlan in VLANS.items():
            (device,) = records[ifname].devices
            told_vf = card.vf(card.functions().index(device))
            assert told_vf["vlan_list"][0]["vlan"] == vlan
            assert told_vf["address"] == shown[ifname]["address"]
            assert told_vf["rate"]["max_tx"] == 50
            assert card.interface(device) == ""  # it is in the pod
        for ifname, link in shown.items():
            found = [one["local"] for one in link["addr_info"] if one["family"] == "inet"]
            assert ifname == "lo" or found == [address(ordinal, ifname)]

    def record(self, ordinal: int) -> Record:
        """Return the record of one of a pod's legs."""
        name = f"{SET}-{ordinal}"
        return next(one for one in self.records() if one.pod is not None and one.pod.name == name)

    def lose(self, ordinal: int) -> str:
        """Have a pod go without a DEL; return its UID. The kubelet has to be away."""
        record = self.record(ordinal)
        self.lost.append(record.attachment.container_id)
        self.worker.lose(BANK, f"{SET}-{ordinal}", record.netns)
        return self.delete(f"{SET}-{ordinal}", force=True)

    def ended(self) -> None:
        """Have no pod be wanted; wait until nothing is left, and the card is as it was."""
        self.scale(0)
        until(self._empty, self._trouble)
        until(lambda: not self.left(), lambda: self.worker.tail(f"left: {self.left()}"))
        until(lambda: card.seen() == self.first, lambda: f"the card: {set(card.seen()) ^ set(self.first)}")
        until(lambda: not self.given(), lambda: f"the kubelet: {self.given()}")
        until(lambda: self.free() == len(card.functions()), lambda: f"the kubelet counts {self.free()}")
        assert links() <= {*self.links, BRIDGE}
        assert self.worker.node.network_namespaces() == []
        # Nobody takes away what the runtime itself has kept of a pod that it forgot.
        assert [path for path in self.worker.node.cached() if not any(each in path for each in self.lost)] == []

    def _empty(self) -> bool:
        time.sleep(PAUSE)
        self.look()
        return not self.pods()

    def reaches(self, one: int, other: int) -> None:
        """Have one pod reach another, by each leg."""
        for ifname in LEGS:
            to = str(ip_interface(address(other, ifname)).ip)
            run("nsenter", f"--net={self.record(one).netns}", "ping", "-c", "5", "-i", "0.2", "-W", "5", to)

    def _trouble(self) -> str:
        """Return what a wait says that is in vain: pods, records, devices and logs."""
        pods = {name: one["status"] for name, one in self.pods().items()}
        events = [one["message"] for one in self.client.list(EVENTS, BANK).items][-8:]
        return self.worker.tail(f"not all run: {json.dumps(pods)}\n{events}\n{self.left()}\n{self.given()}")


def twice(who: str, said: Iterable[tuple[str, str]]) -> list[str]:
    """Return the devices that have two holders."""
    holders: dict[str, set[str]] = {}
    for device, holder in said:
        holders.setdefault(device, set()).add(holder)
    return [f"{who}: {device} has {sorted(those)}" for device, those in holders.items() if len(those) > 1]


def links() -> set[str]:
    """Return the names of the node's links."""
    return {path.name for path in Path("/sys/class/net").iterdir()}


def in_namespace(netns: str) -> list[dict[str, Any]]:
    """Return the links of a network namespace."""
    return list(json.loads(run("nsenter", f"--net={netns}", "ip", "-json", "-details", "address")))


def _told(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return list(json.loads(pod["metadata"].get("annotations", {}).get(STATUS, "[]")))


def _ready(pod: dict[str, Any]) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]
