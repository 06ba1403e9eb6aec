"""The moment of a clock that counts on its own: its time is its uptime too, and nobody vouches for it."""

from __future__ import annotations

from podberth.ipam.moment import Moment, Uptime


def moment(time: int) -> Moment:
    """Return the moment at which such a clock says `time` (ns since the epoch)."""
    return Moment(time=time, uptime=Uptime(boot="test", ns=time))
