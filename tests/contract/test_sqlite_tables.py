"""What the tables refuse whoever writes to them, and that every question of an ADD finds its answer by an index."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed
from podberth.ipam.owner import may_have, of_deployment
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.contract.ledgers import OPERATOR, PLUGIN, SqliteBackend, attachment, claim, ip, pod, pool, shared

if TYPE_CHECKING:
    from pathlib import Path


def raw(directory: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(directory / "podberth.db", isolation_level=None))


_LIKE = "kind, address, pool, state, '', '', '', '', '', '', '', '', '', '', '', 0, '' FROM events"
INSERT = "INSERT INTO events SELECT"
EVENTS = "SELECT * FROM events WHERE"
CHANGES_HANDS = "kind NOT IN ('Adjusted', 'Conflicted', 'Corrected', 'Repaired')"
RESTED = "SELECT address FROM resting WHERE pool = ? AND family = ? AND offered = 1 AND boot = ? AND due <= ?"
EXTENTS = "SELECT first, last FROM extents WHERE what = 'free' AND pool = ? AND family = ?"
OF_POD = "namespace = ? AND pod = ? AND ifname = ? AND pool = ? AND family = ? ORDER BY family, address"
BY_POD = "(namespace=? AND pod=? AND ifname=? AND pool=? AND family=?)"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET pod = 'other'",
        "UPDATE events SET time = time + 1 WHERE seq = 1",
        "DELETE FROM events",
        "DELETE FROM events WHERE seq = 2",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 1",
        f"REPLACE INTO events SELECT 1, time, {_LIKE}",
        f"{INSERT} seq - 2, time, {_LIKE}",
    ],
)
def test_the_ledger_can_not_be_rewritten_by_any_statement(tmp_path: Path, statement: str) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    ledger = backend.open()
    ledger.bind(claim("a"), PLUGIN)
    ledger.unbind(attachment("c-a"), PLUGIN)
    before = tuple(ledger.history())
    refusal = r"never rewritten|only grows|CHECK constraint failed: seq > 0"
    with raw(tmp_path) as connection, pytest.raises(sqlite3.IntegrityError, match=refusal):
        connection.execute(statement)
    assert tuple(ledger.history()) == before


def test_the_tables_themselves_refuse_two_owners(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    ledger = backend.open()
    ledger.bind(claim("a", "10.20.0.1"), PLUGIN)
    ledger.reserve("db", ip("10.20.0.2"), pod("b"), "eth0", OPERATOR)
    rest = "family, pool, network, container_id, ifname, namespace, pod, uid, netns, node, since"
    for address, why in (("X'0A140001'", "UNIQUE"), ("X'0A140002'", "reserved for another pod")):
        with raw(tmp_path) as connection, pytest.raises(sqlite3.IntegrityError, match=why):
            connection.execute(f"INSERT INTO leases (address, {rest}) SELECT {address}, {rest} FROM leases")
    rest = "family, pool, namespace, pod, ifname, origin, since"
    with raw(tmp_path) as connection, pytest.raises(sqlite3.IntegrityError, match="leased by another pod"):
        connection.execute(f"INSERT INTO reservations (address, {rest}) SELECT X'0A140001', {rest} FROM reservations")


LEASE = "INSERT INTO leases VALUES (?, 4, 'db', 'n', ?, ?, ?, ?, 'u', '/n', 'n', 1)"
OF_WEB = ("web-b-bcdfg", "web-7d4b9c6f54-x2x9k")
NOT_OF_WEB = (
    *("web", "web-0", "web-x2x9k", "web-7d4b9-x2x9", "web-7d4b9-x2x9kk", "web-7d4b9c6f54b-x2x9k", "web-7d4b1-x2x9k"),
    *("web-api-7d4b9-x2x9k", "web-7d4b9-x2x9a", "web--x2x9k", "xweb-7d4b9-x2x9k", "deployment/web", "webb-bcdfg-x2x9k"),
)


def test_the_tables_themselves_know_the_pods_of_a_deployment(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    backend.declare(*shared("web", *(f"10.20.0.{n}" for n in range(1, 9))))
    with raw(tmp_path) as connection:
        for n, name in enumerate(OF_WEB, 1):
            assert may_have(of_deployment("db", "web"), pod(name))
            connection.execute(LEASE, (ip(f"10.20.0.{n}").packed, name, "eth0", "db", name))
        others = [("eth0", "db", name) for name in NOT_OF_WEB if name != "deployment/web"]
        for ifname, namespace, name in (*others, ("eth1", "db", OF_WEB[0]), ("eth0", "other", OF_WEB[0])):
            with pytest.raises(sqlite3.IntegrityError, match="reserved for another pod"):
                connection.execute(LEASE, (ip("10.20.0.3").packed, name, ifname, namespace, name))
        keep = "INSERT INTO reservations VALUES (?, 4, 'db', 'db', 'deployment/web', 'eth0', 'declared', 1)"
        for n, name in enumerate((*OF_WEB, *NOT_OF_WEB), 20):
            address = ip(f"10.20.0.{n}").packed
            connection.execute(LEASE, (address, name, "eth0", "db", name))
            if name in OF_WEB or name == "deployment/web":
                connection.execute(keep, (address,))
            else:
                with pytest.raises(sqlite3.IntegrityError, match="leased by another pod"):
                    connection.execute(keep, (address,))


@pytest.mark.parametrize(
    ("query", "plan"),
    [
        (
            f"{EVENTS} address = ? AND {CHANGES_HANDS} ORDER BY seq DESC LIMIT 1",
            "events_owners (address=?)",
        ),
        (f"{EVENTS} address = ? AND seq > ? ORDER BY seq", "events_at (address=? AND seq>?)"),
        (f"{EVENTS} namespace = ? AND pod = ? AND seq > ? ORDER BY seq", "events_of (namespace=? AND pod=? AND seq>?)"),
        ("SELECT max(seq) FROM events", "SEARCH events"),
        (
            "SELECT * FROM leases WHERE network = ? AND container_id = ? AND ifname = ?",
            "leases_of (network=? AND container_id=? AND ifname=?)",
        ),
        (f"SELECT * FROM leases WHERE {OF_POD}", f"leases_by {BY_POD}"),
        (f"SELECT * FROM reservations WHERE {OF_POD}", f"reservations_of {BY_POD}"),
        (
            f"{RESTED} ORDER BY due, until, address",
            "resting_of (pool=? AND family=? AND offered=? AND boot=? AND due<?)",
        ),
        (f"{EXTENTS} ORDER BY first", "PRIMARY KEY (pool=? AND what=? AND family=?)"),
        (
            f"{EXTENTS} AND first <= ? ORDER BY first DESC",
            "PRIMARY KEY (pool=? AND what=? AND family=? AND first<?)",
        ),
    ],
)
def test_what_every_add_asks_is_one_look_into_an_index(tmp_path: Path, query: str, plan: str) -> None:
    SqliteBackend(tmp_path).define(pool("db", "10.20.0.0/24"))
    with raw(tmp_path) as connection:
        found = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", (0,) * query.count("?"))]
    assert len(found) == 1, found
    assert found[0].endswith(plan)


@pytest.mark.parametrize("body", ["", "7", "{", "[" * 100_000])
def test_a_document_that_is_none_is_an_error_that_names_it(tmp_path: Path, body: str) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    database = Database(str(tmp_path))
    with database.write() as connection:
        connection.execute("INSERT INTO documents VALUES ('Pool', '', 'bank', NULL, NULL, ?, '', '', 1, NULL)", (body,))
    with pytest.raises(StoreFailed, match="the store's Pool /bank can't be read"):
        SqlitePolicies(database).pools()
