"""A rest that release 0.1.0 wrote, as a time by a clock: whatever clocks say, it is never shorter than asked."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cni.value import replace
from podberth.ipam.address_record import AddressRecord
from podberth.ipam.lease import Event
from podberth.ipam.lifecycle import State
from podberth.ipam.moment import Moment, Uptime
from podberth.stores.replica.applying import put_in_force
from podberth.stores.sqlite import space
from podberth.stores.sqlite.creation import create
from podberth.stores.sqlite.database import NODE, Database
from podberth.stores.sqlite.declared import define_pool
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.ledgers import NOON, PLUGIN, SECOND, Clock, attachment, ip, pool
from tests.contract.test_ledger_clocks import has_rested

if TYPE_CHECKING:
    from pathlib import Path

ONE = ip("10.20.0.8")
REST = 60
YEARS = 74 * 365 * 86_400
WRONG = [-YEARS, -REST, 0, REST, YEARS]  # by how much a clock is ahead


@pytest.mark.parametrize("then", WRONG)
@pytest.mark.parametrize("now", WRONG)
def test_what_a_node_s_own_store_has_is_counted_anew_by_uptime(tmp_path: Path, then: int, now: int) -> None:
    older = replace(NODE, version=4, migrations=lambda: NODE.migrations()[:4])
    released = NOON + then * SECOND
    create(str(tmp_path / "podberth.db"), 1.0, older)
    with closing(sqlite3.connect(tmp_path / "podberth.db", isolation_level=None)) as connection:
        # A pool that asks for less since then takes nothing from it.
        connection.execute("INSERT INTO pools VALUES ('db', 'lowest', 1)")
        for what in ("usable", "offered"):
            connection.execute("INSERT INTO extents VALUES (?, 'db', 4, ?, ?)", (what, ONE.packed, ONE.packed))
        connection.execute(
            "INSERT INTO events (time, kind, address, pool, state, namespace, pod, uid, ifname, network, container_id,"
            " who, why, node) VALUES (?, 'Unbound', ?, 'db', 'FREE', '', '', '', 'eth0', 'net', 'c', '', '', 'n')",
            (released, ONE.packed),
        )
        connection.execute(
            "INSERT INTO resting (address, pool, family, until, offered) VALUES (?, 'db', 4, ?, 1)",
            (ONE.packed, released + REST * SECOND),
        )
    clock = Clock(NOON + now * SECOND)
    ledger = SqliteLedger(Database(str(tmp_path)), clock=clock)
    assert not has_rested(ledger)
    clock.tick(REST - 1)
    assert not has_rested(ledger)
    clock.restart()
    assert not has_rested(ledger)
    clock.tick(REST)
    assert has_rested(ledger)


@pytest.mark.parametrize("then", WRONG)
@pytest.mark.parametrize("known", [True, False])
def test_what_a_cluster_s_record_has_is_counted_from_when_it_is_seen(tmp_path: Path, then: int, *, known: bool) -> None:
    released, now = NOON + then * SECOND, Moment(time=NOON, uptime=Uptime(boot="b", ns=SECOND))
    last = Event(
        seq=2, time=released, kind="Unbound", address=ONE, pool="db", pod=None, ifname="eth0",
        attachment=attachment("c-a"), actor=PLUGIN, state=State.FREE,
    )  # fmt: skip
    record = AddressRecord(
        address=ONE, pool="db", seq=2, time=released, reservation=None, lease=None, last=last,
        rest_until=released + REST * SECOND,
    )  # fmt: skip
    database = Database(str(tmp_path))
    with database.write() as connection:
        if known:
            define_pool(connection, pool("db", "10.20.0.8/32", quarantine=REST))
        put_in_force(connection, record, now)
        define_pool(connection, pool("db", "10.20.0.8/32", quarantine=1))  # its document comes, or asks for less now
        assert space.rests_for(connection, ONE, now.uptime) == REST * SECOND
        later = replace(now, uptime=Uptime(boot="b", ns=11 * SECOND))
        put_in_force(connection, record, later)  # the same news again begins nothing anew
        assert space.rests_for(connection, ONE, later.uptime) == (REST - 10) * SECOND
