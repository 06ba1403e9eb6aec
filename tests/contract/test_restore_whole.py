"""A restore of a store with an operation under way, over a damaged state, or beside a witness that nobody wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from podberth.ipam.epoch import HeldAddress
from podberth.stores.sqlite import ending
from podberth.stores.sqlite.backup import backup
from podberth.stores.sqlite.ledger import SqliteLedger
from tests.contract.ledgers import OPERATOR, PLUGIN, SqliteBackend, claim
from tests.contract.test_restore import Site

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize(
    "said",
    [
        "[1, 1, 0, 5]",
        '[1, 1, 0, 5, "Leased", 1]',
        '[1, 1, 0, 9223372036854775807, "Leased", 1, "0a140001", "c"]',
        '[1, 1, 0, 9223372036854775808, "Leased", 1, "0a140001", "c"]',
        '[1, 1, 0, 5, ["Leased"], 1, "0a140001", "c"]',
        "[1, 9223372036854775807, 0]",
        "[1, 1, 9223372036854775807]",
        "[1, 1, 1e999]",
    ],
)
def test_a_witness_with_what_nobody_writes_says_nothing(site: Site, said: str) -> None:
    file = site.state / "witness"
    boot = json.loads(file.read_text())["boot"]
    site.backend.database.close()
    file.write_text(f'{{"boot": "{boot}", "onDisk": {said}, "reached": {said}}}')
    assert len(site.anew().bind(claim("c", container="c3"), PLUGIN)) == 1
    file.write_bytes(b"[" * 2000)
    assert len(site.anew().bind(claim("d", container="c4"), PLUGIN)) == 1


def test_a_state_before_that_is_damaged_is_kept_with_its_log(site: Site) -> None:
    site.agent.bind(claim("b", container="c2"), PLUGIN)
    content = bytearray((site.state / "podberth.db").read_bytes())
    content[4096 * 5 : 4096 * 6] = b"\xff" * 4096
    log = (site.state / "podberth.db-wal").read_bytes()
    (site.state / "podberth.db").write_bytes(content)
    (site.state / "podberth.db-wal").write_bytes(log[:-4096])  # the last commit's page is gone
    site.restore()
    assert (site.state / "podberth.db.before-1-wal").stat().st_size == len(log) - 4096


@pytest.mark.parametrize("how", ["restore", "put there"])
def test_an_operation_of_the_backup_ends_nothing_that_came_after_it(site: Site, how: str) -> None:
    """The backup was made while the end of many leases held and was not done; then the container was started again."""
    database, clock, own = site.backend.database, site.backend.clock, claim("a", container="c1")
    ending.hold(database, ending.note(database, clock, [own.attachment], PLUGIN)[0], durable=True)
    backup(database, str(site.file))
    ending.finish(database, clock)
    (lease,) = site.agent.bind(own, PLUGIN)
    if how == "restore":
        site.restore()
    else:
        site.copy_over()
        held = HeldAddress(address=lease.address, attachment=own.attachment, pod=own.pod, netns=lease.netns, pool="db")
        site.anew().announce((held,), (), PLUGIN)
    (other,) = site.anew().bind(claim("c", container="c3"), PLUGIN)
    assert {one.attachment for one in site.anew().leases()} == {own.attachment, claim("c", container="c3").attachment}
    assert other.address != lease.address


def test_what_is_over_in_the_state_before_does_not_come_back(site: Site) -> None:
    database, own = site.backend.database, claim("a", container="c1")
    ending.hold(database, ending.note(database, site.backend.clock, [own.attachment], PLUGIN)[0], durable=True)
    assert site.anew().leases() == ()
    site.restore()
    assert site.anew().leases() == ()


def test_what_operators_have_said_of_history_since_the_backup_still_holds(site: Site) -> None:
    retention = SqliteLedger(site.backend.database, clock=site.backend.clock).retention
    retention.hold("case-1", OPERATOR)
    backup(site.backend.database, str(site.file))
    retention.hold("case-2", OPERATOR)
    retention.keep(10 * 86400, OPERATOR)
    before = retention.words()
    site.restore()
    again = SqliteLedger(SqliteBackend(site.state).database, clock=site.backend.clock).retention
    assert again.words() == before
    assert [hold.said for hold in again.extent().holds] == ["case-1", "case-2"]
    site.restore()
    assert SqliteLedger(SqliteBackend(site.state).database, clock=site.backend.clock).retention.words() == before
