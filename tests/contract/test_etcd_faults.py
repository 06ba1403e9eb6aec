"""What a call comes to when servers die and connections break, on a real etcd behind a proxy that breaks them."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import InvalidConfig, TryAgainLater
from podberth.stores.etcd.client import Etcd
from podberth.stores.etcd.failures import Unknown
from podberth.stores.etcd.values import Compare, Get, Put
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.etcd import EtcdServer
    from tests.servers.proxy import Proxy


@pytest.fixture
def cut_off(proxy: Proxy) -> Iterator[Etcd]:
    """A client that reaches etcd through the proxy alone."""
    with closing(Etcd([proxy.url])) as client:
        yield client


@pytest.mark.parametrize(
    ("write", "changes"),
    [
        (lambda client, key: client.put(key, b"new"), 1),
        (lambda client, key: client.txn([Compare(key=key, what="value", to=b"old")], [Put(key=key, value=b"new")]), 1),
        (lambda client, key: client.txn([], [Get(key=key)], [Put(key=key, value=b"new")]), 0),
        (lambda client, key: client.delete(key), 1),
    ],
    ids=["put", "txn", "txn that could have", "delete"],
)
def test_a_write_whose_answer_is_lost_is_unknown_and_was_done_once(
    etcd: Etcd, cut_off: Etcd, proxy: Proxy, prefix: bytes, write: Callable[[Etcd, bytes], object], changes: int
) -> None:
    before = etcd.put(prefix, b"old")
    cut_off.status()
    proxy.lose_next_answer()
    with pytest.raises(
        Unknown, match=f"etcd at {proxy.url} did not answer a write, which may have been done"
    ) as raised:
        write(cut_off, prefix)
    assert raised.value.code == TryAgainLater.code
    assert raised.value.details.startswith("read before writing again")
    assert etcd.status().revision - before == changes
    cut_off.status()


def test_a_write_whose_answer_is_lost_goes_to_no_other_endpoint(
    etcd: Etcd, proxy: Proxy, etcd_server: EtcdServer, prefix: bytes
) -> None:
    with closing(Etcd([proxy.url, etcd_server.url])) as client:
        client.status()
        proxy.lose_next_answer()
        with pytest.raises(Unknown):
            client.put(prefix, b"once")
    found = etcd.get(prefix)
    assert found is not None
    assert found.version == 1


@pytest.mark.parametrize(
    "read",
    [
        lambda client, key: client.get(key).value,
        lambda client, key: client.txn([], [Get(key=key)]).answers[0].kvs[0].value,
    ],
    ids=["get", "txn"],
)
def test_a_read_whose_answer_is_lost_is_made_elsewhere(
    etcd: Etcd, proxy: Proxy, etcd_server: EtcdServer, prefix: bytes, read: Callable[[Etcd, bytes], bytes]
) -> None:
    etcd.put(prefix, b"there")
    with closing(Etcd([proxy.url, etcd_server.url])) as client:
        client.status()
        proxy.lose_next_answer()
        assert read(client, prefix) == b"there"
    assert proxy.lost.is_set()


def test_a_dead_endpoint_is_passed_over_by_reads_and_writes(etcd: Etcd, etcd_server: EtcdServer, prefix: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as dead:
        url = f"http://127.0.0.1:{dead.getsockname()[1]}"
    for first in (url, "http://no-such-host.invalid:2379"):
        with closing(Etcd([first, etcd_server.url])) as client:
            client.put(prefix, b"v")
        with closing(Etcd([first, etcd_server.url])) as client:
            assert client.get(prefix) == etcd.get(prefix) is not None


def test_an_endpoint_that_takes_connections_and_is_silent_is_passed_over(
    etcd_server: EtcdServer, prefix: bytes
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        closing(Etcd([f"http://127.0.0.1:{silent.getsockname()[1]}", etcd_server.url])) as client,
    ):
        client.put(prefix, b"v")
        assert client.get(prefix) is not None


def test_when_no_endpoint_answers_each_is_named_with_its_reason(proxy: Proxy) -> None:
    proxy.refuse()
    try:
        with (
            closing(Etcd([proxy.url, "http://no-such-host.invalid:2379"])) as client,
            pytest.raises(TryAgainLater) as raised,
        ):
            client.put(b"k", b"v")
    finally:
        proxy.listen()
    assert not isinstance(raised.value, Unknown)
    assert f"{proxy.url}: " in raised.value.message
    assert "Connection refused" in raised.value.message
    assert "http://no-such-host.invalid:2379: its name can't be resolved" in raised.value.message
    assert raised.value.details


def test_a_client_survives_its_server(cut_off: Etcd, etcd: Etcd, etcd_server: EtcdServer, prefix: bytes) -> None:
    cut_off.put(prefix, b"before")
    etcd_server.kill()
    with pytest.raises(TryAgainLater):
        etcd.get(prefix)
    etcd_server.start()
    for client in (etcd, cut_off):
        assert until_it_answers(client, prefix) == b"before"


def until_it_answers(client: Etcd, key: bytes) -> bytes:
    while True:
        try:
            found = client.get(key)
        except TryAgainLater:
            continue
        assert found is not None
        return found.value


def test_threads_that_count_together_lose_nothing_to_cuts(
    cut_off: Etcd, etcd: Etcd, proxy: Proxy, prefix: bytes
) -> None:
    """Each writes keys of its own; whoever isn't answered reads what became of it, and goes on from there."""

    def count(who: int) -> int:
        unknown = 0
        key = prefix + b"%d" % who
        for number in range(1, 21):
            if who == 0:
                proxy.lose_next_answer()
            while True:
                try:
                    cut_off.txn([Compare(key=key, what="version", to=number - 1)], [Put(key=key, value=b"%d" % number)])
                    break
                except TryAgainLater as failure:
                    unknown += isinstance(failure, Unknown)
                    found = etcd.get(key)
                    if found is not None and found.version == number:
                        break
        return unknown

    with ThreadPoolExecutor(16) as pool:
        unknown = sum(pool.map(count, range(16)))
    assert unknown > 0
    for who in range(16):
        found = etcd.get(prefix + b"%d" % who)
        assert found is not None
        assert (found.value, found.version) == (b"20", 20)


@pytest.mark.parametrize(
    ("endpoints", "complaint"),
    [
        ([], "etcd.endpoints: expected at least one URL"),
        (["http://a:2379", "a:2379"], "etcd.endpoints[1]: expected a URL as 'https://etcd-1:2379', got 'a:2379'"),
    ],
)
def test_a_wrong_endpoint_is_named(endpoints: list[str], complaint: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        Etcd(endpoints)
    assert raised.value.message == complaint


def test_a_server_that_is_slow_to_take_a_connection_is_waited_for_within_the_time_of_a_call(
    etcd_server: EtcdServer, etcd: Etcd, prefix: bytes
) -> None:
    with closing(Etcd([etcd_server.url], timeout=PATIENCE)) as client, ThreadPoolExecutor(1) as pool:
        etcd_server.freeze()
        try:
            call = pool.submit(client.put, prefix, b"v")
            assert not wait([call], timeout=2).done  # by itself gRPC gives up after one second
        finally:
            etcd_server.thaw()
        call.result()
    assert etcd.get(prefix) is not None


def test_a_write_to_a_server_that_never_takes_the_connection_certainly_was_not_sent() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        closing(Etcd([f"http://127.0.0.1:{silent.getsockname()[1]}"], timeout=10)) as client,
        pytest.raises(TryAgainLater) as raised,
    ):
        client.put(b"k", b"v")
    assert not isinstance(raised.value, Unknown)
