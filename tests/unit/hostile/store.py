"""A store with something in force, for hostile input to leave as it is; and a node that has no kernel below it."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import TYPE_CHECKING, Self

from podberth.cni.pod import PodRef
from podberth.entry import handle
from podberth.ipam.lease import Actor
from podberth.net.facts import NetnsId
from podberth.policy.documents import parse_document
from podberth.stores.directory import sync
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from podberth.verbs.node import Node
from tests.hosts import FakeHost
from tests.moments import moment
from tests.unit.hostile.declaration import API
from tests.unit.hostile.row import NETNS, STATE, conf, env_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


ACTOR = Actor(who="uid 0 (root)", why="test", node="node1")
OWN = "/proc/self/ns/net"


def _pool(name: str, subnets: list[object], **spec: object) -> dict[str, object]:
    return {"apiVersion": API, "kind": "Pool", "metadata": {"name": name}, "spec": {"subnets": subnets, **spec}}


def _podnetwork(name: str, **spec: object) -> dict[str, object]:
    return {"apiVersion": API, "kind": "PodNetwork", "metadata": {"namespace": "bank", "name": name}, "spec": spec}


DOCUMENTS = (
    _pool(
        "db",
        [
            {
                "subnet": "10.20.0.0/24",
                "gateway": "10.20.0.1",
                "ranges": ["10.20.0.10-10.20.0.200"],
                "exclude": ["10.20.0.50"],
            }
        ],
    ),
    _pool("dual", [{"subnet": "10.70.0.0/24"}, {"subnet": "fd70::/64"}]),
    _pool("full", [{"subnet": "10.40.0.1/32"}]),
    _pool(
        "shop",
        [{"subnet": "10.30.0.0/24"}],
        vlan={"id": 100},
        allow=[
            {
                "namespaces": ["shop"],
                "vlans": ["100-109"],
                "addresses": ["10.30.0.10-10.30.0.19"],
                "podRequests": True,
            }
        ],
    ),
    _podnetwork(
        "mysql", pod="mysql-0", attachments=[{"pool": "db", "addresses": ["10.20.0.11"], "mac": "02:00:00:00:00:11"}]
    ),
    _podnetwork(
        "kafka",
        statefulSet={"name": "kafka", "replicas": 2},
        attachments=[{"pool": "db", "ordinals": [{"range": "10.20.0.60-10.20.0.61"}]}],
    ),
)


class Grounds:
    """What `handle` needs to open a node: real stores, no kernel."""

    def __init__(self) -> None:
        self.host = FakeHost({OWN: NetnsId(device=4, inode=1), NETNS: NetnsId(device=4, inode=2)})
        self.databases: list[Database] = []

    def connect(self, directory: str) -> Node:
        database = Database(directory)
        self.databases.append(database)
        policies = SqlitePolicies(database)
        return Node(
            name="node1",
            host=self.host,
            policies=policies,
            ledger=SqliteLedger(database, clock=lambda: moment(_clock())),
            attachments=SqliteAttachments(database),
            clock=_clock,
            follow=lambda path: sync(policies, path, ACTOR),
        )

    def call(self, env: dict[str, str], stdin: bytes, plugin_type: str = "podberth") -> tuple[int, str]:
        """Serve one call, and close what it opened."""
        try:
            return handle(env, stdin, plugin_type, self.connect)
        finally:
            while self.databases:
                self.databases.pop().close()


def furnish(state: Path) -> None:
    """Make a store with declarations, a reservation by hand and two attachments; and what is no store beside it."""
    state.mkdir()
    database = Database(str(state))
    documents = [parse_document(raw, "apply: db.yaml") for raw in DOCUMENTS]
    SqlitePolicies(database).apply(documents, ACTOR, source="apply: db.yaml")
    pod = PodRef(namespace="bank", name="legacy-0")
    from ipaddress import ip_address

    SqliteLedger(database, clock=lambda: moment(_clock())).reserve("db", ip_address("10.20.0.40"), pod, "eth0", ACTOR)
    database.close()
    for container, pool in (("holder", "db"), ("filler", "full")):
        pod_args = f"IgnoreUnknown=1;K8S_POD_NAMESPACE=bank;K8S_POD_NAME={container}-0"
        env = env_of("ADD", CNI_CONTAINERID=container, CNI_ARGS=pod_args)
        code, answer = Grounds().call(env, conf(pool=pool).replace(STATE.encode(), os.fsencode(state)))
        assert code == 0, answer
    (state / "a-file").write_text("not a directory\n")
    (state / "garbage").mkdir()
    (state / "garbage" / "podberth.db").write_bytes(b"this is no database\n" * 500)


class Witness:
    """Sees all that a store holds, but for the table `besides`, and every file around it."""

    def __init__(self, state: Path, *, besides: str = "") -> None:
        self.state = state
        self._database = sqlite3.connect(state / "podberth.db")
        tables = self._database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        self._tables = [name for (name,) in tables if name != besides]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def sees(self) -> list[tuple[str, Sequence[object]]]:
        """Return the rows of every table by its name, and the paths of the files beside the store and its locks."""
        rows = [(table, self._database.execute(f"SELECT * FROM {table}").fetchall()) for table in self._tables]
        files = [path for path in self.state.rglob("*") if not path.name.startswith("podberth.db")]
        return [*rows, ("files", sorted(path for path in files if "locks" not in path.parts))]


def refusal(stdout: str) -> tuple[int, str]:
    """Return code and message of what must be exactly one error object, and nothing else."""
    assert stdout.isascii()
    assert "\n" not in stdout
    found = json.loads(stdout)
    assert set(found) <= {"cniVersion", "code", "msg", "details"}
    assert isinstance(found["cniVersion"], str)
    assert isinstance(found["code"], int)
    assert isinstance(found["msg"], str)
    assert 0 < len(found["msg"]) < 4096
    return found["code"], found["msg"]


def _clock() -> int:
    return 1_700_000_000_000_000_000
