from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from podberth.process import sockets

if TYPE_CHECKING:
    from pathlib import Path


def listening(path: Path) -> socket.socket:
    return sockets.listen(path, 4, "another one listens there")


def test_a_socket_is_its_owners_alone_and_takes_the_place_of_a_dead_one(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    for _ in range(2):
        with listening(path), socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(path))
            assert path.stat().st_mode & 0o777 == 0o600


def test_a_socket_that_somebody_listens_on_stays_theirs(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with listening(path), socket.socket(socket.AF_UNIX) as peer:
        with pytest.raises(FileExistsError, match=f"{path}: another one listens there"):
            listening(path)
        peer.connect(str(path))


@pytest.mark.parametrize("text", ["", "kept"])
def test_a_file_at_the_path_stays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.sock"
    path.write_text(text)
    with pytest.raises(FileExistsError, match="something else than a socket"):
        listening(path)
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"LISTEN_PID": "1", "LISTEN_FDS": "1"}, None),
        ({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "0"}, None),
        ({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many"}, None),
        ({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"}, OSError),
    ],
)
def test_what_is_not_one_socket_for_this_process_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: type[OSError] | None
) -> None:
    for name, text in {"LISTEN_FDNAMES": "a", **variables}.items():
        monkeypatch.setenv(name, text)
    if expected is None:
        assert sockets.handed_on() == (None, "")
    else:
        with pytest.raises(expected, match="LISTEN_FDS: expected one socket, got 2"):
            sockets.handed_on()
    assert not {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} & set(os.environ)
