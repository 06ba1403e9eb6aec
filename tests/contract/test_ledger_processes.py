"""Many processes on one ledger at once, and processes that are killed at any moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import podberth
from podberth.ipam.lifecycle import fold
from tests.contract.ledgers import PLUGIN, SqliteBackend, addresses, claim, ip, pool, subnet
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from podberth.ipam.ledger import Ledger

SOURCE = str(Path(podberth.__file__).parents[1])
OPEN = """
import sys
sys.path.insert(0, {source!r})
from podberth.cni.errors import CniError
from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.stores.clock import node_clock
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger

database = Database({directory!r})
ledger = SqliteLedger(database, clock=node_clock)
me, actor = sys.argv[1], Actor(who="plugin", why="ADD", node="node1")

def attachment(container):
    return Attachment(network="banknet", container_id=container, ifname="eth0")

def bind(name, container, **wish):
    return ledger.bind(Claim(attachment=attachment(container), pod=PodRef(namespace="db", name=name), netns="/x",
                             wanted=(Wanted(pool="db", family=4),), **wish), actor)
"""


def script(directory: Path, body: str) -> str:
    return OPEN.format(source=SOURCE, directory=str(directory)) + textwrap.dedent(body)


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Start the script; it stands at its first line of input."""
    command = [sys.executable, "-I", "-S", "-c", code, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run_at_once(processes: list[subprocess.Popen[str]]) -> list[str]:
    """Let all go, and return what each said; none may have said anything on stderr."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [wrong for _, wrong in told if wrong] == []
    return [said.strip() for said, _ in told]


def must_add_up(ledger: Ledger) -> None:
    folded = fold(ledger.history())
    assert folded.bound == {lease.address: lease.attachment for lease in ledger.leases()}
    assert folded.reserved == {r.address: (str(r.pod), r.ifname) for r in ledger.reservations()}
    (usage,) = ledger.usage()
    assert usage.free + usage.leased + usage.reserved == usage.size


BIND_ONE = """
print("ready", flush=True)
input()
try:
    print(bind(f"p{me}", f"c{me}")[0].address)
except CniError as refused:
    print(refused.code, refused.message)
"""


@pytest.mark.parametrize("count", [64, 65])
def test_64_addresses_go_to_64_processes_and_a_65th_is_told_the_pool_is_exhausted(tmp_path: Path, count: int) -> None:
    backend = SqliteBackend(tmp_path / "store")
    backend.define(pool("db", subnet("10.20.0.0/24", ranges=("10.20.0.10-10.20.0.73",))))
    said = run_at_once([start(script(backend.directory, BIND_ONE), str(n)) for n in range(count)])
    expected = [f"10.20.0.{n}" for n in range(10, 74)]
    exhausted = [each for each in said if each not in expected]
    assert sorted(each for each in said if each in expected) == sorted(expected)
    assert exhausted == ["100 pool db: no free IPv4 address: 64 of 64 leased, 0 reserved, 0 resting"] * (count - 64)
    must_add_up(backend.open())


MAKE = """
print("ready", flush=True)
input()
print(ledger.usage(), len(tuple(ledger.history())))
"""


def test_many_processes_make_the_store_together_once(tmp_path: Path) -> None:
    said = run_at_once([start(script(tmp_path / "store", MAKE), str(n)) for n in range(16)])
    assert said == ["() 0"] * 16
    # Two that close at the same moment each leave the log to the other; nothing but SQLite's own files is there.
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in (tmp_path / "store").iterdir()} == {
        "podberth.db"
    }


CHURN = """
import random
chance, mine = random.Random(int(me)), []
print("ready", flush=True)
input()
for n in range(int(sys.argv[2])):
    try:
        if mine and chance.random() < 0.45:
            ledger.unbind(attachment(mine.pop(chance.randrange(len(mine)))), actor)
        else:
            bind(f"p{chance.randrange(40)}", f"{me}-{n}", sticky=chance.random() < 0.2)
            mine.append(f"{me}-{n}")
    except CniError as refused:
        if refused.code not in (11, 100):
            print(refused.code, refused.message, flush=True)
"""


def test_8_processes_in_disorder_leave_a_ledger_that_adds_up(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path / "store")
    backend.define(pool("db", "10.20.0.0/26"))
    said = run_at_once([start(script(backend.directory, CHURN), str(n), "60") for n in range(8)])
    assert said == [""] * 8
    ledger = backend.open()
    assert len(tuple(ledger.history())) > 300
    must_add_up(ledger)


def test_processes_killed_at_any_moment_leave_a_ledger_that_adds_up(tmp_path: Path) -> None:
    backend, chance = SqliteBackend(tmp_path / "store"), random.Random(7)
    backend.define(pool("db", "10.20.0.0/22"))
    ledger, seen = backend.open(), 0
    for n in range(12):
        process = start(script(backend.directory, CHURN), str(n), "1000000")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.write("go\n")
        process.stdin.flush()
        target = seen + chance.randrange(1, 40)
        while len(events := tuple(ledger.history())) < target:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert tuple(ledger.history())[: len(events)] == events
        must_add_up(ledger)
        seen = len(tuple(ledger.history()))
    assert addresses(ledger.bind(claim("late", "10.20.3.254"), PLUGIN)) == ["10.20.3.254"]
    with backend.database.read() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


STALL = """
with database.write() as connection:
    from podberth.stores.sqlite import changes
    from podberth.ipam.lease import Lease
    from ipaddress import ip_address
    changes.bind(connection, Lease(address=ip_address("10.20.0.9"), pool="db", attachment=attachment("dead"), pod=None,
                                   netns="/x", node="node1", since=1), actor,
                 changes.moment(connection, node_clock()))
    print("ready", flush=True)
    input()
"""


def test_a_process_killed_inside_a_transaction_has_done_nothing_and_blocks_nobody(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path / "store")
    backend.define(pool("db", "10.20.0.0/24"))
    process = start(script(backend.directory, STALL), "0")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    ledger = backend.open()
    assert ledger.leases() == ()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert ledger.who(ip("10.20.0.9")).state == "FREE"
    assert addresses(ledger.bind(claim("a", "10.20.0.9"), PLUGIN)) == ["10.20.0.9"]
    assert [event.kind for event in ledger.history()] == ["Bound"]


IMPORTED = """
print("ready", flush=True)
input()
from podberth.stores.sqlite.attachments import SqliteAttachments
SqliteAttachments(database).all()
ledger.unbind(bind("a", "1", sticky=True)[0].attachment, actor)
print(*sorted(sys.modules))
"""
TOO_DEAR = {
    "contextlib",
    "datetime",
    "dataclasses",
    "inspect",
    "logging",
    "pathlib",
    "subprocess",
    "threading",
    "typing",
}
NOT_EACH_TIME = {f"podberth.stores.sqlite.{name}" for name in ("creation", "schema", "declared")}


def test_binding_in_a_store_there_is_imports_nothing_dear(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    backend.define(pool("db", "10.20.0.0/24"))
    (said,) = run_at_once([start(script(tmp_path, IMPORTED), "0")])
    assert "podberth.stores.sqlite.claims" in said.split()
    assert not set(said.split()) & (TOO_DEAR | NOT_EACH_TIME)
