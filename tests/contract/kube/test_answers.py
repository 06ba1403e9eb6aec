"""What no API server can be made to say on demand: a client against a server that follows a script."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from podberth.kube import errors
from podberth.kube.client import Client
from podberth.kube.resources import CONFIG_MAPS
from tests.contract.kube.said import config_map
from tests.servers.authority import Authority
from tests.servers.scripted import CLOSE, ScriptedServer, answer
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.kube.wire import Access

BUSY = answer("429 Too Many Requests", '{"message": "too many requests"}', "Retry-After: 1")
BUSY_FOR_LONG = answer("429 Too Many Requests", '{"message": "too many requests"}', "Retry-After: 60")
FAILED = answer("500 Internal Server Error", '{"message": "etcdserver: request timed out"}')


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("scripted")
    return Authority(folder)


def create(access: Access) -> None:
    client = Client(access, timeout=PATIENCE, patience=30.0)
    try:
        client.create(CONFIG_MAPS, config_map("a"), "db")
    finally:
        client.close()


def get(access: Access) -> None:
    client = Client(access, timeout=PATIENCE, patience=30.0)
    try:
        client.get(CONFIG_MAPS, "a", "db")
    finally:
        client.close()


def test_a_busy_server_is_asked_again_when_it_said(authority: Authority) -> None:
    with ScriptedServer(authority, [BUSY, answer("201 Created")]) as server:
        began = time.monotonic()
        create(server.access)
        assert time.monotonic() - began >= 1
        assert len(server.requests) == 2
        assert server.requests[0] == server.requests[1]


def test_a_server_that_is_busy_for_long_is_unavailable(authority: Authority) -> None:
    with ScriptedServer(authority, [BUSY_FOR_LONG]) as server:
        with pytest.raises(errors.Unavailable, match="too many requests"):
            create(server.access)
        assert len(server.requests) == 1


def test_a_write_whose_answer_is_lost_is_unknown_and_not_sent_again(authority: Authority) -> None:
    with ScriptedServer(authority, [CLOSE, answer("201 Created")]) as server:
        with pytest.raises(errors.Unknown, match="sent, and the answer was lost"):
            create(server.access)
        assert len(server.requests) == 1


@pytest.mark.parametrize("half", [b"HTTP/1.1 201 Cr", answer("201 Created")[:-1]], ids=["head", "body"])
def test_a_write_whose_answer_breaks_off_is_unknown(authority: Authority, half: bytes) -> None:
    with ScriptedServer(authority, [(half, CLOSE)]) as server, pytest.raises(errors.Unknown):
        create(server.access)


def test_a_read_whose_answer_is_lost_is_made_once_more(authority: Authority) -> None:
    with ScriptedServer(authority, [CLOSE, answer("200 OK")]) as server:
        get(server.access)
        assert len(server.requests) == 2
    with ScriptedServer(authority, [CLOSE, CLOSE, answer("200 OK")]) as server:
        with pytest.raises(errors.Unavailable):
            get(server.access)
        assert len(server.requests) == 2


@pytest.mark.parametrize(("ask", "outcome"), [(create, errors.Unknown), (get, errors.Unavailable)])
def test_a_server_that_fails_over_a_write_may_have_done_it(
    authority: Authority, ask: Callable[[Access], None], outcome: type[Exception]
) -> None:
    with ScriptedServer(authority, [FAILED]) as server, pytest.raises(outcome, match="etcdserver: request timed out"):
        ask(server.access)


def test_a_connection_that_the_server_closed_is_not_used_again(authority: Authority) -> None:
    with ScriptedServer(authority, [(answer("201 Created"), CLOSE), answer("201 Created")]) as server:
        client = Client(server.access)
        client.create(CONFIG_MAPS, config_map("a"), "db")
        client.create(CONFIG_MAPS, config_map("b"), "db")
        assert (len(server.requests), server.connections) == (2, 2)
        client.close()


def test_calls_one_after_another_share_a_connection(authority: Authority) -> None:
    with ScriptedServer(authority, [answer("201 Created")] * 3) as server:
        client = Client(server.access)
        for name in "abc":
            client.create(CONFIG_MAPS, config_map(name), "db")
        assert (len(server.requests), server.connections) == (3, 1)
        client.close()


def test_a_balancer_with_nobody_behind_it_is_unavailable(authority: Authority) -> None:
    busy = answer("503 Service Unavailable", "<html>no server is available</html>")
    with (
        ScriptedServer(authority, [busy]) as server,
        pytest.raises(errors.Unavailable, match="no server is available"),
    ):
        create(server.access)


def test_an_answer_that_is_no_object_is_not_taken_for_one(authority: Authority) -> None:
    with ScriptedServer(authority, [answer("200 OK", "<html>welcome</html>")]) as server, pytest.raises(errors.Unknown):
        create(server.access)


def test_a_server_of_another_authority_is_sent_nothing(authority: Authority, tmp_path: Path) -> None:
    with (
        ScriptedServer(Authority(tmp_path), [answer("201 Created")]) as server,
        ScriptedServer(authority, []) as other,
    ):
        access = server.access
        mistaken = type(access)(server=access.server, credentials=access.credentials, authority=other.access.authority)
        with pytest.raises(errors.Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
            create(mistaken)
        assert server.requests == []
