"""What the command line answers while the cluster's store is away, on a real etcd that is killed for it."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from podberth.cli.main import main
from podberth.cni.errors import TryAgainLater
from podberth.cni.pod import Attachment, PodRef
from podberth.entry import join, open_node
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.stores.replica.shared import NeverRead
from tests.servers.etcd import EtcdServer
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POOL = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: bank}
spec:
  subnets: [{subnet: 10.20.0.0/24, gateway: 10.20.0.1}]
---
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: db}
spec:
  pod: db
  attachments: [{pool: bank, addresses: [10.20.0.9]}]
"""
AT = Attachment(network="banknet", container_id="c0ffee", ifname="eth0")
WHO = Actor(who="plugin", why="ADD", node="n1")


class Desk:
    """One node's command line."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def __call__(self, *argv: str) -> tuple[int, str, str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main(["--state", str(self.state), *argv])
        return code, out.getvalue(), err.getvalue()

    def json(self, *argv: str) -> tuple[int, dict[str, Any]]:
        code, out, _ = self(*argv, "--json")
        return code, json.loads(out)


@pytest.fixture
def server() -> Iterator[EtcdServer]:
    with EtcdServer() as one:
        yield one


@pytest.fixture
def desk(server: EtcdServer, tmp_path: Path) -> Desk:
    """A node whose ledger is in etcd, with a pool, a declared pod, and that pod's lease."""
    made = Desk(tmp_path / "state")
    assert made("store", "use", "etcd", "--endpoint", server.url, "--node", "n1")[0] == 0
    (tmp_path / "bank.yaml").write_text(POOL)
    assert made("apply", "-f", str(tmp_path / "bank.yaml"))[0] == 0
    node = open_node(str(made.state))
    wanted = (Wanted(pool="bank", family=4),)
    pod = PodRef(namespace="bank", name="db", uid="u1")
    node.ledger.bind(Claim(attachment=AT, pod=pod, netns="/run/netns/gone", wanted=wanted), WHO)
    assert made("pool")[0] == 0
    return made


QUESTIONS = [
    ("who", "10.20.0.9"),
    ("leases",),
    ("pool",),
    ("pool", "show", "bank"),
    ("explain", "bank/db"),
    ("history", "10.20.0.9"),
    ("history", "bank/db"),
    ("get",),
    ("get", "pools"),
    ("get", "reservations"),
    ("store",),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_a_question_about_the_cluster_is_answered_by_the_last_that_is_known(
    desk: Desk, server: EtcdServer, question: tuple[str, ...]
) -> None:
    before, was = desk.json(*question)
    assert (before, was.get("asOf")) == (0, None)
    assert "away" not in was
    server.kill()
    code, found = desk.json(*question)
    assert code == 6
    assert found.pop("asOf") == found["as_of"]
    assert found.pop("as_of").startswith("20")
    assert "the connection was refused" in found.pop("away")
    if question[0] not in ("history", "store", "who"):
        assert found == was
    code, table, _ = desk(*question)
    assert code == 6
    assert "as of 20" in table
    assert "the store is away" in table


@pytest.mark.parametrize(
    ("question", "exits"),
    [
        (("explain", "bank/a"), 1),
        (("explain", "bank/a", "--ifname", "net1"), 1),
        (("who", "10.99.0.1"), 3),
        (("pool", "show", "other"), 3),
        (("leases", "--pool", "other"), 3),
        (("history", "bank/nobody"), 3),
    ],
    ids=str,
)
def test_a_refusal_and_a_none_there_is_are_the_last_that_is_known_too(
    desk: Desk, server: EtcdServer, question: tuple[str, ...], exits: int
) -> None:
    before, was = desk.json(*question)
    assert before == exits
    server.kill()
    code, found = desk.json(*question)
    assert (code, found["code"], found["msg"]) == (6, was["code"], was["msg"])
    assert found["details"].startswith("as of 20")
    code, out, err = desk(*question)
    assert (code, out) == (6, "")
    assert "as of 20" in err
    assert "the store is away" in err


def test_what_an_add_would_be_refused_is_the_last_that_is_known_too(desk: Desk, server: EtcdServer) -> None:
    conf = desk.state.parent / "net.json"
    said = {"cniVersion": "1.1.0", "name": "banknet", "type": "podberth", "bridge": "bank0", "pool": "bank"}
    conf.write_text(json.dumps({**said, "undeclared": "refuse"}))
    question = ("explain", "bank/b", "--config", str(conf))
    before, was = desk.json(*question)
    assert (before, was["interfaces"][0]["refusal"] is not None) == (1, True)
    server.kill()
    code, found = desk.json(*question)
    assert (code, found["interfaces"]) == (6, was["interfaces"])
    assert found["asOf"].startswith("20")


def test_history_says_that_the_last_event_of_each_address_is_all_that_is_known(desk: Desk, server: EtcdServer) -> None:
    server.kill()
    _, found = desk.json("history", "10.20.0.9")
    assert [event["kind"] for event in found["events"]] == ["Bound"]
    assert "only the last event of each address is known here" in desk("history", "10.20.0.9")[1]


def test_who_had_an_address_before_its_last_event_is_not_guessed(desk: Desk, server: EtcdServer) -> None:
    server.kill()
    code, out, err = desk("who", "10.20.0.9", "--at", "2020-01-01")
    assert (code, out) == (1, "")
    assert "in the cluster's store alone, which is away" in err
    code, found = desk.json("who", "10.20.0.9", "--at", "0s ago")
    assert (code, found["pod"]) == (6, "bank/db")


@pytest.mark.parametrize("question", [("get", "attachments"), ("check",), ("gc", "--gone", "--dry-run")], ids=" ".join)
def test_a_question_about_the_node_is_answered_as_ever(
    desk: Desk, server: EtcdServer, question: tuple[str, ...]
) -> None:
    before, was = desk.json(*question)
    server.kill()
    code, found = desk.json(*question)
    assert code == before
    assert found.items() >= was.items()


def test_gc_takes_back_what_is_gone_and_the_store_hears_of_it_later(desk: Desk, server: EtcdServer) -> None:
    server.kill()
    code, found = desk.json("gc", "--gone", "--yes")
    assert (code, len(found["collected"])) == (0, 1)
    server.start()
    member = join(str(desk.state), staying=True)
    try:
        until(lambda: not member.ledger.leases(), "the lease has not ended")
    finally:
        member.close()


def test_yaml_says_in_a_comment_that_it_is_the_last_that_is_known(desk: Desk, server: EtcdServer) -> None:
    server.kill()
    code, out, _ = desk("get", "-o", "yaml")
    assert code == 6
    assert out.startswith("# as of 20")


@pytest.mark.parametrize(
    "change",
    [
        ("reserve", "bank/other", "10.20.0.50"),
        ("release", "10.20.0.9"),
        ("delete", "pool", "bank"),
        ("fence", "n2", "--why", "burnt"),
        ("export", "--csv"),
        ("export",),
    ],
    ids=" ".join,
)
def test_a_change_and_an_export_are_refused_with_the_cause(
    desk: Desk, server: EtcdServer, change: tuple[str, ...]
) -> None:
    server.kill()
    code, out, err = desk(*change)
    assert (code, out) == (1, "")
    assert "the connection was refused" in err
    assert "whether the server runs there" in err


def test_an_export_in_an_outage_leaves_no_file(desk: Desk, server: EtcdServer, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    server.kill()
    for sheet in ((), ("--csv",)):
        assert desk("export", *sheet, "-o", str(folder / "store.jsonl"))[0] == 1
    assert list(folder.iterdir()) == []


def test_which_nodes_are_fenced_is_told_by_the_last_that_is_known(
    desk: Desk, server: EtcdServer, tmp_path: Path
) -> None:
    other = Desk(tmp_path / "other")
    assert other("store", "use", "etcd", "--endpoint", server.url, "--node", "n2")[0] == 0
    join(str(other.state), staying=False).identity.refresh()
    assert desk("fence", "n2", "--why", "burnt", "--cut-running-pods")[0] == 0
    before, was = desk.json("fence")
    assert (before, [one["node"] for one in was["fences"]]) == (0, ["n2"])
    server.kill()
    code, found = desk.json("fence")
    assert (code, found["fences"]) == (6, was["fences"])
    assert found["asOf"].startswith("20")
    assert "the connection was refused" in found["away"]
    code, table, _ = desk("fence")
    assert (code, "as of 20" in table, "burnt" in table) == (6, True, True)
    assert desk("unfence", "n2", "--why", "repaired")[0] == 1
    assert other("fence")[0] == 1  # which has never heard of it


def test_what_was_written_down_of_fences_and_can_not_be_read_is_not_taken_for_none(
    desk: Desk, server: EtcdServer
) -> None:
    assert desk("fence")[0] == 0
    for text in ("", "[]", '{"time": 1, "fences": [{}]}', "[" * 100_000):
        (desk.state / "fences.json").write_text(text)
        server.kill()
        assert desk("fence")[0] == 1
    server.start()
    assert desk.json("fence") == (0, {"fences": []})


def test_a_node_that_never_read_the_store_says_so_and_not_that_a_pool_is_missing(
    server: EtcdServer, tmp_path: Path
) -> None:
    fresh = Desk(tmp_path / "fresh")
    fresh("store", "use", "etcd", "--endpoint", server.url, "--node", "n2")
    server.kill()
    for question in QUESTIONS:
        code, out, err = fresh(*question)
        assert (code, out) == (1, "")
        assert "this node has not read the cluster's store yet: " in err
        assert "the connection was refused" in err
    member = join(str(fresh.state), staying=True)
    try:
        with pytest.raises(NeverRead, match=r"has not read the cluster's store yet: .*refused") as raised:
            member.policies.pool("bank")
        assert isinstance(raised.value, TryAgainLater)
        with pytest.raises(NeverRead):
            member.ledger.leases()
        assert member.ledger.unbind(AT, WHO) == ()
        server.start()
        until(lambda: member.policies.pools() == (), "never")
    except NeverRead:
        pass
    finally:
        member.close()
