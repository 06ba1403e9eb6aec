"""The replica's tables: the store's own, with what follows the cluster instead of what a single node keeps.

The ledger itself is the cluster's. Here `events` has the last one of each address, by which it changed hands; those
that a proposal adds have the number 0 and are rolled back.
"""

from __future__ import annotations

from podberth.stores.replica.marks import TABLES
from podberth.stores.sqlite.database import Schema

_TABLES = """
DROP TABLE attachments;
DROP TABLE device_labels;
DROP TABLE events;
CREATE TABLE events (
    address BLOB NOT NULL, seq INTEGER NOT NULL DEFAULT 0, time INTEGER NOT NULL, kind TEXT NOT NULL,
    pool TEXT NOT NULL, state TEXT NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL, ifname TEXT NOT NULL,
    network TEXT NOT NULL, container_id TEXT NOT NULL,
    who TEXT NOT NULL, why TEXT NOT NULL, node TEXT NOT NULL, owner TEXT NOT NULL,
    clock TEXT NOT NULL, ahead INTEGER NOT NULL, corrects TEXT NOT NULL
) STRICT;
CREATE INDEX events_at ON events (address);
CREATE INDEX events_by ON events (seq);
CREATE INDEX events_of ON events (namespace, pod, seq);

-- Each record of the cluster's store that this replica has, with its revision there.
CREATE TABLE records (
    address BLOB PRIMARY KEY, revision INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL,
    operation TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX records_by ON records (seq);
-- Documents that stand for themselves; one that was deleted is not `there`.
CREATE TABLE document_revisions (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, there INTEGER NOT NULL,
    created TEXT NOT NULL, PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
-- Documents that others declare (ConfigMaps): of one key there may be several, and a document that stands for itself
-- goes before them all. `standing` decides which is in force. `refusal` says why the bundle's tenant may not.
-- A bundle with `copy_of` declares nothing itself: see `copies`.
-- `objects`: the bundle says that PodNetworks in the cluster's store are their namespaces' word (`said`); then
-- `objects_before` has the digests of those that stay as they are. `silent` says why a bundle declares nothing.
CREATE TABLE bundles (
    name TEXT PRIMARY KEY, revision INTEGER NOT NULL, tenant TEXT NOT NULL, beyond INTEGER NOT NULL,
    objects INTEGER NOT NULL, silent TEXT NOT NULL, created TEXT NOT NULL,
    uid TEXT NOT NULL, copy_of TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX bundles_saying ON bundles (objects) WHERE objects;
CREATE TABLE objects_before (digest TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE unread (
    bundle TEXT NOT NULL, source TEXT NOT NULL, why TEXT NOT NULL, PRIMARY KEY (bundle, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE sayings (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, bundle TEXT NOT NULL, source TEXT NOT NULL,
    tenant TEXT NOT NULL, before INTEGER NOT NULL, body TEXT NOT NULL, origin TEXT NOT NULL,
    refusal TEXT NOT NULL DEFAULT '', created TEXT NOT NULL DEFAULT '', kept INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, namespace, name, bundle, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX sayings_of ON sayings (bundle);
CREATE INDEX sayings_by ON sayings (tenant, namespace);
-- What bundles declared last and might, as their copies have it; `uid` is that of the bundle then. A saying is `kept`
-- that the bundle itself can't be asked for: it can't be read.
CREATE TABLE copies (
    bundle TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL,
    before INTEGER NOT NULL, body TEXT NOT NULL, origin TEXT NOT NULL, uid TEXT NOT NULL,
    PRIMARY KEY (bundle, kind, namespace, name, source)
) STRICT, WITHOUT ROWID;
-- The newest text of each document that stands for itself; what was approved of it, which is in force; and of Pools
-- what is not, and why. A text that was approved for good is `settled`: nobody has to judge it again.
CREATE TABLE newest (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL,
    source TEXT NOT NULL, origin TEXT NOT NULL, settled INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX newest_due ON newest (kind) WHERE NOT settled;
CREATE TABLE approved (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, body TEXT NOT NULL,
    source TEXT NOT NULL, origin TEXT NOT NULL, told TEXT NOT NULL, born TEXT NOT NULL, firm INTEGER NOT NULL,
    former TEXT NOT NULL, PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE refused_pools (
    name TEXT PRIMARY KEY, source TEXT NOT NULL, why TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Pools that went out of force, as they were then: they come back if a lease of them, or a reservation, is heard of
-- only now. Deletions and addresses are heard of by different watches.
CREATE TABLE departed (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL, source TEXT NOT NULL,
    origin TEXT NOT NULL
) STRICT;
CREATE TABLE position (
    version TEXT NOT NULL, identity TEXT NOT NULL DEFAULT '', position TEXT NOT NULL DEFAULT ''
) STRICT;

-- How long (ns) nodes have run, by their own last word; rests that began by their uptimes are counted by it.
CREATE TABLE boots (boot TEXT PRIMARY KEY, uptime INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX resting_from ON resting (origin);

-- What a proposal changes without an event of the ledger.
CREATE TABLE touched (address BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TRIGGER leases_touched AFTER UPDATE ON leases
BEGIN INSERT OR IGNORE INTO touched VALUES (NEW.address); END;
CREATE TRIGGER reservations_touched AFTER UPDATE ON reservations
BEGIN INSERT OR IGNORE INTO touched VALUES (NEW.address); END;
CREATE TABLE touched_documents (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE touched_approved (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER documents_made AFTER INSERT ON documents
BEGIN INSERT OR IGNORE INTO touched_documents VALUES (NEW.kind, NEW.namespace, NEW.name); END;
CREATE TRIGGER documents_changed AFTER UPDATE ON documents
BEGIN INSERT OR IGNORE INTO touched_documents VALUES (NEW.kind, NEW.namespace, NEW.name); END;
CREATE TRIGGER documents_gone AFTER DELETE ON documents
BEGIN INSERT OR IGNORE INTO touched_documents VALUES (OLD.kind, OLD.namespace, OLD.name); END;
"""


def _tables() -> tuple[tuple[str, ...], ...]:
    from podberth.stores.sqlite.schema import MIGRATIONS, statements

    return (
        tuple(statement for migration in MIGRATIONS for statement in migration) + tuple(statements(_TABLES + TABLES)),
    )


# A file of another version is thrown away, not brought up to date: the cluster's store has everything.
SCHEMA = Schema(file="replica.db", application_id=0x70646272, version=10, migrations=_tables, cache=True)  # 'pdbr'
