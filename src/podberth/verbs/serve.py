"""From a request to its verb: reads the configuration as a whole first, then opens the node, then acts."""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig, NotAvailable, Refused
from podberth.cni.request import Verb
from podberth.verbs.add import add, arrive, bind
from podberth.verbs.check import check
from podberth.verbs.collect import collect
from podberth.verbs.delete import delete
from podberth.verbs.network import decide, own_fields, question, read_network, state_dir
from podberth.verbs.outcome import result
from podberth.verbs.wish import endpoint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from podberth.cni.request import Request
    from podberth.cni.result import Result
    from podberth.net.endpoint import Endpoint
    from podberth.net.facts import Facts
    from podberth.net.ops import Op
    from podberth.policy.precedence import Resolved
    from podberth.verbs.network import Network
    from podberth.verbs.node import Node, Planner, Plugin

    Connect: TypeAlias = Callable[[str], Node]


def serve(request: Request, plugin: Plugin, connect: Connect) -> Result | None:
    """Do what is asked; return ADD's result, None for the verbs that have nothing to say.

    A configuration of another type that arrives here delegates: only addresses are wanted (SPEC.md section 4).
    """
    as_ipam = request.conf.type != plugin.TYPE
    directory = state_dir(own_fields(request.conf, as_ipam=as_ipam))
    if request.verb is Verb.DEL:
        delete(connect(directory), request.attachment)
        return None
    if request.verb is Verb.GC:
        valid = request.conf.valid_attachments
        if valid is None:
            raise InvalidConfig("cni.dev/valid-attachments: required for GC", "an empty list means that none is valid")
        collect(connect(directory), request.conf.name, frozenset(valid))
        return None
    if request.verb is Verb.CHECK:
        check(connect(directory), request.attachment, request.conf.prev_result)
        return None
    network = read_network(request.conf, plugin, as_ipam=as_ipam)
    node = connect(directory)
    if request.verb is Verb.STATUS:
        status(node, network)
        return None
    return _add(node, network, request, plugin)


def decided(node: Node, network: Network, request: Request) -> Resolved:
    """Return what the interface of `request` is to have, after bringing the policy directory into force."""
    broken = node.follow(network.policy_dir) if network.policy_dir else ""
    asked = question(network, request, node.policies)
    if broken and not asked.declared:
        # The declaration that is missing may be in the very file that can't be read.
        raise Refused(f"policyDir: {broken}", "correct the file; pods declared before it broke are still served")
    return decide(network, asked, node.policies)


def status(node: Node, network: Network) -> None:
    """Raise NotAvailable (code 50) if no ADD could succeed now: the store, the pool, or nothing left to give."""
    name = network.defaults.pool
    if name is None:
        node.policies.pools()
        return
    if node.policies.pool(name) is None:
        raise NotAvailable(f"pool: there is no pool {name!r}", "create it with `podberth apply`")
    for usage in node.ledger.usage(name):
        # Addresses reserved for pods that are away can still be bound: by those pods.
        if usage.free == 0 and usage.reserved == 0:
            raise NotAvailable(
                f"pool {name} has no free IPv{usage.family} address: {usage.leased} of {usage.size} leased,"
                f" {usage.resting} resting",
                "extend its ranges, or release what is not needed",
            )


def _add(node: Node, network: Network, request: Request, plugin: Plugin) -> Result:
    resolved = decided(node, network, request)
    previous = request.conf.prev_result
    if network.as_ipam:
        leases = bind(node, request.attachment, request.args.pod, request.netns, resolved)
        end = endpoint(resolved, request.attachment, request.netns, [lease.address for lease in leases])
        return result(resolved.pool, end, (), previous)
    arrival = arrive(node, request.attachment, request.args.pod, request.netns, own_netns_too=request.netns_override)
    attached = add(node, arrival, resolved, planner(node, network, plugin))
    return result(resolved.pool, attached.endpoint, attached.links, previous)


def planner(node: Node, network: Network, plugin: Plugin) -> Planner:
    """Return the planning function for the network: the plugin's, with the facts it wants of this node."""
    asked: list[Facts] = []  # once: they depend on what was resolved, not on the addresses

    def plan(end: Endpoint) -> tuple[Op, ...]:
        assert network.kind is not None
        if not asked:
            asked.append(node.host.facts(end.device, vlan=end.settings.vlan is not None))
        return plugin.plan(network.kind, end, asked[0])

    return plan
