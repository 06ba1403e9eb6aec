"""What becomes of a running pod's networks when its annotation changes: which calls are taken back, which are new."""

from __future__ import annotations

import re

from podberth.cni.errors import Refused
from podberth.cni.value import replace

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
    keeps it, though networks before it go; but not where the pod names another by now, be it that of a place. A new one
    whose name by its place is another's by now gets the next that is free. Refused if the pod names a new one as one
    that stays is named.
    """
    left, more = list(recorded[1:]), list(wanted[1:])
    for stays in (_same, _alike):
        candidates, more = more, []
        for op in candidates:
            found = next((each for each in left if stays(each, op)), None)
            if found is None:
                more.append(op)
            else:
                left.remove(found)
    names = {op.ifname: op.label for op in recorded if op not in left}
    asked = {op.ifname for op in more if op.asked}
    new: list[CallPlugins] = []
    for op in more:
        made = op
        if op.ifname in names:
            if op.asked:
                raise _taken(op, names[op.ifname])
            made = replace(op, ifname=_free((*names, *asked)))
        names[made.ifname] = op.label
        new.append(made)
    return tuple(reversed(left)), tuple(new)


def _same(recorded: CallPlugins, op: CallPlugins) -> bool:
    return (recorded.label, recorded.ifname) == (op.label, op.ifname)


def _alike(recorded: CallPlugins, op: CallPlugins) -> bool:
    """Say whether both are of one network, with an interface that the pod does not name."""
    return not op.asked and recorded.label == op.label and _BY_PLACE.fullmatch(recorded.ifname) is not None


def _taken(op: CallPlugins, holder: str) -> Refused:
    return Refused(
        f"{op.label}: the interface {op.ifname} is {holder}'s, and stays it while the pod runs",
        "name another one in the pod's annotation, or restart the pod",
    )


def _free(names: Iterable[str]) -> str:
    taken = set(names)
    return next(name for name in (f"net{n}" for n in range(1, len(taken) + 2)) if name not in taken)
