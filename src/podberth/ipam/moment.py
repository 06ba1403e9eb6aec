"""A moment of a node: what its clock says, what others say of that clock, and how long the node has run. Pure.

A wall clock can be set, an uptime can not: how long something lasts is only ever counted by an uptime.
"""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    Clock: TypeAlias = Callable[[], "Moment"]

PROVEN, UNPROVEN = "proven", "unproven"


@value
class Uptime:
    """How long (ns) a machine has run, suspended or not; `boot` tells this run from every other of any machine."""

    boot: str
    ns: int


@value
class Opinion:
    """What somebody else holds to be the time (ns since the epoch), give or take `within` (ns).

    `late`: it may have been on its way for any time. A clock that is ahead of it is neither right nor wrong by that.
    """

    time: int
    within: int
    late: bool = False


@value
class Moment:
    """`time`: what the node's clock says (ns since the epoch). `ahead`: by how much that is too much.

    Not `proven`: nobody could be asked, and `ahead` says nothing.
    """

    time: int
    uptime: Uptime
    ahead: int = 0
    proven: bool = False

    @property
    def true(self) -> int:
        """The best that is known of the time (ns since the epoch)."""
        return self.time - self.ahead

    @property
    def clock(self) -> str:
        """The word for it in an event."""
        return PROVEN if self.proven else UNPROVEN


def judged(time: int, uptime: Uptime, opinions: Iterable[Opinion | None]) -> Moment:
    """Return the moment at which a clock says `time`, held against the first opinion that there is."""
    for opinion in opinions:
        if opinion is None:
            continue
        ahead = time - opinion.time
        if not opinion.late or ahead <= opinion.within:
            return Moment(time=time, uptime=uptime, ahead=ahead if abs(ahead) > opinion.within else 0, proven=True)
    return Moment(time=time, uptime=uptime)
