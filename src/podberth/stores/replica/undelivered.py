"""What was answered while the cluster's store was away: kept on the node's disk, and told to the store when it is back.

A DEL is answered in any case: it ends a lease of this very node, which nobody else can end or have meanwhile. An ADD is
answered only if the operator has chosen so, and only with what this node, by the last it knows, has already: an address
reserved for the pod's name, leased to an older sandbox of the very same pod here. Nobody else can have got that unless
this node was fenced, and then nothing may run here (docs/cluster.md). What an ADD has bound that was refused since the
answer was lost ends as by a DEL: the caller, and this node, know of no lease that a DEL could end.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from podberth.cni.errors import CniError, StoreFailed, TryAgainLater
from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.ipam.lease import Actor, AddressBoundElsewhere, Claim, Lease, Wanted
from podberth.ipam.outlook import bare, sentence
from podberth.ipam.refusals import same
from podberth.stores.replica.shared import Away
from podberth.stores.sqlite.database import Database, Schema
from podberth.stores.sqlite.failing import CannotWrite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from podberth.ipam.epoch import Announcement, Epoch, HeldAddress
    from podberth.ipam.lease import Correction, Event, Holding, Reservation, Usage
    from podberth.ipam.ledger import Ledger
    from podberth.ipam.lifecycle import Kind
    from podberth.ipam.versions import Feature
    from podberth.net.ops import Address

_TABLES = (
    "CREATE TABLE migrations (version INTEGER PRIMARY KEY, time INTEGER NOT NULL, podberth TEXT NOT NULL) STRICT",
    "CREATE TABLE entries (seq INTEGER PRIMARY KEY AUTOINCREMENT, entry TEXT NOT NULL) STRICT",
)
_ENTRY = "SELECT seq, entry FROM entries"
_ANSWERED, _REFUSED = "answered while the store was away", "refused: the store went away before it had answered"
SCHEMA = Schema(
    file="journal.db",
    application_id=0x7064626A,  # 'pdbj'
    version=1,
    migrations=lambda: (_TABLES,),
    kept=(("entry", _ENTRY, f"{_ENTRY} WHERE (seq, entry) = (?, ?)"),),
)


class Undelivered:
    """The entries of one state directory, oldest first."""

    def __init__(self, directory: str) -> None:
        self._database = Database(directory, schema=SCHEMA, staying=True)

    def add(self, entry: dict[str, Any]) -> None:
        """Write an entry; it is on disk when this returns."""
        with self._database.write() as connection:
            connection.execute("INSERT INTO entries (entry) VALUES (?)", (json.dumps(entry),))

    def probe(self) -> None:
        """Write as `add` would. StoreFailed if that can't be done."""
        self._database.probe()

    def entries(self) -> tuple[tuple[int, dict[str, Any]], ...]:
        """Return the entries that the cluster's store does not know yet, with their numbers."""
        if not self._database.stored:
            return ()  # an ADD asks too: it makes no file for that
        with self._database.read() as connection:
            found = connection.execute("SELECT seq, entry FROM entries ORDER BY seq").fetchall()
        return tuple((seq, json.loads(entry)) for seq, entry in found)

    def remove(self, seq: int) -> None:
        """Forget an entry that the store has been told of."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM entries WHERE seq = ?", (seq,))


class JournalledLedger:
    """A cluster's ledger (`ipam.ledger.Ledger`) that goes on, within limits, while the cluster's store is away.

    `away` says why the store can't be reached, '' if it can, as far as is known. `binding`: ADDs go on too. `complete`
    says whether `last_known` has had the store's whole state once.
    """

    def __init__(
        self, ledger: Ledger, last_known: Ledger, journal: Undelivered, away: Callable[[], str], *, binding: bool,
        complete: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._last_known = last_known
        self._undelivered = journal
        self._away = away
        self._binding = binding
        self._complete = complete
        self._replaying = threading.Lock()

    def bind(self, claim: Claim, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """Bind as the ledger does; while the store is away, what this pod had here by the last that is known. Away."""
        if not self._away():
            try:
                self._finish(claim.attachment)
                return self._ledger.bind(claim, actor, durable=durable)
            except Away:
                if not self._binding:
                    self._doubt(claim, actor)
                    raise
        elif not self._binding:
            raise Away(sentence(self._away()), "ADD works again once it is back")
        leases = self._had(claim, actor)
        self._undelivered.add({"do": "bind", "claim": _claim_form(claim, leases), "actor": _actor_form(actor)})
        return leases

    def foresee(self, claim: Claim, actor: Actor) -> tuple[Lease, ...]:
        """Return what `bind` would by the last that is known, or raise what it would."""
        return self._ledger.foresee(claim, actor)

    def unbind(self, attachment: Attachment, actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the attachment's leases; while the store is away, as soon as it is back."""
        if not self._away():
            try:
                return self._ledger.unbind(attachment, actor, durable=durable)
            except Away:
                pass
            except CannotWrite:
                # What was bound here was written here: a node that can't write has bound nothing since.
                if not self._complete() or self._last_known.of(attachment):
                    raise
                return ()
        leases = self._last_known.of(attachment)
        bound = any(entry["do"] == "bind" and entry["claim"]["of"] == _key(attachment) for _, entry in self._pending())
        if leases or bound or not self._complete():  # what is not known here may be there: the store will see
            self._undelivered.add({"do": "unbind", "of": _key(attachment), "actor": _actor_form(actor)})
        return leases

    def unbind_all(self, attachments: Sequence[Attachment], actor: Actor, *, durable: bool = True) -> tuple[Lease, ...]:
        """End the leases of all the attachments; while the store is away, as soon as it is back."""
        if not self._away():
            try:
                return self._ledger.unbind_all(attachments, actor, durable=durable)
            except Away:
                pass
        return tuple(lease for each in attachments for lease in self.unbind(each, actor, durable=durable))

    def replay(self, told: Callable[[str], None]) -> int:
        """Tell the store what was answered meanwhile; return how much that was. Raises Away if it goes away again.

        What the store refuses by now is told and forgotten: whoever has the address then is in the ledger. What only
        did not succeed is kept, with all behind it of its attachment, and raised once the others are told.
        """
        done, failures = 0, dict[tuple[str, ...], CniError]()
        for seq, _ in self._pending():
            with self._replaying:
                entry = dict(self._pending()).get(seq)
                if entry is None or _of(entry) in failures:
                    continue  # an ADD had it done before itself, or it comes after what is still to be done
                try:
                    self._tell(entry, told)
                except Away:
                    raise
                except (StoreFailed, TryAgainLater) as failure:
                    failures[_of(entry)] = failure
                    continue
                self._undelivered.remove(seq)
            done += 1
        if failures:
            raise next(iter(failures.values()))
        return done

    def _tell(self, entry: dict[str, Any], told: Callable[[str], None]) -> None:
        """Tell the store of one answer. Raises what does not refuse it, and may pass: TryAgainLater, StoreFailed."""
        actor = _actor(entry["actor"])
        actor = replace(actor, why=f"{actor.why} ({_REFUSED if entry.get('refused') else _ANSWERED})")
        try:
            if entry["do"] == "bind":
                self._ledger.bind(_claim(entry["claim"]), actor)
            else:
                self._ledger.unbind(_attachment(entry["of"]), actor)
        except CniError as refused:
            if isinstance(refused, StoreFailed | TryAgainLater) and not isinstance(refused, AddressBoundElsewhere):
                raise
            told(f"what was answered while the store was away can't be: {refused.message}")

    def _doubt(self, claim: Claim, actor: Actor) -> None:
        """Have what the store may have bound end, once it is back; what the attachment had already stays."""
        if not self._last_known.of(claim.attachment):
            form = {"do": "unbind", "of": _key(claim.attachment), "actor": _actor_form(actor), "refused": True}
            self._undelivered.add(form)

    def _finish(self, attachment: Attachment) -> None:
        """Tell the store first what was answered about the attachment: an end of before must not end what comes."""
        key = tuple(_key(attachment))
        if not any(_of(entry) == key for _, entry in self._pending()):
            return
        with self._replaying:
            for seq, entry in self._pending():
                if _of(entry) == key:
                    self._tell(entry, lambda _: None)
                    self._undelivered.remove(seq)

    def reserve(self, pool: str, address: Address, pod: PodRef, ifname: str, actor: Actor) -> Reservation:
        """Reserve an address for a pod's name by hand."""
        return self._ledger.reserve(pool, address, pod, ifname, actor)

    def release(self, address: Address, actor: Actor, owner: PodRef | None = None) -> Reservation | None:
        """End a manual or sticky reservation, of that owner if one is named."""
        return self._ledger.release(address, actor, owner)

    def conflicted(self, address: Address, mac: str, attachment: Attachment, actor: Actor) -> None:
        """Record that a host answered for the address."""
        self._ledger.conflicted(address, mac, attachment, actor)

    def noted(self, attachment: Attachment, kind: Kind, actor: Actor) -> None:
        """Record that how the attachment is attached was Adjusted or Repaired."""
        self._ledger.noted(attachment, kind, actor)

    def allows(self, feature: Feature) -> bool:
        """Say whether the ledger may have it, by its minimum version."""
        return self._ledger.allows(feature)

    def corrected(self, correction: Correction, actor: Actor) -> tuple[Address, ...]:
        """Record by how much a clock was wrong."""
        return self._ledger.corrected(correction, actor)

    def leases(self, *, pool: str | None = None, network: str | None = None) -> tuple[Lease, ...]:
        """Return the live leases in order of address."""
        return self._ledger.leases(pool=pool, network=network)

    def of(self, attachment: Attachment) -> tuple[Lease, ...]:
        """Return the attachment's leases, those that were answered while the store is away too."""
        found = self._ledger.of(attachment)
        if found:
            return found
        for _, entry in self._pending():
            if entry["do"] == "bind" and entry["claim"]["of"] == _key(attachment):
                return self._leases_of(_claim(entry["claim"]), _actor(entry["actor"]))
        return ()

    def reservations(self, *, pool: str | None = None, pod: PodRef | None = None) -> tuple[Reservation, ...]:
        """Return the reservations in order of address."""
        return self._ledger.reservations(pool=pool, pod=pod)

    def idle_claims(self, node: str) -> tuple[Reservation, ...]:
        """Return what is reserved for IPAMClaims and bound to nobody, and was bound on that node last; by address."""
        return self._ledger.idle_claims(node)

    def who(self, address: Address, at: int | None = None) -> Holding:
        """Return who has the address now, or had it at time `at` (ns since the epoch)."""
        return self._ledger.who(address, at)

    def history(self, *, pod: PodRef | None = None, address: Address | None = None) -> Iterator[Event]:
        """Yield the events of a pod's name, of an address, or all, oldest first."""
        return self._ledger.history(pod=pod, address=address)

    def epoch(self) -> Epoch | None:
        """Return the last time that the ledger was put back to an earlier state; None if it never was."""
        return self._ledger.epoch()

    def announce(self, held: Sequence[HeldAddress], gone: Sequence[Lease], actor: Actor) -> Announcement:
        """Have the ledger say what this node's pods have."""
        return self._ledger.announce(held, gone, actor)

    def usage(self, pool: str | None = None) -> tuple[Usage, ...]:
        """Return each pool's usage."""
        return self._ledger.usage(pool)

    def _pending(self) -> tuple[tuple[int, dict[str, Any]], ...]:
        return self._undelivered.entries()

    def _had(self, claim: Claim, actor: Actor) -> tuple[Lease, ...]:
        """Return what the claim's pod has here already, by the last that is known.

        Raises Away if that won't do, AddressBoundElsewhere if an older sandbox has it that the claim does not take over
        from.
        """
        reserved = {
            kept.address: kept
            for kept in (self._last_known.reservations(pod=claim.pod) if claim.pod is not None else ())
            if kept.ifname == claim.attachment.ifname
        }
        held: list[Lease] = []
        for wanted in claim.wanted:
            fitting = [
                lease
                for lease in self._last_known.leases(pool=wanted.pool)
                if lease.address in reserved
                and lease.address.version == wanted.family
                and wanted.address in (None, lease.address)
                and lease.node == actor.node
                and same(lease.pod, claim.pod)
            ]
            if not fitting:
                why = bare(self._away()) or "it does not answer"
                raise Away(
                    f"the cluster's store is away ({why}), and {claim.pod or 'the pod'} has no reserved address of pool"
                    f" {wanted.pool} on this node by the last that is known",
                    "ADD works again once the store is back",
                )
            if fitting[0].attachment not in (claim.attachment, *claim.takeover):
                raise AddressBoundElsewhere(fitting[0])  # the caller sees to it that the older sandbox is gone
            held.append(fitting[0])
        addresses = tuple(lease.address for lease in held)
        named = tuple(replace(w, address=a) for w, a in zip(claim.wanted, addresses, strict=True))
        return self._leases_of(replace(claim, wanted=named), actor)

    def _leases_of(self, claim: Claim, actor: Actor) -> tuple[Lease, ...]:
        since = {lease.address: lease.since for lease in self._last_known.leases()}
        return tuple(
            _lease(claim, wanted, wanted.address, actor, since.get(wanted.address, 0))
            for wanted in claim.wanted
            if wanted.address is not None
        )


def _lease(claim: Claim, wanted: Wanted, address: Address, actor: Actor, since: int) -> Lease:
    return Lease(
        address=address,
        pool=wanted.pool,
        attachment=claim.attachment,
        pod=claim.pod,
        netns=claim.netns,
        node=actor.node,
        since=since,
    )


def _key(attachment: Attachment) -> list[str]:
    return [attachment.network, attachment.container_id, attachment.ifname]


def _of(entry: dict[str, Any]) -> tuple[str, ...]:
    """Return the key of the attachment that an entry is about."""
    return tuple(entry["claim"]["of"] if entry["do"] == "bind" else entry["of"])


def _attachment(key: list[str]) -> Attachment:
    network, container_id, ifname = key
    return Attachment(network=network, container_id=container_id, ifname=ifname)


def _actor_form(actor: Actor) -> dict[str, str]:
    return {"who": actor.who, "why": actor.why, "node": actor.node}


def _actor(form: dict[str, str]) -> Actor:
    return Actor(who=form["who"], why=form["why"], node=form["node"])


def _claim_form(claim: Claim, leases: tuple[Lease, ...]) -> dict[str, Any]:
    pod = claim.pod
    return {
        "of": _key(claim.attachment),
        "pod": [pod.namespace, pod.name, pod.uid] if pod is not None else None,
        "netns": claim.netns,
        "wanted": [[lease.pool, str(lease.address)] for lease in leases],
        "takeover": [_key(each) for each in claim.takeover],
    }


def _claim(form: dict[str, Any]) -> Claim:
    from ipaddress import ip_address

    addresses = [(pool, ip_address(text)) for pool, text in form["wanted"]]
    return Claim(
        attachment=_attachment(form["of"]),
        pod=PodRef(namespace=form["pod"][0], name=form["pod"][1], uid=form["pod"][2]) if form["pod"] else None,
        netns=form["netns"],
        wanted=tuple(Wanted(pool=pool, family=address.version, address=address) for pool, address in addresses),
        takeover=tuple(_attachment(key) for key in form["takeover"]),
    )
