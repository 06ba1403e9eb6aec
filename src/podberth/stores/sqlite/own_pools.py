"""Pools of applications, inside the transaction that puts documents in force: made, grown and gone with them.

A PodNetwork whose attachment has `ownPool` brings its Pool along, in the same step. The Pool goes when the attachment
does, unless somebody has an address of it: then it stays until a later change of documents finds nobody there.
"""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.value import replace
from podberth.ipam import extents
from podberth.ipam.pool import MadeFor, Pool
from podberth.policy.admission import Conflicts
from podberth.policy.documents import document_of
from podberth.policy.permit import beyond_own_pools
from podberth.policy.podnetwork import PodNetwork
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite import rows, space

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from sqlite3 import Connection

    from podberth.ipam.moment import Moment
    from podberth.net.ops import Address
    from podberth.policy.documents import Document
    from podberth.policy.podnetwork import AttachmentPolicy


def completed(
    connection: Connection, documents: Sequence[Document], deleted: Sequence[Document], now: Moment
) -> tuple[tuple[Document, ...], tuple[Document, ...]]:
    """Return the documents to put in force, and those to delete, with the Pools that applications have of their own.

    Conflicts if a parent is missing, sets nothing aside, or has too few addresses left.
    """
    existing = {pool.name: pool for pool in table.pools(connection) if pool.made_for is not None}
    wanted = _wanted(connection, documents, deleted)
    if not existing and not wanted:
        return tuple(documents), tuple(deleted)
    # A Pool that was made is no word of the source that its PodNetwork came from.
    named = tuple(each for each in documents if each.name not in existing or each.kind != "Pool")
    gone = tuple(each for each in deleted if each.name not in existing or each.kind != "Pool")
    pools = {pool.name: pool for pool in table.pools(connection)}
    pools.update({each.name: each.body for each in named if isinstance(each.body, Pool)})
    made = _made(connection, wanted, pools, existing, now)
    over = [name for name in existing if name not in wanted and not _held(connection, name, now)]
    ended = (table.get(connection, "Pool", "", name) for name in over)
    return (*named, *made), (*gone, *(each for each in ended if each is not None))


def levelled(
    connection: Connection, refusal: Callable[[PodNetwork, Pool], str], stands: Callable[[str], bool], now: Moment
) -> tuple[tuple[Document, ...], tuple[Document, ...], dict[str, str]]:
    """Return the Pools that are to be put in force, and to go, for the PodNetworks that are; and why others can't be.

    Each application stands for itself: `refusal` says why one may not have a pool of a parent, '' if it may. `stands`
    says whether there is a document of a Pool. The reasons are by the name of the PodNetwork ('db/reports').
    """
    existing = {pool.name: pool for pool in table.pools(connection) if pool.made_for is not None}
    wanted = _wanted(connection, (), ())
    pools = {pool.name: pool for pool in table.pools(connection)}
    found: list[Document] = []
    refused: dict[str, str] = {}
    for name, (body, policy, _) in sorted(wanted.items()):
        before, parent = existing.get(name), pools.get(policy.own.parent) if policy.own is not None else None
        try:
            if not _is_from(before, parent) and parent is not None and (why := refusal(body, parent)):
                raise ValueError(why)  # noqa: TRY301 - told with the others
            made = _carved(connection, body, policy, pools, before, now)
        except ValueError as wrong:
            refused[f"{body.namespace}/{body.name}"] = f"ownPool of {policy.ifname}: {wrong}"
            continue
        pools[name] = made
        if _is_news(before, made) or not stands(name):
            found.append(document_of(made, before.source if before is not None else body.source))
    over = (table.get(connection, "Pool", "", name) for name in existing if name not in wanted)
    ended = (each for each in over if each is not None and not _held(connection, each.name, now))
    return tuple(found), tuple(ended), refused


def _wanted(
    connection: Connection, documents: Sequence[Document], deleted: Sequence[Document]
) -> dict[str, tuple[PodNetwork, AttachmentPolicy, Document | None]]:
    """Return by the name of its pool each attachment, as it will be, that has one of its own."""
    bodies: dict[tuple[str, str], tuple[PodNetwork, Document | None]] = {
        (body.namespace, body.name): (body, None) for body in table.naming(connection, "own", "")
    }
    for each in deleted:
        bodies.pop((each.namespace, each.name) if each.kind == "PodNetwork" else ("", ""), None)
    for each in documents:
        if isinstance(each.body, PodNetwork):
            bodies[each.namespace, each.name] = each.body, each
    return {
        policy.pool: (body, policy, document)
        for body, document in bodies.values()
        for policy in body.attachments
        if policy.own is not None and policy.pool is not None
    }


def _made(
    connection: Connection,
    wanted: dict[str, tuple[PodNetwork, AttachmentPolicy, Document | None]],
    pools: dict[str, Pool],
    existing: dict[str, Pool],
    now: Moment,
) -> Iterable[Document]:
    found, conflicts = [], []
    for name, (body, policy, document) in sorted(wanted.items()):
        before = existing.get(name)
        try:
            made = _carved(connection, body, policy, pools, before, now)
        except ValueError as wrong:
            if document is not None or before is not None:
                conflicts.append(f"{body}: ownPool of {policy.ifname}: {wrong}")
            continue  # one that has no pool, and is not spoken of here, stands in nobody's way
        pools[name] = made
        source = document.source if document is not None else before.source if before is not None else body.source
        if document is not None or _is_news(before, made):
            found.append(document_of(made, source))
    if conflicts:
        raise Conflicts(conflicts)
    return found


def _carved(
    connection: Connection, body: PodNetwork, policy: AttachmentPolicy, pools: Mapping[str, Pool], before: Pool | None,
    now: Moment,
) -> Pool:  # fmt: skip
    """Return an attachment's own pool. ValueError says why there can be none."""
    from podberth.ipam.carving import carve  # most stores have no such pool

    own, name = policy.own, policy.pool
    assert own is not None
    assert name is not None
    parent, other = pools.get(own.parent), pools.get(name)
    if parent is None:
        raise ValueError(f"there is no pool {own.parent!r}")
    if other is not None and other.made_for is None:
        raise ValueError(f"its pool would be called {name}, and there is another of that name")
    made_for = MadeFor(parent=own.parent, namespace=body.namespace, podnetwork=body.name)
    has = [pool for pool in pools.values() if pool.name != name and _is_of(pool, made_for)]
    taken = max((sum(extents.size(extents.usable(pool, v)) for pool in has) for v in parent.families), default=0)
    # One that has them already keeps them, and may shrink.
    if before is None or not _is_from(before, parent) or _largest(before) < own.addresses:
        beyond = beyond_own_pools(parent, body.namespace, taken, own.addresses)
        if beyond is not None:
            raise ValueError(beyond.message)
    held = _held(connection, name, now) if before is not None else ()
    return carve(parent, name, made_for, own.addresses, pools.values(), before, held)


def _is_from(before: Pool | None, parent: Pool | None) -> bool:
    """Say whether a pool was made of that parent already."""
    made = before.made_for if before is not None else None
    return made is not None and parent is not None and made.parent == parent.name


def _is_of(pool: Pool, other: MadeFor) -> bool:
    """Say whether the pool was made of the same parent for the same namespace."""
    made = pool.made_for
    return made is not None and (made.parent, made.namespace) == (other.parent, other.namespace)


def _largest(pool: Pool) -> int:
    return max((extents.size(extents.usable(pool, family)) for family in pool.families), default=0)


def _is_news(before: Pool | None, made: Pool) -> bool:
    return before is None or replace(before, source="") != replace(made, source="")


def _held(connection: Connection, pool: str, now: Moment) -> tuple[Address, ...]:
    """Return the addresses of the pool that are reserved or leased, or rest."""
    resting = connection.execute("SELECT address FROM resting WHERE pool = ?", (pool,)).fetchall()
    found = [each.address for each in rows.held_in(connection, pool)]
    unpacked = (ip_address(packed) for (packed,) in resting)
    return (*found, *(each for each in unpacked if space.rests_for(connection, each, now.uptime) > 0))
