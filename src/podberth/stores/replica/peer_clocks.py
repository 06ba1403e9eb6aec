"""What other nodes' clocks say, by the records that they write: a second opinion where no API has one."""

from __future__ import annotations

from podberth.ipam.moment import PROVEN, Opinion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.ipam.address_record import AddressRecord
    from podberth.ipam.moment import Uptime

WITHIN = 60 * 10**9  # ns that news may be on its way


class PeerClocks:
    """The latest that is heard of others' clocks; `node` is this one's name. Only what was proven there counts here."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._offset: dict[str, int] = {}  # by boot: the least (ns) that the epoch's time is more than the uptime

    def hear(self, records: Iterable[AddressRecord], now: Uptime) -> None:
        """Hear of records at an uptime of this node: they were written at that time, or before."""
        for record in records:
            event = record.last
            if event is None or event.seq != record.seq or event.actor.node == self._node:
                continue
            if event.clock == PROVEN:
                offset = event.true - now.ns
                self._offset[now.boot] = max(self._offset.get(now.boot, offset), offset)

    def __call__(self, now: Uptime) -> Opinion | None:
        """Return what others hold to be the time; None if nothing was heard."""
        offset = self._offset.get(now.boot)
        return Opinion(time=now.ns + offset, within=WITHIN, late=True) if offset is not None else None
