"""Watches, on a real etcd: what they yield while servers die and connections break."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import TryAgainLater
from podberth.stores.etcd.client import Etcd
from podberth.stores.etcd.failures import Compacted
from podberth.stores.etcd.values import Delete, Put, prefix_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.stores.etcd.values import Event
    from podberth.stores.etcd.watch import Watch
    from tests.servers.etcd import EtcdServer
    from tests.servers.proxy import Proxy


def taken(watch: Watch, until: int) -> list[Event]:
    """Return the events that come, up to that revision."""
    events: list[Event] = []
    while watch.seen < until:
        batch = next(watch)
        assert batch.revision == watch.seen
        events += batch.events
    return events


def test_a_watch_yields_each_change_once_in_order(etcd: Etcd, prefix: bytes) -> None:
    start = etcd.put(prefix + b"a", b"1")
    etcd.put(b"/elsewhere" + prefix, b"")
    etcd.txn([], [Put(key=prefix + b"b", value=b"2"), Delete(key=prefix + b"a")])
    with etcd.watch(prefix, start) as watch:
        last = etcd.put(prefix + b"c", b"3")
        events = taken(watch, last)
    assert [(event.kv.key[len(prefix) :], event.kv.value, event.deleted) for event in events] == [
        (b"a", b"1", False),
        (b"b", b"2", False),
        (b"a", b"", True),
        (b"c", b"3", False),
    ]
    assert [event.kv.mod_revision - start for event in events] == [0, 2, 2, 3]
    assert watch.trouble is None


def test_a_batch_never_splits_a_transaction(etcd: Etcd, prefix: bytes) -> None:
    start = etcd.txn([], [Put(key=prefix + b"%d" % number, value=b"x" * 10_000) for number in range(128)]).revision
    with etcd.watch(prefix, start) as watch:
        batch = next(watch)
    assert (batch.revision, len(batch.events)) == (start, 128)


def test_a_watch_continues_what_was_read(etcd: Etcd, prefix: bytes) -> None:
    etcd.put(prefix + b"a", b"1")
    found = etcd.range(prefix, prefix_end(prefix))
    last = etcd.put(prefix + b"a", b"2")
    with etcd.watch(prefix, found.revision + 1) as watch:
        assert [event.kv.value for event in taken(watch, last)] == [b"2"]


def watched_through(
    etcd: Etcd, watcher: Etcd, prefix: bytes, disturb: Callable[[], None], *, rounds: int = 8
) -> tuple[list[bytes], list[bytes]]:
    """Return what was written and what a watch yielded, while `disturb` happened every 50 writes."""
    written = [b"%d" % number for number in range(rounds * 50)]
    start = etcd.put(prefix, b"start")
    reached = threading.Semaphore(0)
    got: list[bytes] = []

    def watch() -> None:
        with watcher.watch(prefix, start + 1) as changes:
            for batch in changes:
                for event in batch.events:
                    got.append(event.kv.value)
                    reached.release()
                if got and got[-1] == written[-1]:
                    return

    thread = threading.Thread(target=watch)
    thread.start()
    for number, value in enumerate(written):
        if number % 50 == 25:
            reached.acquire()  # it is watching: what breaks is not idle
            disturb()
        certainly(etcd, prefix, value)
    thread.join()
    return written, got


def certainly(etcd: Etcd, key: bytes, value: bytes) -> None:
    """Write, once, however often the server goes away."""
    while True:
        try:
            found = etcd.get(key)
            if found is None or found.value != value:
                etcd.put(key, value)
        except TryAgainLater:
            continue
        return


def test_a_watch_loses_and_repeats_nothing_when_its_connection_is_cut(etcd: Etcd, proxy: Proxy, prefix: bytes) -> None:
    with closing(Etcd([proxy.url])) as watcher:
        written, got = watched_through(etcd, watcher, prefix, proxy.cut)
    assert got == written


def test_a_watch_loses_and_repeats_nothing_when_its_server_is_killed(
    etcd: Etcd, etcd_server: EtcdServer, prefix: bytes
) -> None:
    with closing(Etcd([etcd_server.url])) as watcher:
        written, got = watched_through(etcd, watcher, prefix, etcd_server.restart, rounds=3)
    assert got == written


def test_a_watch_goes_on_at_another_endpoint(etcd: Etcd, etcd_server: EtcdServer, proxy: Proxy, prefix: bytes) -> None:
    start = etcd.put(prefix, b"1")
    with closing(Etcd([proxy.url, etcd_server.url])) as client, client.watch(prefix, start) as watch:
        taken(watch, start)
        proxy.refuse()
        last = etcd.put(prefix, b"2")
        assert [event.kv.value for event in taken(watch, last)] == [b"2"]
        proxy.listen()


def test_a_watch_says_what_keeps_it_from_its_server(proxy: Proxy) -> None:
    proxy.refuse()
    with closing(Etcd([proxy.url])) as client, client.watch(b"/", 1) as watch:
        thread = threading.Thread(target=lambda: next(watch, None))
        thread.start()
        while watch.trouble is None:
            time.sleep(0.001)
        watch.close()
        thread.join()
        assert f"etcd at {proxy.url}: the watch broke: " in watch.trouble.message
    proxy.listen()


def test_a_watch_of_changes_that_are_gone_says_so(etcd: Etcd, prefix: bytes) -> None:
    start = etcd.put(prefix, b"1")
    compacted = etcd.put(prefix, b"2")
    etcd.compact(compacted)
    with etcd.watch(prefix, start) as watch:
        with pytest.raises(Compacted) as raised:
            next(watch)
        assert raised.value.revision == compacted
        assert next(watch, None) is None  # it is closed
    with etcd.watch(prefix, compacted) as watch:
        assert [event.kv.value for event in taken(watch, compacted)] == [b"2"]


def test_compaction_of_what_was_seen_does_not_disturb_a_watch(etcd: Etcd, proxy: Proxy, prefix: bytes) -> None:
    start = etcd.put(prefix, b"1")
    with closing(Etcd([proxy.url])) as client, client.watch(prefix, start) as watch:
        taken(watch, start)
        last = etcd.put(prefix, b"2")
        etcd.compact(last)
        proxy.cut()
        assert [event.kv.value for event in taken(watch, last)] == [b"2"]


def test_a_watch_that_was_away_for_too_long_says_so(etcd: Etcd, proxy: Proxy, prefix: bytes) -> None:
    start = etcd.put(prefix, b"1")
    with closing(Etcd([proxy.url])) as client, client.watch(prefix, start) as watch:
        taken(watch, start)
        proxy.refuse()
        etcd.put(prefix, b"2")
        compacted = etcd.put(prefix, b"3")
        etcd.compact(compacted)
        proxy.listen()
        with pytest.raises(Compacted) as raised:
            taken(watch, compacted)
    assert raised.value.revision == compacted
    assert watch.seen == start


@pytest.mark.parametrize("whole", [False, True], ids=["the watch", "its client"])
def test_another_thread_that_closes_ends_a_watch(etcd: Etcd, prefix: bytes, whole: bool) -> None:
    start = etcd.put(prefix, b"1")
    watch = etcd.watch(prefix, start)
    watching = threading.Event()

    def consume() -> None:
        for _ in watch:
            watching.set()

    thread = threading.Thread(target=consume)
    thread.start()
    watching.wait()
    (etcd if whole else watch).close()
    thread.join()
    assert next(watch, None) is None


def test_a_watch_begins_at_a_revision_that_there_can_be(etcd: Etcd) -> None:
    with pytest.raises(ValueError, match="start_revision: expected at least 1, got 0"):
        etcd.watch(b"/", 0)


def test_an_etcd_that_answers_too_early_is_not_asked_how_far_it_is(etcd: Etcd, prefix: bytes) -> None:
    with etcd.watch(prefix, etcd.put(prefix, b"")) as watch:
        assert watch.ask_progress() is False  # it does not run yet
        next(watch)
        assert watch.ask_progress() is (etcd.status().version != "3.4.23")
