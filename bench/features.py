"""This tree with a store that has nothing but a pool, and with one that has more, in turn, A B B A.

`python -m bench features [ROUNDS]`. More is: history that is kept for a month, with an archive; an operation on many
attachments that was left half-way; an address that is held back; and a pool whose addresses rest.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack, closing
from ipaddress import ip_address
from pathlib import Path

from bench.agent import parent
from bench.before import in_turn, side
from bench.contest import POOL
from bench.figures import compare
from bench.scale import ACTOR, EVENT, event_rows
from podberth.stores.clock import node_clock, uptime
from podberth.stores.sqlite import told
from podberth.stores.sqlite.archive import Archive
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger

MONTH = 30 * 24 * 3600  # seconds
EVENTS = 20_000
LATER = 24 * 3600 * 10**9  # ns: nothing of it ends while this runs
HALF_WAY = "INSERT INTO operations (state, who, why, node, boot, at) VALUES (0, 'bench', 'half-way', 'bench', ?, ?)"


def run(rounds: int, asked: str = "") -> None:
    """Measure everything inside the node's namespace, and print the table. `asked`: so many rounds instead."""
    parent()
    with tempfile.TemporaryDirectory(prefix="podberth-bench-") as folder, ExitStack() as both:
        plain, more = Path(folder) / "plain", Path(folder) / "more"
        resting = POOL.replace("spec:", "spec:\n  quarantine: 1")
        tree = Path.cwd()
        sides = [
            both.enter_context(side(tree, plain, "plain")),
            both.enter_context(side(tree, more, "more", resting)),
        ]
        sides[1][-1]()  # its binder has made its store by then
        for store, pool in (("state", "bench"), ("alone", "bench"), ("ledger", "db")):
            furnish(more / store, pool)
        found = in_turn(sides[0], sides[1], int(asked or rounds))
    compare("With a store that has more, against one that has nothing but a pool, A B B A", found)


def furnish(state: Path, pool: str) -> None:
    """Have the store have all of it."""
    with closing(Database(str(state))) as database:
        ledger = SqliteLedger(database, clock=node_clock)
        ledger.retention.keep(MONTH, ACTOR)
        now = uptime()
        with database.write() as connection:
            connection.executemany(EVENT, event_rows(n % 1000 for n in range(EVENTS)))
            connection.execute(HALF_WAY, (now.boot, now.ns + LATER))
            connection.execute("UPDATE pools SET quarantine = 1")
            back = told.Told(address=ip_address("10.90.255.1"), since=time.time_ns() + LATER)
            told.replace(connection, pool, [back])
        Archive(database, node_clock).all()
