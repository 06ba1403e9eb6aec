"""The store: is the file sound, and does the ledger say what its tables say?"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from podberth.cli import when
from podberth.cli.clock import suspicions
from podberth.cli.store.minimum_version import asked
from podberth.cli.text import counted, duration
from podberth.cni.errors import CniError
from podberth.desk.doctor import FAIL, OK, WARN, Finding
from podberth.ipam.lifecycle import fold
from podberth.ipam.outlook import sentence
from podberth.ipam.refusals import FREEING
from podberth.ipam.versions import HERE, UPGRADE, number, outgrown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from podberth.cli.session import Session
    from podberth.ipam.epoch import Epoch
    from podberth.ipam.lease import Event, Usage
    from podberth.ipam.ledger import Ledger

AREA = "store"
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
SHOWN = 5  # differences told one by one


def look(session: Session) -> Iterator[Finding]:
    """Yield what there is to say of the store."""
    file = _file(session)
    yield file
    if file.level != OK:
        return
    try:
        node = session.node
        usage = node.ledger.usage()
        if session.away:
            text = sentence(session.away)
            yield Finding(area=AREA, name="cluster", level=FAIL, text=text, todo="what is known: `podberth store`")
            return
        events = tuple(node.ledger.history())
        yield _clock(events, node.clock())
        yield versions(session)
        yield consistent(node.ledger, events)
        yield from _epoch(node.ledger.epoch())
    except CniError as failure:
        yield Finding(area=AREA, name="ledger", level=FAIL, text=failure.message, todo=failure.details)
        return
    yield _pools(usage)


def _file(session: Session) -> Finding:
    """Say whether the store's file is there, and sound."""
    try:
        there = session.exists()
    except CniError as wrong:
        return Finding(area=AREA, name="file", level=FAIL, text=wrong.message, todo=wrong.details)
    if there:
        return integrity(session.store)
    if session.store.is_symlink() or session.store.exists():
        text = f"{session.store} is no file: every call is refused"
        return Finding(area=AREA, name="file", level=FAIL, text=text, todo="put it away, and the store back")
    todo = "`podberth apply` makes it, or the first ADD"
    return Finding(area=AREA, name="file", level=WARN, text=f"no {session.store} yet", todo=todo)


def _pools(usage: Sequence[Usage]) -> Finding:
    """Say which pools have no free address."""
    full = [f"{row.pool} (IPv{row.family})" for row in usage if row.leased + row.reserved + row.resting >= row.size]
    if full:
        todo = f"extend their ranges, or {FREEING}"
        return Finding(area=AREA, name="pools", level=WARN, text=f"exhausted: {', '.join(full)}", todo=todo)
    text = f"{counted(len({row.pool for row in usage}), 'pool')}, none exhausted"
    return Finding(area=AREA, name="pools", level=OK, text=text)


def integrity(file: Path) -> Finding:
    """Ask SQLite whether the file is sound (PRAGMA quick_check)."""
    try:
        connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
        try:
            told = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)")]
        finally:
            connection.close()
    except sqlite3.Error as wrong:
        from podberth.stores.sqlite.disk import translated

        found = translated(str(file), wrong)
        if wrong.sqlite_errorname not in _DAMAGED:
            return Finding(area=AREA, name="file", level=FAIL, text=found.message, todo=found.details)
        told = [str(wrong)]
    if told == ["ok"]:
        return Finding(
            area=AREA, name="file", level=OK, text=f"{file}: quick_check ok, {file.stat().st_size >> 10} KiB"
        )
    return Finding(
        area=AREA, name="file", level=FAIL, text=f"{file}: {'; '.join(told)}",
        todo="keep a copy, restore a backup or `sqlite3 podberth.db .recover`, and apply the documents again",
    )  # fmt: skip


def consistent(ledger: Ledger, events: Sequence[Event]) -> Finding:
    """Compare the ledger's fold with the leases and reservations there are: they must be the same."""
    folded = fold(events)
    leases = {str(lease.address): str(lease.attachment) for lease in ledger.leases()}
    reservations = {str(r.address): f"{r.pod} {r.ifname}" for r in ledger.reservations()}
    bound = {str(address): str(attachment) for address, attachment in folded.bound.items()}
    reserved = {str(address): f"{pod} {ifname}" for address, (pod, ifname) in folded.reserved.items()}
    wrong = [*_differences("bound to", bound, leases), *_differences("reserved for", reserved, reservations)]
    if wrong:
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        todo = "somebody wrote to the file by other means: restore a backup, and report it if nobody did"
        return Finding(area=AREA, name="ledger", level=FAIL, text="; ".join(wrong[:SHOWN]) + more, todo=todo)
    live = f"{counted(len(leases), 'lease')}, {counted(len(reservations), 'reservation')}"
    text = f"{counted(len(events), 'event')} fold to {live}, as in the tables"
    return Finding(area=AREA, name="ledger", level=OK, text=text)


def _epoch(epoch: Epoch | None) -> Iterator[Finding]:
    """Yield who has not said yet what its pods have, if the ledger was put back to an earlier state."""
    if epoch is None:
        return
    awaited = [name or epoch.node for name in epoch.awaited]
    since = f"epoch {epoch.number} since {when.local(epoch.time)}: {epoch.why}"
    if not awaited:
        yield Finding(area=AREA, name="epoch", level=OK, text=f"{since}; every node has announced its pods")
        return
    text = f"{since}; not announced are the pods of {', '.join(awaited)}"
    todo = f"start their agents; if a node is lost: `podberth fence {awaited[0]} --why REASON` (docs/restore.md)"
    yield Finding(area=AREA, name="epoch", level=WARN, text=text, todo=todo)


def versions(session: Session) -> Finding:
    """Say which podberths may write into the ledger, and whether this is one."""
    minimum, announced = asked(session)
    if why := outgrown(minimum):
        return Finding(area=AREA, name="versions", level=FAIL, text=why, todo=UPGRADE)
    text, behind = f"for podberth {minimum} and later, this is {HERE}", number(minimum) < number(HERE)
    said = sorted({one.version or "an unknown version" for one in announced} - {HERE})
    text += f"; agents also say {', '.join(said)}" if said else ""
    todo = (
        "`podberth store upgrade --dry-run` says whether all agents are; then `podberth store upgrade`"
        if behind
        else ""
    )
    return Finding(area=AREA, name="versions", level=OK, text=text, todo=todo)


def _differences(what: str, folded: dict[str, str], table: dict[str, str]) -> Iterator[str]:
    for address in sorted(folded.keys() | table.keys()):
        if folded.get(address) != table.get(address):
            here, there = folded.get(address, "nobody"), table.get(address, "nobody")
            yield f"{address}: {what} {here} by the ledger, {there} by the table"


def _clock(events: Sequence[Event], now: int) -> Finding:
    if found := suspicions(events, now):
        worst = max(found, key=lambda each: abs(each.ahead))
        more = f", and {counted(len(found) - 1, 'other run')}" if len(found) > 1 else ""
        side = "ahead" if worst.ahead > 0 else "behind"
        text = (
            f"events {worst.first}-{worst.last} of node {worst.node} were written by a clock that was"
            f" {duration(abs(worst.ahead) / when.NS)} {side}{more}"
        )
        todo = "`podberth clock` lists them all; `podberth clock repair` says in the ledger by how much"
        return Finding(area=AREA, name="clock", level=WARN, text=text, todo=todo)
    return Finding(area=AREA, name="clock", level=OK, text=f"{when.local(now)}, no event contradicts it")
