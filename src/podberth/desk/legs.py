"""The networks of a pod that has several, as an ADD would call their plugins now. Nothing is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from podberth.catalogue import plugin_of
from podberth.cni import netlist
from podberth.cni.args import Args
from podberth.cni.call import Call, Verb
from podberth.cni.result import Result
from podberth.desk.form import UNSAID, row
from podberth.desk.prospect import IPAM, asks_podberth
from podberth.net.addresses import Addresses
from podberth.net.ops import CallPlugins
from podberth.runtime.chain import derived
from podberth.verbs.chained import end_before
from podberth.verbs.completed import completed
from podberth.verbs.planner import Planner

if TYPE_CHECKING:
    from podberth.cni.netconf import NetConf
    from podberth.cni.netlist import NetworkList, PluginConf
    from podberth.cni.pod import PodRef
    from podberth.net.ops import Op
    from podberth.verbs.node import Node

CONTAINER, NETNS = "CONTAINER", "/var/run/netns/POD"  # of a pod that is not there yet


@row
class Leg:
    """One network of the pod. `name` is how its network-status will call it. `plugins`: the types of its chain.

    `addresses_by`: who gives the addresses, 'podberth' or the type of another IPAM plugin; '' for nobody's.
    """

    ifname: str
    name: str
    network: str
    plugins: tuple[str, ...]
    addresses_by: str
    config: Annotated[Mapping[str, object] | None, UNSAID] = None


def is_several(named: object) -> bool:
    """Say whether a plugin's `type` is a meta plugin's, whatever JSON has there."""
    plugin = plugin_of(named) if isinstance(named, str) else None
    return plugin is not None and plugin.ADDRESSES is Addresses.CALLED


def calls(
    node: Node, pod: PodRef | None, conf: NetConf, ifname: str, netns: str = NETNS, container_id: str = CONTAINER
) -> tuple[Op, ...]:
    """Return the calls that an ADD of the pod would plan. CniError with what it would be refused for.

    None is any pod that selects nothing.
    """
    plugin = plugin_of(conf.type)
    assert plugin is not None
    call = Call(
        verb=Verb.ADD,
        conf=conf,
        container_id=container_id,
        netns=netns,
        ifname=ifname,
        args=() if pod is None else (("K8S_POD_NAMESPACE", pod.namespace), ("K8S_POD_NAME", pod.name)),
        pod_args=Args(pod=pod),
        path=("/opt/cni/bin",),
    )
    call = completed(node.host, call, plugin)
    return Planner(node.host, plugin, plugin.configure(call.conf.fields), call)(end_before(call, Result())).ops


def legs(node: Node, pod: PodRef | None, conf: NetConf, ifname: str) -> tuple[Leg, ...]:
    """Return the pod's networks, the cluster's first. CniError with what an ADD would be refused for."""
    return tuple(_leg(op) for op in calls(node, pod, conf, ifname) if isinstance(op, CallPlugins))


def _leg(op: CallPlugins) -> Leg:
    network = netlist.parse(op.config.encode(), name=op.network)
    return Leg(
        ifname=op.ifname,
        name=op.label,
        network=op.network,
        plugins=tuple(plugin.type for plugin in network.plugins),
        addresses_by=next(filter(None, map(_addresses_by, network.plugins)), ""),
        config=_config(op, network),
    )


def _config(op: CallPlugins, network: NetworkList) -> Mapping[str, object] | None:
    """Return the configuration that podberth will be asked with for addresses; None if it will not be."""
    asked = next((plugin for plugin in network.plugins if asks_podberth(plugin.raw)), None)
    offered = json.loads(op.capabilities) if op.capabilities else {}
    return derived(network, asked, offered) if asked is not None else None


def _addresses_by(plugin: PluginConf) -> str:
    if asks_podberth(plugin.raw):
        return IPAM
    ipam = plugin.raw.get("ipam")
    named = ipam.get("type") if isinstance(ipam, dict) else None
    return named if isinstance(named, str) else ""
