"""The part of the check that is about pools: overlaps, and who would be left outside by a change."""

from __future__ import annotations

from podberth.ipam.lease import Lease
from podberth.ipam.pool import Pool
from podberth.policy.usable import overlap, unusable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from podberth.ipam.lease import Reservation
    from podberth.policy.changes import Declared
    from podberth.policy.documents import Document
    from podberth.policy.view import View


def check_pools(
    view: View,
    pools: Mapping[str, Pool],
    documents: Sequence[Document],
    deleted: Sequence[Document],
    release: Sequence[Declared],
) -> list[str]:
    """Return the conflicts of the pools among `documents` (new or changed) and `deleted`.

    `pools` are all as they will be; `release` are the reservations that end with the same change.
    """
    return [*_overlaps(pools, documents), *_orphans(view, documents, release), *_dropped(view, deleted, release)]


def conflicts(
    pool: Pool, before: Pool | None, others: Iterable[Pool], held: Iterable[Reservation | Lease]
) -> list[str]:
    """Return the conflicts of one pool that is to be as given, and was as `before`; `held`: who has what of it."""
    shared = ((other, overlap(pool, other)) for other in others if other.name != pool.name)
    found = [_both(pool, other, what) for other, what in shared if what]
    if before is None or before.subnets != pool.subnets:
        found += _outside(f"Pool {pool.name} as changed", pool, held)
    return found


def leaving(name: str, held: Iterable[Reservation | Lease], naming: Iterable[object]) -> list[str]:
    """Return why a pool can't be gone: who has addresses of it, and which PodNetworks name it."""
    found = [f"Pool {name} can't be deleted: {_whose(one)} has {one.address}" for one in held]
    return found + [f"Pool {name} can't be deleted: {other} names it" for other in naming]


def _both(pool: Pool, other: Pool, what: str) -> str:
    return f"pools {pool.name} and {other.name} overlap: {what}"


def _outside(what: str, pool: Pool, held: Iterable[Reservation | Lease]) -> Iterator[str]:
    for one in held:
        reason = unusable(pool, one.address)
        if reason:
            yield f"{what}: {one.address} of {_whose(one)} {reason}"


def _overlaps(pools: Mapping[str, Pool], documents: Sequence[Document]) -> Iterator[str]:
    fresh = [document.body for document in documents if isinstance(document.body, Pool)]
    for i, pool in enumerate(fresh):
        earlier = {other.name for other in fresh[:i]}
        for other in pools.values():
            if other.name != pool.name and other.name not in earlier:
                shared = overlap(pool, other)
                if shared:
                    yield _both(pool, other, shared)


def _orphans(view: View, documents: Sequence[Document], release: Sequence[Declared]) -> Iterator[str]:
    for document in documents:
        pool, before = document.body, view.document(*document.key)
        if not isinstance(pool, Pool) or before is None or not isinstance(before.body, Pool):
            continue
        if before.body.subnets != pool.subnets:
            yield from _outside(f"{document} as changed", pool, _held(view, pool.name, release))


def _dropped(view: View, deleted: Sequence[Document], release: Sequence[Declared]) -> Iterator[str]:
    for document in deleted:
        if isinstance(document.body, Pool):
            for held in _held(view, document.name, release):
                yield f"{document} can't be deleted: {_whose(held)} has {held.address}"


def _held(view: View, pool: str, release: Sequence[Declared]) -> Iterator[Reservation | Lease]:
    freed = {declared.address for declared in release}
    for held in view.held(pool):
        if isinstance(held, Lease) or held.address not in freed:
            yield held


def _whose(held: Reservation | Lease) -> str:
    if isinstance(held, Lease):
        return f"{held.pod or f'container {held.attachment.container_id}'} (leased, node {held.node})"
    return f"{held.pod} {held.ifname} (reserved, {held.origin})"
