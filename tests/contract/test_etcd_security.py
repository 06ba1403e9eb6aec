"""Certificates, passwords and IPv6, on real etcds that want them."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import InvalidConfig, StoreFailed
from podberth.stores.etcd.client import Etcd
from podberth.stores.etcd.settings import Settings
from podberth.stores.etcd.values import Put
from tests.servers.certificates import Certificates, certificates
from tests.servers.etcd import EtcdServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podberth.stores.etcd.watch import Watch


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("others"))


@pytest.fixture(scope="module")
def secure_server(ours: Certificates) -> Iterator[EtcdServer]:
    with EtcdServer(ours) as server:
        yield server


@pytest.fixture
def guarded_server() -> Iterator[EtcdServer]:
    """An etcd where the user `berth` with the password "secret" may read and write below /berth/."""
    with EtcdServer() as server:
        server.enable_auth("berth", "secret", b"/berth/")
        yield server


@pytest.fixture
def user(guarded_server: EtcdServer) -> Iterator[Etcd]:
    with closing(Etcd([guarded_server.url], user="berth", password="secret")) as client:
        yield client


def test_certificates_open_the_door_over_both_ip_versions(secure_server: EtcdServer, ours: Certificates) -> None:
    for url in (secure_server.url, secure_server.url6, f"https://localhost:{secure_server.port}"):
        with closing(Etcd([url], ca=ours.ca.cert, cert=ours.client.cert, key=ours.client.key)) as client:
            client.put(b"k", url.encode())
            found = client.get(b"k")
            assert found is not None
            assert found.value == url.encode()


def test_ipv6_works_without_certificates_too(etcd_server: EtcdServer, prefix: bytes) -> None:
    with closing(Etcd([etcd_server.url6])) as client:
        client.put(prefix, b"v")
        assert client.get(prefix) is not None


def test_a_server_that_our_ca_did_not_sign_is_not_spoken_to(
    secure_server: EtcdServer, ours: Certificates, others: Certificates
) -> None:
    with closing(Etcd([secure_server.url], ca=others.ca.cert, cert=ours.client.cert, key=ours.client.key)) as client:
        for _ in range(2):
            with pytest.raises(StoreFailed, match=f"{secure_server.url}: .*CERTIFICATE_VERIFY_FAILED") as raised:
                client.put(b"k", b"v")
            assert raised.value.details.startswith("caFile must have signed the endpoint's certificate")


@pytest.mark.parametrize("known", [False, True], ids=["no certificate", "another CA's"])
def test_a_client_that_the_servers_ca_did_not_sign_is_told(
    secure_server: EtcdServer, ours: Certificates, others: Certificates, known: bool
) -> None:
    cert, key = (others.client.cert, others.client.key) if known else (None, None)
    with (
        closing(Etcd([secure_server.url], ca=ours.ca.cert, cert=cert, key=key)) as client,
        pytest.raises(StoreFailed, match=secure_server.url) as raised,
    ):
        client.put(b"k", b"v")
    assert "certFile must be signed by the CA that etcd trusts" in raised.value.details


def test_renewed_certificates_are_read_when_the_old_ones_are_refused(
    secure_server: EtcdServer, ours: Certificates, others: Certificates, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    shutil.copy(others.ca.cert, ca)
    with closing(Etcd([secure_server.url], ca=str(ca), cert=ours.client.cert, key=ours.client.key)) as client:
        with pytest.raises(StoreFailed):
            client.get(b"k")
        shutil.copy(ours.ca.cert, ca)
        client.get(b"k")


def test_a_certificate_that_is_not_there_is_named(secure_server: EtcdServer, ours: Certificates) -> None:
    with (
        closing(Etcd([secure_server.url], ca="/no/such.pem")) as client,
        pytest.raises(InvalidConfig, match=r"etcd: /no/such.pem can't be read: No such file or directory"),
    ):
        client.get(b"k")


def test_the_right_password_opens_what_the_role_allows(user: Etcd) -> None:
    revision = user.put(b"/berth/a", b"v")
    assert user.txn([], [Put(key=b"/berth/b", value=b"v")]).succeeded
    with user.watch(b"/berth/", revision) as watch:
        assert next(watch).events[0].kv.key == b"/berth/a"
    with pytest.raises(StoreFailed, match="permission denied") as raised:
        user.put(b"/elsewhere", b"v")
    assert "readwrite" in raised.value.details


def test_a_user_can_not_watch_what_the_role_does_not_allow(user: Etcd) -> None:
    with user.watch(b"/elsewhere/", 1) as watch, pytest.raises(StoreFailed, match=r"refused: .*permission denied"):
        next(watch)


def test_a_wrong_password_is_told(guarded_server: EtcdServer) -> None:
    with (
        closing(Etcd([guarded_server.url], user="berth", password="wrong")) as client,
        pytest.raises(StoreFailed, match="authentication failed, invalid user ID or password") as raised,
    ):
        client.put(b"/berth/a", b"v")
    assert raised.value.details == "see username and passwordFile"


def test_who_names_no_user_is_told(guarded_server: EtcdServer) -> None:
    with (
        closing(Etcd([guarded_server.url])) as client,
        pytest.raises(StoreFailed, match="user name is empty") as raised,
    ):
        client.get(b"/berth/a")
    assert "set username and passwordFile" in raised.value.details


def test_a_token_that_the_server_forgot_is_replaced(user: Etcd, guarded_server: EtcdServer) -> None:
    before = user.put(b"/berth/a", b"1")
    guarded_server.restart()
    assert user.put(b"/berth/a", b"2") == before + 1


def test_a_watch_goes_on_under_a_new_token(user: Etcd, guarded_server: EtcdServer) -> None:
    with user.watch(b"/berth/", user.put(b"/berth/a", b"1")) as watch:
        next(watch)
        guarded_server.restart()
        with closing(Etcd([guarded_server.url], user="berth", password="secret")) as another:
            another.put(b"/berth/a", b"2")
        assert _values(watch) == [b"2"]


def test_a_client_follows_when_authentication_is_switched_on() -> None:
    with EtcdServer() as server, closing(Etcd([server.url], user="berth", password="secret")) as client:
        client.put(b"/berth/a", b"1")
        server.enable_auth("berth", "secret", b"/berth/")
        client.put(b"/berth/a", b"2")


def test_settings_make_a_client(guarded_server: EtcdServer, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")
    settings = Settings(endpoints=(guarded_server.url,), username="berth", password_file=str(password))
    with closing(settings.client()) as client:
        client.put(b"/berth/a", b"1")


def test_a_password_that_is_not_there_is_named() -> None:
    settings = Settings(endpoints=("http://127.0.0.1:1",), username="berth", password_file="/no/such")
    with pytest.raises(InvalidConfig, match=r"etcd.passwordFile: /no/such can't be read"):
        settings.client()


def _values(watch: Watch) -> list[bytes]:
    return [event.kv.value for event in next(watch).events]
