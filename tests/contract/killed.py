"""A command that is killed at its n-th write: `python -m tests.contract.killed N before|after ARGUMENT...`.

The hook is where requests leave for etcd and for the API server; of SQLite it is each statement that changes a file,
and the end of each transaction. N is 0 for a run that is not killed; what it wrote is counted in its last line.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from podberth.cli.main import main
from podberth.kube.wire import Wire
from podberth.stores.etcd.cluster import Cluster
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.transaction import Transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

READS = ("GET",)
CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "COMMIT")
COPY = "replica.db"


class Tripwire:
    """Ends this process, as SIGKILL does, at one write; `late`: after it was answered."""

    def __init__(self, at: int, *, late: bool) -> None:
        self.at = at
        self.late = late
        self.count = 0

    def write(self, make: Callable[[], Any]) -> Any:
        self.count += 1
        here = self.count == self.at
        if here and not self.late:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = make()
        if here:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer


def spring(wire: Tripwire) -> None:
    """Have every write of this process go by the wire."""
    ask, exchange, begin, end = Cluster.ask, Wire.exchange, Database.begin, Transaction._end

    def asked(self: Cluster, call: str, request: Any, *, read: bool) -> Any:
        return ask(self, call, request, read=read) if read else wire.write(lambda: ask(self, call, request, read=read))

    def exchanged(self: Wire, secret: Any, method: str, *rest: Any) -> Any:
        if method in READS:
            return exchange(self, secret, method, *rest)
        return wire.write(lambda: exchange(self, secret, method, *rest))

    def begun(self: Database) -> sqlite3.Connection:
        connection = begin(self)
        if not self.path.endswith(COPY):
            connection.set_trace_callback(lambda sql: wire.write(lambda: None) if sql.startswith(CHANGES) else None)
        return connection

    def ended(self: Transaction, connection: sqlite3.Connection, raised: BaseException | None) -> None:
        end(self, connection, raised)
        if self._writes and raised is None and not self._database.path.endswith(COPY):
            wire.write(lambda: None)

    Cluster.ask = asked  # type: ignore[method-assign]
    Wire.exchange = exchanged  # type: ignore[method-assign, assignment]
    Database.begin = begun  # type: ignore[method-assign]
    Transaction._end = ended  # type: ignore[method-assign]


def run(words: list[str]) -> int:
    at, when, *command = words
    wire = Tripwire(int(at), late=when == "after")
    spring(wire)
    code = main(command)
    sys.stdout.write(f"\n{wire.count}\n")
    sys.stdout.flush()
    return code


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
