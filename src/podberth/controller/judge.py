"""Whether what a review asks for may be: `apply`'s own check, on a replica that is brought up to date first.

What was declared by kubectl and is not in the ledger yet counts as if it were: inside the step that is only tried,
and nothing of it is written.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, InvalidConfig, TryAgainLater
from podberth.controller.asked import asked
from podberth.ipam.lease import Actor
from podberth.ipam.refusals import same
from podberth.kube import resources
from podberth.policy.address_reservation import disallowed, parse_reservation
from podberth.stores.kubernetes.declared import Declarations
from podberth.stores.replica.shared import DocumentText, Seen
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
        """Return why it may not be; None if it may. TryAgainLater, StoreFailed if that can't be known now."""
        try:
            wanted = asked(review, self._home)
        except InvalidConfig as wrong:
            return wrong
        if wanted.nothing:
            return None
        with self._turn:
            if self._feed.away:
                raise TryAgainLater(f"the cluster's ledger can't be followed: {self._feed.away}")
            self._catch_up()
            reservations = self._reservations()
            return self._settler.tried(lambda connection, _: _refused(connection, wanted, reservations))

    def _catch_up(self) -> None:
        """Have the replica know every declaration there is now; what happens to addresses comes by the feed."""
        versions, found = self._declarations.listed()
        known = self._settler.tried(_known)
        there = {text.key for text, _ in found}
        oldest = min(versions.values())
        gone = tuple(
            (DocumentText(kind=key[0], namespace=key[1], name=key[2], body=""), oldest) for key in known - there
        )
        self._settler.take(Seen(documents=(*found, *gone)))

    def _reservations(self) -> tuple[AddressReservation, ...]:
        found = []
        for each in self._client.list(resources.ADDRESS_RESERVATIONS).items:
            raw = {"metadata": {"name": each["metadata"]["name"]}, "spec": each.get("spec")}
            try:
                found.append(parse_reservation(raw, "AddressReservation"))
            except InvalidConfig:
                continue  # it can't be in force
        return tuple(found)


def _known(connection: Connection, _: Rivals) -> set[tuple[str, str, str]]:
    return set(connection.execute("SELECT kind, namespace, name FROM documents"))


def _refused(connection: Connection, wanted: Asked, reservations: tuple[AddressReservation, ...]) -> CniError | None:
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
    try:
        gone = tuple(found for key in wanted.deleted if (found := documents.get(connection, *key)) is not None)
        check(connection, wanted.documents, gone)
        if wanted.reserved is not None:
            _check_reserved(connection, wanted.reserved, wanted.ended)
    except CniError as refusal:
        return refusal
    return None


def _check_reserved(connection: Connection, wanted: AddressReservation, ended: AddressReservation | None) -> None:
    """Raise what `podberth reserve` would, and what the pool's rules say."""
    pool = documents.pool(connection, wanted.pool)
    if pool is not None and (refusal := disallowed(pool, wanted)) is not None:
        raise type(refusal)(f"{wanted}: {refusal.message}", refusal.details)
    if ended is not None:
        kept = reservation_at(connection, ended.address)
        if kept is not None and kept.origin == "manual" and same(kept.pod, ended.pod):
            changes.release(connection, kept, _NOBODY, time.time_ns())
    try:
        _reserve(connection, wanted)
    except CniError as refusal:
        raise type(refusal)(f"{wanted}: {refusal.message}", refusal.details) from None


def _reserve(connection: Connection, wanted: AddressReservation) -> None:
    claims.known(connection, wanted.pool)
    changes.reserve(
        connection, wanted.pool, wanted.address, wanted.pod, wanted.ifname, "manual", _NOBODY, time.time_ns()
    )
