"""One key of etcd, changed by compare-and-swap: decided anew until nobody was faster."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from podberth.cni.errors import TryAgainLater
from podberth.stores.etcd.values import Compare, Put

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.stores.etcd.client import Etcd
    from podberth.stores.etcd.values import KeyValue

T = TypeVar("T")
_ATTEMPTS = 8  # to write what others write at the same time


def change(client: Etcd, key: bytes, decide: Callable[[KeyValue | None], tuple[bytes | None, T]], busy: str) -> T:
    """Return what `decide` answers, once the key has the value that it says; None leaves the key as it is.

    `decide` is given what is there now, None for no such key, and may be asked again: it has no effects. TryAgainLater
    with `busy` if others were faster every time.
    """
    for _ in range(_ATTEMPTS):
        found = client.get(key)
        value, answer = decide(found)
        if value is None:
            return answer
        unchanged = Compare(key=key, what="mod_revision", to=found.mod_revision if found is not None else 0)
        if client.txn([unchanged], [Put(key=key, value=value)]).succeeded:
            return answer
    raise TryAgainLater(busy, "it can be done again")
