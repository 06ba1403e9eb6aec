"""The way back of a node's own store: release 0.1.0, by its own code, reads what this one wrote, and goes on."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from podberth.cli.main import main
from podberth.cni.errors import Refused, StoreFailed
from podberth.cni.value import replace
from podberth.ipam.lease import Correction
from podberth.ipam.versions import HERE, Feature, Minimum
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import NODE, Database
from podberth.stores.sqlite.downgrade import BACK, SCHEMAS, downgrade
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.minimum import keep, minimum
from tests.contract.ledgers import NOON, OPERATOR, PLUGIN, SECOND, Clock, SqliteBackend, attachment, claim, pool
from tests.contract.test_attachments import RECORD
from tests.moments import moment
from tests.released import earlier
from tests.released.answers import told_then
from tests.released.versions import Release, named, of

if TYPE_CHECKING:
    from pathlib import Path

LAST = "0.1.0"
POOL = """
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec: {subnets: [{subnet: 10.20.0.0/24}]}
"""


def tables(file: Path) -> list[tuple[str, str]]:
    """Return what the tables, indexes and triggers are, without the spaces."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name").fetchall()
    return [(name, "".join(sql.split())) for name, sql in rows]


def store(folder: Path) -> SqliteBackend:
    """Return a store of this release that has a lease, a reservation, and an address that rests."""
    backend = SqliteBackend(folder)
    backend.define(pool("db", "10.20.0.0/24", quarantine=3600))
    ledger = backend.open()
    ledger.bind(claim("web-0"), PLUGIN)
    ledger.bind(claim("web-1"), PLUGIN)
    backend.clock.tick(60)
    ledger.unbind(attachment("c-web-1"), PLUGIN)
    ledger.reserve("db", ip_address("10.20.0.9"), claim("web-9").pod, "eth0", OPERATOR)  # type: ignore[arg-type]
    backend.clock.tick(60)
    return backend


def run(folder: Path, *words: str) -> int:
    return main(["--state", str(folder), *words])


def test_each_migration_after_the_first_release_has_its_way_back() -> None:
    assert SCHEMAS[HERE] == NODE.version
    assert sorted(BACK) == list(range(SCHEMAS[LAST] + 1, NODE.version + 1))


@pytest.mark.parametrize("release", of("sqlite"), ids=named)
def test_a_store_that_was_brought_up_to_date_comes_back_as_it_was_made(release: Release, tmp_path: Path) -> None:
    release.restore(tmp_path, "podberth.db")
    before = tables(tmp_path / "podberth.db")
    with Database(str(tmp_path)).read():
        pass
    assert tables(tmp_path / "podberth.db") != before
    assert run(tmp_path, "store", "downgrade", "--to", LAST, "--socket", str(tmp_path / "none")) == 0
    # SQLite writes a column that is taken away out of the text; the text of others it leaves as it was.
    assert [name for name, _ in tables(tmp_path / "podberth.db")] == [name for name, _ in before]
    recorded = release.read("answers.json")
    for question in ("leases", "history", "get all", "get reservations", "get attachments", "pool"):
        asked = json.loads(earlier.told(tmp_path, *question.split(), "--json"))
        assert told_then(asked, recorded[question]) == recorded[question], question


def test_the_last_release_goes_on_with_a_store_of_this_one_and_this_one_with_that(tmp_path: Path) -> None:
    file = tmp_path / "pool.yaml"
    file.write_text(POOL)
    assert run(tmp_path, "apply", "-f", str(file)) == 0
    store(tmp_path)
    assert earlier.command(tmp_path, "leases").returncode == 1  # its schema is unknown there
    assert run(tmp_path, "store", "downgrade", "--to", LAST, "--socket", str(tmp_path / "none")) == 0
    assert "db/web-0" in earlier.told(tmp_path, "leases", "--json")
    earlier.told(tmp_path, "reserve", "db/web-7", "10.20.0.7", "--pool", "db")
    held = json.loads(earlier.told(tmp_path, "get", "reservations", "--json"))["items"]
    assert {row["address"] for row in held} == {"10.20.0.7", "10.20.0.9"}
    # And up again.
    ledger = SqliteLedger(Database(str(tmp_path)), clock=Clock(NOON + 200 * SECOND))
    assert {str(kept.address) for kept in ledger.reservations()} == {"10.20.0.7", "10.20.0.9"}
    assert [str(lease.pod) for lease in ledger.leases()] == ["db/web-0"]
    with contextlib.closing(sqlite3.connect(tmp_path / "podberth.db")) as database:
        versions = [version for (version,) in database.execute("SELECT version FROM migrations ORDER BY version")]
    assert versions == list(range(1, NODE.version + 1))


def test_a_rest_goes_on_for_what_is_left_of_it_and_after_a_reboot_for_all(tmp_path: Path) -> None:
    clock = store(tmp_path / "a").clock
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    downgrade(str(tmp_path / "a" / "podberth.db"), LAST, clock())
    clock.restart()
    downgrade(str(tmp_path / "b" / "podberth.db"), LAST, clock())
    until = {}
    for name in ("a", "b"):
        with contextlib.closing(sqlite3.connect(tmp_path / name / "podberth.db")) as database:
            until[name] = [end for (end,) in database.execute("SELECT until FROM resting")]
    assert until == {"a": [NOON + 3660 * SECOND], "b": [NOON + 120 * SECOND + 3600 * SECOND]}


def test_a_clock_that_was_set_back_shortens_no_rest(tmp_path: Path) -> None:
    clock = store(tmp_path).clock
    clock.step(-86400)
    downgrade(str(tmp_path / "podberth.db"), LAST, clock())
    with contextlib.closing(sqlite3.connect(tmp_path / "podberth.db")) as database:
        assert database.execute("SELECT until FROM resting").fetchone() == (NOON + 3660 * SECOND,)


def test_a_store_with_what_the_last_release_would_misread_does_not_go_back(tmp_path: Path) -> None:
    ledger = store(tmp_path).open()
    assert ledger.allows(Feature.CORRECTIONS)
    ledger.corrected(Correction(first=1, last=9, node="", ahead=1), OPERATOR)
    before = (tmp_path / "podberth.db").read_bytes()
    with pytest.raises(Refused, match=f"is for podberth {HERE} and later"):
        downgrade(str(tmp_path / "podberth.db"), LAST, Clock()())
    assert (tmp_path / "podberth.db").read_bytes() == before


@pytest.mark.parametrize(
    ("types", "why"),
    [(("podberth", "sriov"), "made by more than one plugin"), (("bridge",), "made by the plugin bridge")],
)
def test_a_store_with_records_that_the_last_release_can_not_undo_does_not_go_back(
    tmp_path: Path, types: tuple[str, ...], why: str
) -> None:
    database = Database(str(tmp_path))
    for kind in types:
        SqliteAttachments(database).open(replace(RECORD, type=kind))
    database.close()
    with pytest.raises(Refused, match=f"banknet/1/eth0 was {why}"):
        downgrade(str(tmp_path / "podberth.db"), LAST, moment(NOON))
    assert len(SqliteAttachments(Database(str(tmp_path))).all()) == len(types)


def test_a_store_that_was_upgraded_does_not_go_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(tmp_path)
    assert run(tmp_path, "store", "upgrade", "--dry-run", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"minimumVersion": "0.1.0", "older": []}
    assert run(tmp_path, "store", "upgrade") == 0
    assert run(tmp_path, "store", "--json") == 0
    assert json.loads(capsys.readouterr().out.partition("\n")[2])["minimumVersion"] == HERE
    assert run(tmp_path, "store", "downgrade", "--to", LAST, "--socket", str(tmp_path / "none")) == 1
    assert "or stay with this version" in capsys.readouterr().err


@pytest.mark.parametrize("version", ["0.0.9", "0.3.0", "x"])
def test_a_release_that_nobody_knows_is_none_to_go_back_to(tmp_path: Path, version: str) -> None:
    store(tmp_path)
    with pytest.raises(Refused, match="no release that can be gone back to"):
        downgrade(str(tmp_path / "podberth.db"), version, Clock()())


def test_a_step_back_that_fails_changes_nothing(tmp_path: Path) -> None:
    store(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "podberth.db")) as database:
        database.execute("DROP TABLE told")
    before = tables(tmp_path / "podberth.db")
    with pytest.raises(StoreFailed, match="no such table"):
        downgrade(str(tmp_path / "podberth.db"), LAST, Clock()())
    assert tables(tmp_path / "podberth.db") == before
    assert len(SqliteLedger(Database(str(tmp_path)), clock=Clock()).leases()) == 1


def test_a_store_for_later_versions_is_read_and_not_written(tmp_path: Path) -> None:
    backend = store(tmp_path)
    with backend.database.write() as connection:
        keep(connection, Minimum(version="99.0.0"))
    ledger = backend.open()
    assert len(ledger.leases()) == 1
    with pytest.raises(StoreFailed, match=f"for podberth 99.0.0 and later, and this is {HERE}"):
        ledger.bind(claim("web-2"), PLUGIN)
    with backend.database.read() as connection:
        assert minimum(connection).version == "99.0.0"


def test_a_store_of_a_newer_podberth_names_it_and_the_way_on(tmp_path: Path) -> None:
    store(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "podberth.db")) as database, database:
        database.execute("INSERT INTO migrations VALUES (?, 1, '0.9.0')", (NODE.version + 1,))
        database.execute(f"PRAGMA user_version = {NODE.version + 1}")
    with pytest.raises(StoreFailed, match=r"was written by podberth 0\.9\.0") as refused:
        SqliteLedger(Database(str(tmp_path)), clock=Clock()).leases()
    assert f"podberth store downgrade --to {HERE}" in refused.value.details


def test_a_downgrade_is_refused_while_an_agent_has_the_store_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import socket

    store(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        assert run(tmp_path, "store", "downgrade", "--to", LAST, "--socket", str(tmp_path / "s")) == 1
    assert "has the store open" in capsys.readouterr().err
