"""Asking an agent that ends meanwhile: it is no agent to ask, whichever part of its answer came."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from podberth.agent.desk import desk_of
from podberth.cli.agent.asking import ask
from podberth.cli.failures import NotFound

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
