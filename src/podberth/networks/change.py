"""What becomes of a running pod's networks when its annotation changes: which calls are taken back, which are new."""

from __future__ import annotations

import re

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
    keeps it, though networks before it go. A new one whose name is another's by now gets the next that is free.
    """
    left = list(recorded[1:])
    more: list[CallPlugins] = []
    for same in (_same, _alike):
        more, candidates = [], more or list(wanted[1:])
        for op in candidates:
            found = next((each for each in left if same(each, op)), None)
            if found is None:
                more.append(op)
            else:
                left.remove(found)
        if not more:
            break
    names = {op.ifname for op in recorded if op not in left}
    new: list[CallPlugins] = []
    for op in more:
        renamed = replace(op, ifname=_free(names)) if op.ifname in names and _BY_PLACE.fullmatch(op.ifname) else op
        names.add(renamed.ifname)
        new.append(renamed)
    return tuple(reversed(left)), tuple(new)


def _same(one: CallPlugins, other: CallPlugins) -> bool:
    return (one.label, one.ifname) == (other.label, other.ifname)


def _alike(one: CallPlugins, other: CallPlugins) -> bool:
    """Say whether both are of one network, with an interface that nobody has named."""
    return one.label == other.label and all(_BY_PLACE.fullmatch(op.ifname) for op in (one, other))


def _free(names: Iterable[str]) -> str:
    taken = set(names)
    return next(name for name in (f"net{n}" for n in range(1, len(taken) + 2)) if name not in taken)
