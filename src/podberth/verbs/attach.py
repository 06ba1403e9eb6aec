"""ADD of a plugin whose addresses are the ledger's, or another IPAM plugin's: what is decided, and then done."""

from __future__ import annotations

from podberth.cni.errors import Refused, Unfit
from podberth.ipam.elsewhere import UNFIT
from podberth.verbs import preference
from podberth.verbs.add import add, add_delegated, arrive
from podberth.verbs.delegated import endpoint as delegated_endpoint
from podberth.verbs.delegated import given, over_link, take
from podberth.verbs.network import beside_others, pod_of, question
from podberth.verbs.outcome import result
from podberth.verbs.planner import Planner
from podberth.verbs.recorded import kept
from podberth.verbs.role import Role
from podberth.verbs.takeover import bind, tell
from podberth.verbs.wish import endpoint, provisional

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.cni.result import Result
    from podberth.policy.precedence import Question, Resolved
    from podberth.verbs.delegated import Delegate
    from podberth.verbs.network import Network
    from podberth.verbs.node import Node, Plugin


def asked_of(node: Node, network: Network, call: Call) -> Question:
    """Return what is asked about the interface of `call`, after bringing the policy directory into force.

    Refused if the directory can't be read, and nothing else declares the pod.
    """
    broken = node.follow(network.policy_dir) if network.policy_dir else ""
    asked = question(network, call, node.policies)
    if broken and not asked.declared:
        # The declaration that is missing may be in the very file that can't be read.
        raise Refused(f"policyDir: {broken}", "correct the file; pods declared before it broke are still served")
    return asked


def attach(node: Node, network: Network, call: Call, plugin: Plugin, delegate: Delegate) -> Result:
    """Give the pod what was decided, all of it or nothing; return the result.

    A declaration that this node can't carry out is told to the pod's other nodes.
    """
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
    asked = asked_of(node, network, call)

    def made(resolved: Resolved) -> Result:
        return _made(node, network, call, plugin, delegate, resolved)

    return preference.serve(node, network, asked, call.attachment, made)


def _made(node: Node, network: Network, call: Call, plugin: Plugin, delegate: Delegate, resolved: Resolved) -> Result:
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
        conf=kept(call),
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
