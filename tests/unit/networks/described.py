"""A node that a test describes by dictionaries: objects of its API server, networks in its files; and calls on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from podberth.cni import netlist
from podberth.cni.call import Call
from podberth.net.endpoint import Endpoint
from podberth.net.ops import CallPlugins
from podberth.net.seen import see
from podberth.net.settings import Settings
from podberth.net.suited import Suited
from podberth.networks.selection import DEFAULT_NETWORK, NETWORKS
from podberth.plugins import podberth_networks as plugin
from tests.hosts import FakeHost

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podberth.cni.netlist import NetworkList, PluginConf
    from podberth.net.plan import Plan
    from podberth.net.seen import DevicesOf, ObjectSought

__all__ = ["DEFAULT_NETWORK", "NETWORKS"]

NETNS, CONF_DIR, BIN_DIR = "/run/netns/pod", "/etc/cni/multus/net.d", "/opt/cni/bin"
POD_ARGS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=bank;K8S_POD_NAME=web-0;K8S_POD_UID=u1"
CONF = {"kubeconfig": "/etc/cni/kubeconfig", "clusterNetwork": "cluster"}


def listed(name: str, *types: str, path: str = "", **said: Any) -> NetworkList:
    """Return a network whose plugins are of these types; each of them says the rest."""
    plugins = [{"type": each, **said} for each in types or ("bridge",)]
    return netlist.parse(json.dumps({"cniVersion": "1.0.0", "name": name, "plugins": plugins}).encode(), path)


def pod(namespace: str = "bank", name: str = "web-0", uid: str = "u1", **annotations: str) -> dict[str, Any]:
    """Return a pod; an annotation's key may say `networks` and `default` for what the convention calls them."""
    names = {"networks": NETWORKS, "default": DEFAULT_NETWORK}
    said = {names.get(key, key): text for key, text in annotations.items()}
    metadata = {"namespace": namespace, "name": name, "uid": uid, "annotations": said}
    return {"kind": "Pod", "metadata": metadata}


def defined(name: str, config: object = None, namespace: str = "bank", **annotations: str) -> dict[str, Any]:
    """Return a definition; its config is a bridge of its name if nothing else is said."""
    said = {"cniVersion": "1.0.0", "type": "bridge"} if config is None else config
    text = said if isinstance(said, str) else json.dumps(said)
    metadata = {"namespace": namespace, "name": name, "annotations": annotations}
    return {"kind": "NetworkAttachmentDefinition", "metadata": metadata, "spec": {"config": text}}


class DescribedNode(FakeHost):
    """A node with an API server's objects, with networks by the folder or file they are in, and with files."""

    def __init__(
        self,
        *objects: dict[str, Any],
        networks: Mapping[str, Iterable[NetworkList]] | None = None,
        files: Iterable[str] = (),
        chains: Mapping[str, tuple[PluginConf, ...]] | None = None,
        devices: Iterable[tuple[str, str]] = (),
        suits: Mapping[str, Suited] | None = None,
    ) -> None:
        super().__init__()
        self.objects = {_key(each["kind"], each["metadata"]): each for each in objects}
        self.folders = {CONF_DIR: (listed("cluster"),)} if networks is None else dict(networks)
        self.files = tuple(files)
        self.chains = chains or {}
        self.asked: list[str] = []
        self.given = tuple(devices)
        self.suits = dict(suits or {})  # by interface

    @property
    def outside(self) -> Any:
        return self

    def lines(self, path: str) -> tuple[str, ...] | None:
        return () if path in self.files else None

    def networks(self, path: str) -> tuple[NetworkList, ...]:
        return tuple(self.folders.get(path, ()))

    def chain(self, path: str) -> tuple[PluginConf, ...]:
        return self.chains.get(path, ())

    def devices(self, sought: DevicesOf) -> tuple[tuple[str, str], ...]:
        self.asked.append(f"devices of {sought.namespace}/{sought.name} {sought.uid}")
        return self.given

    def suiting(self, op: CallPlugins, among: tuple[str, ...]) -> Suited:
        return self.suits.get(op.ifname, Suited(devices=among))

    def object(self, sought: ObjectSought) -> Mapping[str, object] | None:
        self.asked.append(f"{sought.kind} {sought.namespace}/{sought.name}")
        found = self.objects.get((sought.kind, sought.namespace, sought.name))
        return found if found is not None and sought.uid in ("", found["metadata"].get("uid")) else None


def call(verb: str = "ADD", args: str = POD_ARGS, path: str = "/usr/lib/cni", **said: Any) -> Call:
    """Return a call of the type, whose configuration says `CONF` and this; None takes a key away."""
    document = {"cniVersion": "1.1.0", "name": "every", "type": "podberth-networks", **CONF, **said}
    env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": "c1", "CNI_NETNS": NETNS, "CNI_IFNAME": "eth0"}
    body = json.dumps({key: what for key, what in document.items() if what is not None}).encode()
    found = Call.parse({**env, "CNI_ARGS": args, "CNI_PATH": path}, body)
    assert isinstance(found, Call)
    return found


def planned(node: DescribedNode, made: Call) -> tuple[CallPlugins, ...]:
    """Return the calls that are planned."""
    found = plan_of(node, made).ops
    assert all(isinstance(op, CallPlugins) for op in found)
    return tuple(op for op in found if isinstance(op, CallPlugins))


def requests(node: DescribedNode, made: Call) -> list[tuple[str, tuple[str, ...]]]:
    """Return what is to be permitted: each network with the keys by which the pod asks something of it."""
    return [(each.network, each.keys) for each in plan_of(node, made).requests]


def plan_of(node: DescribedNode, made: Call) -> Plan:
    """Return the plan of a call."""
    conf = plugin.configure(made.conf.fields)
    end = Endpoint(attachment=made.attachment, netns=NETNS, addresses=(), gateways=(), settings=Settings())
    seen = see(node, lambda seen: plugin.asks(conf, made, end, seen))
    return plugin.plan(conf, made, end, seen)


def named(ops: Iterable[CallPlugins]) -> list[tuple[str, str]]:
    """Return how each network is called, and its interface."""
    return [(op.label, op.ifname) for op in ops]


def _key(kind: str, metadata: dict[str, Any]) -> tuple[str, str, str]:
    return kind, metadata["namespace"], metadata["name"]
