"""Asking an agent that ends meanwhile: it is no agent to ask, whichever part of its answer came."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from podberth.agent.desk import desk_of
from podberth.cli.agent.asking import ask
from podberth.cli.failures import NotFound
from podberth.cni.errors import TryAgainLater
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 265\r\n\r\n"


@pytest.fixture
def path() -> Iterator[Path]:
    with TemporaryDirectory(prefix="podberth-asking-") as folder:  # a short path: a socket's may have 107 bytes
        yield Path(folder) / "agent.sock"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1", HEAD[:20], HEAD, HEAD + b'{"stores": ['], ids=repr)
def test_an_agent_that_ends_in_the_middle_of_its_answer_can_not_be_asked(path: Path, said: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as desk, ThreadPoolExecutor() as aside:
        desk.bind(str(desk_of(path)))
        desk.listen()

        def answer() -> None:
            caller, _ = desk.accept()
            with caller:
                caller.recv(4096)
                caller.sendall(said)

        aside.submit(answer)
        with pytest.raises(NotFound, match="no agent can be asked at"):
            ask(path, "/v1/stores")


def test_an_agent_that_is_being_replaced_is_waited_for(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as calls, socket.socket(socket.AF_UNIX) as desk, ThreadPoolExecutor() as aside:
        calls.bind(str(path))
        calls.listen()
        asked = aside.submit(ask, path, "/v1/state", patience=PATIENCE)
        calls.accept()[0].close()  # it has looked whether there is an agent at all
        desk.bind(str(desk_of(path)))
        desk.listen()
        caller, _ = desk.accept()
        with caller:
            caller.recv(4096)
            caller.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"workers": 4}')
        assert asked.result(PATIENCE) == {"workers": 4}


@pytest.mark.parametrize("backlog", [128, 0])
def test_one_that_is_being_replaced_for_long_is_said_to_be(path: Path, backlog: int) -> None:
    with socket.socket(socket.AF_UNIX) as calls, ExitStack() as undo:
        calls.bind(str(path))
        calls.listen(backlog)
        for _ in range(1 if not backlog else 0):  # no more calls are let in
            undo.enter_context(socket.socket(socket.AF_UNIX)).connect(str(path))
        with pytest.raises(TryAgainLater, match="is being replaced"):
            ask(path, "/v1/state", patience=0)
