"""The tables. Read only when a file is made or brought up to date; nothing is executed here.

Addresses are blobs of 4 or 16 bytes, so that they sort as numbers do. An absent pod is two empty strings.
"""

from __future__ import annotations

from podberth.ipam.owner import SAFE, SUFFIX
from podberth.stores.sqlite import documents

_TABLES = """
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY, time INTEGER NOT NULL, podberth TEXT NOT NULL
) STRICT;

CREATE TABLE pools (
    name TEXT PRIMARY KEY, allocation TEXT NOT NULL, quarantine INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- what: 'usable' (can be given to anybody), 'offered' (of those, not held), 'free' (of those, never given or rested)
CREATE TABLE extents (
    what TEXT NOT NULL, pool TEXT NOT NULL REFERENCES pools, family INTEGER NOT NULL,
    first BLOB NOT NULL, last BLOB NOT NULL,
    PRIMARY KEY (pool, what, family, first)
) STRICT, WITHOUT ROWID;

-- offered: 0 if the address is held for declarations and will not go back to the free ones
CREATE TABLE resting (
    address BLOB PRIMARY KEY, pool TEXT NOT NULL REFERENCES pools, family INTEGER NOT NULL,
    until INTEGER NOT NULL, offered INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX resting_of ON resting (pool, family, offered, until);

CREATE TABLE leases (
    address BLOB PRIMARY KEY, family INTEGER NOT NULL, pool TEXT NOT NULL REFERENCES pools,
    network TEXT NOT NULL, container_id TEXT NOT NULL, ifname TEXT NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL,
    netns TEXT NOT NULL, node TEXT NOT NULL, since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_of ON leases (network, container_id, ifname);
CREATE INDEX leases_in ON leases (pool, family);
CREATE INDEX leases_by ON leases (namespace, pod, ifname, pool, family);

CREATE TABLE reservations (
    address BLOB PRIMARY KEY, family INTEGER NOT NULL, pool TEXT NOT NULL REFERENCES pools,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, ifname TEXT NOT NULL,
    origin TEXT NOT NULL, since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reservations_of ON reservations (namespace, pod, ifname, pool, family);
CREATE INDEX reservations_in ON reservations (pool, family);

-- Whatever a bug elsewhere may do, a reserved address is never given to another pod.
CREATE TRIGGER leases_respect BEFORE INSERT ON leases
WHEN EXISTS (
    SELECT 1 FROM reservations
    WHERE address = NEW.address AND (namespace, pod, ifname) <> (NEW.namespace, NEW.pod, NEW.ifname)
)
BEGIN SELECT RAISE(ABORT, 'the address is reserved for another pod'); END;
CREATE TRIGGER reservations_respect BEFORE INSERT ON reservations
WHEN EXISTS (
    SELECT 1 FROM leases
    WHERE address = NEW.address AND (namespace, pod, ifname) <> (NEW.namespace, NEW.pod, NEW.ifname)
)
BEGIN SELECT RAISE(ABORT, 'the address is leased by another pod'); END;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT CHECK (seq > 0), time INTEGER NOT NULL, kind TEXT NOT NULL,
    address BLOB NOT NULL, pool TEXT NOT NULL, state TEXT NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL, ifname TEXT NOT NULL,
    network TEXT NOT NULL, container_id TEXT NOT NULL,
    who TEXT NOT NULL, why TEXT NOT NULL, node TEXT NOT NULL
) STRICT;
CREATE INDEX events_at ON events (address, time, seq);
-- A host that answers for an address adds an event per attempt; who had the address is not to be looked for among them.
CREATE INDEX events_owners ON events (address, time, seq) WHERE kind <> 'Conflicted';
CREATE INDEX events_of ON events (namespace, pod, seq);
-- `INSERT OR REPLACE` would not wake the two below. Time never goes back: who had an address at T has one answer.
CREATE TRIGGER events_grow BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE seq >= NEW.seq AND NEW.seq > 0)
    OR NEW.time < (SELECT time FROM events ORDER BY seq DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the ledger is never rewritten'); END;
CREATE TRIGGER events_last BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the ledger is never rewritten'); END;

CREATE TABLE attachments (
    network TEXT NOT NULL, container_id TEXT NOT NULL, ifname TEXT NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL,
    netns TEXT NOT NULL, netns_device INTEGER NOT NULL, netns_inode INTEGER NOT NULL,
    steps TEXT NOT NULL, done INTEGER NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (network, container_id, ifname)
) STRICT, WITHOUT ROWID;
"""

# conf: the network configuration an attachment was made by. device: the PCI address of its virtual function, or ''.
_DEVICES = """
ALTER TABLE attachments ADD COLUMN conf TEXT NOT NULL DEFAULT '';
ALTER TABLE attachments ADD COLUMN device TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX attachments_with ON attachments (device) WHERE device <> '';

-- Who had an address is not to be looked for among events with which nothing changes hands.
DROP INDEX events_owners;
CREATE INDEX events_owners ON events (address, time, seq) WHERE kind NOT IN ('Adjusted', 'Conflicted', 'Repaired');

CREATE TABLE device_labels (
    device TEXT NOT NULL, label TEXT NOT NULL,
    PRIMARY KEY (device, label)
) STRICT, WITHOUT ROWID;
"""


def statements(script: str) -> list[str]:
    """Split a script where SQLite sees a statement end; a trigger has a semicolon inside."""
    from sqlite3 import complete_statement

    found, begun = [], ""
    for line in script.splitlines(keepends=True):
        begun += line
        if complete_statement(begun):
            found.append(begun.strip())
            begun = ""
    return found


# Addresses that the pods of a Deployment share are reserved for `deployment/NAME` (ipam.owner, which knows its pods by
# name as the conditions here do). owner: that name, where the event is about such an address.
_OF_SET = f"""
    substr(SET, 1, 11) = 'deployment/' AND substr(POD, 1, length(SET) - 10) = substr(SET, 12) || '-'
    AND length(POD) - length(SET) + 10 BETWEEN 7 AND 16
    AND substr(POD, length(SET) - 9) GLOB '?*-{f"[{SAFE}]" * SUFFIX}'
    AND substr(POD, length(SET) - 9) NOT GLOB '*[^{SAFE}-]*' AND substr(POD, length(SET) - 9) NOT GLOB '*-*-*'
"""


def _of_set(owner: str, pod: str) -> str:
    return _OF_SET.replace("SET", owner).replace("POD", pod)


_SHARED = f"""
ALTER TABLE events ADD COLUMN owner TEXT NOT NULL DEFAULT '';

ALTER TABLE documents ADD COLUMN deployment TEXT;
CREATE INDEX documents_deployment ON documents (namespace, deployment) WHERE deployment IS NOT NULL;

DROP TRIGGER leases_respect;
CREATE TRIGGER leases_respect BEFORE INSERT ON leases
WHEN EXISTS (
    SELECT 1 FROM reservations WHERE address = NEW.address
    AND NOT ((namespace, ifname) = (NEW.namespace, NEW.ifname) AND (pod = NEW.pod OR ({_of_set("pod", "NEW.pod")})))
)
BEGIN SELECT RAISE(ABORT, 'the address is reserved for another pod'); END;
DROP TRIGGER reservations_respect;
CREATE TRIGGER reservations_respect BEFORE INSERT ON reservations
WHEN EXISTS (
    SELECT 1 FROM leases WHERE address = NEW.address
    AND NOT ((namespace, ifname) = (NEW.namespace, NEW.ifname) AND (pod = NEW.pod OR ({_of_set("NEW.pod", "pod")})))
)
BEGIN SELECT RAISE(ABORT, 'the address is leased by another pod'); END;
"""  # noqa: S608 - constants


# What running pods were told and their pool tells no more (stores.sqlite.told): addresses, until when; and what an
# attachment was told of settings, by the names of `net.told`, '' if that is not known.
_TOLD = """
CREATE TABLE told (
    pool TEXT NOT NULL, address BLOB NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (pool, address)
) STRICT, WITHOUT ROWID;
ALTER TABLE attachments ADD COLUMN told TEXT NOT NULL DEFAULT '';
"""


# An event has its writer's time, in whatever order those come: its number says what was before. For clock, ahead and
# corrects see `ipam.lease.Event`. A rest is counted by uptimes (ns): it began at `since` of `boot`, and ends at `due`;
# `origin` and `released` are the boot and uptime of the node that released the address. What rests by another boot, as
# all from before this version does (''), rests on for what it may lack.
_CLOCKS = """
ALTER TABLE events ADD COLUMN clock TEXT NOT NULL DEFAULT '';
ALTER TABLE events ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN corrects TEXT NOT NULL DEFAULT '';
DROP INDEX events_at;
CREATE INDEX events_at ON events (address, seq);
DROP INDEX events_owners;
CREATE INDEX events_owners ON events (address, seq)
WHERE kind NOT IN ('Adjusted', 'Conflicted', 'Corrected', 'Repaired');
DROP TRIGGER events_grow;
CREATE TRIGGER events_grow BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE seq >= NEW.seq AND NEW.seq > 0)
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;

ALTER TABLE resting ADD COLUMN length INTEGER NOT NULL DEFAULT 0;
ALTER TABLE resting ADD COLUMN boot TEXT NOT NULL DEFAULT '';
ALTER TABLE resting ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE resting ADD COLUMN due INTEGER NOT NULL DEFAULT 0;
ALTER TABLE resting ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE resting ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
-- `until` is a time by a clock that may have been wrong, as this one may be. The event by which the rest began has the
-- same clock's time: the difference is what was asked. All of it is counted anew from now, by uptimes.
UPDATE resting SET length = coalesce((
    SELECT until - time FROM events WHERE events.address = resting.address
    AND kind NOT IN ('Adjusted', 'Conflicted', 'Corrected', 'Repaired') ORDER BY seq DESC LIMIT 1
), -1);
UPDATE resting SET length = (SELECT quarantine FROM pools WHERE name = pool) * 1000000000 WHERE length < 0;
UPDATE resting SET due = length;
DROP INDEX resting_of;
CREATE INDEX resting_of ON resting (pool, family, offered, boot, due, until, address);
CREATE INDEX resting_in ON resting (boot);
"""

# The ledger's minimum version (stores.sqlite.minimum); no row is the first release.
_MINIMUM = """
CREATE TABLE minimum (version TEXT NOT NULL, revision INTEGER NOT NULL) STRICT;
INSERT INTO minimum SELECT '0.2.0', 0 WHERE EXISTS (SELECT 1 FROM events WHERE kind = 'Corrected');
"""

# What each version adds; a file that is out in the world is only ever changed by a new member. The way back of each is
# in `stores.sqlite.downgrade`.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    tuple(statements(_TABLES) + statements(documents.DDL)),
    tuple(statements(_DEVICES)),
    tuple(statements(_SHARED)),
    tuple(statements(_TOLD)),
    tuple(statements(_CLOCKS)),
    tuple(statements(_MINIMUM)),
)
