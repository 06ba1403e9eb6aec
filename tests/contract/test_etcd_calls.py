"""Transactions and reads, on a real etcd."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed, TryAgainLater
from podberth.stores.etcd.change import change
from podberth.stores.etcd.client import PAGE
from podberth.stores.etcd.failures import Compacted
from podberth.stores.etcd.values import Compare, Delete, Found, Get, KeyValue, Put, prefix_end

if TYPE_CHECKING:
    from podberth.stores.etcd.client import Etcd
    from podberth.stores.etcd.values import Sign, What


def absent(key: bytes, end: bytes = b"") -> Compare:
    return Compare(key=key, end=end, what="create_revision", to=0)


def test_a_transaction_does_one_branch_as_one_change(etcd: Etcd, prefix: bytes) -> None:
    key = prefix + b"a"
    first = etcd.txn([absent(key)], [Put(key=key, value=b"1"), Get(key=key)], [Delete(key=key)])
    made = KeyValue(key=key, value=b"1", create_revision=first.revision, mod_revision=first.revision, version=1)
    assert first.succeeded
    assert first.answers == (None, Found(revision=first.revision, kvs=(made,)))
    second = etcd.txn([absent(key)], [Put(key=key, value=b"2")], [Get(key=key), Delete(key=key), Get(key=key)])
    assert not second.succeeded
    # What is read before the first write is of the revision before it.
    assert second.answers == (Found(revision=first.revision, kvs=(made,)), 1, Found(revision=second.revision, kvs=()))
    assert etcd.get(key) is None
    assert etcd.get(key, revision=first.revision) == made


@pytest.mark.parametrize(
    ("what", "sign", "to", "holds"),
    [
        ("version", "=", 2, True),
        ("version", "=", 1, False),
        ("version", ">", 1, True),
        ("version", "<", 2, False),
        ("version", "!=", 2, False),
        ("value", "=", b"new", True),
        ("value", "!=", b"old", True),
        ("value", "<", b"nex", True),
        ("create_revision", "=", 0, False),
        ("mod_revision", ">", 0, True),
    ],
)
def test_a_compare_holds_if_the_key_is_so(
    etcd: Etcd, prefix: bytes, what: What, sign: Sign, to: int | bytes, holds: bool
) -> None:
    etcd.put(prefix, b"old")
    etcd.put(prefix, b"new")
    assert etcd.txn([Compare(key=prefix, what=what, sign=sign, to=to)], []).succeeded is holds


def test_create_and_mod_revision_are_those_of_the_first_and_the_last_write(etcd: Etcd, prefix: bytes) -> None:
    first, last = etcd.put(prefix, b"1"), etcd.put(prefix, b"2")
    compares = [
        Compare(key=prefix, what="create_revision", to=first),
        Compare(key=prefix, what="mod_revision", to=last),
    ]
    assert etcd.txn(compares, []).succeeded


def test_all_compares_must_hold(etcd: Etcd, prefix: bytes) -> None:
    etcd.put(prefix, b"")
    assert not etcd.txn([absent(prefix + b"x"), absent(prefix)], []).succeeded


def test_an_empty_range_has_zeros_and_no_value(etcd: Etcd, prefix: bytes) -> None:
    end = prefix_end(prefix)
    assert etcd.txn([absent(prefix, end)], []).succeeded
    assert etcd.txn([Compare(key=prefix, end=end, what="mod_revision", sign="<", to=1)], []).succeeded
    assert not etcd.txn([Compare(key=prefix, end=end, what="value", to=b"")], []).succeeded
    assert not etcd.txn([Compare(key=prefix, end=end, what="value", sign="!=", to=b"x")], []).succeeded


def test_a_compare_of_a_range_holds_if_it_does_for_each_key(etcd: Etcd, prefix: bytes) -> None:
    end = prefix_end(prefix)
    seen = [etcd.put(prefix + name, b"") for name in (b"a", b"b")][-1]
    unchanged = Compare(key=prefix, end=end, what="mod_revision", sign="<", to=seen + 1)
    assert not etcd.txn([absent(prefix, end)], []).succeeded
    assert etcd.txn([unchanged], []).succeeded
    etcd.put(prefix + b"c", b"")
    assert not etcd.txn([unchanged], []).succeeded


def test_one_of_many_that_claim_the_same_key_gets_it(etcd: Etcd, prefix: bytes) -> None:
    def claim(who: int) -> list[int]:
        keys = [prefix + b"%d" % number for number in range(25)]
        return [
            number
            for number, key in enumerate(keys)
            if etcd.txn([absent(key)], [Put(key=key, value=b"%d" % who)]).succeeded
        ]

    with ThreadPoolExecutor(16) as pool:
        claimed = list(pool.map(claim, range(16)))
    owners = {number: who for who, numbers in enumerate(claimed) for number in numbers}
    assert sorted(number for numbers in claimed for number in numbers) == list(range(25))
    found = etcd.range(prefix, prefix_end(prefix)).kvs
    assert {int(kv.key.removeprefix(prefix)): int(kv.value) for kv in found} == owners


def test_a_key_may_be_written_once_in_a_transaction(etcd: Etcd, prefix: bytes) -> None:
    with pytest.raises(StoreFailed, match=r"etcd at http://.* refused: etcdserver: duplicate key"):
        etcd.txn([], [Put(key=prefix, value=b"1"), Put(key=prefix, value=b"2")])


def test_a_range_is_one_revision_while_others_write(etcd: Etcd, prefix: bytes) -> None:
    end = prefix_end(prefix)
    names = [b"%06d" % number for number in range(PAGE + 500)]
    for start in range(0, len(names), 100):
        etcd.txn([], [Put(key=prefix + name, value=b"before") for name in names[start : start + 100]])
    pages = etcd.pages(prefix, end)
    first = next(pages)
    etcd.delete(prefix + names[-1])
    etcd.txn([], [Put(key=prefix + names[-2], value=b"after"), Put(key=prefix + b"new", value=b"")])
    (second,) = pages
    assert [kv.key for page in (first, second) for kv in page.kvs] == [prefix + name for name in names]
    assert {kv.value for kv in second.kvs} == {b"before"}
    assert (first.revision, first.more) == (second.revision, True)
    assert not second.more
    again = etcd.range(prefix, end, revision=first.revision)
    assert again == Found(revision=first.revision, kvs=first.kvs + second.kvs)


def test_a_range_is_no_longer_than_its_limit(etcd: Etcd, prefix: bytes) -> None:
    for name in (b"a", b"b", b"c"):
        etcd.put(prefix + name, b"v")
    found = etcd.range(prefix, prefix_end(prefix), limit=2, keys_only=True)
    assert [(kv.key, kv.value) for kv in found.kvs] == [(prefix + b"a", b""), (prefix + b"b", b"")]
    assert found.more
    assert etcd.range(prefix, prefix_end(prefix), limit=3).more is False


def test_deleting_says_how_many_there_were(etcd: Etcd, prefix: bytes) -> None:
    etcd.put(prefix + b"a", b"")
    etcd.put(prefix + b"b", b"")
    assert etcd.delete(prefix + b"a") == 1
    assert etcd.delete(prefix, prefix_end(prefix)) == 1
    assert etcd.delete(prefix, prefix_end(prefix)) == 0


def test_what_was_compacted_can_not_be_read(etcd: Etcd, prefix: bytes) -> None:
    old = etcd.put(prefix, b"1")
    now = etcd.put(prefix, b"2")
    etcd.compact(now)
    etcd.compact(now)  # the second time there is nothing to do
    with pytest.raises(Compacted, match=f"has compacted revision {old}") as raised:
        etcd.get(prefix, revision=old)
    assert raised.value.revision == old
    assert etcd.get(prefix) is not None


def test_the_future_can_not_be_compacted(etcd: Etcd) -> None:
    with pytest.raises(StoreFailed, match="future revision"):
        etcd.compact(etcd.status().revision + 1000)


def test_a_member_says_how_it_is(etcd: Etcd, prefix: bytes) -> None:
    revision = etcd.put(prefix, b"")
    status = etcd.status()
    assert status.member == status.leader != 0
    assert status.revision >= revision
    assert status.size >= status.size_in_use > 0
    assert status.errors == ()


def test_a_client_that_was_closed_connects_again(etcd: Etcd, prefix: bytes) -> None:
    etcd.put(prefix, b"1")
    etcd.close()
    found = etcd.get(prefix)
    assert found is not None
    assert found.value == b"1"


def test_a_forked_process_has_connections_of_its_own(etcd: Etcd, prefix: bytes) -> None:
    etcd.put(prefix, b"parent")
    child = os.fork()
    if child == 0:
        try:
            etcd.put(prefix, b"child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    found = etcd.get(prefix)
    assert found is not None
    assert found.value == b"child"


def test_a_change_is_decided_anew_until_nobody_was_faster(etcd: Etcd, prefix: bytes) -> None:
    def one_more(found: KeyValue | None) -> tuple[bytes | None, int]:
        count = int(found.value) if found is not None else 0
        if count < 3:
            etcd.txn([], [Put(key=prefix, value=b"%d" % (count + 1))])  # another is faster
        return b"%d" % (count + 1), count + 1

    assert change(etcd, prefix, one_more, "busy") == 4
    kept = etcd.get(prefix)
    assert kept is not None
    assert kept.value == b"4"
    assert change(etcd, prefix, lambda found: (None, found), "busy") == kept
    assert etcd.get(prefix) == kept


def test_a_change_that_others_overtake_every_time_is_to_be_done_again(etcd: Etcd, prefix: bytes) -> None:
    def late(_: KeyValue | None) -> tuple[bytes | None, None]:
        etcd.txn([], [Put(key=prefix, value=b"theirs")])
        return b"mine", None

    with pytest.raises(TryAgainLater, match="somebody is at it"):
        change(etcd, prefix, late, "somebody is at it")
    kept = etcd.get(prefix)
    assert kept is not None
    assert kept.value == b"theirs"
