"""The node's records of its attachments in SQLite (`net.attachments.Attachments`)."""

from __future__ import annotations

import json

from podberth.cni import strictjson
from podberth.cni.errors import StoreFailed
from podberth.cni.pod import Attachment
from podberth.net.facts import NetnsId
from podberth.net.record import Record, RecordKey
from podberth.net.record_json import parse_steps, steps_json
from podberth.net.step import INDEX
from podberth.stores.sqlite.rows import pod_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from sqlite3 import Connection

    from podberth.net.step import Step
    from podberth.stores.sqlite.database import Database

_DONE, _REMOVING = 1, 2  # of the column `done`; 0: an intent
_OF = "network = ? AND container_id = ? AND ifname = ?"
_KEY = f"{_OF} AND type = ? AND n = ?"
_ORDER = "since, network, container_id, ifname, type, n"
_COLUMNS = (
    "network, container_id, ifname, type, n, namespace, pod, uid, netns, netns_device, netns_inode, steps, done, since,"
    " conf, told, leases"
)
_BETWEEN = " "  # the PCI addresses of a record with several devices
_MARKS = ", ".join("?" * 18)  # of a new record: the columns, and its device


class SqliteAttachments:
    """The records of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def probe(self) -> None:
        """Write to the disk as an ADD would, and change nothing. StoreFailed if the file can't be used."""
        self._database.probe()

    def open(self, record: Record) -> None:
        """Write the intent; StoreFailed if its key, or its device, has a record already.

        `done` waits for the disk. A loss of power in between takes with it all that the intent was to undo.
        """
        with self._database.write(durable=False, events=False) as connection:
            pod = record.pod
            for device in record.devices:
                holder = _holder(connection, device)
                if holder is not None and holder.key != record.key:
                    raise StoreFailed(f"{device} is recorded as {holder.attachment}'s", "DEL that attachment first")
            written = connection.execute(
                f"INSERT INTO attachments ({_COLUMNS}, device) VALUES ({_MARKS})"  # noqa: S608
                " ON CONFLICT DO NOTHING",
                (
                    *_values(record.key),
                    *((pod.namespace, pod.name, pod.uid) if pod is not None else ("", "", "")),
                    record.netns,
                    record.netns_id.device,
                    record.netns_id.inode,
                    steps_json(record.steps),
                    int(record.done),
                    record.since,
                    record.conf,
                    strictjson.dumps(dict(record.told)) if record.told else "",
                    int(record.leases),
                    _BETWEEN.join(record.devices),
                ),
            )
            if not written.rowcount:
                raise StoreFailed(f"{record.attachment} has a record already", "DEL the attachment first")
        if self._database.staying and record.leases:
            self._database.log.ahead()

    def revise(self, key: RecordKey, steps: tuple[Step, ...]) -> None:
        """Replace the steps of the record. StoreFailed if there is none."""
        with self._database.write(events=False) as connection:
            values = (steps_json(steps), *_values(key))
            written = connection.execute(f"UPDATE attachments SET steps = ? WHERE {_KEY}", values)  # noqa: S608
            if not written.rowcount:
                raise StoreFailed(f"{key} has no record", "it was deleted meanwhile")

    def moved(self, record: Record) -> None:
        """Have the record name another namespace, with the steps that are for it. StoreFailed if there is none."""
        where = record.netns_id
        values = (record.netns, where.device, where.inode, steps_json(record.steps))
        self._mark(record.key, "netns = ?, netns_device = ?, netns_inode = ?, steps = ?", values)

    def done(self, key: RecordKey, indexes: Mapping[int, str] | None = None, *, durable: bool = True) -> None:
        """Mark the record as complete; `durable`: what was written before is on disk.

        `indexes`: of the links that its steps have made, each by the step's place.

        The mark itself need not be: an attachment that is taken for unfinished after a loss of power has lost its
        network namespace too. Nor need a record that no lease depends on.
        """
        before = self._database.log.commits
        if indexes:  # SQLite puts them into the text: most of it need not be written anew for one number
            members = tuple(part for place, index in indexes.items() for part in (f"$[{place}].before.{INDEX}", index))
            self._mark(key, f"done = ?, steps = json_set(steps{', ?' * len(members)})", (_DONE, *members))
        else:
            self._mark(key, "done = ?", (_DONE,))
        if durable:
            self._database.flush(before)

    def removing(self, key: RecordKey, steps: tuple[Step, ...]) -> None:
        """Mark the record as one whose DEL is answered, with these steps left.

        A loss of power takes the network namespace too, and by that the record is known to be nobody's any more.
        """
        self._mark(key, "done = ?, steps = ?", (_REMOVING, steps_json(steps)))

    def find(self, key: RecordKey) -> Record | None:
        """Return the record of that key."""
        query = f"SELECT {_COLUMNS} FROM attachments WHERE {_KEY}"  # noqa: S608
        with self._database.look() as connection:
            row = connection.execute(query, _values(key)).fetchone()
        return _record(row) if row is not None else None

    def of(self, attachment: Attachment) -> tuple[Record, ...]:
        """Return every record of the attachment, oldest first."""
        query = f"SELECT {_COLUMNS} FROM attachments WHERE {_OF} ORDER BY {_ORDER}"  # noqa: S608
        with self._database.look() as connection:
            rows = connection.execute(query, _named(attachment)).fetchall()
        return tuple(map(_record, rows))

    def holder(self, device: str) -> Record | None:
        """Return the record that speaks of the device."""
        with self._database.look() as connection:
            return _holder(connection, device)

    def labels(self) -> dict[str, tuple[str, ...]]:
        """Return the labels of this node's devices, by PCI address."""
        found: dict[str, tuple[str, ...]] = {}
        with self._database.read() as connection:
            for device, label in connection.execute("SELECT device, label FROM device_labels ORDER BY device, label"):
                found[device] = (*found.get(device, ()), label)
        return found

    def label(self, device: str, labels: tuple[str, ...]) -> None:
        """Give the device exactly these labels."""
        with self._database.write(events=False) as connection:
            connection.execute("DELETE FROM device_labels WHERE device = ?", (device,))
            connection.executemany("INSERT INTO device_labels VALUES (?, ?)", ((device, one) for one in set(labels)))

    def _mark(self, key: RecordKey, what: str, values: tuple[object, ...]) -> None:
        with self._database.write(durable=False, events=False) as connection:
            query = f"UPDATE attachments SET {what} WHERE {_KEY}"  # noqa: S608
            written = connection.execute(query, (*values, *_values(key)))
            if not written.rowcount:
                raise StoreFailed(f"{key} has no record", "DEL the attachment, then ADD it again")

    def close(self, *keys: RecordKey, durable: bool = True) -> None:
        """Forget the records; nothing happens where there is none. `durable` as with `done`."""
        with self._database.write(durable=durable, events=False) as connection:
            for key in keys:
                connection.execute(f"DELETE FROM attachments WHERE {_KEY}", _values(key))  # noqa: S608

    def all(self, network: str | None = None, container_id: str | None = None) -> tuple[Record, ...]:
        """Return every record, or those of one network, or of one container, oldest first."""
        said = {"network": network, "container_id": container_id}
        values = {name: wanted for name, wanted in said.items() if wanted is not None}
        where = "WHERE " + " AND ".join(f"{name} = :{name}" for name in values) if values else ""
        query = f"SELECT {_COLUMNS} FROM attachments {where} ORDER BY {_ORDER}"  # noqa: S608
        with self._database.read() as connection:
            return tuple(_record(row) for row in connection.execute(query, values))


def _holder(connection: Connection, device: str) -> Record | None:
    """Return the record that has the device, alone or among others. Few rows have one at all: an index says which."""
    if not device:
        return None
    query = (
        f"SELECT {_COLUMNS} FROM attachments WHERE device <> ''"  # noqa: S608
        f" AND instr('{_BETWEEN}' || device || '{_BETWEEN}', '{_BETWEEN}' || ? || '{_BETWEEN}')"
    )
    row = connection.execute(query, (device,)).fetchone()
    return _record(row) if row is not None else None


def _named(attachment: Attachment) -> tuple[str, str, str]:
    return attachment.network, attachment.container_id, attachment.ifname


def _values(key: RecordKey) -> tuple[str, str, str, str, int]:
    return *_named(key.attachment), key.type, key.n


def _record(row: tuple[object, ...]) -> Record:
    network, container_id, ifname, kind, n, namespace, pod, uid, netns, device, inode, steps, done, *rest = row
    since, conf, told, leases = rest
    return Record(
        attachment=Attachment(network=str(network), container_id=str(container_id), ifname=str(ifname)),
        pod=pod_of(str(namespace), str(pod), str(uid)),
        netns=str(netns),
        netns_id=NetnsId(device=int(str(device)), inode=int(str(inode))),
        steps=parse_steps(str(steps)),
        done=done == _DONE,
        since=int(str(since)),
        conf=str(conf),
        removing=done == _REMOVING,
        told=tuple(json.loads(str(told)).items()) if told else (),
        type=str(kind),
        n=int(str(n)),
        leases=bool(leases),
    )
