"""How many callers wait at a socket: the question as pyroute2 reads it, and the kernel's answer."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest
from pyroute2.netlink.diag import unix_diag_req

from podberth.linux.backlog import waiting
from podberth.linux.netlink import codec, unix_sockets

if TYPE_CHECKING:
    from pathlib import Path


def test_the_question_is_about_one_socket_and_its_queue() -> None:
    read = unix_diag_req(codec.message(unix_sockets.GET, codec.REQUEST, 1, unix_sockets.lengths_of(4711)))
    read.decode()
    assert (read["sdiag_family"], read["udiag_ino"], read["udiag_show"]) == (socket.AF_UNIX, 4711, 0x10)


@pytest.mark.parametrize("length", [0, 8, 16, 20, 24])
def test_an_answer_that_is_cut_short_is_refused(length: int) -> None:
    whole = bytes(16) + codec.attribute(4, bytes([3, 0, 0, 0, 128, 0, 0, 0]))
    assert unix_sockets.parse_lengths(whole) == (3, 128)
    with pytest.raises(ValueError, match="bytes"):
        unix_sockets.parse_lengths(whole[:length])


def test_those_that_are_not_accepted_yet_are_counted(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening, contextlib.ExitStack() as callers:
        listening.bind(str(tmp_path / "socket"))
        listening.listen(8)
        assert waiting(listening.fileno()) == 0
        for _ in range(3):
            callers.enter_context(socket.socket(socket.AF_UNIX)).connect(str(tmp_path / "socket"))
        assert waiting(listening.fileno()) == 3
        listening.accept()[0].close()
        assert waiting(listening.fileno()) == 2


def test_what_is_no_socket_has_no_known_queue(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        assert waiting(file.fileno()) is None
