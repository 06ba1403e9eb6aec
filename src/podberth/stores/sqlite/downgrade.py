"""The way back: a store's tables as an earlier release reads them, in one transaction. Imported only then.

`BACK` has the way back of each migration. What an earlier release can't know is not dropped in silence: a store that
has it has a minimum version (`stores.sqlite.minimum`), and is refused.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from podberth.cni.errors import Refused, StoreFailed
from podberth.ipam.versions import HERE, number
from podberth.stores.sqlite import ending, packing
from podberth.stores.sqlite.database import NODE
from podberth.stores.sqlite.past import name_of
from podberth.stores.sqlite.rows import EVENT
from podberth.stores.sqlite.schema import SHARED, statements
from podberth.stores.sqlite.witness import Witness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from podberth.ipam.moment import Moment

# The schema that each release reads and writes.
SCHEMAS: Mapping[str, int] = {"0.1.0": 3, HERE: NODE.version}

_NO_ARCHIVE = """
DROP TRIGGER events_last;
DROP TABLE parts_with;
DROP TABLE bodies;
DROP TABLE parts;
DROP TABLE batches;
DROP TABLE history_words;
CREATE TRIGGER events_last BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the ledger is never rewritten'); END;
CREATE TRIGGER events_grow BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE seq >= NEW.seq AND NEW.seq > 0)
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
"""

_NO_OPERATIONS = """
DROP TABLE ending;
DROP TABLE operations;
"""

_BY_ATTACHMENT = """
DROP INDEX attachments_with;
ALTER TABLE attachments RENAME TO attachments_after;
CREATE TABLE attachments (
    network TEXT NOT NULL, container_id TEXT NOT NULL, ifname TEXT NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL,
    netns TEXT NOT NULL, netns_device INTEGER NOT NULL, netns_inode INTEGER NOT NULL,
    steps TEXT NOT NULL, done INTEGER NOT NULL, since INTEGER NOT NULL,
    conf TEXT NOT NULL DEFAULT '', device TEXT NOT NULL DEFAULT '', told TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (network, container_id, ifname)
) STRICT, WITHOUT ROWID;
INSERT INTO attachments
SELECT network, container_id, ifname, namespace, pod, uid, netns, netns_device, netns_inode, steps, done, since, conf,
    device, told
FROM attachments_after;
DROP TABLE attachments_after;
CREATE UNIQUE INDEX attachments_with ON attachments (device) WHERE device <> '';
"""

_NO_MINIMUM = "DROP TABLE minimum;"

_NO_EPOCHS = """
DROP TRIGGER documents_count_new;
DROP TRIGGER documents_count_old;
DROP TRIGGER documents_count_changed;
DROP TABLE declared;
DROP TABLE awaited;
DROP TABLE epochs;
"""

# A rest ends at a time again. By the uptime of this boot it is known how much of it is left; after a reboot all is.
_REST_ENDS = """
UPDATE resting SET until = max(until, :now + CASE WHEN boot = :boot THEN max(0, due - :uptime) ELSE length END)
"""

_NO_CLOCKS = """
DROP INDEX resting_of;
DROP INDEX resting_in;
ALTER TABLE resting DROP COLUMN length;
ALTER TABLE resting DROP COLUMN boot;
ALTER TABLE resting DROP COLUMN since;
ALTER TABLE resting DROP COLUMN due;
ALTER TABLE resting DROP COLUMN origin;
ALTER TABLE resting DROP COLUMN released;
CREATE INDEX resting_of ON resting (pool, family, offered, until);

DROP INDEX events_at;
DROP INDEX events_owners;
DROP TRIGGER events_grow;
ALTER TABLE events DROP COLUMN clock;
ALTER TABLE events DROP COLUMN ahead;
ALTER TABLE events DROP COLUMN corrects;
CREATE INDEX events_at ON events (address, time, seq);
CREATE INDEX events_owners ON events (address, time, seq) WHERE kind NOT IN ('Adjusted', 'Conflicted', 'Repaired');
CREATE TRIGGER events_grow BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE seq >= NEW.seq AND NEW.seq > 0)
    OR NEW.time < (SELECT time FROM events ORDER BY seq DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
"""

_NOT_TOLD = """
DROP TABLE told;
ALTER TABLE attachments DROP COLUMN told;
"""


def _back_to_times(connection: sqlite3.Connection, now: Moment) -> None:
    connection.execute(_REST_ENDS, {"now": now.time, "boot": now.uptime.boot, "uptime": now.uptime.ns})
    _run(connection, _NO_CLOCKS)


def _unpacked(connection: sqlite3.Connection, _: Moment) -> None:
    """Put every event of the archive among the others again. There are no words: their store is not taken back."""
    marks = ", ".join("?" * len(packing.COLUMNS))
    connection.execute("DROP TRIGGER events_grow")
    for (part,) in connection.execute("SELECT part FROM parts").fetchall():
        (body,) = connection.execute("SELECT body FROM bodies WHERE part = ?", (part,)).fetchone()
        connection.executemany(
            f"INSERT OR IGNORE INTO events ({EVENT}) VALUES ({marks})",  # noqa: S608 - constants
            packing.unpacked(body, name_of(connection, part)),
        )
    _run(connection, _NO_ARCHIVE)


def _ended(connection: sqlite3.Connection, now: Moment) -> None:
    """Do what operations hold, and forget the others."""
    while ending.step(connection, now):
        pass
    _run(connection, _NO_OPERATIONS)


def _no_epochs(connection: sqlite3.Connection, _: Moment) -> None:
    if connection.execute("SELECT 1 FROM awaited LIMIT 1").fetchone() is not None:
        raise Refused(
            "the store was put back to an earlier state, and does not know yet which addresses running pods have",
            "start the agent, which says so; an earlier release would give them out again",
        )
    _run(connection, _NO_EPOCHS)


def _no_claims(connection: sqlite3.Connection, _: Moment) -> None:
    """Put the conditions of before back. A store that ever had a claim's address has a minimum version."""
    _run(connection, SHARED)


def _by_attachment(connection: sqlite3.Connection, _: Moment) -> None:
    several = connection.execute(
        "SELECT network, container_id, ifname FROM attachments GROUP BY 1, 2, 3 HAVING count(*) > 1 LIMIT 1"
    ).fetchone()
    if several is not None:
        raise Refused(
            f"{'/'.join(several)} was made by more than one plugin of podberth's, of which an earlier release would"
            " take back one alone",
            "delete the pods of such networks first: `podberth get attachments` lists them",
        )
    other = connection.execute(
        "SELECT network, container_id, ifname, type FROM attachments"
        " WHERE type NOT IN ('', 'podberth', 'sriov') LIMIT 1"
    ).fetchone()
    if other is not None:
        raise Refused(
            f"{'/'.join(other[:3])} was made by the plugin {other[3]}, which an earlier release does not have",
            "delete the pods of such networks first: `podberth get attachments --json` has the plugins",
        )
    _run(connection, _BY_ATTACHMENT)


# By the number of the migration that is taken back; none goes behind the first release.
BACK: Mapping[int, Callable[[sqlite3.Connection, Moment], None]] = {
    13: lambda *_: None,  # the next one makes the table anew, from the same columns
    12: _no_claims,
    11: _by_attachment,
    10: _no_epochs,
    9: _ended,
    8: lambda connection, _: _run(connection, "ALTER TABLE pools DROP COLUMN sticky;"),
    7: _unpacked,
    6: lambda connection, _: _run(connection, _NO_MINIMUM),
    5: _back_to_times,
    4: lambda connection, _: _run(connection, _NOT_TOLD),
}


def downgrade(path: str, version: str, now: Moment) -> int:
    """Have the store be as the release reads it; return its schema. Refused if that would lose what the store has.

    Nobody may have it open: who does would go on with tables that are not there.
    """
    schema = SCHEMAS.get(version)
    if schema is None:
        raise Refused(f"podberth {version} is no release that can be gone back to", f"there are: {', '.join(SCHEMAS)}")
    with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
            try:
                _require(path, connection, version)
                found = int(connection.execute("PRAGMA user_version").fetchone()[0])
                for migration in range(found, schema, -1):
                    BACK[migration](connection, now)
                connection.execute("DELETE FROM migrations WHERE version > ?", (schema,))
                connection.execute(f"PRAGMA user_version = {min(found, schema)}")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        except sqlite3.Error as failure:
            raise StoreFailed(
                f"{path}: {failure}", "nothing was changed; is it in use? `fuser -v` says by whom"
            ) from None
    Witness(os.path.dirname(path)).forget()  # an earlier release does not write it
    return min(found, schema)


def _require(path: str, connection: sqlite3.Connection, version: str) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if application != NODE.application_id or found > NODE.version:
        raise Refused(
            f"{path} is no store that podberth {HERE} knows (schema {found})", "go back with the podberth that wrote it"
        )
    known = connection.execute("SELECT name FROM sqlite_master WHERE name = 'minimum'").fetchone()
    minimum = connection.execute("SELECT version FROM minimum").fetchone() if known is not None else None
    if minimum is not None and number(minimum[0]) > number(version):
        raise Refused(
            f"{path} is for podberth {minimum[0]} and later: `podberth store upgrade` has said so, or it has records"
            f" that {version} would misread",
            "take a store of before from a backup, or stay with this version",
        )


def _run(connection: sqlite3.Connection, script: str) -> None:
    for statement in statements(script):
        connection.execute(statement)
