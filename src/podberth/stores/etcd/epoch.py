"""The epoch of a ledger in etcd: one key, outside of what nodes follow, changed by compare-and-swap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.stores.etcd import keys
from podberth.stores.etcd.change import change

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.ipam.epoch import Epoch
    from podberth.stores.etcd.client import Etcd
    from podberth.stores.etcd.keys import Keys
    from podberth.stores.etcd.values import KeyValue

_BUSY = "others announce their pods at the same time"


def epoch(client: Etcd, at: Keys, decide: Callable[[Epoch | None], Epoch | None]) -> tuple[Epoch, int] | None:
    """Return the epoch, with its revision, once it is as `decide` says; None if there is none."""

    def decided(found: KeyValue | None) -> tuple[bytes | None, tuple[KeyValue | None, bool]]:
        new = decide(keys.read_epoch(found.value) if found is not None else None)
        return keys.packed_epoch(new) if new is not None else None, (found, new is not None)

    now, written = change(client, at.epoch, decided, _BUSY)
    if written:
        now = client.get(at.epoch)
    return (keys.read_epoch(now.value), now.mod_revision) if now is not None else None
