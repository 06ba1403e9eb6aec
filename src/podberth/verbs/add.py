"""ADD: bind, plan, prepare, record, apply. Whatever fails, nothing is left (docs/architecture.md, invariant 3)."""

from __future__ import annotations

import json

from podberth.cni.errors import InvalidConfig, InvalidEnvironment, InvalidNetns
from podberth.cni.value import replace, value
from podberth.ipam.lease import Actor
from podberth.ipam.lifecycle import FAILED
from podberth.net.apply import AddressAnswered, NotUndone, apply
from podberth.net.ops import made
from podberth.net.record import Record, RecordKey
from podberth.net.step import INDEX
from podberth.net.told import told
from podberth.verbs import devices
from podberth.verbs.beside import beside
from podberth.verbs.delete import delete_locked
from podberth.verbs.delete import end as end_record
from podberth.verbs.network import beside_others
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
    from podberth.net.vf import FunctionWanted, Vf
    from podberth.policy.precedence import Resolved
    from podberth.verbs.node import Node
    from podberth.verbs.planner import Planner
    from podberth.verbs.takeover import Taken

_NEVER_ENDED = "ADD after one that never ended"
ATTEMPTS = 8  # how many addresses are tried while hosts on the wire answer for them


@value
class Arrival:
    """A pod's interface as it arrives: whose it is and where it has to go.

    `conf`: by what network configuration; it is of that `type`. `leases`: its addresses are the ledger's.
    `before`: what plugins of podberth's that come before in the chain have recorded.
    """

    attachment: Attachment
    pod: PodRef | None
    netns: str
    netns_id: NetnsId
    conf: str = ""
    type: str = ""
    leases: bool = True
    before: tuple[Record, ...] = ()

    @property
    def key(self) -> RecordKey:
        """What its record is found by."""
        n = 1 + max((record.n for record in self.before if record.type == self.type), default=-1)
        return RecordKey(attachment=self.attachment, type=self.type, n=n)


@value
class Attached:
    """What an ADD achieved: the endpoint as it is now, by which plan, and the links made for it, with their MACs."""

    endpoint: Endpoint
    plan: Plan
    links: tuple[Interface, ...]


def arrive(
    node: Node,
    attachment: Attachment,
    pod: PodRef | None,
    netns: str,
    *,
    own_netns_too: bool,
    conf: str = "",
    type: str = "",  # noqa: A002 - the configuration's key
    leases: bool = True,
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
    return Arrival(attachment=attachment, pod=pod, netns=netns, netns_id=found, conf=conf, type=type, leases=leases)


def add(node: Node, arrival: Arrival, resolved: Resolved, planner: Planner) -> Attached:
    """Give the arrival what was resolved, as `planner` plans it; all of it, or nothing and an error."""
    with node.host.locked(f"container:{arrival.attachment.container_id}"):
        arrival = _once(node, arrival)
        resolved = beside_others(node.host, resolved, arrival.netns)
        # What can't be planned is refused before anything is bound: runtimes retry, and the ledger never forgets.
        wanted, _ = _foresee(node, provisional(resolved, arrival.attachment, arrival.netns), planner)
        # Only binding what sticks reserves an address: else it can be asked later what the pod has of its own.
        own = _own(node, arrival, resolved) if resolved.sticky or resolved.claim else None
        avoid: tuple[Address, ...] = ()
        while True:
            # Marking the record as done takes the leases to disk with it.
            taken = _taken(node, arrival, resolved, avoid)
            try:
                attached = _attach(node, arrival, _end(node, arrival, resolved, taken), planner, wanted)
            except NotUndone:
                raise  # record and lease stay: the address may still be live
            except AddressAnswered as answered:
                own = _own(node, arrival, resolved) if own is None else own
                _give_up(node, arrival, answered, taken, own, _whose(arrival, resolved)[-1])
                avoid += (answered.address,)
                fixed = answered.address in own or not may_take_another(resolved, answered.address)
                if fixed or len(avoid) >= ATTEMPTS:
                    raise
            except BaseException:
                give_back(node, arrival.attachment, taken, FAILED)
                _take_back(node, arrival, FAILED)
                raise
            else:
                tell(node, arrival.pod, taken)
                return attached


def add_delegated(
    node: Node,
    arrival: Arrival,
    first: Endpoint,
    planner: Planner,
    give: Callable[[], Endpoint],
    take: Callable[[], None],
    *,
    link_first: bool = False,
) -> Attached:
    """Do the same with addresses of another IPAM plugin: `give` has it give them, `take` has it take them back.

    `first` is the endpoint as far as it is known before that. `link_first`: they are given over the link.
    """
    with node.host.locked(f"container:{arrival.attachment.container_id}"):
        arrival = _once(node, arrival)
        if link_first:
            return _add_over_link(node, arrival, first, planner, give, take)
        wanted, plan = _foresee(node, first, planner)
        if wanted is None:
            _refuse_existing(node, plan.ops)
        end = give()
        try:
            return _attach(node, arrival, end, planner, wanted)
        except NotUndone:
            raise
        except BaseException:
            _take_back(node, arrival, FAILED)
            take()
            raise


def _add_over_link(
    node: Node,
    arrival: Arrival,
    first: Endpoint,
    planner: Planner,
    give: Callable[[], Endpoint],
    take: Callable[[], None],
) -> Attached:
    """Make the link without addresses, have them given over it, then do what the plan with addresses has more.

    The record has the steps of both: it is revised before the second part begins.
    """
    wanted = planner.wanted(first)
    functions: list[tuple[Vf, ...]] = []

    def intend(vfs: tuple[Vf, ...]) -> tuple[Plan, tuple[Step, ...]]:
        functions.append(vfs)
        plan = planner(first, vfs)
        return plan, _intend(node, arrival, plan.ops, told(first))

    bare, steps = intend(()) if wanted is None else devices.claim(node, wanted, first, intend)
    try:
        apply(node.host, steps, arrival.netns_id)
        end = give()
        try:
            plan = planner(end, functions[-1])
            more = tuple(node.host.prepare(beside(node.attachments, op)) for op in _further(plan, bare))
            node.attachments.revise(arrival.key, (*steps, *more))
            apply(node.host, more, arrival.netns_id)
            attached = Attached(endpoint=end, plan=plan, links=interfaces(node.host, plan))
            node.attachments.done(arrival.key, _indexes(node, (*steps, *more)), durable=arrival.leases)
        except NotUndone:
            raise  # the address may still be on the link
        except BaseException:
            take()
            raise
    except NotUndone:
        raise
    except BaseException:
        _take_back(node, arrival, FAILED)
        raise
    return attached


def _taken(node: Node, arrival: Arrival, resolved: Resolved, avoid: tuple[Address, ...]) -> Taken:
    """Bind; the target of a live migration gets what its source has still, and does not have it by the ledger.

    Only an agent sees to it that it has it then.
    """
    if resolved.claim is not None and resolved.claim.standby and node.later is not None:
        from podberth.verbs.standby import prepared

        waiting = prepared(node, arrival, resolved)
        if waiting is not None:
            return waiting
    return bind(
        node, arrival.attachment, arrival.pod, arrival.netns, resolved,
        avoid=avoid, durable=False, locked=arrival.attachment.container_id,
    )  # fmt: skip


def _further(plan: Plan, bare: Plan) -> tuple[Op, ...]:
    """Return the ops of a plan that the plan without addresses has not. InvalidConfig if the link is another there."""
    found = tuple(op for op in plan.ops if op not in bare.ops)
    if any(made(op)[1] for op in found):
        raise InvalidConfig(
            "mac: the link has to be there before its address is known", "name no MAC, or one that is no address's"
        )
    return found


def _own(node: Node, arrival: Arrival, resolved: Resolved) -> frozenset[Address]:
    """Return what is reserved for the pod, and for its IPAMClaim."""
    whose = [each for each in _whose(arrival, resolved) if each is not None]
    return frozenset(kept.address for each in whose for kept in node.ledger.reservations(pod=each))


def _whose(arrival: Arrival, resolved: Resolved) -> tuple[PodRef | None, ...]:
    """Return for whom addresses of the interface may be reserved; last the one for whom a new one is."""
    return (arrival.pod,) if resolved.claim is None else (arrival.pod, resolved.claim.owner)


def _foresee(node: Node, end: Endpoint, planner: Planner) -> tuple[FunctionWanted | None, Plan]:
    """Plan, with the functions that it would be now; return which they have to be, and that plan."""
    wanted = planner.wanted(end)
    return wanted, planner(end, devices.foreseen(node, wanted) if wanted is not None else ())


def _refuse_existing(node: Node, planned: tuple[Op, ...]) -> None:
    """Refuse a link that is there before another plugin gives addresses.

    That may have given them to this very attachment, which others have made: it would take those back from a live link.
    """
    for op in planned:
        if made(op)[1]:
            step = node.host.prepare(op)
            if step.existed:
                node.host.do(step)  # refuses it


def _end(node: Node, arrival: Arrival, resolved: Resolved, taken: Taken) -> Endpoint:
    """Return the endpoint; the wire has the last word about what came from another node (decision 020)."""
    addresses = [lease.address for lease in taken.leases]
    probed = bool(taken.elsewhere(node))
    end = endpoint(resolved, arrival.attachment, arrival.netns, addresses, probed=probed)
    return replace(end, standby=True) if taken.standby else end


def _give_up(
    node: Node, arrival: Arrival, answered: AddressAnswered, taken: Taken, own: AbstractSet[Address],
    whose: PodRef | None,
) -> None:  # fmt: skip
    """Record that a host answers for the address, and take back all that was done; a reservation of before stays.

    Raises AddressBoundElsewhere if the address came from another node: then its holder is not as dead as it was taken
    for.
    """
    actor = Actor(who="plugin", why="ADD: address in use on the wire", node=node.name)
    node.ledger.conflicted(answered.address, answered.mac, arrival.attachment, actor)
    said = f"the host with MAC {answered.mac} answers for {answered.address} on the wire"
    give_back(node, arrival.attachment, taken, said)
    _take_back(node, arrival, actor.why)
    for moved in taken.elsewhere(node):
        if moved.lease.address == answered.address:
            raise refuse(
                node, arrival.pod, moved.lease, f"{moved.why}, but {said}", "it moves once nobody answers for it"
            ) from answered
    if whose is not None and answered.address not in own:
        for kept in node.ledger.reservations(pod=whose):
            if kept.address == answered.address:
                node.ledger.release(kept.address, actor)


def _attach(node: Node, arrival: Arrival, end: Endpoint, planner: Planner, wanted: FunctionWanted | None) -> Attached:
    def intend(vfs: tuple[Vf, ...]) -> tuple[Plan, tuple[Step, ...]]:
        plan = planner(end, vfs)
        return plan, _intend(node, arrival, plan.ops, told(end))

    plan, steps = intend(()) if wanted is None else devices.claim(node, wanted, end, intend)
    apply(node.host, steps, arrival.netns_id)
    attached = Attached(endpoint=end, plan=plan, links=interfaces(node.host, plan))
    node.attachments.done(arrival.key, _indexes(node, steps), durable=arrival.leases)
    return attached


def _indexes(node: Node, steps: tuple[Step, ...]) -> dict[int, str]:
    """Return the index of each link that a step has made in the pod, by the step's place."""
    known = ((place, node.host.known(step).before_of(INDEX)) for place, step in enumerate(steps) if made(step.op)[1])
    return {place: index for place, index in known if index is not None}


def _intend(node: Node, arrival: Arrival, ops: tuple[Op, ...], said: Told) -> tuple[Step, ...]:
    """Read what the ops will replace, and write it all down: from now on whatever happens can be undone."""
    steps = tuple(node.host.prepare(beside(node.attachments, op)) for op in ops)
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
            since=max([node.clock(), *(record.since + 1 for record in arrival.before)]),  # whatever the clock does
            conf=arrival.conf,
            told=said,
            type=arrival.key.type,
            n=arrival.key.n,
            leases=arrival.leases,
        )
    )
    return steps


def _take_back(node: Node, arrival: Arrival, why: str) -> None:
    """Undo what was recorded for the arrival, and end what was bound for it; the caller holds the container's lock."""
    record = node.attachments.find(arrival.key)
    if record is not None:
        end_record(node, record, why)
    elif arrival.leases:
        node.ledger.unbind(arrival.attachment, Actor(who="plugin", why=why, node=node.name))


def _once(node: Node, arrival: Arrival) -> Arrival:
    """Return the arrival with what plugins before it in the chain have recorded. InvalidEnvironment for a repetition.

    What a killed ADD, or a namespace that died, left under the same name is cleared away first.
    """
    found = node.attachments.of(arrival.attachment)
    if not found:
        return arrival
    live = tuple(record for record in found if node.host.netns_id(record.netns) == record.netns_id)
    if not live:
        delete_locked(node, arrival.attachment, _NEVER_ENDED)
        return arrival
    for record in live:
        if not _is_same(record, arrival):
            continue
        if record.done:
            raise InvalidEnvironment(
                f"CNI_CONTAINERID, CNI_IFNAME: {arrival.attachment} is attached already",
                "DEL it first: an ADD is not repeated for the same container and interface",
            )
        end_record(node, record, _NEVER_ENDED)
    return replace(arrival, before=node.attachments.of(arrival.attachment))


def _is_same(record: Record, arrival: Arrival) -> bool:
    """Say whether the record is of this very call: of two plugins of a chain one alone has the ledger's addresses."""
    if record.leases and arrival.leases:
        return True
    return record.type == arrival.type and record.made_by(json.loads(arrival.conf or "{}"))
