"""A pod that restarts each minute, on a store whose clock is told the time: a year of it takes minutes."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from uuid import UUID

from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.stores.sqlite import packing
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.declared import define_pool
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.rows import EVENT
from tests.contract.ledgers import SECOND, Clock, pool

if TYPE_CHECKING:
    from podberth.ipam.moment import Moment

RESTARTS = 525_600  # of a year
POD = PodRef(namespace="payments", name="mysql-0")
ADD, DEL = (Actor(who="plugin", why=why, node="worker-3.example.net") for why in ("ADD", "DEL"))
LOOKS = 64  # restarts from one look of the agent after the archive to the next


class Drifting(Clock):
    """A proven clock that is never right to the nanosecond, as clocks are."""

    def __init__(self, random: Random) -> None:
        super().__init__(proven=True)
        self.random = random

    def __call__(self) -> Moment:
        moment = super().__call__()
        wrong = self.random.randrange(-(10**6), 10**6)
        return replace(moment, time=moment.time + wrong, ahead=wrong)


class Year:
    """A store in a directory, and what happened in it: `held` has the containers that were bound, and when."""

    def __init__(self, directory: Path, seed: int = 1) -> None:
        self.random = Random(seed)
        self.clock = Drifting(self.random)
        self.database = Database(str(directory), staying=True)
        self.ledger = SqliteLedger(self.database, clock=self.clock)
        with self.database.write() as connection:
            define_pool(connection, pool("bank", "10.20.0.0/16"))
        self.held: list[tuple[str, int, int]] = []  # container, from, until (ns)

    def run(self, restarts: int) -> None:
        """Have the pod start and end so often, and the agent look after the archive as it does."""
        for n in range(restarts):
            claim = self.claim()
            self.tick(2, 30)
            self.ledger.bind(claim, ADD, durable=False)
            began = self.clock.now
            self.tick(2, 58)
            self.ledger.unbind(claim.attachment, DEL, durable=False)
            self.held.append((claim.attachment.container_id, began, self.clock.now))
            if n % LOOKS == 0:
                while self.ledger.archive():
                    pass

    def fill(self, restarts: int) -> None:
        """Write the events of so many more restarts, each like those of the last one, as rows: it is quick."""
        columns = packing.COLUMNS
        with self.database.read() as connection:
            query = f"SELECT {EVENT} FROM events ORDER BY seq DESC LIMIT 2"
            unbound, bound = (dict(zip(columns, row, strict=True)) for row in connection.execute(query).fetchall())
        left = restarts
        while left:
            events = []
            for _ in range(min(left, LOOKS * 32)):
                container, uid = self.random.randbytes(32).hex(), str(UUID(bytes=self.random.randbytes(16)))
                self.tick(2, 30)
                events.append(self._like(bound, container, uid))
                began = self.clock.now
                self.tick(2, 58)
                events.append(self._like(unbound, container, uid))
                self.held.append((container, began, self.clock.now))
                left -= 1
            marks = ", ".join("?" * (len(columns) - 1))
            with self.database.write(durable=False) as connection:
                insert = f"INSERT INTO events ({', '.join(columns[1:])}) VALUES ({marks})"
                connection.executemany(insert, [tuple(each[name] for name in columns[1:]) for each in events])
            while self.ledger.archive():
                pass

    def _like(self, row: dict[str, object], container: str, uid: str) -> dict[str, object]:
        now = self.clock()
        return {**row, "time": now.time, "ahead": now.ahead, "container_id": container, "uid": uid}

    def tick(self, least: int, most: int) -> None:
        """Let some seconds pass."""
        self.clock.now += self.random.randrange(least * SECOND, most * SECOND)

    def claim(self) -> Claim:
        """Return the claim of the pod's next sandbox, with names as long and as random as a runtime's."""
        return Claim(
            attachment=Attachment(network="bank", container_id=self.random.randbytes(32).hex(), ifname="eth0"),
            pod=replace(POD, uid=str(UUID(bytes=self.random.randbytes(16)))),
            netns=f"/var/run/netns/cni-{UUID(bytes=self.random.randbytes(16))}",
            wanted=(Wanted(pool="bank", family=4),),
            sticky=True,
        )

    def size(self) -> int:
        """Return how many bytes the database is, with its archive and its log, once the log is written back."""
        self.database.connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return sum(Path(self.database.path + end).stat().st_size for end in ("", "-wal"))
