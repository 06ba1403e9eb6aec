"""STATUS: could an ADD of some pod succeed on this node, as far as the node itself is concerned?

kubelet makes a node NotReady for any error of STATUS, and its running pods are evicted after 300 s. So STATUS looks at
the node alone: its files, its view of network namespaces, its links, its fence. How full a pool is, what is declared,
and whether a cluster's store answers, ADD says of the one pod that it concerns.
The reasons: docs/decisions/022-status-is-the-nodes.md.
"""

from __future__ import annotations

from podberth.cni.errors import CniError, InvalidConfig, NotAvailable, TryAgainLater
from podberth.ipam.outlook import sentence
from podberth.net.ops import CreateIpvlan, CreateMacvlan, CreateVlan
from podberth.verbs.delegated import forward

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from podberth.cni.call import Call
    from podberth.net.host import Host
    from podberth.net.record import Record
    from podberth.verbs.delegated import Delegate
    from podberth.verbs.network import Network
    from podberth.verbs.node import Node


DISK, PARENT, STORE = CHOICES = ("disk", "parent", "store")


def status(node: Node, network: Network) -> None:
    """Raise what keeps this node from serving anybody now: NotAvailable (code 50), StoreFailed for its store (104).

    A full disk, a parent link that is missing, and a cluster's store that is away pass, and the pods that run have
    their network meanwhile. Where an operator has chosen so they fail STATUS too.
    """
    serves_anybody(node)
    for choice in CHOICES:
        trouble, todo = _CHOSEN[choice](node, network) if choice in node.status_on else ("", "")
        if trouble:
            raise NotAvailable(trouble, f"{todo}; STATUS fails for this because of the agent's --status-on {choice}")


def serves_anybody(node: Node) -> None:
    """Raise what keeps the node itself from serving any pod: an unusable store or lock file, or a fence."""
    for probe in (node.attachments.probe, lambda: _lock(node), *node.usable):
        try:
            probe()
        except TryAgainLater:
            continue  # others are at it: a store that is busy serves the next ADD
    _require_no_fence(node)


def status_for_now(connect: Callable[[], Node], network: Network) -> None:
    """Raise what `status` does of the node that is connected to; what is so for now only passes, and is told on stderr.

    The agent is being replaced, or its store is: ADDs of that moment are answered 11, and repeated.
    """
    try:
        status(connect(), network)
    except TryAgainLater as later:
        from podberth.process.log import notice
        from podberth.process.reason import reason

        notice(reason(later).within("STATUS"))


def _disk(node: Node, network: Network) -> tuple[str, str]:  # noqa: ARG001 - as all choices
    try:
        if node.room is not None:
            node.room.keep()
    except CniError as full:
        return full.message, full.details
    return "", ""


def _parent(node: Node, network: Network) -> tuple[str, str]:
    return missing_link(node.host, network), "bring the link up, or correct its name in the network configuration"


def _store(node: Node, network: Network) -> tuple[str, str]:  # noqa: ARG001 - as all choices
    why = node.away() if node.away is not None else ""
    return sentence(why) if why else "", "`podberth doctor` says what is wrong with it"


_CHOSEN = {DISK: _disk, PARENT: _parent, STORE: _store}


def _lock(node: Node) -> None:
    if node.stored():  # the lock's file is in the state directory, which STATUS does not make
        with node.host.locked("status", wait=False):
            pass


def _require_no_fence(node: Node) -> None:
    try:
        fences = node.elsewhere.fences(node.name)
    except CniError:
        return  # the store that knows is away, and this process has not heard of a fence
    if fences and not fences[-1].lifted:
        raise NotAvailable(
            f"node {node.name} is fenced by {fences[-1].actor.who}: {fences[-1].actor.why}",
            "what is started here can lose its address to another node:"
            f" `podberth unfence {node.name} --why REASON` first",
        )


def status_of_ipam(call: Call, delegate: Delegate) -> None:
    """Pass STATUS on to the IPAM plugin (SPEC.md 1.1.0, section 2, STATUS). InvalidConfig if this node has none.

    What it refuses is told on stderr and no more: code 50 is also what IPAM plugins say of a full pool.
    """
    try:
        forward(call, delegate)
    except InvalidConfig:
        raise
    except CniError as refused:
        from podberth.process.log import notice
        from podberth.process.reason import reason

        notice(reason(refused).within("STATUS of the IPAM plugin"))


def missing_parents(host: Host, records: Iterable[Record]) -> tuple[str, ...]:
    """Return the links that recorded interfaces stand on and that this node has no more."""
    ops = (step.op for record in records for step in record.steps)
    names = {op.parent for op in ops if isinstance(op, CreateMacvlan | CreateIpvlan | CreateVlan) and not op.in_pod}
    return tuple(sorted(name for name in names if host.named(name) is None))


def missing_link(host: Host, network: Network) -> str:
    """Return what is wrong if the node has none of the links that the network's interfaces stand on; '' if it has one.

    Whether a virtual function of such a link is free is a matter of capacity, as addresses are.
    """
    wanted = network.kind.stands_on if network.kind is not None else ()
    if not wanted or any(host.named(name) is not None for name in wanted):
        return ""
    return f"network {network.name}: this node has no link {' or '.join(wanted)}, which its interfaces stand on"
