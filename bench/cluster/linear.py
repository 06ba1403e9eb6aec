"""Whether a history is linearizable: there is an order of its operations, each at one moment between its call and its
answer, in which every answer is right. Pure.

Each address is an object of its own, and a history is linearizable if its part about each object is (Herlihy and Wing
1990, theorem 1). The search is Wing and Gong's, and remembers which states it has been in (Lowe 2017). What no client
was told the end of may have happened, at any time after it began, or not at all.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bench.cluster.history import NEVER, OK, REFUSED, UNKNOWN
from podberth.cni.value import replace, value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bench.cluster.history import Operation

SHOWN = 8  # steps in a complaint


@value
class Register:
    """One address: the attachment that has it, that one's pod, and the pod's name it is reserved for; '' is nobody."""

    holder: str = ""
    pod: str = ""
    kept: str = ""


NOBODY = Register()


@value
class Step:
    """What one operation says about one address; `says` is one of the words of `MODEL`.

    `sure`: it has happened. Of a step that is not, nothing is known but when it may have begun to.
    """

    says: str
    began: int
    ended: int = NEVER
    sure: bool = True
    attachment: str = ""
    pod: str = ""
    sticky: bool = False
    takeover: tuple[str, ...] = ()


def _bound(now: Register, step: Step) -> Register | None:
    if now.holder == step.attachment:
        return now  # the same claim again
    free = not now.holder and now.kept in ("", step.pod)
    moves = now.holder in step.takeover and now.pod == step.pod
    if not free and not moves:
        return None
    return Register(holder=step.attachment, pod=step.pod, kept=step.pod if step.sticky else now.kept)


def _unbound(now: Register, step: Step) -> Register | None:
    return Register(kept=now.kept) if now.holder == step.attachment else None


def _not_theirs(now: Register, step: Step) -> Register | None:
    return now if now.holder != step.attachment else None


def _reserved(now: Register, step: Step) -> Register | None:
    if now.kept not in ("", step.pod) or now.pod not in ("", step.pod):
        return None
    return Register(holder=now.holder, pod=now.pod, kept=step.pod)


def _released(now: Register, _: Step) -> Register | None:
    return Register(holder=now.holder, pod=now.pod) if now.kept else None


def _not_reserved(now: Register, _: Step) -> Register | None:
    return now if not now.kept else None


def _of_others(now: Register, step: Step) -> Register | None:
    return now if now.kept not in ("", step.pod) or (now.holder and now.pod != step.pod) else None


def _still_held(now: Register, step: Step) -> Register | None:
    return now if now.holder not in ("", step.attachment, *step.takeover) and now.pod == step.pod else None


def _is(now: Register, step: Step) -> Register | None:
    return now if (now.holder, now.kept) == (step.attachment, step.pod) else None


# What each word makes of an address; None: it can't be said of it as it is.
MODEL: Mapping[str, Callable[[Register, Step], Register | None]] = {
    "bound": _bound,
    "unbound": _unbound,
    "not theirs": _not_theirs,
    "reserved": _reserved,
    "released": _released,
    "not reserved": _not_reserved,
    "of others": _of_others,
    "still held": _still_held,
    "is": _is,
}
_CHANGES_NOTHING = ("not theirs", "not reserved", "of others", "still held", "is")
_DONE = {"bind": "bound", "unbind": "unbound", "reserve": "reserved", "release": "released"}
_REFUSED = {"AddressTaken": "of others", "AddressBoundElsewhere": "still held"}


def complaints(
    operations: Sequence[Operation],
    seen: Mapping[str, Iterable[str]],
    finally_held: Mapping[str, str],
    finally_kept: Mapping[str, str],
    *,
    old_refusals: bool = False,
) -> list[str]:
    """Return a line for each address whose part of the history is not linearizable.

    `seen`: at which addresses the ledger has each attachment, which says where an operation of unknown end may have
    been. The last two are what the ledger said after all: the attachment, and the pod's name, of each address. With
    `old_refusals` an AddressTaken need only have been right at some time before it.
    """
    steps = by_address(operations, seen)
    if old_refusals:
        steps = defaultdict(list, {address: [_at_any_time(step) for step in own] for address, own in steps.items()})
    for address in {*steps, *finally_held, *finally_kept}:
        last = Step(
            says="is", began=NEVER - 1, attachment=finally_held.get(address, ""), pod=finally_kept.get(address, "")
        )
        steps[address].append(last)
    return [
        f"{address}: no order explains these answers: {_told(own)}"
        for address, own in sorted(steps.items())
        if not linearizable(own)
    ]


def by_address(operations: Iterable[Operation], seen: Mapping[str, Iterable[str]]) -> defaultdict[str, list[Step]]:
    """Return what the history says of each address."""
    steps: defaultdict[str, list[Step]] = defaultdict(list)
    for operation in operations:
        for address, says in _says(operation, seen):
            steps[address].append(_step(operation, says))
    return steps


def linearizable(steps: Iterable[Step], start: Register = NOBODY) -> bool:
    """Say whether one address's steps can have been taken in an order that their times allow."""
    every = sorted(steps, key=lambda step: step.began)
    sure, unsure = [step for step in every if step.sure], [step for step in every if not step.sure]
    begin = _Place(first=0, ahead=frozenset(), taken=frozenset(), now=start)
    been, left = {begin}, [begin]
    while left:
        place = left.pop()
        if place.first == len(sure):
            return True
        for after in _following(sure, unsure, place):
            if after not in been:
                been.add(after)
                left.append(after)
    return False


@value
class _Place:
    """How far an order has come: the sure steps before `first` are in it, those `ahead`, the unsure ones `taken`."""

    first: int
    ahead: frozenset[int]
    taken: frozenset[int]
    now: Register


def _following(sure: list[Step], unsure: list[Step], place: _Place) -> list[_Place]:
    """Return what can come next, the likeliest last."""
    until = NEVER  # what has ended by then must come before what begins later
    changing: list[_Place] = []
    for index in range(place.first, len(sure)):
        step = sure[index]
        if step.began > until:
            break
        if index in place.ahead:
            continue
        until = min(until, step.ended)
        now = MODEL[step.says](place.now, step)
        if now is not None and step.says in _CHANGES_NOTHING:
            # Whatever order there is from here on, one begins with this.
            return [_passed(place, index, now)]
        if now is not None:
            changing.append(_passed(place, index, now))
    perhaps = (
        _Place(first=place.first, ahead=place.ahead, taken=place.taken | {index}, now=now)
        for index, step in enumerate(unsure)
        if index not in place.taken and step.began <= until
        if (now := MODEL[step.says](place.now, step)) is not None and now != place.now
    )
    return [*perhaps, *reversed(changing)]


def _passed(place: _Place, index: int, now: Register) -> _Place:
    ahead, first = place.ahead | {index}, place.first
    while first in ahead:
        ahead, first = ahead - {first}, first + 1
    return _Place(first=first, ahead=ahead, taken=place.taken, now=now)


def _says(operation: Operation, seen: Mapping[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    if operation.outcome == OK:
        if operation.kind == "unbind":
            others = (address for address in seen.get(operation.attachment, ()) if address not in operation.got)
            yield from ((address, "not theirs") for address in others)
        if operation.kind == "release" and not operation.got:
            yield operation.address, "not reserved"
        yield from ((address, _DONE[operation.kind]) for address in operation.got)
    elif operation.outcome == REFUSED:
        about = operation.address or next(iter(operation.got), "")
        if about and operation.refusal in _REFUSED:
            yield about, _REFUSED[operation.refusal]
    else:
        named = (operation.address,) if operation.address else seen.get(operation.attachment, ())
        if operation.attachment:  # it has left its mark in the ledger, or has not happened
            named = [address for address in named if address in seen.get(operation.attachment, ())]
        yield from ((address, _DONE[operation.kind]) for address in named)


def _step(operation: Operation, says: str) -> Step:
    return Step(
        says=says,
        began=operation.began,
        ended=operation.ended if operation.outcome != UNKNOWN else NEVER,
        sure=operation.outcome != UNKNOWN,
        attachment=operation.attachment,
        pod=operation.pod,
        sticky=operation.sticky and not operation.address,
        takeover=operation.takeover,
    )


def _at_any_time(step: Step) -> Step:
    return replace(step, began=0) if step.says == _REFUSED["AddressTaken"] else step


def _told(steps: Sequence[Step]) -> str:
    """Return the last of the first steps, in the order of their answers, that can't be explained."""
    told = sorted(steps, key=lambda step: step.ended if step.sure else NEVER)
    first = next(n for n in range(1, len(told) + 1) if not linearizable(_as_of(told, n)))
    last = told[first - 1].ended
    under_way = [step for step in told[first:] if step.began < last]
    return "; ".join(
        f"{step.began}..{step.ended if step.ended != NEVER else '?'} {step.says} {step.attachment or step.pod}"
        f"{' of ' + step.pod if step.attachment else ''}"
        for step in (*told[max(0, first - SHOWN) : first], *under_way[:SHOWN])
    )


def _as_of(told: Sequence[Step], count: int) -> list[Step]:
    """Return the first steps, and those that were under way when the last of them was answered."""
    last = told[count - 1].ended
    return [*told[:count], *(replace(step, sure=False, ended=NEVER) for step in told[count:] if step.began < last)]
