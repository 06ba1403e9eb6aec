"""What a running pod still has as it was told at its start, while the declarations of now say otherwise."""

from __future__ import annotations

from podberth.cni.args import Args
from podberth.cni.call import Call, Verb
from podberth.cni.errors import CniError
from podberth.cni.netconf import NetConf
from podberth.cni.value import replace
from podberth.net.ops import AddAddress, AddRoute, ConfigureVf
from podberth.net.told import differences, told
from podberth.policy.precedence import has_choice, named_pools
from podberth.verbs.network import decide, question, read_network
from podberth.verbs.wish import endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.net.record import Record
    from podberth.policy.precedence import Resolved
    from podberth.verbs.node import Node, Plugin


def outdated(node: Node, record: Record, plugin: Callable[[str], Plugin]) -> tuple[tuple[str, str, str], ...]:
    """Return what an ADD of the pod would tell otherwise now: its name, what the pod was told, and what it would be.

    Empty if that is nothing, or not known: a record of 0.1.0 does not say what was told, another plugin's addresses
    are not the ledger's to tell of, and a pod that would be refused now would be told nothing.
    """
    if not record.done or not record.conf or not record.told or not record.leases:
        return ()
    try:
        conf = NetConf.parse(record.fields)
        network = read_network(conf, plugin(conf.type))
        of = record.attachment
        call = Call(verb=Verb.ADD, conf=conf, ifname=of.ifname, netns=record.netns, pod_args=Args(pod=record.pod))
        asked = question(network, call, node.policies)
        if has_choice(asked):  # of several pools it has that of its address
            named = named_pools(asked, node.policies)
            asked = replace(asked, only=next((one.pool for one in node.ledger.of(of) if one.pool in named), ""))
        resolved = decide(network, asked, node.policies, node.ledger)
        addresses = [step.op.address.ip for step in record.steps if isinstance(step.op, AddAddress) and step.op.netns]
        now = told(endpoint(_beside_others(node, record, resolved), of, record.netns, addresses))
    except CniError:
        return ()
    # The rates of a virtual function follow a declaration at once (`verbs.adjust`).
    follows = any(isinstance(step.op, ConfigureVf) for step in record.steps)
    return tuple(each for each in differences(record.told, now) if not (follows and each[0] == "rates"))


def _beside_others(node: Node, record: Record, resolved: Resolved) -> Resolved:
    """Return what was resolved; without the default routes that another interface of the pod has, as an ADD has it."""
    routes = (
        step.op.dst.version
        for other in node.attachments.all(container_id=record.attachment.container_id)
        for step in other.steps
        if other.attachment != record.attachment and isinstance(step.op, AddRoute) and not step.op.dst.prefixlen
    )
    return replace(resolved, without_default=frozenset(routes))
