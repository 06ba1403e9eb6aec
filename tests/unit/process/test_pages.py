"""Whatever clients do, a probe gets its answer; and the answer is about loops alone."""

from __future__ import annotations

import http.client
import resource
import socket
import ssl
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from podberth.process.certificate import BadCertificate, Files, Served
from podberth.process.loop import Loop
from podberth.process.pages import METRICS, MOST, MOST_OF_ONE, Pages, alive, on_tcp, on_unix, ready
from tests.servers.authority import Authority
from tests.sizes import size
from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCAL = ("127.0.0.1", 0)


class Desk:
    """Pages of a process whose store is away: one of them hangs until it is let go."""

    def __init__(self, tls: ssl.SSLContext | None = None, patience: float = 10.0) -> None:
        self.go = threading.Event()
        self.waiting: list[None] = []  # one for each that has ever been at the page that hangs
        self.troubles: list[str] = []
        shown = {
            "/healthz": alive,
            "/readyz": ready(lambda: "the store is away"),
            "/slow": self.slow,
            "/broken": self.broken,
        }
        self.pages = Pages(
            on_tcp(LOCAL), shown, self.troubles.append, takers={"/take": self.take}, tls=tls, most=1000,
            patience=patience,
        )  # fmt: skip
        self.port = self.pages.port
        self.pages.start()

    def slow(self) -> tuple[int, str, bytes]:
        self.waiting.append(None)
        assert self.go.wait(PATIENCE)
        return 200, METRICS, b"at last\n"

    def broken(self) -> tuple[int, str, bytes]:
        raise TypeError("a bug")

    def take(self, body: bytes) -> tuple[int, bytes]:
        return 200, body[::-1]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
        with ExitStack() as undo:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            undo.callback(client.close)
            client.request(method, path, body)
            answer = client.getresponse()
            return answer.status, answer.read()


@contextmanager
def ended(desk: Desk) -> Iterator[Desk]:
    yield desk
    desk.go.set()
    desk.pages.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with ended(Desk()) as made:
        yield made


def test_health_is_about_loops_and_readiness_about_stores(desk: Desk) -> None:
    assert desk.ask("/healthz") == (200, b"ok\n")
    assert desk.ask("/readyz") == (503, b"the store is away\n")
    loop = Loop("hung", partial(desk.go.wait, PATIENCE), lambda _: None, bound=0.01)
    loop.start()
    until(lambda: desk.ask("/healthz")[0] == 503, "a loop that hangs is nobody's illness")
    assert b"hung is stuck" in desk.ask("/healthz")[1]
    loop.stop()
    desk.go.set()
    assert loop.join(PATIENCE)
    assert desk.ask("/healthz") == (200, b"ok\n")


def test_what_is_no_page_is_told_and_a_page_that_fails_is_one_answer(desk: Desk) -> None:
    assert desk.ask("/nothing")[0] == 404
    assert desk.ask("/broken") == (500, b"TypeError: a bug\n")
    assert desk.ask("/take", "POST", b"abc") == (200, b"cba")
    assert [desk.ask(path, "POST", body)[0] for path, body in (("/x", b""), ("/take", b"x" * 1001))] == [404, 413]
    assert desk.ask("/healthz", "DELETE")[0] == 501
    assert desk.ask("/healthz") == (200, b"ok\n")


@pytest.mark.parametrize("length", ["1001", "0" * 20 + "1001", "0" * 5000 + "1", "-1", "1_0", "\N{SUPERSCRIPT TWO}"])
def test_a_body_is_taken_by_its_whole_length_however_that_is_written(desk: Desk, length: str) -> None:
    with desk.connect() as peer:
        peer.sendall(f"POST /take HTTP/1.0\r\nContent-Length: {length}\r\n\r\n".encode("latin-1") + b"x" * 1001)
        assert peer.recv(100).startswith(b"HTTP/1.0 413")


def test_a_thousand_open_connections_keep_no_probe_from_its_answer(desk: Desk) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    with ExitStack() as undo:
        undo.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for number in range(1000):
            peer = undo.enter_context(desk.connect())
            if number % 3:
                peer.sendall(b"GET /healthz HT"[: number % 16])
        assert desk.ask("/healthz") == (200, b"ok\n")
        assert threading.active_count() < MOST + 50
    assert desk.ask("/healthz") == (200, b"ok\n")


def test_a_page_that_hangs_for_all_who_ask_keeps_no_probe_from_its_answer(desk: Desk) -> None:
    with ExitStack() as undo:
        for _ in range(MOST_OF_ONE):
            undo.enter_context(desk.connect()).sendall(b"GET /slow HTTP/1.0\r\n\r\n")
        until(lambda: len(desk.waiting) == MOST_OF_ONE, "not all of them are let in")
        assert desk.ask("/slow")[0] == 503
        assert desk.ask("/healthz") == (200, b"ok\n")
        desk.go.set()
        until(lambda: desk.ask("/slow") == (200, b"at last\n"), "it stays busy")


def test_a_client_that_dribbles_is_ended() -> None:
    with ended(Desk(patience=1.0)) as desk, desk.connect() as peer:
        peer.sendall(b"GET /healthz HTTP/1.0\r\n")

        def dribbled() -> bool:
            try:
                peer.sendall(b"X-A: b\r\n")
            except OSError:
                return True
            time.sleep(0.1)
            return False

        until(dribbled, "it may go on for ever")


@pytest.mark.parametrize("said", [b"\0" * 100, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00", b"A" * 100_000, b"\r\n" * 100])
def test_nonsense_ends_its_own_connection_alone(desk: Desk, said: bytes) -> None:
    for _ in range(size(5, 500)):
        with desk.connect() as peer:
            try:
                peer.sendall(said)
                peer.shutdown(socket.SHUT_WR)
                peer.recv(1000)
            except OSError:
                pass
    assert desk.ask("/healthz") == (200, b"ok\n")


def test_a_close_answers_what_is_being_answered(desk: Desk) -> None:
    with desk.connect() as peer, desk.connect() as silent:
        peer.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
        closer = threading.Timer(0.2, desk.go.set)
        until(lambda: any(exchange.answering for exchange in desk.pages._open), "it was not asked")
        closer.start()
        desk.pages.close()
        assert peer.recv(1000).startswith(b"HTTP/1.0 200")
        assert silent.recv(10) == b""
        closer.join()


def test_without_a_host_it_listens_on_the_loopback_alone() -> None:
    with on_tcp(("", 0)) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
    with on_tcp(("::1", 0)) as listening:
        assert listening.family == socket.AF_INET6


def test_a_path_is_for_root_alone_and_takes_the_place_of_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "desk.sock"
    on_unix(path).close()
    with on_unix(path):
        assert path.stat().st_mode & 0o777 == 0o600


def asked(desk: Desk, trusting: ssl.SSLContext) -> tuple[int, str]:
    client = http.client.HTTPSConnection("127.0.0.1", desk.port, timeout=PATIENCE, context=trusting)
    client.connect()
    try:
        certificate = client.sock.getpeercert()
        assert certificate is not None
        client.request("GET", "/healthz")
        return client.getresponse().status, str(certificate["serialNumber"])
    finally:
        client.close()


def test_a_certificate_that_was_renewed_is_served_and_a_broken_one_is_not(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("desk", "desk", hosts="IP:127.0.0.1")
    other = authority.issue("next", "next", hosts="IP:127.0.0.1")
    served = Served(Files(certificate, key))
    assert served.renew()
    desk = Desk(served.context)
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    with ExitStack() as undo:
        undo.callback(desk.pages.close)
        for _ in range(20):
            undo.enter_context(desk.connect())  # who begin no TLS
        status, before = asked(desk, trusting)
        assert status == 200
        certificate.write_bytes(other[0].read_bytes())  # half of the change
        with pytest.raises(BadCertificate):
            served.renew()
        assert asked(desk, trusting) == (200, before)
        key.write_bytes(other[1].read_bytes())
        assert served.renew()
        assert asked(desk, trusting)[1] != before
        key.unlink()
        with pytest.raises(BadCertificate):
            served.renew()
        assert asked(desk, trusting)[0] == 200


def test_a_comment_beside_a_certificate_may_be_in_any_language(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("desk", "desk", hosts="IP:127.0.0.1")
    for file in (certificate, key):
        file.write_bytes("# Autorité\n".encode() + file.read_bytes())
    assert Served(Files(certificate, key)).renew()
