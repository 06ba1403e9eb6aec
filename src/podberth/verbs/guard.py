"""Before a pod's networks are there, what policies let pass over them is: no packet goes by without."""

from __future__ import annotations

from podberth.cni.errors import TryAgainLater
from podberth.net.ops import CallPlugins
from podberth.networks.settings import read
from podberth.verbs.node import Guarded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.cni.pod import PodRef
    from podberth.net.facts import NetnsId
    from podberth.net.record import Record
    from podberth.networks.settings import Settings
    from podberth.verbs.node import Node


def guard(node: Node, conf: Settings, pod: PodRef | None, netns: str, netns_id: NetnsId, ops: Iterable[object]) -> None:
    """Have the links that the calls make policed, if the configuration says so. TryAgainLater if that can't be done."""
    if not conf.policies or pod is None or not (links := links_of(ops)):
        return
    if node.guard is None:
        raise TryAgainLater(
            "networkPolicies: no agent of podberth's is running, and nobody else keeps policies",
            "start the agent; or take the key away, and no policy is kept on this node",
        )
    found = Guarded(kubeconfig=conf.kubeconfig, pod=pod, netns=netns, netns_id=netns_id, links=links)
    node.guard(node.host, found)


def believe(node: Node, conf: Settings) -> None:
    """Have the agent know whose word on addresses counts by now: the runtime's configuration may have changed."""
    if conf.policies and node.believe is not None:
        node.believe(conf.kubeconfig, conf.by_status)


def links_of(ops: Iterable[object]) -> tuple[tuple[str, str], ...]:
    """Return the interfaces on networks of definitions, each with the definition's NAMESPACE/NAME."""
    calls = (op for op in ops if isinstance(op, CallPlugins))
    return tuple(dict.fromkeys((op.ifname, op.label) for op in calls if "/" in op.label))


def guarded(record: Record) -> Guarded | None:
    """Return what is policed of a pod that runs, by what is recorded of it; None if nothing is."""
    if record.pod is None or record.removing or not record.conf:
        return None
    conf = read(record.fields)
    if not conf.policies:
        return None
    return Guarded(
        kubeconfig=conf.kubeconfig,
        pod=record.pod,
        netns=record.netns,
        netns_id=record.netns_id,
        links=links_of(step.op for step in record.steps),
        by_status=conf.by_status,
    )
