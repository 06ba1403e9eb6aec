"""What an ADD would do to this node, op by op. Nothing is done."""

from __future__ import annotations

import json
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

    from podberth.cni.pod import Attachment, PodRef
    from podberth.verbs.node import Node


@row
class Planned:
    """An op by its name, and the command of iproute2 that does the same."""

    op: str
    command: str


@row
class Plan(Answer):
    """What an ADD would do, in order. `function` is the PCI address of the virtual function that it would take."""

    SCHEMA = "plan/1"
    pod: Pod
    attachment: Key
    addresses: tuple[Expected, ...]
    function: str | None
    ops: tuple[Planned, ...]
    prospect: Annotated[Prospect | None, UNSAID]
    vf: Annotated[Vf | None, UNSAID] = None


def plan(node: Node, pod: PodRef, config: bytes, attachment: Callable[..., Attachment], netns: str) -> Plan:
    """Return the plan of an ADD; `attachment` is told the network. CniError with what the ADD would be refused for.

    A meta plugin's has one call for each of the pod's networks.
    """
    if is_several(json.loads(config)):
        return _of_several(node, pod, config, attachment, netns)
    network, conf, plugin = prospect.read(config, find_plugin)
    to_be = attachment(network=network.name)
    found = prospect.foresee(node, pod, to_be.ifname, network, conf)
    if found.refusal is not None:
        raise found.refusal
    end = endpoint(found.resolved, to_be, netns, [expected.address for expected in found.addresses])
    gives = network.role is Role.GIVE
    vf, ops = (None, ()) if gives else prospect.plan(node, found, conf, plugin, end)
    return Plan(
        pod=pod,
        attachment=to_be,
        addresses=found.addresses,
        function=vf.address if vf is not None else None,
        ops=tuple(Planned(op=type(op).__name__, command=describe(op)) for op in ops),
        prospect=found,
        vf=vf,
    )


def _of_several(node: Node, pod: PodRef, config: bytes, attachment: Callable[..., Attachment], netns: str) -> Plan:
    name = str(json.loads(config).get("name"))
    to_be = attachment(network=name)
    ops = calls(node, pod, config, to_be.ifname, netns, to_be.container_id)
    told = tuple(Planned(op=type(op).__name__, command=describe(op)) for op in ops)
    return Plan(pod=pod, attachment=to_be, addresses=(), function=None, ops=told, prospect=None)
