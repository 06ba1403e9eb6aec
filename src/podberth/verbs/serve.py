"""From a request to its verb: reads the configuration as a whole first, then opens the node, then acts."""

from __future__ import annotations

import json

from podberth.cni.call import Verb
from podberth.cni.errors import InvalidConfig, Refused, Unfit
from podberth.ipam.elsewhere import UNFIT
from podberth.net.addresses import Addresses
from podberth.verbs.add import add, add_delegated, arrive
from podberth.verbs.adopted import take_away
from podberth.verbs.check import check
from podberth.verbs.collect import collect
from podberth.verbs.delegated import endpoint as delegated_endpoint
from podberth.verbs.delegated import forward, given, over_link, take
from podberth.verbs.delete import delete_call
from podberth.verbs.network import (
    Role,
    beside_others,
    decide,
    delegated,
    network_of,
    own_fields,
    pod_of,
    question,
    role_of,
    state_dir,
)
from podberth.verbs.outcome import result
from podberth.verbs.planner import Planner
from podberth.verbs.takeover import bind, tell
from podberth.verbs.wish import endpoint, provisional

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from podberth.cni.call import Call
    from podberth.cni.result import Result
    from podberth.policy.precedence import Resolved
    from podberth.verbs.delegated import Delegate
    from podberth.verbs.network import Network
    from podberth.verbs.node import Node, Plugin

    Connect: TypeAlias = Callable[[str], Node]


def serve(call: Call, plugin: Plugin, connect: Connect, delegate: Delegate) -> Result | None:
    """Do what is asked; return ADD's result, None for the verbs that have nothing to say.

    `delegate` calls the IPAM plugin of a configuration that leaves addresses to another.
    A configuration of another type that arrives here delegates: only addresses are wanted (SPEC.md section 4).
    """
    if plugin.ADDRESSES in (Addresses.PREVIOUS, Addresses.KERNEL):
        return _served_behind(call, plugin, connect(state_dir(call.conf.fields)))
    role = _role(call, plugin)
    directory = state_dir(own_fields(call.conf, role))
    ipam_type = "" if role is Role.GIVE else delegated(call.conf, plugin)
    if call.verb is Verb.DEL:
        _delete(connect(directory), call, plugin, delegate if ipam_type else None)
        return None
    if call.verb in (Verb.GC, Verb.CHECK):
        before = call.verb is Verb.GC and over_link(call)
        try:
            if ipam_type and before:
                forward(call, delegate)
        finally:
            if call.verb is Verb.GC:
                collect(connect(directory), call.conf.name, _valid(call))
            else:
                check(connect(directory), call, plugin)
        if ipam_type and not before:
            forward(call, delegate)
        return None
    network = network_of(call.conf, plugin)
    if call.verb is Verb.STATUS:
        from podberth.verbs.status import status_for_now, status_of_ipam

        status_for_now(lambda: connect(directory), network)
        if ipam_type:
            status_of_ipam(call, delegate)
        return None
    node = connect(directory)
    _require_store(node, network, directory)
    return _add(node, network, call, plugin, delegate)


def _served_behind(call: Call, plugin: Plugin, node: Node) -> Result | None:
    """Serve a plugin that works on what was made before it in the chain."""
    if call.verb is Verb.DEL:
        _delete(node, call, plugin, None)
    elif call.verb is Verb.GC:
        collect(node, call.conf.name, _valid(call))
    elif call.verb is Verb.CHECK:
        check(node, call, plugin)
    elif call.verb is Verb.STATUS:
        from podberth.verbs.status import serves_anybody

        serves_anybody(node)
    else:
        from podberth.verbs.chained import add_chained

        return add_chained(node, call, plugin, _kept(call))
    return None


def _valid(call: Call) -> frozenset[tuple[str, str]]:
    valid = call.conf.valid_attachments
    if valid is None:
        raise InvalidConfig("cni.dev/valid-attachments: required for GC", "an empty list means that none is valid")
    return frozenset(valid)


def _role(call: Call, plugin: Plugin) -> Role:
    """Return what the plugin is called for. InvalidConfig for no DEL: the ADD of its configuration was refused."""
    try:
        return role_of(call.conf, plugin)
    except InvalidConfig:
        if call.verb is not Verb.DEL:
            raise
        return Role.GIVE


def _require_store(node: Node, network: Network, directory: str) -> None:
    if not (network.plain or network.policy_dir or node.stored()):
        raise InvalidConfig(
            f"stateDir: there is no store in {directory}, so no pool is declared there",
            "`podberth apply` makes it with the first pool; or name the directory that has it",
        )


def _delete(node: Node, call: Call, plugin: Plugin, delegate: Delegate | None) -> None:
    over = delegate is not None and over_link(call)
    try:
        if delegate is not None and over:
            delegate(call, "DEL")
    finally:
        if not node.stored():
            take_away(node, call, plugin)  # a DEL makes no store
        elif over or node.later is None:
            delete_call(node, call, plugin)
        else:
            from podberth.verbs.finish import begin

            begin(node, call, plugin, node.later)
    if delegate is not None and not over:
        delegate(call, "DEL")  # it may give the address away at once: nobody can use it any more by then


def decided(node: Node, network: Network, call: Call) -> Resolved:
    """Return what the interface of `call` is to have, after bringing the policy directory into force.

    Refused if the directory can't be read, and nothing else declares the pod.
    """
    broken = node.follow(network.policy_dir) if network.policy_dir else ""
    asked = question(network, call, node.policies)
    if broken and not asked.declared:
        # The declaration that is missing may be in the very file that can't be read.
        raise Refused(f"policyDir: {broken}", "correct the file; pods declared before it broke are still served")
    return decide(network, asked, node.policies, node.ledger)


def _add(node: Node, network: Network, call: Call, plugin: Plugin, delegate: Delegate) -> Result:
    try:
        if node.room is not None:
            node.room.keep()
        return _added(node, network, call, plugin, delegate)
    except Unfit as unfit:
        pod = pod_of(network, call.pod_args)
        if pod is not None:
            node.elsewhere.tell(pod, UNFIT, f"node {node.name}: {unfit.message}; {unfit.details}")
        raise


def _added(node: Node, network: Network, call: Call, plugin: Plugin, delegate: Delegate) -> Result:
    resolved = decided(node, network, call)
    previous, pod = call.conf.prev_result, pod_of(network, call.pod_args)
    if network.role is Role.GIVE:
        resolved = beside_others(node.host, resolved, call.netns)
        taken = bind(node, call.attachment, pod, call.netns, resolved)
        tell(node, pod, taken)
        end = endpoint(resolved, call.attachment, call.netns, [lease.address for lease in taken.leases])
        return result(end, (), previous)
    arrival = arrive(
        node,
        call.attachment,
        pod,
        call.netns,
        own_netns_too=call.netns_override,
        conf=_kept(call),
        type=call.conf.type,
        leases=not network.delegated,
    )
    assert network.kind is not None
    planner = Planner(node.host, plugin, network.kind, call, resolved)
    if network.delegated:
        attached = add_delegated(
            node,
            arrival,
            provisional(resolved, call.attachment, call.netns),
            planner,
            lambda: delegated_endpoint(resolved, call, given(call, delegate), as_given=not plugin.SETTINGS),
            lambda: take(call, delegate),
            link_first=over_link(call),
        )
    else:
        attached = add(node, arrival, resolved, planner)
    plan = attached.plan
    end = plan.end or attached.endpoint
    return result(end, attached.links, previous, plan.addressed, inherits=plan.inherits)


def _kept(call: Call) -> str:
    """Return the network configuration as it is kept with the record; prevResult is other plugins' business."""
    return json.dumps({key: said for key, said in call.conf.raw.items() if key != "prevResult"})
