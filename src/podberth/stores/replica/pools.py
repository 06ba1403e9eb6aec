"""Which Pools are in force, inside an open transaction: the same on every node, whatever it heard first.

The cluster's store has the last good text of a Pool beside its newest one (`Approved`). Who may write that checks the
newest text as `apply` would, and brings it into force by a compare-and-swap; all others obey. A text of which nothing
was approved is judged here: after those that were, and in order of age. One that fails leaves what was in force before.
"""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig
from podberth.cni.value import value
from podberth.ipam.pool import Pool
from podberth.ipam.versions import lacking
from podberth.policy.changes import Waiting
from podberth.policy.permit import FEED, OPERATOR, Declaring, permit
from podberth.policy.texts import parsed
from podberth.stores.replica import approved as rows
from podberth.stores.replica import copies
from podberth.stores.replica.approved import pool_key
from podberth.stores.replica.shared import Approved, DocumentText
from podberth.stores.sqlite import documents as table
from podberth.stores.sqlite import space, told
from podberth.stores.sqlite.declared import define_pool
from podberth.stores.sqlite.minimum import minimum
from podberth.stores.sqlite.rows import held_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from sqlite3 import Connection

    from podberth.ipam.moment import Moment
    from podberth.policy.documents import Document

# Pools of which the cluster's store says nothing any more: those in force, and those that went out of it before it was
# heard of that somebody has an address of them.
_LEFT = """
SELECT name FROM (
    SELECT name FROM documents WHERE kind = 'Pool'
    UNION SELECT name FROM departed WHERE EXISTS (SELECT 1 FROM leases AS l WHERE l.pool = departed.name)
    OR EXISTS (SELECT 1 FROM reservations AS r WHERE r.pool = departed.name)
) AS d WHERE NOT EXISTS (SELECT 1 FROM newest AS t WHERE t.kind = 'Pool' AND t.name = d.name)
AND NOT EXISTS (SELECT 1 FROM sayings AS s WHERE s.kind = 'Pool' AND s.name = d.name AND refusal = '')
AND NOT EXISTS (SELECT 1 FROM approved AS a WHERE a.kind = 'Pool' AND a.name = d.name AND body <> '')
"""


@value
class _Candidate:
    """The newest text of a Pool, the document that it is, or why it is none; and what was approved before."""

    text: DocumentText
    document: Document | None
    wrong: str
    approved: Approved | None
    bundled: bool  # a bundle declares it: there is no place to approve it

    @property
    def pool(self) -> Pool | None:
        """The pool that the newest text is."""
        body = self.document.body if self.document is not None else None
        return body if isinstance(body, Pool) else None

    @property
    def settled(self) -> bool:
        """Whether the cluster's store says what is in force, whatever the newest text is."""
        return self.approved is not None and bool(self.approved.text.body) and (self.approved.firm or self.same)

    @property
    def same(self) -> bool:
        """Whether the newest text is the one that was approved."""
        return self.approved is not None and self.approved.text.body == self.text.body

    def is_approved(self, *, firm: bool) -> bool:
        """Say whether there is nothing left to approve."""
        if self.bundled:
            return True
        if self.approved is None or not self.approved.text.body:
            return not self.text.body
        return self.same and (self.approved.firm or not firm)


def settle_pools(connection: Connection, now: Moment) -> list[str]:
    """Have exactly those Pools be in force that have to be; return what keeps the newest texts from it."""
    before = {pool.name: pool for pool in table.pools(connection)}
    candidates = _candidates(connection)
    texts: dict[str, DocumentText] = {}
    pools: dict[str, Pool] = {}
    refused: list[tuple[str, str, str]] = []

    def stands(text: DocumentText, pool: Pool | None) -> None:
        if pool is not None:
            texts[text.name], pools[text.name] = text, pool

    for one, approved in ((one, one.approved) for one in candidates if one.settled):
        if approved is not None:
            stands(approved.text, _pool(approved.text) or before.get(one.text.name))
    for one in [one for one in candidates if not one.settled]:
        kept_text, kept = _kept(connection, one, before)
        why = _refusal(connection, one, kept, pools)
        if not why:
            stands(one.text, one.pool)
            continue
        refused.append((one.text.name, one.text.source, why))
        if kept is not None and not _overlaps(kept, pools):
            stands(kept_text, kept)
    newer = [one for one in candidates if one.settled and not one.same]
    judged = ((one.text, _refusal(connection, one, pools.get(one.text.name), pools)) for one in newer)
    refused += [(text.name, text.source, why) for text, why in judged if why]
    rows.refuse(connection, refused)
    _put_in_force(connection, texts, pools, before, now)
    return [f"Pool {name}: {why}" for name, _, why in refused]


def take_left(connection: Connection, texts: Iterable[DocumentText], now: Moment) -> bool:
    """Know Pools that were deleted, and that pods may have addresses of, as those nodes do that had them in force.

    Say whether any of them is news: then it has to be decided whether it stays.
    """
    news = False
    for text in texts:
        pool, key = _pool(text), text.key
        is_known = rows.in_force(connection, key) is not None or rows.newest(connection, key) is not None
        if pool is not None and not is_known:
            _lay_out(connection, text, pool, None, now)
            news = True
    return news


def settle_left(connection: Connection, now: Moment) -> list[str]:
    """Have Pools that stay in force only while an address of them is held go, if none is any more."""
    left = connection.execute(_LEFT).fetchone() is not None
    return settle_pools(connection, now) if left else []


def waiting(connection: Connection, now: Moment) -> tuple[Waiting, ...]:
    """Return the Pools whose newest text is not in force, as they are judged now."""
    settle_pools(connection, now)
    return tuple(
        Waiting(
            document=f"Pool {name}",
            source=source,
            reason=why,
            kept=rows.in_force(connection, pool_key(name)) is not None,
        )
        for name, source, why in rows.refused(connection)
    )


def approve(connection: Connection, now: Moment, *, firm: bool) -> tuple[str, ...]:
    """Approve, inside a proposal, each newest text that the check lets come into force; return the names.

    `firm`: what is approved stays in force until something else is approved.
    """
    done: list[str] = []
    for one in _candidates(connection):
        if one.is_approved(firm=firm):
            continue
        pools = {pool.name: pool for pool in table.pools(connection)}
        before = pools.get(one.text.name)
        if _refusal(connection, one, before, pools):
            continue
        if one.pool is None:
            _take_out(connection, one.text.name)
        else:
            _lay_out(connection, one.text, one.pool, before, now)
        approve_in_force(connection, [one.text.name], now, text=one.text, firm=firm)
        done.append(one.text.name)
    connection.execute("DELETE FROM touched_documents")  # the documents themselves stay as they are
    return tuple(done)


def approve_in_force(
    connection: Connection, names: Iterable[str], now: Moment, *, text: DocumentText | None = None, firm: bool = False
) -> None:
    """Approve, inside a proposal, what it has put in force, or out of it: of texts `text`, or those in force."""
    for name in names:
        known = rows.known(connection, pool_key(name))
        noted = tuple((one.address, one.since) for one in told.of_pool(connection, name))
        made = Approved(
            text=text or rows.in_force(connection, pool_key(name)) or rows.nothing(pool_key(name)),
            told=noted,
            firm=firm or (known is not None and known.firm),
        )
        rows.approve(connection, made, now)


def _candidates(connection: Connection) -> list[_Candidate]:
    """Return the newest text of every pool: documents of their own, the older first, before those of bundles."""
    known, own = rows.all_known(connection), rows.texts(connection)
    ranked: dict[str, tuple[tuple[object, ...], DocumentText]] = {}
    for name, (revision, text) in own.items():
        born = known[name].born if name in known else ""
        ranked[name] = (False, born, 0 if born else revision, name), text
    for number, text in enumerate(rows.sayings(connection)):
        ranked.setdefault(text.name, ((True, "", number, text.name), text))
    for name, approved in known.items():
        if approved.text.body:
            ranked.setdefault(name, ((True, "", -1, name), rows.nothing(pool_key(name))))
    for (name,) in connection.execute(_LEFT).fetchall():
        ranked.setdefault(name, ((False, "", -1, name), rows.nothing(pool_key(name))))
    ordered = sorted(ranked.items(), key=lambda one: one[1][0])
    return [
        _candidate(text, known.get(name), bundled=name not in own and bool(text.body)) for name, (_, text) in ordered
    ]


def _candidate(text: DocumentText, approved: Approved | None, *, bundled: bool) -> _Candidate:
    document, wrong = None, ""
    try:
        document = parsed(text.body, text.source, text.key) if text.body else None
    except InvalidConfig as found:
        wrong = str(found)
    return _Candidate(text=text, document=document, wrong=wrong, approved=approved, bundled=bundled)


def _kept(connection: Connection, one: _Candidate, before: Mapping[str, Pool]) -> tuple[DocumentText, Pool | None]:
    """Return what stays in force if the newest text can't come into it: here, or as it was approved.

    A Pool whose end was approved stays only while an address of it is held, whatever was in force here.
    """
    name, text = one.text.name, rows.in_force(connection, one.text.key)
    ended = one.approved is not None and one.approved.firm and not one.approved.text.body
    if ended and next(iter(held_in(connection, name)), None) is None:
        return rows.nothing(one.text.key), None
    copy = copies.of_pool(connection, name) if one.bundled else None
    if copy is not None:
        return copy, _pool(copy)
    if text is not None and name in before:
        return text, before[name]
    former = rows.departed(connection, name)
    if former.body and not one.text.body:
        return former, _pool(former)
    approved = one.approved.text if one.approved is not None else rows.nothing(pool_key(name))
    return approved, _pool(approved)


def _refusal(connection: Connection, one: _Candidate, before: Pool | None, others: Mapping[str, Pool]) -> str:
    """Return what an apply of the newest text would be refused for; '' if it would not."""
    from podberth.policy.admission_pools import conflicts, leaving

    if one.wrong:
        return one.wrong
    held = held_in(connection, one.text.name)
    if one.document is None or one.pool is None:
        # Where the approved text is gone too, PodNetworks may be on their way out, whichever is heard of first.
        known = one.approved is not None and bool(one.approved.text.body)
        return "; ".join(leaving(one.text.name, held, table.naming(connection, "pool", one.text.name) if known else ()))
    # What a namespace says of Pools was judged with its bundle; this is the operator's word.
    change = Declaring(document=one.document, pools=tuple(others.values()))
    refusal = permit(one.text.source, OPERATOR, FEED, change)
    if refusal is not None:
        return refusal.message
    if why := _unreadable(connection, one):
        return why
    return "; ".join(conflicts(one.pool, before, others.values(), held))


def _unreadable(connection: Connection, one: _Candidate) -> str:
    """Return why an older podberth, which may be on the ledger, would misread a text; '' if none would."""
    from podberth.policy.needs import newly_needed

    if one.document is None or one.approved is None or not one.approved.text.body:
        return ""
    least, before = minimum(connection).version, _candidate(one.approved.text, None, bundled=False).document
    why = next(filter(None, (lacking(least, each) for each in newly_needed(before, one.document))), "")
    return f"{why}; `podberth store upgrade` allows it" if why else ""


def _overlaps(pool: Pool, others: Mapping[str, Pool]) -> bool:
    from podberth.policy.usable import overlap

    return any(overlap(pool, other) for other in others.values() if other.name != pool.name)


def _put_in_force(
    connection: Connection,
    texts: Mapping[str, DocumentText],
    pools: Mapping[str, Pool],
    before: Mapping[str, Pool],
    now: Moment,
) -> None:
    for name in before.keys() - texts.keys():
        _take_out(connection, name)
    for name, text in texts.items():
        is_now = rows.in_force(connection, pool_key(name))
        if is_now is None or before.get(name) != pools[name] or is_now.origin != text.origin:
            _lay_out(connection, text, pools[name], before.get(name), now)
        known = rows.known(connection, pool_key(name))
        if known is not None and known.text.body:
            noted = (told.Told(address=address, since=since) for address, since in known.told)
            told.replace(connection, name, noted)


def _lay_out(connection: Connection, text: DocumentText, pool: Pool, before: Pool | None, now: Moment) -> None:
    """Put a Pool in force. It is so for everybody: an address that it leaves out stays its holder's."""
    if before is not None:
        told.changes(connection, before, pool, now)
    table.put(connection, parsed(text.body, text.source), text.origin)
    define_pool(connection, pool, strictly=False)


def _take_out(connection: Connection, name: str) -> None:
    rows.depart(connection, name)
    table.remove(connection, pool_key(name))
    space.forget(connection, name)


def _pool(text: DocumentText) -> Pool | None:
    return _candidate(text, None, bundled=False).pool
