"""What an ADD would do to this node, op by op. Nothing is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from podberth.catalogue import find_plugin
from podberth.desk import prospect
from podberth.desk.form import UNSAID, Answer, Key, Pod, row
from podberth.desk.legs import calls, is_several
from podberth.desk.prospect import Expected, Prospect
from podberth.net.ops import describe
from podberth.net.vf import Vf
from podberth.verbs.role import Role
from podberth.verbs.wish import endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.netconf import NetConf
    from podberth.cni.pod import Attachment, PodRef
    from podberth.verbs.node import Node


@row
class Planned:
    """An op by its name, and the command of iproute2 that does the same."""

    op: str
    command: str


@row
class Plan(Answer):
    """What an ADD would do, in order. `functions` are the PCI addresses of the virtual functions that it would take.

    `function` is the first of them.
    """

    SCHEMA = "plan/1"
    pod: Pod
    attachment: Key
    addresses: tuple[Expected, ...]
    function: str | None
    functions: tuple[str, ...]
    ops: tuple[Planned, ...]
    prospect: Annotated[Prospect | None, UNSAID]
    vfs: Annotated[tuple[Vf, ...], UNSAID] = ()


def plan(node: Node, pod: PodRef, conf: NetConf, attachment: Callable[..., Attachment], netns: str) -> Plan:
    """Return the plan of an ADD; `attachment` is told the network. CniError with what the ADD would be refused for.

    A meta plugin's has one call for each of the pod's networks.
    """
    if is_several(conf.type):
        return _of_several(node, pod, conf, attachment, netns)
    network, plugin = prospect.read(conf, find_plugin)
    to_be = attachment(network=network.name)
    found = prospect.foresee(node, pod, to_be.ifname, network, conf)
    if found.refusal is not None:
        raise found.refusal
    end = endpoint(found.resolved, to_be, netns, [expected.address for expected in found.addresses])
    gives = network.role is Role.GIVE
    vfs, ops = ((), ()) if gives else prospect.plan(node, found, conf, plugin, end)
    return Plan(
        pod=pod,
        attachment=to_be,
        addresses=found.addresses,
        function=vfs[0].address if vfs else None,
        functions=tuple(vf.address for vf in vfs),
        ops=tuple(Planned(op=type(op).__name__, command=describe(op)) for op in ops),
        prospect=found,
        vfs=vfs,
    )


def _of_several(node: Node, pod: PodRef, conf: NetConf, attachment: Callable[..., Attachment], netns: str) -> Plan:
    to_be = attachment(network=conf.name)
    ops = calls(node, pod, conf, to_be.ifname, netns, to_be.container_id)
    told = tuple(Planned(op=type(op).__name__, command=describe(op)) for op in ops)
    return Plan(pod=pod, attachment=to_be, addresses=(), function=None, functions=(), ops=told, prospect=None)
