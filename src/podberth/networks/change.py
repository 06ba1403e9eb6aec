"""What becomes of a running pod's networks when its annotation changes: which calls are taken back, which are new."""

from __future__ import annotations

import re

from podberth.cni.errors import Refused
from podberth.cni.value import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.net.ops import CallPlugins

_BY_PLACE = re.compile(r"net[0-9]+")


def changes(
    recorded: Sequence[CallPlugins], wanted: Sequence[CallPlugins]
) -> tuple[tuple[CallPlugins, ...], tuple[CallPlugins, ...]]:
    """Return the calls to take back, those that came last first, and the new ones, in order.

    The first network stays whatever is wanted: the runtime has its result. An interface that has its name by its place
    keeps it, though networks before it go. A new one whose name by its place is another's by now gets the next that is
    free. Refused if the pod gives a new one the name of one that stays.
    """
    left = list(recorded[1:])
    more = [_Wanted(op=op, placed=op.ifname == f"net{place}") for place, op in enumerate(wanted) if place > 0]
    for stays in (_same, _alike):
        candidates, more = more, []
        for one in candidates:
            found = next((each for each in left if stays(each, one)), None)
            if found is None:
                more.append(one)
            else:
                left.remove(found)
    names = {op.ifname: op.label for op in recorded if op not in left}
    new: list[CallPlugins] = []
    for one in more:
        op = one.op
        if op.ifname in names:
            _require_placed(one, names[op.ifname])
            op = replace(op, ifname=_free(names))
        names[op.ifname] = op.label
        new.append(op)
    return tuple(reversed(left)), tuple(new)


@value
class _Wanted:
    """A call that is wanted. `placed`: its interface has the name of its place, and no other from the pod."""

    op: CallPlugins
    placed: bool


def _same(recorded: CallPlugins, one: _Wanted) -> bool:
    return (recorded.label, recorded.ifname) == (one.op.label, one.op.ifname)


def _alike(recorded: CallPlugins, one: _Wanted) -> bool:
    """Say whether both are of one network, with an interface that nobody has named."""
    return one.placed and recorded.label == one.op.label and _BY_PLACE.fullmatch(recorded.ifname) is not None


def _require_placed(one: _Wanted, holder: str) -> None:
    if not one.placed:
        raise Refused(
            f"{one.op.label}: the interface {one.op.ifname} is {holder}'s, and stays it while the pod runs",
            "name another one in the pod's annotation, or restart the pod",
        )


def _free(names: Iterable[str]) -> str:
    taken = set(names)
    return next(name for name in (f"net{n}" for n in range(1, len(taken) + 2)) if name not in taken)
