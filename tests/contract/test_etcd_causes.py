"""Why an etcd can't be reached: each cause has words and a remedy of its own, found on real servers."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError
from podberth.stores.etcd.client import Etcd
from tests.servers.certificates import Certificates, Pair, certificates, dated
from tests.servers.etcd import EtcdServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAST = ("20200101000000Z", "20210101000000Z")
TODAY = ("20200101000000Z", "20910101000000Z")
FUTURE = ("20900101000000Z", "20910101000000Z")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("causes")


@pytest.fixture(scope="module")
def ours(folder: Path) -> Certificates:
    return certificates(folder)


@pytest.fixture(scope="module")
def secure(ours: Certificates) -> Iterator[EtcdServer]:
    with EtcdServer(ours) as server:
        yield server


SOME = 15.0  # seconds: a part of them is for finding out why there is no answer, on a busy machine too


def refusal(url: str, ca: Pair | None = None, client: Pair | None = None, key: str | None = None) -> CniError:
    given = {
        "ca": ca.cert if ca else None,
        "cert": client.cert if client else None,
        "key": key or (client.key if client else None),
    }
    with closing(Etcd([url], **given, timeout=SOME)) as etcd, pytest.raises(CniError) as raised:
        etcd.get(b"k")
    return raised.value


@pytest.mark.parametrize(
    ("dates", "what", "remedy"),
    [(PAST, "has expired", "renew the server's certificate"), (FUTURE, "is not yet valid", "clock")],
    ids=["expired", "not yet valid"],
)
def test_a_server_whose_certificate_is_of_another_time_is_told_so(
    ours: Certificates, folder: Path, dates: tuple[str, str], what: str, remedy: str
) -> None:
    shown = dated(folder, ours.ca, f"server-{dates[0]}", *dates)
    with EtcdServer(Certificates(ca=ours.ca, server=shown, client=ours.client)) as server:
        told = refusal(server.url, ours.ca, ours.client)
    assert f"its certificate {what}" in told.message
    assert remedy in told.details


@pytest.mark.parametrize(
    ("dates", "what"), [(PAST, "has expired"), (FUTURE, "is not yet valid")], ids=["expired", "not yet valid"]
)
def test_a_client_whose_own_certificate_is_of_another_time_is_told_so(
    secure: EtcdServer, ours: Certificates, folder: Path, dates: tuple[str, str], what: str
) -> None:
    told = refusal(secure.url, ours.ca, dated(folder, ours.ca, f"client-{dates[0]}", *dates, hosts=""))
    assert f"this client's certificate {what}" in told.message
    assert "clock" in told.details or "renew the client's certificate" in told.details


@pytest.mark.parametrize(
    ("hosts", "host", "what"),
    [("DNS:localhost", "127.0.0.1", "for another address"), ("IP:127.0.0.1", "localhost", "for another host name")],
)
def test_a_certificate_for_another_host_is_told_so(
    ours: Certificates, folder: Path, hosts: str, host: str, what: str
) -> None:
    shown = dated(folder, ours.ca, f"for-{hosts[:3]}", *TODAY, hosts=hosts)
    with EtcdServer(Certificates(ca=ours.ca, server=shown, client=ours.client)) as server:
        told = refusal(f"https://{host}:{server.port}", ours.ca, ours.client)
    assert f"its certificate is {what}" in told.message
    assert "name the server as its certificate does" in told.details


def test_an_unknown_authority_is_told_so(secure: EtcdServer, ours: Certificates, folder: Path) -> None:
    (folder / "others").mkdir()
    others = certificates(folder / "others")
    told = refusal(secure.url, others.ca, ours.client)
    assert "an authority that is not known here" in told.message
    assert "caFile" in told.details


def test_a_key_of_another_certificate_is_told_so(secure: EtcdServer, ours: Certificates) -> None:
    told = refusal(secure.url, ours.ca, ours.client, ours.server.key)
    assert "the client's key is not that of its certificate" in told.message


def test_a_client_without_a_certificate_is_told_to_name_one(secure: EtcdServer, ours: Certificates) -> None:
    told = refusal(secure.url, ours.ca)
    assert "it wants a client's certificate" in told.message
    assert "certFile" in told.details


def test_tls_spoken_to_a_plain_port_is_told_so(ours: Certificates, etcd_server: EtcdServer) -> None:
    told = refusal(etcd_server.url.replace("http://", "https://"), ours.ca, ours.client)
    assert "it speaks no TLS on that port" in told.message
    assert "http://" in told.details


def test_a_plain_word_to_a_port_for_tls_is_told_so(secure: EtcdServer) -> None:
    told = refusal(secure.url.replace("https://", "http://"))
    assert "it speaks TLS on that port" in told.message
    assert "https://" in told.details


def test_a_connection_that_is_refused_is_told_so() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    told = refusal(f"http://127.0.0.1:{port}")
    assert "the connection was refused" in told.message
    assert "whether the server runs there" in told.details


def test_a_name_that_does_not_resolve_is_told_so() -> None:
    told = refusal("http://no-such-host.invalid:2379")
    assert "its name can't be resolved" in told.message
    assert "DNS" in told.details


def test_a_host_that_is_silent_is_told_so() -> None:
    with closing(socket.create_server(("127.0.0.1", 0), backlog=1)) as deaf:
        told = refusal(f"http://127.0.0.1:{deaf.getsockname()[1]}")
    assert told.code == 11
    assert told.details


def test_several_endpoints_have_each_its_own_cause(
    secure: EtcdServer, etcd_server: EtcdServer, ours: Certificates
) -> None:
    urls = [secure.url.replace("https://", "http://"), etcd_server.url.replace("http://", "https://")]
    with closing(Etcd(urls, ca=ours.ca.cert, timeout=SOME)) as etcd, pytest.raises(CniError) as raised:
        etcd.get(b"k")
    assert "it speaks TLS on that port" in raised.value.message
    assert "it speaks no TLS on that port" in raised.value.message
