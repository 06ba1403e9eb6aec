"""Which text of a PodNetwork is in force: the last that passed the check. The cluster's store has it beside the newest.

It is as with Pools (`stores.replica.pools`): who may write it checks the newest text as `apply` would, and brings it
into force by a compare-and-swap; all others obey. A PodNetwork of which nothing was approved is in force by its newest
text: there is nothing else, and the ledger decides for each address whose it is. In an open transaction.
"""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig
from podberth.policy.changes import Waiting
from podberth.policy.permit import APPLY
from podberth.policy.texts import parsed
from podberth.stores.replica import approved as rows
from podberth.stores.replica.court import Court
from podberth.stores.replica.said import OBJECT, is_listed, tenants
from podberth.stores.replica.shared import Approved
from podberth.stores.replica.standing import make_way
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite.declared import declare, undeclare
from podberth.stores.sqlite.declaring import check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from sqlite3 import Connection

    from podberth.ipam.lease import Actor
    from podberth.ipam.moment import Moment
    from podberth.policy.changes import Changes
    from podberth.policy.documents import Document
    from podberth.stores.replica.shared import DocumentText, Key

KIND = "PodNetwork"
BATCH = 32  # that one proposal approves: etcd takes 128 operations


def approve(connection: Connection, now: Moment, reserving: Actor | None) -> tuple[str, ...]:
    """Approve, inside a proposal, newest texts that the check lets come into force; return the names of a batch.

    `reserving`: who brings their addresses into the ledger in the same step; None if a controller does that.
    """
    done: list[str] = []
    for key in rows.outlived(connection, KIND)[:BATCH]:
        rows.approve(connection, Approved(text=rows.nothing(key), firm=True), now)
        done.append(_name(key))
    for text in rows.unsettled(connection, KIND):
        if len(done) >= BATCH:
            break
        changes, _ = _judged(connection, text)
        if changes is None:
            continue
        if reserving is not None:
            _reserve(connection, changes, reserving, now)
        if not tenants(connection):  # the next of this batch is checked against it
            table.put(connection, parsed(text.body, text.source, text.key), text.origin)
        rows.approve(connection, Approved(text=text, firm=True), now)
        done.append(_name(text.key))
    connection.execute("DELETE FROM touched_documents")  # the documents themselves stay as they are
    return tuple(done)


def _reserve(connection: Connection, changes: Changes, actor: Actor, now: Moment) -> None:
    for gone in changes.release:
        undeclare(connection, gone, actor, lambda: now)
    for new in changes.reserve:
        declare(connection, new, actor, lambda: now)


def approve_in_force(connection: Connection, keys: Iterable[Key], now: Moment) -> None:
    """Approve, inside a proposal, what it has put in force, or out of it, of documents of which something is approved.

    Of all others the newest text counts, which is the same.
    """
    for key in keys:
        known = rows.known(connection, key) if key[0] == KIND else None
        if known is not None and known.text.body:
            text = rows.in_force(connection, key) or rows.nothing(key)
            rows.approve(connection, Approved(text=text, firm=known.firm), now)


def waiting(connection: Connection) -> tuple[Waiting, ...]:
    """Return the PodNetworks whose newest text is not in force, as they are judged now, in order of name."""
    found = [
        (text, _judged(connection, text)[1]) for text in rows.unsettled(connection, KIND) if _held(connection, text)
    ]
    return tuple(
        Waiting(document=f"{KIND} {_name(text.key)}", source=text.source, reason=why, kept=True)
        for text, why in found
        if why
    )


def unproven(connection: Connection) -> dict[str, str]:
    """Return, by name, why PodNetworks that are in force as they stand would be refused: none of them ever passed."""
    texts = (text for text in rows.unsettled(connection, KIND) if not _held(connection, text))
    found = ((text, _judged(connection, text)[1]) for text in texts)
    return {
        _name(text.key): f"{why}; none of it was accepted before: it counts as it stands" for text, why in found if why
    }


def ask(connection: Connection, documents: Sequence[Document]) -> None:
    """Raise Conflicts if PodNetworks in the store are their namespaces' word, and say what is beyond that."""
    if not tenants(connection):
        return
    from podberth.policy.admission import Conflicts

    own = [document for document in documents if document.kind == KIND]
    complaints, court = [], Court(connection, APPLY)
    court.replace(OBJECT, [document.key for document in own])
    for document in own:
        if not is_listed(connection, document):
            refusal = court.verdict(document, document.namespace)
            complaints += [f"{refusal.message}; {refusal.details}"] if refusal is not None else []
    if complaints:
        raise Conflicts(complaints)


def _judged(connection: Connection, text: DocumentText) -> tuple[Changes | None, str]:
    """Return what an apply of the newest text would change, or None and what it would be refused for."""
    from podberth.policy.admission import Conflicts

    try:
        document = parsed(text.body, text.source, text.key)
    except InvalidConfig as wrong:
        return None, str(wrong)
    connection.execute("SAVEPOINT judged")
    try:
        ask(connection, [document])
        if not _held(connection, text):
            table.remove(connection, text.key)  # it is in force unasked: nothing of it was ever checked
        make_way(connection, [document])
        return check(connection, [document], []), ""
    except Conflicts as refusal:
        return None, refusal.message
    finally:
        connection.execute("ROLLBACK TO judged")
        connection.execute("RELEASE judged")


def _held(connection: Connection, text: DocumentText) -> bool:
    """Say whether something of the document was approved for good."""
    known = rows.known(connection, text.key)
    return known is not None and known.firm and bool(known.text.body)


def _name(key: Key) -> str:
    return f"{key[1]}/{key[2]}"
