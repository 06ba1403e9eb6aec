"""A meta plugin's verbs: its calls of other plugins are steps, as links and addresses are those of the others.

Their records lie in a store of their own below the state directory. So the locks of a call are not those that the
plugins it calls will take.
"""

from __future__ import annotations

from podberth.cni.call import Verb
from podberth.cni.errors import CniError, KernelRefused
from podberth.cni.result import Result
from podberth.net.ops import CallPlugins
from podberth.net.seen import see
from podberth.networks.status import status
from podberth.verbs.add import add_delegated, arrive
from podberth.verbs.adopted import take_away
from podberth.verbs.chained import end_before
from podberth.verbs.check import check
from podberth.verbs.collect import collect
from podberth.verbs.completed import completed
from podberth.verbs.delete import delete_call
from podberth.verbs.guard import guard
from podberth.verbs.planner import Planner
from podberth.verbs.recorded import kept
from podberth.verbs.status import serves_anybody

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.cni.call import Call
    from podberth.cni.pod import PodRef
    from podberth.net.endpoint import Endpoint
    from podberth.net.record import Record
    from podberth.networks.settings import Settings
    from podberth.verbs.node import Node, Plugin


def serve_called(node: Node, call: Call, plugin: Plugin) -> Result | None:
    """Do what is asked; return ADD's result, that of the cluster's network."""
    call = completed(node.host, call, plugin)
    if call.verb is Verb.ADD:
        return _add(node, call, plugin)
    if call.verb is Verb.DEL:
        if node.stored():
            delete_call(node, call, plugin)
        else:
            take_away(node, call, plugin)  # a DEL makes no store
    elif call.verb is Verb.CHECK:
        check(node, call, plugin)
    elif call.verb is Verb.GC:
        _collect(node, call)
    else:
        _status(node, call, plugin)
    return None


def _add(node: Node, call: Call, plugin: Plugin) -> Result:
    if node.room is not None:
        node.room.keep()
    conf = plugin.configure(call.conf.fields)
    arrival = arrive(
        node, call.attachment, call.pod_args.pod, call.netns, own_netns_too=call.netns_override, conf=kept(call),
        type=call.conf.type, leases=False,
    )  # fmt: skip
    end = end_before(call, Result())
    planner = Planner(node.host, plugin, conf, call)
    pod = call.pod_args.pod

    def given() -> Endpoint:
        if conf.policies:  # else nothing has to be planned for it
            guard(node, conf, pod, arrival.netns, arrival.netns_id, planner(end).ops)
        return end

    attached = add_delegated(node, arrival, end, planner, given, lambda: None)
    return show(node, conf, pod, attached.plan.ops)


def show(node: Node, conf: Settings, pod: PodRef | None, ops: Iterable[object]) -> Result:
    """Have the API server show what the calls among the ops have answered: network-status, and claims' addresses.

    Return the result of the first, the cluster's network. KernelRefused if a result is not remembered.
    """
    outside = node.host.outside
    answers = [(op, outside.answered(op)) for op in _calls(ops)]
    if pod is not None and node.annotate is not None and conf.shows(pod.namespace):
        text = status((op, answer, outside.device_infos(op)) for op, answer in answers)
        node.annotate(conf.kubeconfig, pod, text)
    if pod is not None:
        _show_claims(node, conf.kubeconfig, pod, answers)
    return answers[0][1]


def _show_claims(node: Node, kubeconfig: str, pod: PodRef, answers: Iterable[tuple[CallPlugins, Result]]) -> None:
    """Have the IPAMClaims that the pod refers to say which addresses they have, and that the pod has them."""
    for op, answer in answers:
        if op.claim and node.show_claim is not None:
            from podberth.networks.claim import status_of

            shown = status_of(op, answer, pod)
            assert shown is not None
            node.show_claim(kubeconfig, shown)


def _collect(node: Node, call: Call) -> None:
    """Take back the calls for all that is not valid, then have each of the operator's networks that is left collect.

    Those of definitions do not: in theirs a tenant may have named a network that others have too. One failure does not
    keep the others; KernelRefused names all.
    """
    failures: list[str] = []
    valid = frozenset(call.valid)
    try:
        collect(node, call.conf.name, valid)
    except CniError as failure:
        failures.append(failure.message)
    records = node.attachments.all(call.conf.name) if node.stored() else ()
    for network, calls in _by_network(records).items():
        try:
            node.host.outside.collect(calls[-1], valid)
        except CniError as failure:
            failures.append(f"{network}: {failure.message}")
    if failures:
        raise KernelRefused("; ".join(failures), "what is named is still recorded: run GC again")


def _status(node: Node, call: Call, plugin: Plugin) -> None:
    """Fail for the node's own reasons only: no annotation and no tenant's definition takes a node down."""
    serves_anybody(node)
    conf = plugin.configure(call.conf.fields)
    network = plugin.status(conf, see(node.host, lambda seen: plugin.status_asks(conf, seen)))  # type: ignore[attr-defined]
    if network is not None:
        node.host.outside.status(network, (conf.bin_dir, *call.path))


def _calls(ops: Iterable[object]) -> tuple[CallPlugins, ...]:
    return tuple(op for op in ops if isinstance(op, CallPlugins))


def _by_network(records: Iterable[Record]) -> dict[str, list[CallPlugins]]:
    found: dict[str, list[CallPlugins]] = {}
    for record in records:
        for op in _calls(step.op for step in record.steps):
            if op.label == op.network:
                found.setdefault(op.network, []).append(op)
    return found
