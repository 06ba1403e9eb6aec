"""ADD: bind, plan, prepare, record, apply. Whatever fails, nothing is left (docs/architecture.md, invariant 3)."""

from __future__ import annotations

from podberth.cni.errors import InvalidEnvironment, InvalidNetns
from podberth.cni.value import replace, value
from podberth.ipam.lease import Actor
from podberth.net.apply import AddressAnswered, NotUndone, apply
from podberth.net.record import Record
from podberth.net.told import told
from podberth.verbs.delete import delete_locked
from podberth.verbs.devices import candidates, claim
from podberth.verbs.outcome import interfaces
from podberth.verbs.takeover import bind, give_back, refuse, tell
from podberth.verbs.wish import endpoint, may_take_another, provisional

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from podberth.cni.pod import Attachment, PodRef
    from podberth.cni.result import Interface
    from podberth.net.endpoint import Endpoint
    from podberth.net.facts import NetnsId
    from podberth.net.ops import Address, Op
    from podberth.net.plan import Plan
    from podberth.net.step import Step
    from podberth.net.told import Told
    from podberth.net.vf import Vf
    from podberth.policy.precedence import Resolved
    from podberth.verbs.devices import Choice
    from podberth.verbs.node import Node, Planner
    from podberth.verbs.takeover import Taken

ATTEMPTS = 8  # how many addresses are tried while hosts on the wire answer for them


@value
class Arrival:
    """A pod's interface as it arrives: whose it is and where it has to go. `conf`: by what network configuration."""

    attachment: Attachment
    pod: PodRef | None
    netns: str
    netns_id: NetnsId
    conf: str = ""


@value
class Attached:
    """What an ADD achieved: the endpoint as it is now, and the links made for it, with their MACs."""

    endpoint: Endpoint
    links: tuple[Interface, ...]


def arrive(
    node: Node, attachment: Attachment, pod: PodRef | None, netns: str, *, own_netns_too: bool, conf: str = ""
) -> Arrival:
    """Check the target namespace before any effect; InvalidNetns if there is none or it is the plugin's own."""
    found = node.host.netns_id(netns)
    if found is None:
        raise InvalidNetns(
            f"CNI_NETNS: there is no network namespace at {netns}", "the pod may be gone: its DEL comes next"
        )
    if found == node.host.own_netns() and not own_netns_too:
        raise InvalidNetns(
            f"CNI_NETNS: {netns} is the plugin's own network namespace",
            "set CNI_NETNS_OVERRIDE=1 if that is meant",
        )
    return Arrival(attachment=attachment, pod=pod, netns=netns, netns_id=found, conf=conf)


def add(node: Node, arrival: Arrival, resolved: Resolved, planner: Planner, chosen: Choice | None = None) -> Attached:
    """Give the arrival what was resolved, as `planner` plans it; all of it, or nothing and an error.

    `chosen`: from which virtual functions it gets one.
    """
    with node.host.locked(f"container:{arrival.attachment.container_id}"):
        _refuse_repetition(node, arrival)
        # What can't be planned is refused before anything is bound: runtimes retry, and the ledger never forgets.
        _foresee(node, provisional(resolved, arrival.attachment, arrival.netns), planner, chosen)
        # Only binding what sticks reserves an address: else it can be asked later what the pod has of its own.
        own = _own(node, arrival) if resolved.sticky else None
        avoid: tuple[Address, ...] = ()
        while True:
            # Marking the record as done takes the leases to disk with it.
            taken = bind(
                node, arrival.attachment, arrival.pod, arrival.netns, resolved,
                avoid=avoid, durable=False, locked=arrival.attachment.container_id,
            )  # fmt: skip
            try:
                attached = _attach(node, arrival, _end(node, arrival, resolved, taken), planner, chosen)
            except NotUndone:
                raise  # record and lease stay: the address may still be live
            except AddressAnswered as answered:
                own = _own(node, arrival) if own is None else own
                _give_up(node, arrival, answered, taken, own)
                avoid += (answered.address,)
                fixed = answered.address in own or not may_take_another(resolved, answered.address)
                if fixed or len(avoid) >= ATTEMPTS:
                    raise
            except BaseException:
                give_back(node, arrival.attachment, taken, "ADD failed")
                delete_locked(node, arrival.attachment, "ADD failed")
                raise
            else:
                tell(node, arrival.pod, taken)
                return attached


def add_delegated(
    node: Node,
    arrival: Arrival,
    first: Endpoint,
    planner: Planner,
    chosen: Choice | None,
    give: Callable[[], Endpoint],
    take: Callable[[], None],
) -> Attached:
    """Do the same with addresses of another IPAM plugin: `give` has it give them, `take` has it take them back.

    `first` is the endpoint as far as it is known before that.
    """
    with node.host.locked(f"container:{arrival.attachment.container_id}"):
        _refuse_repetition(node, arrival)
        _foresee(node, first, planner, chosen)
        end = give()
        try:
            return _attach(node, arrival, end, planner, chosen)
        except NotUndone:
            raise
        except BaseException:
            delete_locked(node, arrival.attachment, "ADD failed")
            take()
            raise


def _own(node: Node, arrival: Arrival) -> frozenset[Address]:
    """Return what is reserved for the pod."""
    reserved = node.ledger.reservations(pod=arrival.pod) if arrival.pod is not None else ()
    return frozenset(kept.address for kept in reserved)


def _foresee(node: Node, end: Endpoint, planner: Planner, chosen: Choice | None) -> None:
    planner(end if chosen is None else replace(end, vf=candidates(node, chosen)[0]))


def _end(node: Node, arrival: Arrival, resolved: Resolved, taken: Taken) -> Endpoint:
    """Return the endpoint; the wire has the last word about what came from another node (decision 020)."""
    addresses = [lease.address for lease in taken.leases]
    probed = bool(taken.elsewhere(node))
    return endpoint(resolved, arrival.attachment, arrival.netns, addresses, probed=probed)


def _give_up(node: Node, arrival: Arrival, answered: AddressAnswered, taken: Taken, own: AbstractSet[Address]) -> None:
    """Record that a host answers for the address, and take back all that was done; a reservation of before stays.

    Raises AddressBoundElsewhere if the address came from another node: then its holder is not as dead as it was taken
    for.
    """
    actor = Actor(who="plugin", why="ADD: address in use on the wire", node=node.name)
    node.ledger.conflicted(answered.address, answered.mac, arrival.attachment, actor)
    said = f"the host with MAC {answered.mac} answers for {answered.address} on the wire"
    give_back(node, arrival.attachment, taken, said)
    delete_locked(node, arrival.attachment, actor.why)
    for moved in taken.elsewhere(node):
        if moved.lease.address == answered.address:
            raise refuse(
                node, arrival.pod, moved.lease, f"{moved.why}, but {said}", "it moves once nobody answers for it"
            ) from answered
    if arrival.pod is not None and answered.address not in own:
        for kept in node.ledger.reservations(pod=arrival.pod):
            if kept.address == answered.address:
                node.ledger.release(kept.address, actor)


def _attach(node: Node, arrival: Arrival, end: Endpoint, planner: Planner, chosen: Choice | None) -> Attached:
    def intend(vf: Vf | None) -> tuple[Endpoint, Plan, tuple[Step, ...]]:
        mine = replace(end, vf=vf)
        plan = planner(mine)
        return mine, plan, _intend(node, arrival, plan.ops, told(mine))

    mine, plan, steps = intend(None) if chosen is None else claim(node, chosen, arrival.attachment, intend)
    apply(node.host, steps, arrival.netns_id)
    attached = Attached(endpoint=mine, links=interfaces(node.host, plan))
    node.attachments.done(arrival.attachment)
    return attached


def _intend(node: Node, arrival: Arrival, ops: tuple[Op, ...], said: Told) -> tuple[Step, ...]:
    """Read what the ops will replace, and write it all down: from now on whatever happens can be undone."""
    steps = tuple(node.host.prepare(op) for op in ops)
    for step in steps:
        if step.existed:
            node.host.do(step)  # refuses it: without a record nothing that another has is taken for ours and undone
    node.attachments.open(
        Record(
            attachment=arrival.attachment,
            pod=arrival.pod,
            netns=arrival.netns,
            netns_id=arrival.netns_id,
            steps=steps,
            done=False,
            since=node.clock(),
            conf=arrival.conf,
            told=said,
        )
    )
    return steps


def _refuse_repetition(node: Node, arrival: Arrival) -> None:
    """Clear away what a killed ADD, or a namespace that died, left under the same name; refuse a live attachment."""
    record = node.attachments.find(arrival.attachment)
    if record is None:
        return
    if record.done and node.host.netns_id(record.netns) == record.netns_id:
        raise InvalidEnvironment(
            f"CNI_CONTAINERID, CNI_IFNAME: {arrival.attachment} is attached already",
            "DEL it first: an ADD is not repeated for the same container and interface",
        )
    delete_locked(node, arrival.attachment, "ADD after one that never ended")
