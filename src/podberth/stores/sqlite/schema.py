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


_SHARED = """
ALTER TABLE events ADD COLUMN owner TEXT NOT NULL DEFAULT '';

ALTER TABLE documents ADD COLUMN deployment TEXT;
CREATE INDEX documents_deployment ON documents (namespace, deployment) WHERE deployment IS NOT NULL;
"""

# The conditions under which a lease and a reservation of one address go together.
SHARED = f"""
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

# Older events, compressed. A batch has all events from the number `first` to `last`: the next one begins right behind.
# What is in one stays among `events` too while it is the last by which its address changed hands, or a correction:
# those are asked for by address. Readers take the batches, and the events from behind the last one.
# `cut`: of these numbers, what does not say who had an address at their end was deleted, as an operator had set.
# A part of a batch has the events of addresses from `first` to `last` in order of address and number. `begins`, `ends`:
# their numbers. A part of a single address has its summary (`ipam.window`): so `who --at` reads few parts.
_ARCHIVE = """
CREATE TABLE batches (
    last INTEGER PRIMARY KEY, first INTEGER NOT NULL, events INTEGER NOT NULL, latest INTEGER NOT NULL,
    cut INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE parts (
    part INTEGER PRIMARY KEY, batch INTEGER NOT NULL REFERENCES batches,
    first BLOB NOT NULL, last BLOB NOT NULL, begins INTEGER NOT NULL, ends INTEGER NOT NULL, events INTEGER NOT NULL,
    proof INTEGER, proven INTEGER, low INTEGER, high INTEGER, hands INTEGER, doubtful INTEGER NOT NULL
) STRICT;
CREATE INDEX parts_of ON parts (batch, first);
CREATE TABLE bodies (part INTEGER PRIMARY KEY REFERENCES parts, body BLOB NOT NULL) STRICT;
-- Which parts have events of a pod: a number that its name comes to (`archive.pod_number`), as some others may.
CREATE TABLE parts_with (
    pod INTEGER NOT NULL, part INTEGER NOT NULL, PRIMARY KEY (pod, part)
) STRICT, WITHOUT ROWID;

DROP TRIGGER events_last;
CREATE TRIGGER events_last BEFORE DELETE ON events
WHEN OLD.seq > (SELECT coalesce(max(last), 0) FROM batches) OR OLD.kind = 'Corrected' OR NOT EXISTS (
    SELECT 1 FROM events WHERE address = OLD.address AND seq > OLD.seq
    AND kind NOT IN ('Adjusted', 'Conflicted', 'Corrected', 'Repaired')
)
BEGIN SELECT RAISE(ABORT, 'the ledger is never rewritten'); END;
CREATE TRIGGER batches_stay BEFORE UPDATE ON batches
BEGIN SELECT RAISE(ABORT, 'the ledger is never rewritten'); END;
CREATE TRIGGER batches_grow BEFORE INSERT ON batches
WHEN NOT NEW.cut AND NEW.first <= (SELECT coalesce(max(last), 0) FROM batches)
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;

-- What operators have said about keeping history, and what was deleted by it; `what` is one of `retention.What`.
CREATE TABLE history_words (
    word INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, clock TEXT NOT NULL, ahead INTEGER NOT NULL,
    what TEXT NOT NULL, said TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, node TEXT NOT NULL,
    first INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0, events INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TRIGGER history_words_stay BEFORE UPDATE ON history_words BEGIN SELECT RAISE(ABORT, 'what was said stays'); END;
CREATE TRIGGER history_words_last BEFORE DELETE ON history_words BEGIN SELECT RAISE(ABORT, 'what was said stays'); END;
-- Nothing of the archive is deleted but with a word, by which operators can see it, of the very numbers.
CREATE TRIGGER batches_last BEFORE DELETE ON batches
WHEN NOT EXISTS (SELECT 1 FROM history_words WHERE what = 'Deleted' AND first <= OLD.first AND last >= OLD.last)
BEGIN SELECT RAISE(ABORT, 'the ledger is never rewritten'); END;
CREATE TRIGGER parts_last BEFORE DELETE ON parts
WHEN NOT EXISTS (SELECT 1 FROM history_words WHERE what = 'Deleted' AND last >= OLD.batch)
BEGIN SELECT RAISE(ABORT, 'the ledger is never rewritten'); END;
CREATE TRIGGER bodies_last BEFORE DELETE ON bodies
WHEN NOT EXISTS (
    SELECT 1 FROM history_words WHERE what = 'Deleted' AND last >= (SELECT batch FROM parts WHERE part = OLD.part)
)
BEGIN SELECT RAISE(ABORT, 'the ledger is never rewritten'); END;
CREATE TRIGGER bodies_stay BEFORE UPDATE ON bodies
BEGIN SELECT RAISE(ABORT, 'the ledger is never rewritten'); END;
"""

# How many sticky reservations a pool may have in each family; NULL is any number.
_STICKY = """
ALTER TABLE pools ADD COLUMN sticky INTEGER;
"""

# An operation on many attachments, in steps (`stores.sqlite.ending`): what it is about is written down first, then that
# it holds, and then it is done. `state`: 0 until it holds, 1 from then on, 2 if it was given up. `boot`, `at`: the
# uptime of its last step before it held.
_OPERATIONS = """
CREATE TABLE operations (
    operation INTEGER PRIMARY KEY AUTOINCREMENT, state INTEGER NOT NULL,
    who TEXT NOT NULL, why TEXT NOT NULL, node TEXT NOT NULL, boot TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
-- Its key comes first: of another order SQLite 3.40's quick_check says that there is NULL where there is none.
CREATE TABLE ending (
    network TEXT NOT NULL, container_id TEXT NOT NULL, ifname TEXT NOT NULL,
    operation INTEGER NOT NULL REFERENCES operations, PRIMARY KEY (network, container_id, ifname, operation)
) STRICT, WITHOUT ROWID;
CREATE INDEX ending_of ON ending (operation);
"""

# An epoch is a time at which the ledger was put back to an earlier state (`ipam.epoch`). `revision`: its one in a
# cluster's store. `whole`: all that the file before had of pods was taken over. awaited: nodes that have not announced
# their pods since, '' for the node whose own store this is. declared: it grows with each change of a document.
_EPOCHS = """
CREATE TABLE epochs (
    number INTEGER PRIMARY KEY, seq INTEGER NOT NULL, time INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL,
    node TEXT NOT NULL, revision INTEGER NOT NULL, whole INTEGER NOT NULL
) STRICT;
CREATE TABLE awaited (node TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE declared (revision INTEGER NOT NULL) STRICT;
INSERT INTO declared VALUES (0);
CREATE TRIGGER documents_count_new AFTER INSERT ON documents BEGIN UPDATE declared SET revision = revision + 1; END;
CREATE TRIGGER documents_count_old AFTER DELETE ON documents BEGIN UPDATE declared SET revision = revision + 1; END;
CREATE TRIGGER documents_count_changed AFTER UPDATE ON documents BEGIN UPDATE declared SET revision = revision + 1; END;
"""

# What a record is, of one plugin call (`net.record`).
_RECORD = """CREATE TABLE attachments (
    network TEXT NOT NULL, container_id TEXT NOT NULL, ifname TEXT NOT NULL, type TEXT NOT NULL, n INTEGER NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL,
    netns TEXT NOT NULL, netns_device INTEGER NOT NULL, netns_inode INTEGER NOT NULL,
    steps TEXT NOT NULL, done INTEGER NOT NULL, since INTEGER NOT NULL,
    conf TEXT NOT NULL, device TEXT NOT NULL, told TEXT NOT NULL, leases INTEGER NOT NULL,
    PRIMARY KEY (network, container_id, ifname, type, n)
)"""

# A record is of one plugin call (`net.record`), and says whether the attachment's leases end with it. What was written
# before is of a type that its configuration names, if it has one.
_CALLS = f"""
DROP INDEX attachments_with;
ALTER TABLE attachments RENAME TO attachments_before;
{_RECORD} STRICT, WITHOUT ROWID;
INSERT INTO attachments
SELECT network, container_id, ifname, coalesce(json_extract(nullif(conf, ''), '$.type'), ''), 0, namespace, pod, uid,
    netns, netns_device, netns_inode, steps, done, since, conf, device, told,
    coalesce(json_extract(nullif(conf, ''), '$.ipam.type'), 'podberth') = 'podberth'
FROM attachments_before;
DROP TABLE attachments_before;
CREATE UNIQUE INDEX attachments_with ON attachments (device) WHERE device <> '';
"""  # noqa: S608 - constants

# The address of an IPAMClaim is reserved for `ipamclaim/NAME/UID` (ipam.owner): whichever pod of its namespace refers
# to the claim may have it.
_CLAIMS = f"""
DROP TRIGGER leases_respect;
CREATE TRIGGER leases_respect BEFORE INSERT ON leases
WHEN EXISTS (
    SELECT 1 FROM reservations WHERE address = NEW.address
    AND NOT ((namespace, ifname) = (NEW.namespace, NEW.ifname) AND (
        pod = NEW.pod OR substr(pod, 1, 10) = 'ipamclaim/' OR ({_of_set("pod", "NEW.pod")})
    ))
)
BEGIN SELECT RAISE(ABORT, 'the address is reserved for another pod'); END;
DROP TRIGGER reservations_respect;
CREATE TRIGGER reservations_respect BEFORE INSERT ON reservations
WHEN EXISTS (
    SELECT 1 FROM leases WHERE address = NEW.address
    AND NOT ((namespace, ifname) = (NEW.namespace, NEW.ifname) AND (
        pod = NEW.pod OR substr(NEW.pod, 1, 10) = 'ipamclaim/' OR ({_of_set("NEW.pod", "pod")})
    ))
)
BEGIN SELECT RAISE(ABORT, 'the address is leased by another pod'); END;
"""  # noqa: S608 - constants

# A record of a pod with names as long as a runtime gives is more than 1001 bytes, and of such a row SQLite keeps the
# rest on pages of its own where the table is the index of its key, with a page of free ones to keep up to date: each
# change wrote four to six pages. A table by number takes 4061 bytes into its own page: one or two are written.
# (sqlite.org/fileformat2.html#b_tree_pages)
_RECORDS = f"""
DROP INDEX attachments_with;
ALTER TABLE attachments RENAME TO attachments_before;
{_RECORD} STRICT;
INSERT INTO attachments SELECT * FROM attachments_before;
DROP TABLE attachments_before;
CREATE UNIQUE INDEX attachments_with ON attachments (device) WHERE device <> '';
"""  # noqa: S608 - constants

# What each version adds; a file that is out in the world is only ever changed by a new member. The way back of each is
# in `stores.sqlite.downgrade`.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    tuple(statements(_TABLES) + statements(documents.DDL)),
    tuple(statements(_DEVICES)),
    tuple(statements(_SHARED + SHARED)),
    tuple(statements(_TOLD)),
    tuple(statements(_CLOCKS)),
    tuple(statements(_MINIMUM)),
    tuple(statements(_ARCHIVE)),
    tuple(statements(_STICKY)),
    tuple(statements(_OPERATIONS)),
    tuple(statements(_EPOCHS)),
    tuple(statements(_CALLS)),
    tuple(statements(_CLAIMS)),
    tuple(statements(_RECORDS)),
)
