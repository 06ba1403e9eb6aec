"""Whether what a review asks for may be: `apply`'s own check, on a replica that is brought up to date first.

What was declared by kubectl and is not in the ledger yet counts as if it were: inside the step that is only tried,
and nothing of it is written.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, InvalidConfig, TryAgainLater
from podberth.cni.value import replace
from podberth.controller.asked import asked
from podberth.ipam.lease import Actor
from podberth.ipam.refusals import same
from podberth.kube import resources
from podberth.policy.address_reservation import disallowed, parse_reservation
from podberth.policy.admission import Conflicts
from podberth.policy.podnetwork import PodNetwork
from podberth.stores.clock import node_clock
from podberth.stores.kubernetes.declared import Declarations
from podberth.stores.replica.court import Court, is_there
from podberth.stores.replica.shared import Bundle, DocumentText
from podberth.stores.replica.standing import make_way
from podberth.stores.sqlite import changes, claims, documents
from podberth.stores.sqlite.declared import declare
from podberth.stores.sqlite.pending import pending
from podberth.stores.sqlite.policies import check
from podberth.stores.sqlite.rows import reservation_at

if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.controller.asked import Asked
    from podberth.controller.review import Review
    from podberth.kube.client import Client
    from podberth.policy.address_reservation import AddressReservation
    from podberth.stores.replica.feed import Feed
    from podberth.stores.replica.settler import Settler
    from podberth.stores.replica.shared import Key
    from podberth.stores.sqlite.claims import Rivals

_NOBODY = Actor(who="webhook", why="admission", node="")


class Judge:
    """`home` is podberth's own namespace. Threads share it; one review is looked at after the other."""

    def __init__(self, client: Client, settler: Settler, feed: Feed, home: str) -> None:
        self._client = client
        self._settler = settler
        self._feed = feed
        self._home = home
        self._declarations = Declarations(client, home, "webhook")
        self._turn = threading.Lock()

    def refusal(self, review: Review) -> CniError | None:
        """Return why it may not be; None if it may. TryAgainLater, StoreFailed if that can't be known now.

        A ConfigMap can be deleted also then, unless it declares a pool or an address that is in use as far as is known:
        a declaration that harms has to go, whatever state this is in.
        """
        try:
            wanted = asked(review, self._home, self._declarations.earlier)
        except InvalidConfig as wrong:
            return wrong
        if wanted.nothing:
            return None
        with self._turn:
            away = self._feed.away
            if away and not _goes(review, wanted):
                raise TryAgainLater(f"the cluster's ledger can't be followed: {away}")
            reservations: tuple[AddressReservation, ...] = ()
            if not away:
                self._catch_up()
                reservations = self._reservations()
            earlier = self._declarations.earlier() if wanted.tenant else frozenset()
            return self._settler.tried(lambda connection, _: _refused(connection, wanted, reservations, earlier))

    def _catch_up(self) -> None:
        """Have the replica know every declaration there is now; what happens to addresses comes by the feed."""
        versions, seen = self._declarations.listed()
        keys, names = self._settler.tried(_known)
        oldest = min(versions.values())
        gone = tuple(
            (DocumentText(kind=kind, namespace=namespace, name=name, body=""), oldest)
            for kind, namespace, name in keys - {text.key for text, _ in seen.documents}
        )
        over = tuple(Bundle(name=name, revision=oldest) for name in names - {bundle.name for bundle in seen.bundles})
        self._settler.take(replace(seen, documents=(*seen.documents, *gone), bundles=(*seen.bundles, *over)))

    def _reservations(self) -> tuple[AddressReservation, ...]:
        found = []
        for each in self._client.list(resources.ADDRESS_RESERVATIONS).items:
            raw = {"metadata": {"name": each["metadata"]["name"]}, "spec": each.get("spec")}
            try:
                found.append(parse_reservation(raw, "AddressReservation"))
            except InvalidConfig:
                continue  # it can't be in force
        return tuple(found)


def _goes(review: Review, wanted: Asked) -> bool:
    """Say whether a ConfigMap is deleted that declares no pool."""
    return review.kind == "ConfigMap" and review.new is None and all(kind != "Pool" for kind, _, _ in wanted.deleted)


def _known(connection: Connection, _: Rivals) -> tuple[set[Key], set[str]]:
    """Return the documents that stand for themselves, and the ConfigMaps, that the replica knows."""
    keys = connection.execute("SELECT kind, namespace, name FROM document_revisions WHERE there").fetchall()
    return set(keys), {name for (name,) in connection.execute("SELECT name FROM bundles").fetchall()}


def _refused(
    connection: Connection, wanted: Asked, reservations: tuple[AddressReservation, ...], earlier: frozenset[str]
) -> CniError | None:
    for declared in pending(connection):
        try:
            declare(connection, declared, _NOBODY)
        except CniError:
            continue  # it is in conflict itself, which its own status says
    changing = wanted.reserved.name if wanted.reserved is not None else ""
    for each in reservations:
        if each.name != changing:
            try:
                _reserve(connection, each)
            except CniError:
                continue
    beyond = _beyond(connection, wanted, earlier)
    if not wanted.tenant:
        make_way(connection, wanted.documents)
    try:
        _check(connection, wanted)
        if wanted.reserved is not None:
            _check_reserved(connection, wanted.reserved, wanted.ended)
    except Conflicts as refusal:
        return Conflicts((*beyond, *refusal.conflicts))
    except CniError as refusal:
        return refusal
    return Conflicts(beyond) if beyond else None


def _beyond(connection: Connection, wanted: Asked, earlier: frozenset[str]) -> tuple[str, ...]:
    """Return what is beyond the right of the namespace that declares it."""
    if not wanted.tenant:
        return ()
    court = Court(connection)
    documents = tuple(zip(wanted.documents, wanted.digests, strict=True))
    before = tuple(document.body for document, digest in documents if digest in earlier)
    court.replace(wanted.tenant, wanted.bundle, (body for body in before if isinstance(body, PodNetwork)))
    complaints = (court.verdict(document, wanted.tenant) for document, digest in documents if digest not in earlier)
    return tuple(f"{one.message}; {one.details}" for one in complaints if one is not None)


def _check(connection: Connection, wanted: Asked) -> None:
    """Raise what `apply` would; a ConfigMap ends no document that stands for itself."""
    ending = (key for key in wanted.deleted if not (wanted.of_map and is_there(connection, key)))
    gone = tuple(document for key in ending if (document := documents.get(connection, *key)) is not None)
    check(connection, wanted.documents, gone)


def _check_reserved(connection: Connection, wanted: AddressReservation, ended: AddressReservation | None) -> None:
    """Raise what `podberth reserve` would, and what the pool's rules say."""
    pool = documents.pool(connection, wanted.pool)
    if pool is not None and (refusal := disallowed(pool, wanted)) is not None:
        raise type(refusal)(f"{wanted}: {refusal.message}", refusal.details)
    if ended is not None:
        kept = reservation_at(connection, ended.address)
        if kept is not None and kept.origin == "manual" and same(kept.pod, ended.pod):
            changes.release(connection, kept, _NOBODY, node_clock())
    try:
        _reserve(connection, wanted)
    except CniError as refusal:
        raise type(refusal)(f"{wanted}: {refusal.message}", refusal.details) from None


def _reserve(connection: Connection, wanted: AddressReservation) -> None:
    claims.known(connection, wanted.pool)
    changes.reserve(connection, wanted.pool, wanted.address, wanted.pod, wanted.ifname, "manual", _NOBODY, node_clock())
