"""No log, whatever it is, keeps a process waiting or ends it. What it does not take is counted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podberth.process import log
from podberth.process.reason import LOOK
from tests.sizes import size

if TYPE_CHECKING:
    from pathlib import Path

LONG = 1 << 21  # bytes: more than any pipe holds
SCRIPT = """
import json, sys
from podberth.process.log import lost, say
said = [say(line) for line in json.loads(sys.stdin.read())]
print(json.dumps([said, lost()["stderr"]]))
"""


def spoken(stderr: int, *lines: str) -> tuple[list[bool], int]:
    """Return what a process with this stderr was told of each line it said, and how many it counts as lost."""
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command, input=json.dumps(lines), stdout=subprocess.PIPE, stderr=stderr, text=True, check=True
    )
    said, lost = json.loads(done.stdout)
    return said, lost


def pipe() -> tuple[int, int]:
    return os.pipe2(os.O_CLOEXEC)


def test_what_is_said_arrives() -> None:
    reader, writer = pipe()
    assert spoken(writer, "one", "two") == ([True, True], 0)
    os.close(writer)
    assert os.read(reader, 100) == b"one\ntwo\n"
    os.close(reader)


def test_a_reader_that_is_gone_ends_nobody() -> None:
    reader, writer = pipe()
    os.close(reader)
    assert spoken(writer, "one", "two") == ([False, False], 2)
    os.close(writer)


def test_a_reader_that_does_not_read_keeps_nobody_waiting() -> None:
    reader, writer = pipe()
    lines = ["x" * 1000] * (LONG // 1000)
    said, lost = spoken(writer, *lines)
    os.close(writer)
    assert (said[0], said[-1], lost) == (True, False, said.count(False))
    with os.fdopen(reader) as taken:
        assert taken.read().splitlines() == ["x" * 1000] * said.count(True)


def test_a_line_that_was_cut_short_does_not_run_into_the_next() -> None:
    reader, writer = pipe()
    script = (
        f"from podberth.process.log import say; import os; say('y' * {LONG}); os.read({reader}, {LONG}); say('next')"
    )
    subprocess.run([sys.executable, "-c", script], stderr=writer, pass_fds=[reader], check=True)
    os.close(writer)
    with os.fdopen(reader) as taken:
        assert taken.read().splitlines()[-1] == "next"


def test_a_full_disk_ends_nobody() -> None:
    full = os.open("/dev/full", os.O_WRONLY | os.O_CLOEXEC)
    assert spoken(full, "one") == ([False], 1)
    os.close(full)


def test_a_journal_s_socket_that_is_full_keeps_nobody_waiting() -> None:
    ours, theirs = socket.socketpair()
    said, lost = spoken(theirs.fileno(), "first", *["x" * 1000] * (LONG // 1000))
    assert (said[0], said[-1], lost) == (True, False, said.count(False))
    assert ours.recv(6) == b"first\n"
    ours.close()
    assert spoken(theirs.fileno(), "gone")[0] == [False]
    theirs.close()


def test_a_file_is_written_where_it_ends(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("before\n")
    with file.open("ab") as opened:
        assert spoken(opened.fileno(), "after")[0] == [True]
    assert file.read_text() == "before\nafter\n"


def test_a_descriptor_that_is_closed_ends_nobody() -> None:
    script = "import os; os.close(2); from podberth.process.log import say, lost; print(say('x'), lost()['stderr'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False 1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "unread")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "socket"))
    return tmp_path


TARGETS = ["directory", "unread", "link", "loop", "socket", "missing/log", "file/log", "a" * 300, "nul\0", ""]
DEVICES = ["/dev/full", "/dev/null", "/dev/tty", "/dev/ptmx", "/"]


@pytest.mark.parametrize("target", [*TARGETS, *DEVICES])
def test_what_is_no_file_is_not_written_to(folder: Path, target: str) -> None:
    before = log.lost()["logFile"]
    assert log.append(target if target.startswith("/") else f"{folder}/{target}", b"line\n")
    assert log.lost()["logFile"] == before + 1


def test_a_fifo_is_written_to_while_somebody_reads_it(folder: Path) -> None:
    reader = os.open(folder / "unread", os.O_RDONLY | os.O_NONBLOCK)
    assert log.append(f"{folder}/unread", b"line\n") == ""
    assert os.read(reader, 10) == b"line\n"
    while log.append(f"{folder}/unread", b"x" * 4000) == "":
        pass
    assert log.append(f"{folder}/unread", b"x" * 4000)
    os.close(reader)


@settings(
    max_examples=size(100, 5000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(
    path=st.text(max_size=40) | st.sampled_from(TARGETS) | st.lists(st.sampled_from(TARGETS)).map("/".join),
    line=st.binary(max_size=100),
)  # fmt: skip
def test_after_any_target_the_next_file_is_written(folder: Path, path: str, line: bytes) -> None:
    said = log.append(f"{folder}/{path.replace('..', '')}", line)
    assert isinstance(said, str)
    assert log.append(f"{folder}/file", b"good\n") == ""
    assert (folder / "file").read_bytes().endswith(b"good\n")


def test_a_plugin_s_own_process_loads_next_to_nothing_for_it() -> None:
    script = textwrap.dedent("""
        from __future__ import annotations
        import sys
        before = set(sys.modules)
        import podberth.process.log
        print(sorted(name for name in set(sys.modules) - before if not name.startswith("podberth")))
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


NOTICES = """
from podberth.process.journal import Journal
from podberth.process.log import notice
from podberth.process.reason import Reason
notice(Reason("the store is away", "look"))
Journal().with_notices()
notice(Reason("the store is back", ""))
"""


def test_what_is_noticed_is_told_in_words_or_as_the_process_s_log_has_it() -> None:
    done = subprocess.run([sys.executable, "-c", NOTICES], capture_output=True, text=True, check=True)
    words, line = done.stderr.splitlines()
    assert words == "podberth: the store is away; look"
    told = json.loads(line)
    assert [told[key] for key in ("level", "event", "message", "details")] == [
        "warning", "notice", "the store is back", LOOK,
    ]  # fmt: skip
