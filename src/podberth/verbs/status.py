"""STATUS: could an ADD of some pod succeed on this node, as far as the node itself is concerned?

kubelet makes a node NotReady for any error of STATUS, and its running pods are evicted after 300 s. So STATUS looks at
the node alone: its files, its view of network namespaces, its links, its fence. How full a pool is, what is declared,
and whether a cluster's store answers, ADD says of the one pod that it concerns.
The reasons: docs/decisions/022-status-is-the-nodes.md.
"""

from __future__ import annotations

from podberth.cni.errors import CniError, InvalidConfig, NotAvailable, TryAgainLater
from podberth.verbs.delegated import forward

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.request import Request
    from podberth.net.host import Host
    from podberth.verbs.delegated import Delegate
    from podberth.verbs.network import Network
    from podberth.verbs.node import Node


def status(node: Node, network: Network) -> None:
    """Raise what keeps this node from serving anybody now: NotAvailable (code 50), StoreFailed for its store (104)."""
    for probe in (node.attachments.probe, lambda: _lock(node), *node.usable):
        try:
            probe()
        except TryAgainLater:
            continue  # others are at it: a store that is busy serves the next ADD
    _require_no_fence(node)
    missing = missing_link(node.host, network)
    if missing:
        raise NotAvailable(missing, "bring the link up, or correct its name in the network configuration")


def _lock(node: Node) -> None:
    if node.stored():  # the lock's file is in the state directory, which STATUS does not make
        with node.host.locked("status", wait=False):
            pass


def _require_no_fence(node: Node) -> None:
    try:
        fences = [fence for fence in node.elsewhere.fences() if fence.node == node.name]
    except CniError:
        return  # the store that knows is away, and this process has not heard of a fence
    if fences and not fences[-1].lifted:
        raise NotAvailable(
            f"node {node.name} is fenced by {fences[-1].actor.who}: {fences[-1].actor.why}",
            f"what is started here can lose its address to another node: `podberth unfence {node.name}` first",
        )


def status_of_ipam(request: Request, delegate: Delegate) -> None:
    """Pass STATUS on to the IPAM plugin (SPEC.md 1.1.0, section 2, STATUS). InvalidConfig if this node has none.

    What it refuses is told on stderr and no more: code 50 is also what IPAM plugins say of a full pool.
    """
    try:
        forward(request, delegate)
    except InvalidConfig:
        raise
    except CniError as refused:
        from podberth.process.log import say

        say(f"podberth: STATUS of the IPAM plugin: {refused.message}")


def missing_link(host: Host, network: Network) -> str:
    """Return what is wrong if the node has none of the links that the network's interfaces stand on; '' if it has one.

    Whether a virtual function of such a link is free is a matter of capacity, as addresses are.
    """
    wanted = network.kind.stands_on if network.kind is not None else ()
    if not wanted or any(host.facts(name, vlan=False).parent is not None for name in wanted):
        return ""
    return f"network {network.name}: this node has no link {' or '.join(wanted)}, which its interfaces stand on"
