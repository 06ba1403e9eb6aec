"""The shim against a socket of ours: what it carries, and what it makes of a peer that is not there or not well."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from podberth.agent import frame
from podberth.cni.version import SUPPORTED
from tests.netns.shim.peer import Shim, answering
from tests.waiting import PATIENCE

LIBC = ctypes.CDLL(None, use_errno=True)
DONE = [frame.answer(0, '{"done": true}')]


def refused(done: subprocess.CompletedProcess[bytes]) -> int:
    """Return the code of the error object that is the whole of stdout."""
    assert (done.returncode, done.stderr) == (1, b"")
    error = json.loads(done.stdout)
    assert error.keys() == {"cniVersion", "code", "msg", "details"}
    assert error["msg"]
    return int(error["code"])


def spawned(binary: Path, *strings: bytes) -> int:
    """Exec with an environment of these very strings, which Python's own ways put in order; return the exit status."""
    pid = ctypes.c_int()
    argv = (ctypes.c_char_p * 2)(bytes(binary), None)
    environ = (ctypes.c_char_p * (len(strings) + 1))(*strings, None)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    actions = ctypes.create_string_buffer(256)  # posix_spawn_file_actions_t, 80 bytes in glibc
    LIBC.posix_spawn_file_actions_init(actions)
    LIBC.posix_spawn_file_actions_adddup2(actions, nowhere, 0)
    assert LIBC.posix_spawn(ctypes.byref(pid), bytes(binary), actions, None, argv, environ) == 0
    LIBC.posix_spawn_file_actions_destroy(actions)
    os.close(nowhere)
    return os.waitstatus_to_exitcode(os.waitpid(pid.value, 0)[1])


@pytest.mark.parametrize("stdin", [b"", b"x", bytes(range(256)) * 3600], ids=["none", "one byte", "900 KiB"])
def test_a_call_arrives_whole_and_with_nothing_else_of_the_environment(shim: Shim, stdin: bytes) -> None:
    said = {"CNI_COMMAND": "ADD", "CNI_ARGS": "", "CNI_X": "a=b;c", "TRACEPARENT": "00-aa-bb-01", "TRACESTATE": "a=1"}
    with answering(shim.folder / "s", DONE) as peer:
        others = dict.fromkeys(("SECRET", "CNI", "TRACEPARENTS", "TRACESTATES", "XCNI_A"), "no")
        done = shim.run({**said, **others}, stdin)
    assert (done.returncode, done.stdout, done.stderr) == (0, b'{"done": true}', b"")
    assert peer.calls == [frame.Call(plugin_type="podberth", env=said, stdin=stdin)]
    assert peer.namespaces == [None]


def test_the_namespace_travels_as_a_descriptor(shim: Shim) -> None:
    at = Path("/proc/self/ns/net").stat()
    with answering(shim.folder / "s", DONE) as peer:
        assert shim.run({"CNI_NETNS": f"/proc/{os.getpid()}/ns/net"}, b"{}").returncode == 0
    assert peer.namespaces == [(at.st_dev, at.st_ino)]


@pytest.mark.parametrize("path", ["", "/nowhere", "/proc/1/environ/x"])
def test_a_namespace_that_is_not_there_is_left_to_the_agent(shim: Shim, path: str) -> None:
    with answering(shim.folder / "s", DONE) as peer:
        assert shim.run({"CNI_NETNS": path}).returncode == 0
    assert (peer.namespaces, peer.calls[0].env["CNI_NETNS"]) == ([None], path)


@pytest.mark.parametrize("body", ["", "x", "y" * (1 << 20)], ids=["none", "one byte", "1 MiB"])
@pytest.mark.parametrize("code", [0, 1, 255])
def test_the_answer_is_printed_and_its_code_is_the_exit_status(shim: Shim, body: str, code: int) -> None:
    with answering(shim.folder / "s", [frame.answer(code, body)]):
        done = shim.run({})
    assert (done.returncode, done.stdout.decode()) == (code, body)


def test_an_answer_may_come_byte_by_byte(shim: Shim) -> None:
    with answering(shim.folder / "s", [bytes([byte]) for byte in frame.answer(3, "slowly")]):
        done = shim.run({})
    assert (done.returncode, done.stdout) == (3, b"slowly")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"pbA1",
        frame.answer(0, "whole")[:-1],
        frame.answer(0, "whole") + b"x",
        frame.answer(0, "") + b"x",
        b"HTTP/1.1 400\r\n\r\n",
        frame.ANSWER_HEADER.pack(b"pbA1", 0, 0xFFFFFFFF),
        frame.ANSWER_HEADER.pack(b"pbA1", 256, 0),
        frame.ANSWER_HEADER.pack(b"pbA2", 0, 0),
    ],
)
def test_an_agent_that_is_lost_or_mad_is_code_11_and_never_a_second_run(shim: Shim, answer: bytes) -> None:
    shim.install_fallback()
    with answering(shim.folder / "s", [answer]) as peer:
        done = shim.run({}, b"{}")
    assert refused(done) == 11
    assert len(peer.calls) == 1
    assert not shim.mark.exists()


def test_an_agent_that_takes_nothing_is_code_11(shim: Shim) -> None:
    shim.install_fallback()
    with answering(shim.folder / "s", lambda to: to.close()):
        assert refused(shim.run({}, b"x" * 900_000)) == 11
    assert not shim.mark.exists()


def test_an_answer_that_dribbles_on_past_the_deadline_is_code_11(impatient: Path, tmp_path: Path) -> None:
    shim = Shim(impatient, tmp_path)
    late = frame.answer(0, "x" * 1_000_000)

    def dribble(to: socket.socket) -> None:
        for byte in late:
            to.sendall(bytes([byte]))
            time.sleep(0.05)

    with answering(tmp_path / "s", dribble):
        done = shim.run({})
    assert refused(done) == 11
    assert "in time" in json.loads(done.stdout)["msg"]


def test_of_a_variable_that_is_there_twice_the_first_is_sent_and_one_without_a_value_is_none(shim: Shim) -> None:
    socket_path = f"PODBERTH_SOCKET={shim.folder}/s".encode()
    with answering(shim.folder / "s", DONE) as peer:
        assert spawned(shim.binary, socket_path, b"CNI_COMMAND=ADD", b"CNI_A", b"CNI_A=1", b"CNI_AB=3", b"CNI_A=2") == 0
    assert peer.calls[0].env == {"CNI_COMMAND": "ADD", "CNI_A": "1", "CNI_AB": "3"}


def test_without_an_agent_the_plugin_beside_the_shim_runs_with_stdin_and_environment_whole(shim: Shim) -> None:
    shim.install_fallback()
    done = shim.run({"CNI_ARGS": "K=V"}, b"config\n")
    assert done.returncode == 42
    lines = shim.mark.read_text().splitlines()
    assert lines[0] == "config"
    assert {"CNI_ARGS=K=V", "CNI_COMMAND=ADD"} <= set(lines)


def test_the_plugin_beside_the_shim_starts_with_no_signal_ignored(shim: Shim) -> None:
    shim.install_fallback("#!/bin/sh\ngrep SigIgn /proc/self/status\n")
    assert int(shim.run({}).stdout.split()[1], 16) & 1 << signal.SIGPIPE - 1 == 0


def test_a_socket_nobody_listens_on_is_no_agent(shim: Shim) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(shim.folder / "s"))
    shim.install_fallback()
    assert shim.run({}).returncode == 42


def test_without_agent_and_plugin_the_error_says_what_to_start(shim: Shim) -> None:
    done = shim.run({})
    assert refused(done) == 11
    assert "podberth agent" in json.loads(done.stdout)["details"]


OTHERS = {"dns": {"cniVersion": "0.3.0"}, "a": ["cniVersion", {"x": "\\"}], "b": '"cniVersion": "0.3.0"', "c": "\\"}
SPOKEN = [
    *((json.dumps({"cniVersion": version, **OTHERS}).encode(), version) for version in SUPPORTED),
    *((json.dumps({**OTHERS, "cniVersion": version}, indent=1).encode(), version) for version in SUPPORTED),
    (b'{"cniVersion":"1.1.0"', "1.1.0"),
    *((stdin, "0.1.0") for stdin in (b"", b"{}", b"{", b'{"cniVersion"', b'{"cniVersion":', b'{"cniVersion":"1.1.0')),
    *(
        (stdin, "0.1.0")
        for stdin in (b'{"cniVersion": 1}', b'{"cniVersion": "9.9.9"}', b'{"cniVersion": ""}', b"\xff" * 99)
    ),
    (b'{"cniVersion": "1.1.0\\u0000"}', "0.1.0"),
    (b'{"name": "cniVersion", "type": "1.1.0"}', "0.1.0"),
    (b'[{"cniVersion": "1.1.0"}]', "0.1.0"),
    (b'{"x": "' + b"y" * (2 << 20) + b'", "cniVersion": "1.1.0"}', "0.1.0"),
]


@pytest.mark.parametrize(("stdin", "version"), SPOKEN)
def test_an_error_without_an_agent_is_in_the_version_that_the_caller_spoke(
    shim: Shim, stdin: bytes, version: str
) -> None:
    done = shim.run({}, stdin)
    assert refused(done) == 11
    assert json.loads(done.stdout)["cniVersion"] == version


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400\r\n\r\n", frame.answer(0, "whole")[:-1]])
def test_an_error_about_an_agent_that_was_lost_is_in_the_version_that_the_caller_spoke(
    shim: Shim, answer: bytes
) -> None:
    with answering(shim.folder / "s", [answer]):
        done = shim.run({}, b'{"cniVersion": "0.4.0"}')
    assert (refused(done), json.loads(done.stdout)["cniVersion"]) == (11, "0.4.0")


def test_an_error_about_what_is_too_large_is_in_the_version_that_the_caller_spoke(shim: Shim) -> None:
    large = b'{"cniVersion": "1.1.0", "x": "' + b"y" * (1 << 20)
    many = {f"CNI_{number}": "x" * 120_000 for number in range(10)}
    with answering(shim.folder / "s", DONE) as peer:
        done = [shim.run({}, large), shim.run(many, b'{"cniVersion": "1.1.0"}')]
    assert [(refused(one), json.loads(one.stdout)["cniVersion"]) for one in done] == [(7, "1.1.0"), (7, "1.1.0")]
    assert peer.calls == []


def test_a_caller_that_never_ends_its_stdin_is_told_that_there_is_no_agent(shim: Shim) -> None:
    reads, writes = os.pipe()
    os.write(writes, b'{"cniVersion": "1.1.0"}')
    env = {"CNI_COMMAND": "ADD", "PODBERTH_SOCKET": str(shim.folder / "s")}
    done = subprocess.run([shim.binary], env=env, stdin=reads, capture_output=True, check=False, timeout=PATIENCE)
    os.close(reads)
    os.close(writes)
    assert (refused(done), json.loads(done.stdout)["cniVersion"]) == (11, "1.1.0")


def test_a_backlog_that_stays_full_is_code_11(shim: Shim) -> None:
    shim.install_fallback()
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as first:
        listening.bind(str(shim.folder / "s"))
        listening.listen(0)
        first.connect(str(shim.folder / "s"))
        assert refused(shim.run({})) == 11
    assert not shim.mark.exists()


@pytest.mark.parametrize(("stdin", "args"), [(1 << 20, 0), (1000, 120_000)])
def test_too_large_a_call_is_refused_and_none_of_it_is_sent(shim: Shim, stdin: int, args: int) -> None:
    many = {f"CNI_{number}": "x" * args for number in range(10 if args else 0)}
    with answering(shim.folder / "s", DONE) as peer:
        done = shim.run(many, b"x" * stdin)
    assert refused(done) == 7
    assert peer.calls == []


def test_too_long_a_socket_path_is_refused_by_name(shim: Shim) -> None:
    done = shim.run({"PODBERTH_SOCKET": "/" + "x" * 107})
    assert refused(done) == 4
    assert "PODBERTH_SOCKET" in json.loads(done.stdout)["msg"]


def test_a_path_of_quotes_and_control_characters_makes_no_bad_json(shim: Shim) -> None:
    done = shim.run({"PODBERTH_SOCKET": '/no"pe\\\n\x1b[31m\x7fü'})
    assert refused(done) == 11
    assert json.loads(done.stdout)["msg"].isascii()


@pytest.mark.parametrize("argv0", ["", "/", "other", "/opt/cni/bin/bridge"])
def test_the_type_is_the_files_name_whatever_it_is_called_by(shim: Shim, argv0: str) -> None:
    hard = shim.binary.with_name("sriov")
    hard.hardlink_to(shim.binary)
    link = shim.binary.with_name("link")
    link.symlink_to(hard)
    with answering(shim.folder / "s", DONE) as peer:
        for binary in (shim.binary, hard, link):
            subprocess.run(
                [argv0],
                executable=binary,
                env={"CNI_COMMAND": "ADD", "PODBERTH_SOCKET": str(shim.folder / "s")},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                check=True,
            )
    assert [call.plugin_type for call in peer.calls] == ["podberth", "sriov", "sriov"]


def test_without_a_command_it_says_what_it_is(shim: Shim) -> None:
    done = subprocess.run([shim.binary], env={}, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"CNI plugin" in done.stderr


def test_arguments_are_for_the_plugin_that_needs_no_agent_alone(shim: Shim) -> None:
    with answering(shim.folder / "s", []) as peer:
        env = {"CNI_COMMAND": "ADD", "PODBERTH_SOCKET": str(shim.folder / "s")}
        done = subprocess.run([shim.binary, "daemon"], env=env, capture_output=True, check=False)
    assert (done.returncode, done.stdout, peer.calls) == (4, b"", [])
    assert b"`podberth dhcp`" in done.stderr


def test_a_stdout_nobody_reads_is_a_failure_and_no_signal(shim: Shim) -> None:
    taken, out = os.pipe()
    os.close(taken)
    with answering(shim.folder / "s", [frame.answer(0, "x" * 200_000)]):
        done = subprocess.run(
            [shim.binary],
            env={"CNI_COMMAND": "ADD", "PODBERTH_SOCKET": str(shim.folder / "s")},
            stdin=subprocess.DEVNULL,
            stdout=out,
            check=False,
        )
    os.close(out)
    assert done.returncode == 1


@pytest.mark.parametrize(("closed", "calls", "told"), [(">&-", 1, None), ("<&-", 0, 5)], ids=["stdout", "stdin"])
def test_the_agent_is_not_taken_for_a_stream_that_was_closed(
    shim: Shim, closed: str, calls: int, told: int | None
) -> None:
    with answering(shim.folder / "s", DONE) as peer:
        done = subprocess.run(
            ["/bin/sh", "-c", f'exec "$0" {closed}', shim.binary],
            env={"CNI_COMMAND": "ADD", "PODBERTH_SOCKET": str(shim.folder / "s")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
    assert (done.returncode, len(peer.calls)) == (1, calls)
    assert (json.loads(done.stdout)["code"] if done.stdout else None) == told
