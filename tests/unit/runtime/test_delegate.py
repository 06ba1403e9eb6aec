"""One plugin calling another: small scripts on CNI_PATH get the caller's own call, and are taken at their word."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from podberth.cni.call import Call
from podberth.cni.errors import CniError, DecodingFailure, IncompatibleVersion, InvalidConfig, IOFailure
from podberth.cni.result import IPConfig, Result, Route
from podberth.runtime.delegate import delegate, executable_of
from podberth.runtime.invoke import PluginFailed

GIVEN = {
    "cniVersion": "1.0.0",
    "ips": [{"address": "10.20.0.11/24", "gateway": "10.20.0.1"}],
    "routes": [{"dst": "0.0.0.0/0", "gw": "10.20.0.1"}],
}
FOUND = Result(
    ips=(IPConfig(address=ip_interface("10.20.0.11/24"), gateway=ip_address("10.20.0.1")),),
    routes=(Route(dst=ip_network("0.0.0.0/0"), gw=ip_address("10.20.0.1")),),
)


class Caller:
    """A runtime's call whose IPAM plugin is a script in one of the folders on CNI_PATH."""

    def __init__(self, tmp_path: Path) -> None:
        self.bin = tmp_path / "bin"
        self.bin.mkdir()
        self.env = {
            "CNI_COMMAND": "ADD",
            "CNI_CONTAINERID": "c1",
            "CNI_NETNS": "/run/netns/pod",
            "CNI_IFNAME": "net1",
            "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=bank;K8S_POD_NAME=mysql-0;X=\u00e9",
            "CNI_PATH": str(self.bin),
            "PATH": os.environ["PATH"],
            "HOME": "/nowhere",
        }
        self.conf: dict[str, object] = {
            "cniVersion": "1.0.0",
            "name": "fast",
            "type": "sriov",
            "vlan": 100,
            "ipam": {"type": "giver", "subnet": "10.20.0.0/24", "text": '\u00e9 " \\ \n \u20ac'},
            "runtimeConfig": {"deviceID": "0000:03:02.1"},
            "prevResult": {"cniVersion": "1.0.0", "dns": {"domain": "bank.example"}},
        }

    def script(self, body: str, *, name: str = "giver", folder: Path | None = None, mode: int = 0o755) -> Path:
        path = (folder or self.bin) / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(mode)
        return path

    def says(self, said: str, status: int = 0) -> None:
        """Make the plugin one that prints `said` and ends."""
        (self.bin / "said").write_text(said)
        self.script(f"cat {self.bin}/said; exit {status}")

    def call(self, verb: str = "ADD") -> Result | None:
        call = Call.parse(self.env, json.dumps(self.conf).encode())
        assert isinstance(call, Call)
        return delegate(call, verb, executable_of(call)[0], self.env)


@pytest.fixture
def caller(tmp_path: Path) -> Caller:
    return Caller(tmp_path)


@pytest.mark.parametrize("verb", ["ADD", "DEL", "CHECK", "GC", "STATUS"])
def test_the_environment_is_passed_whole_with_only_the_verb_changed(caller: Caller, verb: str) -> None:
    caller.script(f"env -0 > {caller.bin}/env")
    assert caller.call(verb) is None
    seen = dict(pair.split("=", 1) for pair in (caller.bin / "env").read_text().split("\0") if pair)
    own = {name for name in seen if name not in caller.env}
    assert own <= {"PWD", "OLDPWD", "SHLVL", "_"}  # the shell's
    assert {name: seen[name] for name in caller.env} == {**caller.env, "CNI_COMMAND": verb}


def test_the_configuration_is_passed_whole(caller: Caller) -> None:
    caller.script(f"cat > {caller.bin}/stdin")
    caller.call()
    assert json.loads((caller.bin / "stdin").read_bytes()) == caller.conf


def test_a_configuration_of_200_kib_is_passed_whole_also_to_a_plugin_that_never_reads_it(caller: Caller) -> None:
    caller.conf["padding"] = ["0123456789abcdef" * 64] * 200
    caller.script(f"cat > {caller.bin}/stdin")
    caller.call()
    assert (caller.bin / "stdin").stat().st_size > 200 * 1024
    assert json.loads((caller.bin / "stdin").read_bytes()) == caller.conf
    caller.says(json.dumps(GIVEN))
    assert caller.call() == FOUND


def test_the_plugin_has_no_descriptor_of_the_callers_but_the_three(caller: Caller) -> None:
    caller.script(f"ls /proc/$$/fd > {caller.bin}/fds")
    with (caller.bin / "kept").open("w"):
        caller.call()
    open_there = {int(number) for number in (caller.bin / "fds").read_text().split()}
    assert {number for number in open_there if number < 10} <= {0, 1, 2}  # the shell keeps its script at 10 or above


@pytest.mark.parametrize(
    ("said", "status"), [(json.dumps(GIVEN), 0), ("", 0), ("garbage", 0), ('{"code": 100, "msg": "full"}', 1)]
)
def test_a_call_leaves_no_descriptor_and_no_process_behind(caller: Caller, said: str, status: int) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    (caller.bin / "said").write_text(said)
    caller.script(f"echo $$ > {caller.bin}/pid; cat {caller.bin}/said; exit {status}")
    with contextlib.suppress(CniError):
        caller.call()
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert not Path("/proc", (caller.bin / "pid").read_text().strip()).exists()


def test_a_result_is_read(caller: Caller) -> None:
    caller.says(json.dumps(GIVEN) + "\n")
    assert caller.call() == FOUND


def test_a_result_without_a_version_is_of_the_configurations(caller: Caller) -> None:
    caller.conf["cniVersion"] = "0.2.0"
    caller.says('{"ip4": {"ip": "10.20.0.11/24", "gateway": "10.20.0.1"}}')
    assert caller.call() == Result(ips=FOUND.ips)


def test_a_big_result_is_read_to_its_end(caller: Caller) -> None:
    ips = [{"address": f"10.{at >> 8}.{at & 255}.1/32"} for at in range(4000)]
    caller.says(json.dumps({"cniVersion": "1.0.0", "ips": ips, "padding": "x" * 150_000}))
    found = caller.call()
    assert found is not None
    assert len(found.ips) == 4000


@pytest.mark.parametrize("said", ["", " \n\t\n"])
def test_a_plugin_that_says_nothing_has_no_result(caller: Caller, said: str) -> None:
    caller.says(said)
    assert caller.call("DEL") is None


def test_a_refusal_keeps_its_code_and_text_and_names_the_plugin(caller: Caller) -> None:
    told = {"cniVersion": "1.0.0", "code": 11, "msg": "no address is free: \u00e9", "details": "try again"}
    caller.says(json.dumps(told), status=1)
    with pytest.raises(PluginFailed) as refused:
        caller.call()
    error = refused.value
    assert (error.code, error.message, error.details) == (11, "giver: no address is free: \u00e9", "try again")
    assert CniError.code == PluginFailed.code == 999  # of the error alone, not of its class


@pytest.mark.parametrize(
    ("told", "code", "message"),
    [
        ({}, 999, "giver: exit status 3"),
        ({"code": 0, "msg": "why"}, 999, "giver: why"),
        ({"code": -5, "msg": "why"}, 999, "giver: why"),
        ({"code": "11", "msg": "why"}, 999, "giver: why"),
        ({"code": 7, "msg": ["why"], "details": {"a": 1}}, 7, "giver: exit status 3"),
        ({"code": 2**40, "msg": ""}, 2**40, "giver: "),
    ],
)
def test_an_error_object_that_is_not_whole_is_told_as_far_as_it_goes(
    caller: Caller, told: object, code: int, message: str
) -> None:
    caller.says(json.dumps(told), status=3)
    with pytest.raises(PluginFailed) as refused:
        caller.call()
    assert (refused.value.code, refused.value.message, refused.value.details) == (code, message, "")


@pytest.mark.parametrize("said", ["", "panic: runtime error", "[]", "null", '{"code": 11', '"full"', "\xff"])
def test_a_failure_without_an_error_object_is_told_by_its_status(caller: Caller, said: str) -> None:
    caller.says(said, status=3)
    with pytest.raises(IOFailure, match=r"^giver: ended with status 3 and no error object$"):
        caller.call()


def test_a_plugin_that_is_killed_is_told_by_the_signal(caller: Caller) -> None:
    caller.script("kill -9 $$")
    with pytest.raises(IOFailure, match=r"^giver: ended with status -9 "):
        caller.call()


@pytest.mark.parametrize(
    "said",
    ["garbage", "[]", "null", "12", '{"ips": ', '{"ips": []} trailing', '{"ips": 1}', '{"ips": [{"address": 1}]}'],
)
def test_garbage_is_a_decoding_failure_that_names_the_plugin(caller: Caller, said: str) -> None:
    caller.says(said)
    with pytest.raises(DecodingFailure, match="giver"):
        caller.call()


def test_bytes_that_are_no_text_are_a_decoding_failure(caller: Caller) -> None:
    caller.script(r"printf '{\377\376}'")
    with pytest.raises(DecodingFailure, match="giver"):
        caller.call()


def test_a_result_of_a_version_that_nobody_knows_is_refused(caller: Caller) -> None:
    caller.says('{"cniVersion": "9.0.0"}')
    with pytest.raises(IncompatibleVersion, match=r"9\.0\.0"):
        caller.call()


def test_a_plugin_that_is_not_there_is_named_with_the_path(caller: Caller) -> None:
    with pytest.raises(InvalidConfig, match=r"^ipam\.type: there is no plugin 'giver' in CNI_PATH") as refused:
        caller.call()
    assert str(caller.bin) in refused.value.message
    caller.env["CNI_PATH"] = ""
    with pytest.raises(InvalidConfig, match=r"CNI_PATH \(not set\)"):
        caller.call()


def test_the_first_executable_on_the_path_is_called(caller: Caller, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("gone", "folder", "file", "first", "second")]
    for folder in folders[1:]:
        folder.mkdir()
    (folders[1] / "giver").mkdir()
    caller.script("exit 9", folder=folders[2], mode=0o644)
    caller.script(f"touch {tmp_path}/first/called", folder=folders[3])
    caller.script("exit 9", folder=folders[4])
    caller.env["CNI_PATH"] = ":".join(map(str, folders))
    assert caller.call() is None
    assert (tmp_path / "first" / "called").exists()


def test_a_plugin_is_never_looked_for_outside_of_cni_path(caller: Caller, tmp_path: Path) -> None:
    caller.script("exit 9", name="sh")
    (caller.bin / "sh").unlink()
    caller.conf["ipam"] = {"type": "sh"}  # there is one on PATH
    with pytest.raises(InvalidConfig, match="no plugin 'sh'"):
        caller.call()


@pytest.mark.parametrize("name", ["../evil", "/bin/sh", "sub/evil", "..", ".", "..\\evil", "", "evil\n"])
def test_a_name_never_leads_out_of_cni_path(caller: Caller, tmp_path: Path, name: str) -> None:
    (caller.bin / "sub").mkdir()
    for folder in (tmp_path, caller.bin / "sub"):
        caller.script(f"touch {tmp_path}/called", name="evil", folder=folder)
    caller.conf["ipam"] = {"type": name}
    with pytest.raises(InvalidConfig, match=r"^ipam\.type: expected "):
        caller.call()
    assert not (tmp_path / "called").exists()


def test_what_the_kernel_will_not_run_is_told_with_its_path(caller: Caller) -> None:
    path = caller.script("exit 0")
    path.write_bytes(b"\x7fELF is no program")
    with pytest.raises(IOFailure, match=rf"^{path}: Exec format error$"):
        caller.call()
    path.write_text("#!/no/such/interpreter\n")
    with pytest.raises(IOFailure, match=rf"^{path}: No such file"):
        caller.call()


def test_an_executable_that_is_just_being_written_is_tried_again(caller: Caller) -> None:
    with caller.script(f"touch {caller.bin}/called").open("ab") as writer:
        written = threading.Timer(0.1, writer.close)
        written.start()
        assert caller.call() is None
        written.join()
    assert (caller.bin / "called").exists()
