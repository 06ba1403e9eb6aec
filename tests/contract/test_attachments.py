"""The node's memory of its attachments, whatever happens to the process that writes it."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed
from podberth.cni.pod import PodRef
from podberth.cni.value import replace
from podberth.net import ops
from podberth.net.facts import NetnsId
from podberth.net.record import Record, RecordKey
from podberth.net.step import INDEX, Step
from podberth.stores.sqlite.attachments import SqliteAttachments
from podberth.stores.sqlite.database import Database
from tests.contract.ledgers import NOON, attachment

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.net.attachments import Attachments

STEPS = (
    Step(op=ops.CreateVeth(name="veth1", netns="/run/netns/a", ifname="eth0"), before=(("bridge", "absent"),)),
    Step(
        op=ops.AddAddress(netns="/run/netns/a", ifname="eth0", address=ip_interface("10.20.0.9/24")),
        before=(("é", '"'), ("empty", "")),
    ),
)
RECORD = Record(
    attachment=attachment("1"),
    pod=PodRef(namespace="db", name="mysql-0", uid="u"),
    netns="/run/netns/a",
    netns_id=NetnsId(device=4, inode=4026532571),
    steps=STEPS,
    done=False,
    since=NOON,
)


@pytest.fixture
def attachments(tmp_path: Path) -> Attachments:
    return reopened(tmp_path)


def reopened(directory: Path) -> Attachments:
    return SqliteAttachments(Database(str(directory)))


def test_an_intent_is_there_for_the_next_process(attachments: Attachments, tmp_path: Path) -> None:
    attachments.open(RECORD)
    assert reopened(tmp_path).find(RECORD.key) == RECORD
    assert reopened(tmp_path).all() == (RECORD,)


def test_a_record_that_is_done_says_so(attachments: Attachments, tmp_path: Path) -> None:
    attachments.open(RECORD)
    attachments.done(RECORD.key)
    assert reopened(tmp_path).find(RECORD.key) == replace(RECORD, done=True)


def test_a_record_that_is_done_knows_the_indexes_of_the_links_that_were_made(
    attachments: Attachments, tmp_path: Path
) -> None:
    attachments.open(RECORD)
    attachments.done(RECORD.key, {0: "7"})
    known = replace(STEPS[0], before=(*STEPS[0].before, (INDEX, "7")))
    assert reopened(tmp_path).find(RECORD.key) == replace(RECORD, done=True, steps=(known, STEPS[1]))


def test_a_record_whose_del_is_answered_says_so_with_the_steps_that_are_left(
    attachments: Attachments, tmp_path: Path
) -> None:
    attachments.open(RECORD)
    attachments.done(RECORD.key)
    attachments.removing(RECORD.key, RECORD.steps[:1])
    left = replace(RECORD, steps=RECORD.steps[:1], done=False, removing=True)
    assert reopened(tmp_path).find(RECORD.key) == left


def test_a_record_of_no_pod_and_no_steps_comes_back(attachments: Attachments) -> None:
    bare = replace(RECORD, pod=None, steps=())
    attachments.open(bare)
    assert attachments.find(bare.key) == bare


def test_an_intent_replaces_nothing(attachments: Attachments) -> None:
    attachments.open(RECORD)
    with pytest.raises(StoreFailed, match="banknet/1/eth0 has a record already"):
        attachments.open(replace(RECORD, steps=()))
    assert attachments.find(RECORD.key) == RECORD


def test_what_has_no_record_can_not_be_done(attachments: Attachments) -> None:
    with pytest.raises(StoreFailed, match="banknet/1/eth0 has no record"):
        attachments.done(RECORD.key)
    assert attachments.all() == ()


def test_closing_forgets_and_a_second_time_is_nothing(attachments: Attachments) -> None:
    attachments.open(RECORD)
    for _ in range(2):
        attachments.close(RECORD.key)
        assert attachments.find(RECORD.key) is None
    attachments.open(RECORD)
    assert attachments.all() == (RECORD,)


def test_records_are_by_network_container_and_interface(attachments: Attachments) -> None:
    keys = [attachment("1"), attachment("1", "net1"), attachment("2"), attachment("1", network="other")]
    records = [replace(RECORD, attachment=key, since=NOON + n) for n, key in enumerate(keys)]
    for record in reversed(records):
        attachments.open(record)
    assert attachments.all() == tuple(records)
    assert attachments.all("banknet") == tuple(records[:3])
    of_one = records[0].attachment.container_id
    assert attachments.all(container_id=of_one) == tuple(r for r in records if r.attachment.container_id == of_one)
    assert attachments.all("none") == ()
    attachments.close(records[0].key)
    assert attachments.all() == tuple(records[1:])


def test_each_plugin_of_a_chain_has_a_record_of_its_own(attachments: Attachments, tmp_path: Path) -> None:
    types = ("sriov", "tuning", "tuning", "sbr")
    chain = [
        replace(RECORD, type=kind, n=n, since=NOON + place, leases=place == 0, conf=f'{{"type": "{kind}"}}')
        for place, (kind, n) in enumerate(zip(types, (0, 0, 1, 0), strict=True))
    ]
    for record in reversed(chain):
        attachments.open(record)
    other = reopened(tmp_path)
    assert other.of(RECORD.attachment) == other.all() == tuple(chain)
    attachments.done(chain[1].key)
    attachments.removing(chain[2].key, ())
    attachments.close(chain[3].key)
    assert [(each.done, each.removing) for each in other.of(RECORD.attachment)] == [
        (False, False), (True, False), (False, True),
    ]  # fmt: skip
    assert other.find(chain[3].key) is None
    assert other.of(attachment("2")) == ()


def with_device(container: str, device: str) -> Record:
    """Return a record that speaks of a virtual function."""
    step = Step(op=ops.ConfigureVf(device=device, pf="eth0", index=0, vlan=100), before=(("vlan", "0"),))
    return replace(RECORD, attachment=attachment(container), steps=(step,), conf='{"name": "banknet"}')


def test_a_device_is_one_records_at_a_time(attachments: Attachments, tmp_path: Path) -> None:
    mine = with_device("1", "0000:01:10.0")
    attachments.open(mine)
    assert reopened(tmp_path).holder("0000:01:10.0") == mine
    with pytest.raises(StoreFailed, match=r"0000:01:10\.0 is recorded as"):
        attachments.open(with_device("2", "0000:01:10.0"))
    assert attachments.all() == (mine,)
    attachments.close(mine.key)
    assert attachments.holder("0000:01:10.0") is None
    attachments.open(with_device("2", "0000:01:10.0"))


def test_each_device_of_a_record_with_several_is_its_alone(attachments: Attachments, tmp_path: Path) -> None:
    first, second = "0000:01:10.0", "0000:02:10.0"
    mine = with_device("1", first)
    mine = replace(mine, steps=(*mine.steps, *with_device("1", second).steps))
    attachments.open(mine)
    assert mine.devices == (first, second)
    assert [reopened(tmp_path).holder(device) for device in (first, second)] == [mine, mine]
    assert attachments.holder("0000:02:10") is attachments.holder("10.0") is attachments.holder(" ") is None
    for taken in (first, second):
        with pytest.raises(StoreFailed, match=f"{taken} is recorded as"):
            attachments.open(with_device("2", taken))
        both = with_device("3", "0000:01:10.6")
        with pytest.raises(StoreFailed, match=f"{taken} is recorded as"):
            attachments.open(replace(both, steps=(*both.steps, *with_device("3", taken).steps)))
    assert attachments.all() == (mine,)
    attachments.close(mine.key)
    for container, device in (("2", second), ("3", first)):
        attachments.open(with_device(container, device))


def test_several_are_forgotten_at_once(attachments: Attachments) -> None:
    others = [replace(RECORD, attachment=attachment(name)) for name in ("2", "3")]
    for record in (RECORD, *others):
        attachments.open(record)
    attachments.close(RECORD.key, others[1].key, RecordKey(attachment=attachment("nobody")))
    assert attachments.all() == (others[0],)


def test_records_without_a_device_hold_none(attachments: Attachments) -> None:
    attachments.open(RECORD)
    attachments.open(replace(RECORD, attachment=attachment("2")))
    assert attachments.holder("") is None


def test_revised_steps_are_there_for_the_next_process(attachments: Attachments, tmp_path: Path) -> None:
    mine = with_device("1", "0000:01:10.0")
    attachments.open(mine)
    steps = (replace(mine.steps[0], op=replace(mine.steps[0].op, vlan=200)),)
    attachments.revise(mine.key, steps)
    assert reopened(tmp_path).find(mine.key) == replace(mine, steps=steps)


def test_there_is_nothing_to_revise_without_a_record(attachments: Attachments) -> None:
    with pytest.raises(StoreFailed, match="has no record"):
        attachments.revise(RECORD.key, STEPS)


def test_labels_are_exactly_those_given_last(attachments: Attachments, tmp_path: Path) -> None:
    attachments.label("0000:01:10.0", ("fast", "left"))
    attachments.label("0000:01:10.2", ("left",))
    attachments.label("0000:01:10.0", ("right", "fast", "fast"))
    assert reopened(tmp_path).labels() == {"0000:01:10.0": ("fast", "right"), "0000:01:10.2": ("left",)}
    attachments.label("0000:01:10.0", ())
    assert attachments.labels() == {"0000:01:10.2": ("left",)}
