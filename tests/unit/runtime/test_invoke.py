"""Running one plugin: found on the path and nowhere else, its answer read, and stopped when it takes too long."""

from __future__ import annotations

import gc
import os
import resource
import time
from pathlib import Path

import pytest

from podberth.cni.errors import CniError, DecodingFailure, InvalidConfig, IOFailure, TryAgainLater
from podberth.runtime.invoke import MAX_OUTPUT, PluginFailed, call, find

ENV = {"PATH": os.environ["PATH"], "CNI_COMMAND": "ADD"}


def script(folder: Path, body: str, name: str = "plugin") -> str:
    """Write an executable; return its path."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_the_first_on_the_path_that_can_be_executed_is_found(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "plugin").write_text("no executable")
    (folders[0] / "folder").mkdir()
    wanted = script(folders[1], "")
    script(folders[2], "")
    path = tuple(map(str, folders))
    assert find("plugin", path) == wanted
    with pytest.raises(InvalidConfig, match="there is no plugin 'folder'"):
        find("folder", path)


@pytest.mark.parametrize("name", ["", ".", "..", "../two/plugin", "/bin/sh", "a/b"])
def test_a_name_does_not_lead_out_of_the_path(tmp_path: Path, name: str) -> None:
    script(tmp_path, "")
    with pytest.raises(InvalidConfig, match="is no plugin's name"):
        find(name, (str(tmp_path),))


def test_a_plugin_gets_its_environment_and_stdin_and_nothing_else(tmp_path: Path) -> None:
    plugin = script(tmp_path, "cat; env | grep -v -e ^PWD -e ^SHLVL -e ^_ | sort; ls -l /proc/self/fd | grep -c memfd")
    lines = call(plugin, ENV, b"configuration\n").decode().splitlines()
    assert lines[0] == "configuration"
    assert sorted(line.partition("=")[0] for line in lines[1:-1]) == ["CNI_COMMAND", "PATH"]
    assert int(lines[-1]) == 1  # its stdin; not the caller's descriptor of the same


def test_an_error_object_is_the_plugins_word(tmp_path: Path) -> None:
    plugin = script(tmp_path, """echo '{"code": 7, "msg": "bad key", "details": "the third"}'; exit 1""")
    with pytest.raises(PluginFailed) as refused:
        call(plugin, ENV, b"")
    assert (refused.value.plugin, refused.value.code) == ("plugin", 7)
    assert (refused.value.message, refused.value.details) == ("plugin: bad key", "the third")


@pytest.mark.parametrize("body", ["exit 3", "echo nonsense; exit 1", "kill -KILL $$", "echo '[1]'; exit 1"])
def test_an_end_without_an_error_object_says_how_it_ended(tmp_path: Path, body: str) -> None:
    with pytest.raises(IOFailure, match=r"plugin: ended with status -?\d+ and no error object"):
        call(script(tmp_path, body), ENV, b"")


@pytest.mark.parametrize("code", ["0", "-1", '"4"', "null", "true"])
def test_a_code_that_is_none_is_999(tmp_path: Path, code: str) -> None:
    with pytest.raises(PluginFailed) as refused:
        call(script(tmp_path, f"""echo '{{"code": {code}, "msg": "x"}}'; exit 1"""), ENV, b"")
    assert refused.value.code == 999


@pytest.mark.parametrize("body", ["sleep 60", "exec >&-; sleep 60", "sleep 60 & exit 0"])
def test_one_that_takes_too_long_is_stopped(tmp_path: Path, body: str) -> None:
    began = time.monotonic()
    with pytest.raises(TryAgainLater, match="took longer than 0 s and was stopped"):
        call(script(tmp_path, body), ENV, b"", timeout=0.2)
    assert time.monotonic() - began >= 0.2


def test_what_it_prints_without_end_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(DecodingFailure, match=f"more than {MAX_OUTPUT} bytes"):
        call(script(tmp_path, "exec cat /dev/zero"), ENV, b"")


def test_one_that_reads_nothing_does_not_block_its_caller(tmp_path: Path) -> None:
    assert call(script(tmp_path, "echo '{}'"), ENV, b"x" * (1 << 20)) == b"{}\n"


def test_one_that_is_no_program_is_an_error(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_bytes(b"\x7fnot an executable")
    plugin.chmod(0o755)
    with pytest.raises(CniError, match="plugin: Exec format error"):
        call(str(plugin), ENV, b"")


def test_one_that_is_still_being_written_is_tried_again(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    plugin.write_bytes(b"#!/bin/sh\necho '{}'\n")
    plugin.chmod(0o755)
    with plugin.open("ab"), pytest.raises(IOFailure, match="Text file busy"):
        call(str(plugin), ENV, b"")
    assert call(str(plugin), ENV, b"") == b"{}\n"


def test_no_descriptor_and_no_child_is_left(tmp_path: Path) -> None:
    plugin = script(tmp_path, "exit 1")
    opened, children = Path("/proc/self/fd"), Path("/proc/thread-self/children")
    gc.collect()  # of others before
    before = len(list(opened.iterdir())), children.read_text()
    for _ in range(5):
        with pytest.raises(IOFailure):
            call(plugin, ENV, b"")
        with pytest.raises(TryAgainLater):
            call(script(tmp_path, "sleep 9", "slow"), ENV, b"", timeout=0.05)
    assert (len(list(opened.iterdir())), children.read_text()) == before


def test_a_process_with_very_many_descriptors_calls_plugins_all_the_same(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(1024)]
    try:
        assert call(script(tmp_path, "cat"), ENV, b"{}", timeout=60.0) == b"{}"
    finally:
        for each in opened:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
