"""What a release wrote into a cluster's store is answered, ended, carried over and never given out again."""

from __future__ import annotations

import contextlib
from ipaddress import ip_address
from typing import TYPE_CHECKING

from podberth.cni.pod import Attachment, PodRef
from podberth.entry import join
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.stores.replica.undelivered import Undelivered
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from tests.released import answers
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.released.conftest import Member

PLUGIN = Actor(who="plugin", why="ADD", node="worker-1")


def taken(member: Member) -> set[str]:
    """Return every address that somebody has, or that is reserved."""
    recorded = member.release.read("answers.json")
    rows = recorded["get reservations"]["items"] + recorded["leases"]["leases"]
    return {row["address"] for row in rows}


def attachment(network: str, container_id: str, ifname: str) -> Attachment:
    return Attachment(network=network, container_id=container_id, ifname=ifname)


def same(member: Member) -> None:
    """Every question is answered as the release answered it; what later releases say besides is left out."""
    recorded = member.release.read("answers.json")
    assert len(recorded) > 200
    asked = answers.answers(member.state)
    assert {question: answers.told_then(asked.get(question), recorded[question]) for question in recorded} == recorded


def test_every_question_is_answered_as_the_release_answered_it(member: Member) -> None:
    same(member)


def test_a_replica_of_the_release_gives_no_answer_that_the_store_does_not_give(in_etcd: Member) -> None:
    in_etcd.release.restore(in_etcd.state, "replica.db")
    same(in_etcd)


def test_a_claim_gets_no_recorded_address(member: Member) -> None:
    claims = [
        Claim(
            attachment=Attachment(network="again", container_id=f"{pool}-{number}", ifname="eth0"),
            pod=PodRef(namespace="bank", name=f"new-{number}", uid="n"),
            netns="/run/netns/new",
            wanted=(Wanted(pool=pool, family=4),),
        )
        for number in range(5)
        for pool in ("db", "oldest")
    ]
    with contextlib.closing(join(str(member.state), staying=False)) as joined:
        given = {str(lease.address) for claim in claims for lease in joined.ledger.bind(claim, PLUGIN)}
    assert len(given) == 10
    assert not given & taken(member)


def test_the_end_of_every_recorded_attachment_ends_its_leases(member: Member) -> None:
    records = SqliteAttachments(Database(str(member.state))).all()
    assert len(records) > 6
    with contextlib.closing(join(str(member.state), staying=False)) as joined:
        for record in records:
            joined.ledger.unbind(record.attachment, PLUGIN)
        left = {lease.attachment.network for lease in joined.ledger.leases()}
        kept = joined.ledger.who(ip_address("10.50.0.11")).reserved_for
    assert left <= {"oldnet"}
    assert kept is not None
    assert str(kept) == "bank/mysql-0"


def test_an_export_comes_into_a_nodes_own_store_with_leases_and_history(member: Member, tmp_path: Path) -> None:
    file = tmp_path / "store.jsonl"
    answers.told(member.state, "export", "-o", str(file))
    answers.told(tmp_path / "own", "import", "store", str(file))
    recorded = member.release.read("answers.json")
    for question in ("leases", "get reservations", "get all", "pool"):
        asked = answers.ask(tmp_path / "own", *question.split())
        assert answers.told_then(asked, recorded[question]) == recorded[question], question
    assert len(answers.ask(tmp_path / "own", "history")["events"]) == len(recorded["history"]["events"])


def test_what_was_journalled_while_etcd_was_away_is_told_to_it(in_etcd: Member) -> None:
    in_etcd.release.restore(in_etcd.state, "replica.db", "journal.db")
    journal = Undelivered(str(in_etcd.state))
    (ended, bound) = [attachment(*(entry.get("of") or entry["claim"]["of"])) for _, entry in journal.entries()]
    with contextlib.closing(join(str(in_etcd.state), staying=True)) as member:
        until(lambda: journal.entries() == (), lambda: f"etcd was not told of {journal.entries()}")
        assert member.ledger.of(ended) == ()
        assert {str(lease.address) for lease in member.ledger.of(bound)} == {"10.50.0.30", "fd00:50::30"}


def test_what_operators_said_of_a_node_is_read_from_etcd(in_etcd: Member) -> None:
    with contextlib.closing(join(str(in_etcd.state), staying=False)) as joined:
        said = [(one.node, one.lifted, one.actor.why) for one in joined.elsewhere.fences()]
    assert said == [("worker-1", False, "burnt, and switched off"), ("worker-1", True, "it was another one")]
