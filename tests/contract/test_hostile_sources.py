"""No document in etcd or in a directory ends its reader. The last good one is in force until the next good one is."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import ExitStack, closing, contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, cast
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from podberth.agent.policies import IN_FORCE, PolicyDirectories
from podberth.entry import open_node
from podberth.ipam.lease import Actor
from podberth.process import health
from podberth.process.journal import Journal
from podberth.stores.directory import sync
from podberth.stores.etcd.store import EtcdCluster
from podberth.stores.replica.feed import Feed
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.replica.proposer import Proposer
from podberth.stores.replica.replica import Replica
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.contract.clusters import in_etcd
from tests.contract.declarations import OPERATOR, documents
from tests.contract.passing import passing
from tests.sizes import size
from tests.unit.policy.hostile import FILES, NO_KIND, RAWS
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

FUZZ = settings(
    max_examples=size(12, 5000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
PLUGIN = Actor(who="plugin", why="policyDir", node="node1")


def good(name: str) -> dict[str, object]:
    metadata = {"namespace": "db", "name": name}
    spec = {"pod": name, "attachments": [{}]}
    return {"apiVersion": "podberth.io/v1alpha1", "kind": "PodNetwork", "metadata": metadata, "spec": spec}


class Node:
    """What a node follows in etcd; `etcd` writes there as anybody else with the right to."""

    def __init__(self, folder: Path) -> None:
        cluster = cast("EtcdCluster", in_etcd())
        self.etcd, self.keys = cluster.client, cluster.keys
        self.lines: list[str] = []
        self.folder = folder
        self.policies, self.feed = self.joined(Replica(tempfile.mkdtemp(dir=folder), told=self.lines.append))

    def joined(self, replica: Replica) -> tuple[ClusterPolicies, Feed]:
        """Return a node with that replica."""
        cluster = EtcdCluster(self.etcd, self.keys.root.decode())
        proposer = Proposer(replica, cluster, "node1", current=False)
        return ClusterPolicies(proposer), Feed(proposer, self.lines.append)

    def put(self, key: bytes, value: bytes) -> None:
        self.etcd.put(self.keys.state + key, value)

    def has(self, name: str) -> bool:
        return name in names(self.policies)


def test_a_feed_whose_turns_are_short_hears_every_document(node: Node) -> None:
    cluster = EtcdCluster(node.etcd, node.keys.root.decode())
    proposer = Proposer(Replica(tempfile.mkdtemp(dir=node.folder)), cluster, "node2", current=False)
    policies, feed = ClusterPolicies(proposer), Feed(proposer, node.lines.append, turn=0.0)
    feed.start()
    assert feed.ready(60), node.lines
    declared = [f"n{number}" for number in range(size(20, 1000))]
    for name in declared:
        node.policies.apply(documents(good(name)), OPERATOR, source="apply: next.yaml")
    until(lambda: set(declared) <= set(names(policies)))
    assert feed.away == ""
    feed.stop()


def names(policies: ClusterPolicies | SqlitePolicies) -> list[str]:
    return [one.name for one in policies.pod_networks()]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    made.feed.start()
    assert made.feed.ready(60), made.lines
    yield made
    made.feed.stop()


@contextmanager
def heard(node: Node) -> Iterator[None]:
    """Declare one more document as an operator does, and have the node have it in force; in the end it goes."""
    name = f"n{uuid4().hex}"
    node.policies.apply(documents(good(name)), OPERATOR, source="apply: next.yaml")
    body = json.dumps({"body": good(f"{name}-2"), "source": "apply", "origin": ""}).encode()
    node.put(f"d/PodNetwork/db/{name}-2".encode(), body)
    until(lambda: node.has(name) and node.has(f"{name}-2"))
    assert node.feed.away == ""
    yield
    for each in (name, f"{name}-2"):
        node.policies.delete("PodNetwork", "db", each, OPERATOR)
    until(lambda: not node.has(name) and not node.has(f"{name}-2"))


VALUES = FILES.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40)
BODIES = RAWS.map(lambda raw: json.dumps({"body": raw, "source": "x", "origin": ""}).encode())
KEYS = st.sampled_from(
    (b"d/PodNetwork/db/bad", b"d/Pool//bad", b"d/Nothing/a/b", b"d/x", b"d/a/b/c/d/e", b"d/\xff\xfe/%/%zz",
     b"d/%00/a/b", b"a/0a140009", b"a/zz", b"a/", b"z")
)  # fmt: skip


@FUZZ
@given(key=KEYS, value=VALUES | BODIES)
@example(key=b"d/PodNetwork/db/bad", value=json.dumps({"body": {"kind": []}, "source": "x", "origin": "x"}).encode())
@example(key=b"d/PodNetwork/db/bad", value=b"[")
@example(key=b"d/x", value=b"{}")
@example(key=b"a/0a140009", value=b'{"address": "10.20.0.9", "last": 7}')
def test_after_anything_in_etcd_the_next_good_document_is_in_force(node: Node, key: bytes, value: bytes) -> None:
    node.put(key, value)
    with heard(node), passing(node.lines) as replica:
        policies, feed = node.joined(replica)
        feed.start()
        assert feed.ready(60), node.lines
        assert sorted(names(policies)) == sorted(names(node.policies))
        feed.stop()


def test_a_document_in_etcd_that_can_t_be_read_leaves_the_last_good_one(node: Node) -> None:
    node.policies.apply(documents(good("kept")), OPERATOR, source="apply: kept.yaml")
    for value in (b"kind: []", b'{"body": 7}', json.dumps({"body": {}, "source": "", "origin": ""}).encode()):
        node.put(b"d/PodNetwork/db/kept", value)
        with heard(node):
            assert node.has("kept")
    assert sum("PodNetwork db/kept" in line for line in node.lines) == 3


@FUZZ
@given(text=FILES, ending=st.sampled_from((".yaml", ".yml", ".json")))
@example(text=NO_KIND, ending=".yaml")
def test_after_any_file_of_a_directory_the_next_good_set_is_in_force(text: str, ending: str) -> None:
    with ExitStack() as ends:
        store, directory = (ends.enter_context(tempfile.TemporaryDirectory()) for _ in range(2))
        policies = SqlitePolicies(ends.enter_context(closing(Database(store))))
        Path(directory, "a.json").write_text(json.dumps(good("first")))
        assert sync(policies, directory, PLUGIN) == ""
        bad = Path(directory, f"b{ending}")
        bad.write_bytes(text.encode("utf-8", "surrogatepass"))
        failure = sync(policies, directory, PLUGIN)
        assert names(policies) == ["first"]
        Path(directory, "c.json").write_text(json.dumps(good("second")))
        assert (sync(policies, directory, PLUGIN) == "") == (failure == "")
        assert names(policies) == (["first"] if failure else ["first", "second"])
        bad.unlink()
        assert sync(policies, directory, PLUGIN) == ""
        assert names(policies) == ["first", "second"]


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[tuple[PolicyDirectories, Path, SqlitePolicies]]:
    """Have an agent's thread follow a directory."""
    store, directory = tmp_path / "store", tmp_path / "policies"
    directory.mkdir()
    directories = PolicyDirectories(Journal(to=StringIO()))
    directories.start()
    opened = open_node(str(store), staying=True)
    (directory / "a.json").write_text(json.dumps(good("first")))
    assert directories.follow(opened, str(store), str(directory)) == ""
    yield directories, directory, cast("SqlitePolicies", opened.policies)
    directories.stop(60)


@settings(
    max_examples=size(8, 500), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(text=FILES, kind=st.sampled_from(("file", "directory", "fifo", "link")))
@example(text=NO_KIND, kind="file")
def test_after_anything_in_a_directory_the_agent_brings_the_next_good_set_into_force(
    followed: tuple[PolicyDirectories, Path, SqlitePolicies], text: str, kind: str
) -> None:
    directories, directory, policies = followed
    looks = directories.looks
    bad = directory / "b.yaml"
    if kind == "directory":
        bad.mkdir()
    elif kind == "fifo":
        os.mkfifo(bad)
    elif kind == "link":
        bad.symlink_to(bad)
    else:
        bad.write_bytes(text.encode("utf-8", "surrogatepass"))
    until(lambda: directories.looks > looks)
    bad.rmdir() if kind == "directory" else bad.unlink()
    name = f"n{uuid4().hex}"
    (directory / "a.json").write_text(json.dumps(good(name)))
    until(lambda: names(policies) == [name])
    until(lambda: [standing.state for standing in directories.standings()] == [IN_FORCE])
    assert health.problem() == ""
