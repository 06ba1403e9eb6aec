"""A node's own store that is put back to an earlier state: by `store restore`, or by other means. No address twice."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import InvalidConfig, StoreFailed
from podberth.ipam.epoch import HeldAddress
from podberth.ipam.lease import Unannounced
from podberth.policy.documents import document_of
from podberth.stores.sqlite.backup import backup, restore, restored
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.policies import SqlitePolicies
from podberth.stores.sqlite.witness import Witness
from tests.contract.ledgers import OPERATOR, PLUGIN, SqliteBackend, addresses, attachment, claim, ip, pod, pool

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.ipam.ledger import Ledger

FILES = ("podberth.db", "podberth.db-wal", "podberth.db-shm")
WHO = "uid 0 (root)"


class Site:
    """A store with a pool, a ledger that has it open as an agent has, and a backup from when one pod ran."""

    def __init__(self, directory: Path) -> None:
        self.state, self.file = directory / "state", directory / "backup.db"
        self.backend = SqliteBackend(self.state)
        self.backend.define(pool("db", "10.20.0.0/28"))
        self.agent = self.backend.open()
        self.agent.bind(claim("a", container="c1"), PLUGIN)
        backup(self.backend.database, str(self.file))

    def anew(self) -> Ledger:
        """Return the ledger as a process that has just begun has it."""
        return SqliteBackend(self.state).open()

    def restore(self) -> object:
        return restore(str(self.state), str(self.file), WHO, "test")

    def copy_over(self) -> None:
        """Put the backup there as cp(1) does, while nobody has the store open."""
        self.backend.database.close()
        for name in FILES:
            (self.state / name).unlink(missing_ok=True)
        shutil.copyfile(self.file, self.state / "podberth.db")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def all_of(ledger: Ledger) -> list[str]:
    return sorted(addresses(ledger.leases()))


def test_a_backup_is_one_whole_file_for_root_alone(site: Site) -> None:
    assert stat.S_IMODE(site.file.stat().st_mode) == 0o600
    assert [path.name for path in site.file.parent.iterdir()] == ["state", "backup.db"] or {
        path.name for path in site.file.parent.iterdir()
    } == {"state", "backup.db"}
    with closing(sqlite3.connect(f"{site.file.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM leases").fetchone() == (1,)


def test_a_backup_is_of_one_moment_while_others_write(site: Site) -> None:
    """Each pod's lease is bound and ended in turn: at no moment there are two."""
    over = threading.Event()

    def churn() -> None:
        ledger, number = site.anew(), 0
        while not over.is_set():
            number += 1
            ledger.bind(claim("b", container=f"x{number}"), PLUGIN)
            ledger.unbind(claim("b", container=f"x{number}").attachment, PLUGIN)

    writer = threading.Thread(target=churn)
    writer.start()
    try:
        for _ in range(10):
            last = backup(site.backend.database, str(site.file))
            with closing(sqlite3.connect(site.file)) as connection:
                (leases, events) = connection.execute(
                    "SELECT (SELECT count(*) FROM leases), (SELECT max(seq) FROM events)"
                ).fetchone()
            assert events == last
            assert leases == 1 + (last % 2 == 0)
    finally:
        over.set()
        writer.join()


def test_a_backup_replaces_a_backup_and_nothing_else(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "letter.txt"
    other.write_text("dear")
    with pytest.raises(InvalidConfig, match="is no backup of podberth's"):
        backup(site.backend.database, str(other))
    assert other.read_text() == "dear"
    before = backup(site.backend.database, str(site.file))
    site.agent.bind(claim("b", container="c2"), PLUGIN)
    assert backup(site.backend.database, str(site.file)) == before + 1


@pytest.mark.parametrize("how", ["open", "anew"])
def test_a_restore_keeps_what_running_pods_have_got_since_the_backup(site: Site, how: str) -> None:
    (second,) = site.agent.bind(claim("b", container="c2"), PLUGIN)
    site.restore()
    ledger = site.agent if how == "open" else site.anew()
    assert all_of(ledger) == sorted(["10.20.0.1", str(second.address)])
    (third,) = ledger.bind(claim("c", container="c3"), PLUGIN)
    assert third.address not in {ip("10.20.0.1"), second.address}
    event = [each for each in ledger.history(address=second.address) if each.kind == "Bound"][-1]
    assert event.actor.who == WHO
    assert "epoch 1" in event.actor.why


def test_an_agent_goes_on_with_the_restored_file_by_itself(site: Site) -> None:
    site.agent.bind(claim("b", container="c2"), PLUGIN)
    site.restore()
    site.agent.bind(claim("c", container="c3"), PLUGIN)
    assert all_of(site.agent) == all_of(site.anew())
    assert len(all_of(site.agent)) == 3
    epoch = site.agent.epoch()
    assert epoch is not None
    assert (epoch.number, epoch.awaited, epoch.why) == (1, (), "test")


def test_what_ended_since_the_backup_is_ended_by_events(site: Site) -> None:
    site.agent.unbind(claim("a", container="c1").attachment, PLUGIN)
    site.restore()
    assert all_of(site.agent) == []
    last = list(site.agent.history(address=ip("10.20.0.1")))[-1]
    assert (last.kind, last.actor.who) == ("Unbound", WHO)
    assert "its holder is not there any more" in last.actor.why


def test_an_announcement_beats_the_restored_record(site: Site) -> None:
    """The backup has the address as the first pod's; by now it is the second one's."""
    site.agent.unbind(claim("a", container="c1").attachment, PLUGIN)
    (second,) = site.agent.bind(claim("b", "10.20.0.1", container="c2"), PLUGIN)
    site.restore()
    (held,) = site.agent.leases()
    assert (held.address, held.attachment) == (second.address, second.attachment)
    kinds = [event.kind for event in site.agent.history(address=second.address)]
    assert kinds == ["Bound", "Unbound", "Bound"]


def test_an_announcement_beats_a_restored_reservation(site: Site, tmp_path: Path) -> None:
    site.agent.reserve("db", ip("10.20.0.5"), pod("web-0"), "eth0", OPERATOR)
    backup(site.backend.database, str(site.file))
    site.agent.release(ip("10.20.0.5"), OPERATOR)
    site.agent.bind(claim("b", "10.20.0.5", container="c2"), PLUGIN)
    site.restore()
    assert "10.20.0.5" in all_of(site.agent)
    assert site.agent.reservations() == ()
    kinds = [event.kind for event in site.agent.history(address=ip("10.20.0.5"))]
    assert kinds == ["Reserved", "Released", "Bound"]


def test_a_sticky_address_stays_its_pods_name(site: Site) -> None:
    (second,) = site.agent.bind(claim("b", container="c2", sticky=True), PLUGIN)
    site.agent.unbind(second.attachment, PLUGIN)
    site.restore()
    (kept,) = site.agent.reservations()
    assert (kept.address, kept.pod.name, kept.origin) == (second.address, "b", "sticky")


def test_a_number_of_an_event_is_never_given_again(site: Site) -> None:
    for number in range(2, 6):
        site.agent.bind(claim(f"p{number}", container=f"c{number}"), PLUGIN)
        site.agent.unbind(claim(f"p{number}", container=f"c{number}").attachment, PLUGIN)
    before = max(event.seq for event in site.agent.history())
    site.restore()
    site.agent.bind(claim("c", container="c9"), PLUGIN)
    assert max(event.seq for event in site.agent.history()) > before
    assert len({event.seq for event in site.agent.history()}) == len(list(site.agent.history()))


def test_the_state_before_is_kept_and_what_it_alone_has_is_told(site: Site) -> None:
    policies = SqlitePolicies(site.backend.database)
    policies.apply((document_of(pool("late", "10.30.0.0/28"), "late.yaml"),), OPERATOR, source="late.yaml")
    site.agent.bind(claim("l", container="c7", pool="late"), PLUGIN)
    site.agent.reserve("db", ip("10.20.0.9"), pod("web-0"), "eth0", OPERATOR)
    made = restore(str(site.state), str(site.file), WHO, "test")
    assert made.taken is not None
    assert made.taken.lost == ("Pool late", "reservation of 10.20.0.9 for db/web-0")
    with closing(sqlite3.connect(made.before)) as connection:
        assert connection.execute("SELECT count(*) FROM leases").fetchone() == (2,)
    assert SqlitePolicies(Database(str(site.state))).pools() == ()
    assert "10.30.0.1" in all_of(site.agent)  # whatever is declared, the pod has it
    policies.apply((document_of(pool("late", "10.30.0.0/28"), "late.yaml"),), OPERATOR, source="late.yaml")
    (next_one,) = site.agent.bind(claim("m", container="c8", pool="late"), PLUGIN)
    assert next_one.address == ip("10.30.0.2")


def test_a_restore_of_a_damaged_backup_changes_nothing(site: Site, tmp_path: Path) -> None:
    site.agent.bind(claim("b", container="c2"), PLUGIN)
    data = bytearray(site.file.read_bytes())
    data[4096 * 3 : 4096 * 9] = b"\xff" * (4096 * 6)
    broken = tmp_path / "broken.db"
    broken.write_bytes(bytes(data))
    (tmp_path / "text").write_text("dear")
    with pytest.raises(StoreFailed, match="damaged"):
        restore(str(site.state), str(broken), WHO, "test")
    with pytest.raises(InvalidConfig, match="is no backup"):
        restore(str(site.state), str(tmp_path / "text"), WHO, "test")
    assert len(all_of(site.agent)) == 2
    assert sorted(path.name for path in site.state.iterdir()) == sorted([*FILES, "witness"])


@pytest.mark.parametrize("what", ["gone", "damaged"])
def test_without_a_state_before_the_node_has_to_announce_its_pods(site: Site, what: str) -> None:
    (second,) = site.agent.bind(claim("b", container="c2"), PLUGIN)
    site.backend.database.close()
    for name in FILES:
        (site.state / name).unlink(missing_ok=True)
    if what == "damaged":
        (site.state / "podberth.db").write_bytes(b"x" * 10_000)
    made = restore(str(site.state), str(site.file), WHO, "test")
    assert made.taken is None
    assert bool(made.before) is (what == "damaged")
    ledger = site.anew()
    with pytest.raises(Unannounced):
        ledger.bind(claim("c", container="c3"), PLUGIN)
    held = HeldAddress(address=second.address, attachment=second.attachment, pod=second.pod, netns="/run/netns/x")
    ledger.announce((held,), (), PLUGIN)
    (third,) = ledger.bind(claim("c", container="c3"), PLUGIN)
    assert third.address not in {second.address, ip("10.20.0.1")}


def test_a_process_that_has_just_begun_notices_an_older_copy(site: Site) -> None:
    (second,) = site.agent.bind(claim("b", container="c2"), PLUGIN)
    site.copy_over()
    ledger = site.anew()
    with pytest.raises(Unannounced, match="was put back to an earlier state"):
        ledger.bind(claim("c", container="c3"), PLUGIN)
    epoch = ledger.epoch()
    assert epoch is not None
    assert "event 2 Bound is not in it" in epoch.why
    held = HeldAddress(
        address=second.address, attachment=attachment("pod2", network="found"), pod=None, netns="/run/netns/x"
    )
    ledger.announce((held,), (), PLUGIN)
    assert addresses(ledger.bind(claim("c", container="c3"), PLUGIN)) == ["10.20.0.3"]
    assert site.anew().epoch() == ledger.epoch()  # it is one put back, and one epoch


def test_an_older_copy_without_a_declaration_is_noticed(site: Site) -> None:
    policies = SqlitePolicies(site.backend.database)
    policies.apply((document_of(pool("late", "10.30.0.0/28"), "late.yaml"),), OPERATOR, source="late.yaml")
    site.copy_over()
    with pytest.raises(Unannounced):
        site.anew().bind(claim("c", container="c3"), PLUGIN)
    epoch = site.anew().epoch()
    assert epoch is not None
    assert "declaration 1 is not in it" in epoch.why


def test_a_newer_or_equal_copy_is_no_epoch(site: Site) -> None:
    site.copy_over()
    assert addresses(site.anew().bind(claim("c", container="c3"), PLUGIN)) == ["10.20.0.2"]
    assert site.anew().epoch() is None


def test_a_loss_of_power_is_no_epoch(site: Site) -> None:
    """What was committed and not yet on the disk may be gone, while the witness was written: pods are dead then."""
    site.agent.bind(claim("b", container="c2"), PLUGIN, durable=False)
    said = Witness(str(site.state)).read()
    assert said is not None
    assert said.seq == 2
    file = site.state / "witness"
    file.write_text(file.read_text().replace('"boot": "', '"boot": "of before '))
    site.copy_over()
    assert addresses(site.anew().bind(claim("c", container="c3"), PLUGIN)) == ["10.20.0.2"]
    assert site.anew().epoch() is None


def test_what_was_on_the_disk_is_missed_after_a_reboot_too(site: Site) -> None:
    site.agent.bind(claim("b", container="c2"), PLUGIN)
    file = site.state / "witness"
    file.write_text(file.read_text().replace('"boot": "', '"boot": "of before '))
    site.copy_over()
    with pytest.raises(Unannounced):
        site.anew().bind(claim("c", container="c3"), PLUGIN)


def test_a_damaged_witness_says_nothing(site: Site) -> None:
    site.agent.bind(claim("b", container="c2"), PLUGIN)
    for content in (b"", b"{", b"[1]", b'{"boot": 1, "reached": [], "onDisk": []}', b"\xff" * 2000):
        (site.state / "witness").write_bytes(content)
        assert site.anew().epoch() is None
        site.anew().unbind(claim("z", container="c9").attachment, PLUGIN)
    assert len(site.anew().bind(claim("c", container="c3"), PLUGIN)) == 1


def test_an_agent_takes_over_after_a_process_has_noticed(site: Site) -> None:
    """The agent alone knows whose the address is; what another process has bound meanwhile stays."""
    (second,) = site.agent.bind(claim("b", container="c2"), PLUGIN)
    (site.file).rename(site.state / "copy.db")
    for name in FILES[1:]:
        (site.state / name).unlink()
    (site.state / "copy.db").rename(site.state / "podberth.db")
    other = site.anew()
    with pytest.raises(Unannounced):
        other.bind(claim("c", container="c3"), PLUGIN)
    found = HeldAddress(
        address=second.address, attachment=attachment("pod2", network="found"), pod=None, netns="/run/netns/x"
    )
    other.announce((found,), (), PLUGIN)
    (third,) = other.bind(claim("c", container="c3"), PLUGIN)
    held = {lease.address: lease.attachment for lease in site.agent.leases()}
    assert held == {
        ip("10.20.0.1"): claim("a", container="c1").attachment,
        second.address: second.attachment,
        third.address: third.attachment,
    }


def test_a_word_of_the_operator_begins_an_epoch(site: Site) -> None:
    restored(site.backend.database, WHO, "disk of this morning")
    with pytest.raises(Unannounced):
        site.agent.bind(claim("c", container="c3"), PLUGIN)
    site.agent.announce((), (), PLUGIN)
    site.agent.bind(claim("c", container="c3"), PLUGIN)


def test_a_second_restore_is_a_later_epoch(site: Site) -> None:
    for number in (1, 2, 3):
        site.agent.bind(claim(f"p{number}", container=f"d{number}"), PLUGIN)
        site.restore()
        epoch = site.agent.epoch()
        assert epoch is not None
        assert epoch.number == number
    assert len(all_of(site.agent)) == 4


def test_a_restore_while_others_bind_gives_no_address_twice(site: Site) -> None:
    """Each thread is a process of its own to the store. What was answered is a lease, whatever came between."""
    site.backend.define(pool("wide", "10.40.0.0/20"))
    backup(site.backend.database, str(site.file))
    over = threading.Event()
    answered: list[str] = []

    def work(name: str) -> None:
        ledger, number = site.anew(), 0
        while not over.is_set():
            number += 1
            answered.extend(addresses(ledger.bind(claim(None, container=f"{name}-{number}", pool="wide"), PLUGIN)))

    workers = [threading.Thread(target=work, args=(name,)) for name in ("x", "y")]
    for worker in workers:
        worker.start()
    try:
        for _ in range(3):
            site.restore()
    finally:
        over.set()
        for worker in workers:
            worker.join()
    assert len(answered) == len(set(answered))
    assert sorted(answered) == sorted(str(lease.address) for lease in site.anew().leases(pool="wide"))


@pytest.mark.parametrize("damaged", [False, True])
def test_an_older_copy_right_after_a_restore_is_noticed(site: Site, tmp_path: Path, *, damaged: bool) -> None:
    """Nobody has the store open, and nothing was changed since the restore: only the witness knows what came of it."""
    newer = tmp_path / "newer.db"
    running = site.agent.bind(claim("b", container="c2"), PLUGIN)
    backup(site.backend.database, str(newer))
    site.backend.database.close()
    if damaged:
        for name in FILES:
            (site.state / name).unlink(missing_ok=True)
        (site.state / "podberth.db").write_bytes(b"nothing of a store")
    restore(str(site.state), str(newer), WHO, "test")
    site.copy_over()
    with pytest.raises(Unannounced):
        site.anew().bind(claim("c", container="c3"), PLUGIN)
    assert running


def test_an_older_copy_that_is_put_back_once_more_before_any_change_is_noticed(site: Site) -> None:
    site.agent.bind(claim("b", container="c2"), PLUGIN)
    for _ in range(2):
        site.copy_over()
        with pytest.raises(Unannounced):  # a new process each time: it has begun an epoch, and bound nothing
            site.anew().bind(claim("c", container="c3"), PLUGIN)
