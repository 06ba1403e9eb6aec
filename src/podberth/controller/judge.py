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
from podberth.controller.effects import by_hand
from podberth.ipam.lease import Actor
from podberth.ipam.refusals import same
from podberth.kube import resources
from podberth.policy.address_reservation import keeping, parse_reservation
from podberth.policy.admission import Conflicts
from podberth.policy.bundle import digest
from podberth.policy.documents import raw_document
from podberth.policy.needs import newly_needed
from podberth.policy.permit import TENANT, WEBHOOK, Reserving, limit, permit, role_of_object
from podberth.policy.podnetwork import PodNetwork
from podberth.stores.kubernetes.declared import Declarations
from podberth.stores.replica.court import Court
from podberth.stores.replica.said import OBJECT, is_there, tenants
from podberth.stores.replica.shared import Bundle, DocumentText
from podberth.stores.replica.standing import make_way
from podberth.stores.sqlite import changes, documents
from podberth.stores.sqlite.declared import declare
from podberth.stores.sqlite.declaring import check
from podberth.stores.sqlite.minimum import require
from podberth.stores.sqlite.operations import keep
from podberth.stores.sqlite.own_pools import completed
from podberth.stores.sqlite.pending import pending
from podberth.stores.sqlite.rows import reservation_at

if TYPE_CHECKING:
    from sqlite3 import Connection

    from podberth.controller.asked import Asked
    from podberth.controller.review import Review
    from podberth.ipam.moment import Moment
    from podberth.kube.client import Client
    from podberth.policy.address_reservation import AddressReservation
    from podberth.stores.replica.feed import Feed
    from podberth.stores.replica.proposer import Proposer
    from podberth.stores.replica.shared import Key
    from podberth.stores.sqlite.claims import Rivals

_NOBODY = Actor(who="webhook", why="admission", node="")


class Judge:
    """`home` is podberth's own namespace. Threads share it; one review is looked at after the other.

    `own_pools`: the controller makes the pools of applications that come by kubectl.
    """

    def __init__(
        self, client: Client, proposer: Proposer, feed: Feed, home: str, *, own_pools: bool = False
    ) -> None:  # fmt: skip
        self._own_pools = own_pools
        self._client = client
        self._proposer = proposer
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
                raise TryAgainLater(
                    f"the cluster's ledger can't be followed: {away}", "apply again once /readyz of the webhook is 200"
                )
            reservations: tuple[AddressReservation, ...] = ()
            if not away:
                self._catch_up()
                if wanted.tenant:
                    others = self._declarations.others(review.namespace, review.name)
                    try:
                        asked(review, self._home, self._declarations.earlier, others)
                    except InvalidConfig as wrong:
                        return wrong
                reservations = self._reservations()
            earlier = self._declarations.earlier() if wanted.tenant else frozenset()
            now = self._proposer.replica.clock()
            return self._proposer.dry_run(
                lambda connection, _: _refused(connection, wanted, reservations, earlier, now, self._own_pools)
            )

    def _catch_up(self) -> None:
        """Have the replica know every declaration there is now; what happens to addresses comes by the feed."""
        versions, seen = self._declarations.listed()
        keys, names = self._proposer.dry_run(_known)
        oldest = min(versions.values())
        gone = tuple(
            (DocumentText(kind=kind, namespace=namespace, name=name, body=""), oldest)
            for kind, namespace, name in keys - {text.key for text, _ in seen.documents}
        )
        over = tuple(Bundle(name=name, revision=oldest) for name in names - {bundle.name for bundle in seen.bundles})
        self._proposer.take(replace(seen, documents=(*seen.documents, *gone), bundles=(*seen.bundles, *over)))

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
    connection: Connection,
    wanted: Asked,
    reservations: tuple[AddressReservation, ...],
    earlier: frozenset[str],
    now: Moment,
    own_pools: bool,
) -> CniError | None:
    for declared in pending(connection):
        try:
            declare(connection, declared, _NOBODY, lambda: now)
        except CniError:
            continue  # it is in conflict itself, which its own status says
    changing = wanted.reserved.name if wanted.reserved is not None else ""
    for each in reservations:
        if each.name != changing:
            try:
                _check_allowed(connection, each)
                _reserve(connection, each, now)
            except CniError:
                continue
    wanted, earlier = _word_of(connection, wanted, earlier)
    beyond = _beyond(connection, wanted, earlier)
    if not wanted.tenant:
        make_way(connection, wanted.documents)
    try:
        _check(connection, wanted, now if own_pools else None)
        if wanted.reserved is not None:
            _check_reserved(connection, wanted.reserved, wanted.ended, now)
    except Conflicts as refusal:
        return Conflicts((*beyond, *refusal.conflicts))
    except CniError as refusal:
        return refusal
    return Conflicts(beyond) if beyond else None


def _word_of(connection: Connection, wanted: Asked, earlier: frozenset[str]) -> tuple[Asked, frozenset[str]]:
    """Return a PodNetwork in the API as its namespace's word, if the operator has set that; and what stays of those."""
    (first, *_) = wanted.documents or (None,)
    if wanted.of_map or first is None or first.kind != "PodNetwork" or not tenants(connection):
        return wanted, earlier
    spec = raw_document(first)["spec"]
    said = digest(first.namespace, first.key, spec)
    kept = frozenset(one for (one,) in connection.execute("SELECT digest FROM objects_before").fetchall())
    return replace(wanted, tenant=first.namespace, bundle=OBJECT, digests=(said,)), kept


def _beyond(connection: Connection, wanted: Asked, earlier: frozenset[str]) -> tuple[str, ...]:
    """Return what is beyond the right of the namespace that declares it."""
    if not wanted.tenant:
        return ()
    court = Court(connection, WEBHOOK)
    documents = tuple(zip(wanted.documents, wanted.digests, strict=True))
    before = tuple(document.body for document, digest in documents if digest in earlier)
    keys = [document.key for document in wanted.documents]
    court.replace(wanted.bundle, keys, (body for body in before if isinstance(body, PodNetwork)))
    complaints = (court.verdict(document, wanted.tenant) for document, digest in documents if digest not in earlier)
    return tuple(f"{one.message}; {one.details}" for one in complaints if one is not None)


def _check(connection: Connection, wanted: Asked, now: Moment | None) -> None:
    """Raise what `apply` would; a ConfigMap ends no document that stands for itself.

    `now`: the controller makes pools of applications, by then; None if it does not.
    """
    ending = (key for key in wanted.deleted if not (wanted.of_map and is_there(connection, key)))
    gone = tuple(document for key in ending if (document := documents.get(connection, *key)) is not None)
    if now is not None and any(each.kind == "PodNetwork" for each in wanted.documents):
        check(connection, *completed(connection, wanted.documents, gone, now))
    else:
        check(connection, wanted.documents, gone)
    for document in wanted.documents:
        for feature in newly_needed(documents.get(connection, *document.key), document):
            require(connection, feature)


def _check_reserved(
    connection: Connection, wanted: AddressReservation, ended: AddressReservation | None, now: Moment
) -> None:
    """Raise what `podberth reserve` would, and what the pool's rules say."""
    _check_allowed(connection, wanted, ended)
    if ended is not None:
        kept = reservation_at(connection, ended.address)
        if kept is not None and kept.origin == "manual" and same(kept.pod, ended.pod):
            changes.release(connection, kept, _NOBODY, now)
    try:
        _reserve(connection, wanted, now)
    except CniError as refusal:
        raise type(refusal)(f"{wanted}: {refusal.message}", refusal.details) from None


def _check_allowed(connection: Connection, wanted: AddressReservation, ended: AddressReservation | None = None) -> None:
    """Raise what the pool's rules say of a reservation, whosever word it is; one that is made already may stay."""
    pool, kept = documents.pool(connection, wanted.pool), reservation_at(connection, wanted.address)
    if pool is None or (kept is not None and ended is None and by_hand(kept, wanted)):
        return
    role, namespace = role_of_object(tenants=tenants(connection)), wanted.pod.namespace
    taken = _taken(connection, wanted, ended) if role == TENANT and limit(pool, namespace) is not None else 0
    change = Reserving(pool=pool, namespace=namespace, address=wanted.address, taken=taken)
    refusal = permit(namespace, role, WEBHOOK, change)
    if refusal is not None:
        raise type(refusal)(f"{wanted}: {refusal.message}", refusal.details)


def _reserve(connection: Connection, wanted: AddressReservation, now: Moment) -> None:
    keep(connection, keeping(wanted), _NOBODY, now)


def _taken(connection: Connection, wanted: AddressReservation, ended: AddressReservation | None) -> int:
    """Return how many other addresses of the pool are reserved for pods of the namespace."""
    own = {wanted.address.packed, *((ended.address.packed,) if ended is not None else ())}
    query = "SELECT address FROM reservations WHERE pool = ? AND namespace = ?"
    rows = connection.execute(query, (wanted.pool, wanted.pod.namespace)).fetchall()
    return len({packed for (packed,) in rows} - own)
