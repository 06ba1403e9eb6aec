"""Asking servers that can't answer just now: they are asked again, and end in the state that was asked for."""

from __future__ import annotations

import json
import threading
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from podberth.kube import errors
from podberth.kube.resources import CONFIG_MAPS
from tests.servers.asking import PatientClient, fetched, kubectl
from tests.servers.authority import Authority
from tests.servers.etcd import DONE, EtcdServer
from tests.servers.scripted import CLOSE, ScriptedServer, answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from podberth.kube.client import Object

BODY: Object = {"metadata": {"name": "a", "uid": "u1"}}
MADE = answer("201 Created", json.dumps(BODY))
BUSY = answer("503 Service Unavailable")
SLOW = answer("500 Internal Server Error", '{"message": "etcdserver: request timed out"}')
THERE = answer("409 Conflict", '{"reason": "AlreadyExists"}')
GONE = answer("404 Not Found")
WEBHOOK = answer("500 Internal Server Error", '{"message": "failed calling webhook \\"x\\": refused"}')


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("scripted")
    return Authority(folder)


@contextmanager
def gateway(*script: tuple[int, str]) -> Iterator[tuple[str, list[bytes]]]:
    """Have a server that answers so, one after another; 0 is no answer. Yield its URL, and what it was sent."""
    left, sent = list(script), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["Content-Length"])))
            status, said = left.pop(0)
            if status:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(said.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", sent
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("later", [(429, ""), (500, "deadline"), (503, "no leader"), (504, ""), (0, "")])
def test_a_gateway_that_can_not_answer_is_asked_the_same_again(later: tuple[int, str]) -> None:
    with gateway(later, later, (200, "done")) as (url, sent):
        assert fetched(url, b"what") == b"done"
    assert sent == [b"what"] * 3


def test_what_the_try_before_has_made_is_done() -> None:
    with gateway((503, "timed out"), (400, "user name already exists")) as (url, _):
        assert fetched(url, b"{}", ["already exists"]) == b""


def test_what_was_there_before_the_first_try_is_an_error() -> None:
    with gateway((400, "user name already exists")) as (url, _), pytest.raises(AssertionError, match="already exists"):
        fetched(url, b"{}", ["already exists"])


def test_what_etcd_says_of_each_part_of_its_authentication_that_is_there_is_taken_for_done() -> None:
    """Whatever part of it a try without an answer has made: the next makes the rest."""
    with EtcdServer() as server:
        permission = {"permType": "READWRITE", "key": "AA==", "range_end": "AQ=="}
        parts: list[Callable[[], None]] = [
            partial(server.post, "auth/role/add", name="root"),
            partial(server.post, "auth/role/grant", name="root", perm=permission),
            partial(server.post, "auth/user/add", name="root", password="root"),
            partial(server.post, "auth/user/grant", user="root", role="root"),
            partial(server.post, "auth/enable"),
        ]
        for part in parts:
            part()
            with suppress(AssertionError):
                part()
                continue
            with pytest.raises(AssertionError, match="|".join(DONE)):
                part()


def create(client: PatientClient) -> Object:
    return client.create(CONFIG_MAPS, BODY, "n")


def delete(client: PatientClient) -> Object:
    return client.delete(CONFIG_MAPS, "a", "n")


@pytest.mark.parametrize("later", [BUSY, SLOW, CLOSE])
def test_an_api_server_that_can_not_answer_is_asked_again(authority: Authority, later: bytes) -> None:
    with ScriptedServer(authority, [later, later, MADE]) as server, closing(PatientClient(server.access)) as client:
        assert create(client) == BODY


def test_an_object_that_the_try_before_has_created_or_deleted_is_so(authority: Authority) -> None:
    script = [SLOW, THERE, MADE, SLOW, GONE]
    with ScriptedServer(authority, script) as server, closing(PatientClient(server.access)) as client:
        assert create(client) == BODY
        assert delete(client) == {}


@pytest.mark.parametrize(
    ("said", "ask", "refusal"),
    [(THERE, create, errors.AlreadyExists), (GONE, delete, errors.NotFound), (WEBHOOK, create, errors.WebhookDown)],
)
def test_what_a_first_try_is_told_is_told(
    authority: Authority, said: bytes, ask: Callable[[PatientClient], Object], refusal: type[Exception]
) -> None:
    with ScriptedServer(authority, [said]) as server, closing(PatientClient(server.access)) as client:
        with pytest.raises(refusal):
            ask(client)
        assert len(server.requests) == 1


def test_a_patch_that_would_add_a_second_time_what_it_may_have_added_is_not_sent_again(authority: Authority) -> None:
    with ScriptedServer(authority, [SLOW]) as server, closing(PatientClient(server.access)) as client:
        with pytest.raises(errors.Unknown):
            client.json_patch(CONFIG_MAPS, "a", [{"op": "add", "path": "/data/x-", "value": "y"}], "n")
        assert len(server.requests) == 1


def program(folder: Path, *errors_: str) -> list[str]:
    """Return a command that fails of these, one after another, and then succeeds."""
    (folder / "errors").write_text("".join(f"{line}\n" for line in errors_))
    script = folder / "kubectl"
    script.write_text(
        f"#!/bin/sh\ncd {folder}\ncat >>stdin\nread -r line <errors || exit 0\nsed -i 1d errors\n"
        'echo "$line" >&2\nexit 1\n'
    )
    script.chmod(0o755)
    return [str(script)]


def test_kubectl_runs_again_with_the_same_input_while_the_server_is_away(tmp_path: Path) -> None:
    away = (
        "Error from server: etcdserver: request timed out",
        "The connection to the server h:1 was refused - did you",
    )
    done = kubectl([*program(tmp_path, *away), "apply", "-f", "-"], "object ")
    assert done.returncode == 0
    assert (tmp_path / "stdin").read_text() == "object object object "


@pytest.mark.parametrize(
    "refused", ['Error from server: admission webhook "x" denied it: connection refused', "error: no such resource"]
)
def test_what_kubectl_is_refused_is_told_at_once(tmp_path: Path, refused: str) -> None:
    done = kubectl([*program(tmp_path, refused), "apply", "-f", "-"], "")
    assert (done.returncode, done.stderr) == (1, refused + "\n")


def test_what_kubectl_has_created_or_deleted_the_time_before_is_done(tmp_path: Path) -> None:
    slow = "Error from server (Timeout): timed out"
    assert kubectl([*program(tmp_path, slow, "Error from server (AlreadyExists): x"), "create"]).returncode == 0
    assert kubectl([*program(tmp_path, slow, "Error from server (NotFound): x"), "delete"]).returncode == 0
    assert kubectl([*program(tmp_path, slow, "Error from server (NotFound): x"), "get"]).returncode == 1
