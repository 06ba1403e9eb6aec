"""The command line as a whole: errors, exit codes, help, completion, hostile input."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import click
import pytest

import podberth as package
from podberth.cli.commands import PLACES
from podberth.cli.main import cli, main
from podberth.cli.manual import EXITS
from tests.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.cli.node import Operator

READERS = (
    ("pool",),
    ("pool", "list"),
    ("pool", "show", "db"),
    ("get",),
    ("leases",),
    ("who", "10.20.0.11"),
    ("history",),
    ("check",),
    ("gc", "--gone"),
    ("explain", "bank/mysql-0"),
    ("reserve", "bank/web", "10.20.0.30"),
    ("release", "10.20.0.30"),
    ("fence",),
    ("unfence", "n2", "--why", "repaired"),
    ("delete", "pool", "db"),
)
HOSTILE = (
    "../../etc/passwd",
    "a/../b",
    "x" * 100_000,
    "\x1b]0;x\x07",
    "bank/\udcff",
    "\u202e",
    "",
    " ",
    "-",
    "'; DROP TABLE leases; --",
)


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("argv", READERS)
def test_a_store_that_is_not_there_is_not_found_and_not_made(bare: Operator, argv: tuple[str, ...]) -> None:
    ended = bare(*argv)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith(f"error: there is no store in {bare.state}\nhint: ")
    assert not bare.state.exists()


@pytest.mark.parametrize("argv", READERS)
def test_every_command_has_its_errors_as_json(bare: Operator, argv: tuple[str, ...]) -> None:
    ended = bare(*argv, "--json")
    assert (ended.code, ended.err) == (3, "")
    assert ended.json["code"] == 110
    assert sorted(ended.json) == ["code", "details", "msg"]


def test_an_option_of_the_command_that_is_run_is_not_ours(bare: Operator) -> None:
    ended = bare("run", "--network", "no/name", "--", "curl", "--json", "{}")
    assert (ended.code != 0, ended.out) == (True, "")
    assert ended.err.startswith("error: ")


@pytest.mark.parametrize("path", sorted(commands()), ids=" ".join)
def test_every_page_has_a_purpose_and_exit_codes(bare: Operator, path: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        ended = bare(*path, flag)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.startswith(f"Usage: {' '.join(('podberth', *path))} [OPTIONS]")
        assert "Exit status:" in ended.out
        assert max(map(len, ended.out.splitlines())) <= 100


# What cnitool prints is JSON, as the CNI project's own prints it, or nothing.
PRINTS_AS_IT_IS = {("cnitool", *verb) for verb in ((), ("add",), ("check",), ("del",), ("gc",), ("status",))}
WITHOUT_JSON = {
    (),
    ("agent",),
    ("dhcp",),
    ("controller",),
    ("webhook",),
    ("export",),
    ("import",),
    ("demo",),
    ("completion",),
    ("pool", "list"),
    *PRINTS_AS_IT_IS,
}


@pytest.mark.parametrize("path", sorted(set(commands()) - WITHOUT_JSON), ids=" ".join)
def test_every_page_that_shows_something_has_json_and_examples_that_are_commands(path: tuple[str, ...]) -> None:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        inner = command.get_command(click.Context(command), name)
        assert inner is not None
        command = inner
    assert "--json" in [option for param in command.params for option in param.opts]
    known = {" ".join(each) for each in commands()}
    for line, _ in getattr(command, "examples", ()):
        words = line.split()
        assert {" ".join(words[:1]), " ".join(words[:2])} & known


@pytest.mark.parametrize("path", sorted(commands()), ids=" ".join)
def test_every_page_has_an_example(bare: Operator, path: tuple[str, ...]) -> None:
    assert "\nExamples:\n" in bare(*path, "--help").out


def test_the_front_page_lists_every_command_under_a_heading(bare: Operator) -> None:
    page = bare("--help").out
    for path in commands():
        if len(path) == 1:
            assert f"\n  {path[0]} " in page
    for heading in ("Declare", "Addresses", "Ask the ledger", "This node", "Environment", "Examples"):
        assert f"\n{heading}:\n" in page


def test_the_version_is_printed(bare: Operator) -> None:
    assert bare("--version").out == f"podberth {package.__version__}\n"


def test_no_words_at_all_are_answered_with_the_page(bare: Operator, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], bare.connect) == 2
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", bare("--help").out)


def test_no_command_is_a_usage_error(bare: Operator) -> None:
    assert bare().err == "error: missing command\nhint: see `podberth --help`\n"


def test_every_command_and_exit_code_is_in_the_manual() -> None:
    manual = (ROOT / "docs" / "cli.md").read_text()
    headings = [line for line in manual.splitlines() if line.startswith("#")]
    for path in commands():
        if len(path) == 1:
            assert any(f"`{path[0]}`" in heading for heading in headings), path
    for code in EXITS:
        assert f"| {code} |" in manual


@pytest.mark.parametrize("argv", [("bogus",), ("pool", "bogus"), ("--bogus",), ("who", "--bogus"), ("pool", "show")])
def test_what_is_no_command_line_is_a_usage_error(podberth: Operator, argv: tuple[str, ...]) -> None:
    ended = podberth(*argv)
    assert (ended.code, ended.out) == (2, "")
    error, hint = ended.err.splitlines()
    assert error.startswith("error: ")
    assert "--help`" in hint
    assert podberth(*argv, "--json").json["code"] == 111


@pytest.mark.parametrize("word", HOSTILE)
@pytest.mark.parametrize(
    "argv",
    [
        ("pool", "show"),
        ("get", "pools"),
        ("get", "podnetworks"),
        ("get",),
        ("leases", "--pool"),
        ("leases", "--network"),
        ("who",),
        ("who", "10.20.0.11", "--at"),
        ("history",),
        ("release",),
        ("fence", "--why", "burnt"),
        ("unfence", "--why", "repaired"),
        ("fence", "n2", "--why"),
        ("reserve", "bank/web"),
        ("explain",),
        ("delete", "podnetwork"),
        ("gc", "--gone", "--network"),
        ("apply", "--dry-run", "-f"),
    ],
)
def test_hostile_words_are_refused_in_one_printable_line(
    podberth: Operator, argv: tuple[str, ...], word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    before = podberth("history", "--json").json
    ended = podberth(*argv, word)
    assert ended.code in (1, 2, 3), ended
    assert ended.out == ""
    assert all(line.isprintable() for line in ended.err.splitlines())
    assert len(ended.err.splitlines()) <= 2
    assert podberth("history", "--json").json == before


def test_a_store_that_is_damaged_is_told_without_a_traceback(podberth: Operator) -> None:
    podberth.state.joinpath("podberth.db").write_bytes(b"not a database, for sure" * 1000)
    for suffix in ("-wal", "-shm"):
        podberth.state.joinpath(f"podberth.db{suffix}").unlink(missing_ok=True)
    ended = podberth("leases")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")
    assert podberth("leases", "--json").json["code"] == 104


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_completion_script(bare: Operator, shell: str) -> None:
    ended = bare("completion", shell)
    assert ended.code == 0
    assert "_PODBERTH_COMPLETE" in ended.out


def test_a_shell_nobody_knows_is_a_usage_error(bare: Operator) -> None:
    assert bare("completion", "csh").code == 2


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("podberth rel", "release"),
        ("podberth pool show ", "db"),
        ("podberth history bank/my", "bank/mysql-0"),
        ("podberth release fd00", "fd00:20::11"),
        ("podberth fen", "fence"),
    ],
)
def test_completion_offers_commands_and_what_the_store_knows(
    podberth: Operator, monkeypatch: pytest.MonkeyPatch, words: str, offered: str
) -> None:
    monkeypatch.setenv("_PODBERTH_COMPLETE", "fish_complete")
    monkeypatch.setenv("COMP_WORDS", f"podberth --state {podberth.state}{words.removeprefix('podberth')}")
    monkeypatch.setenv("COMP_CWORD", words.rpartition(" ")[2])
    assert offered in completed(podberth)


def test_completion_without_a_store_offers_nothing_and_does_not_fail(
    bare: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_PODBERTH_COMPLETE", "fish_complete")
    monkeypatch.setenv("COMP_WORDS", f"podberth --state {bare.state} pool show ")
    monkeypatch.setenv("COMP_CWORD", "")
    assert completed(bare).strip() == ""


def completed(operator: Operator) -> str:
    """Return what a shell would be offered: click answers and leaves."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with redirect_stdout(out), pytest.raises(SystemExit) as left:
        main([], operator.connect)
    assert left.value.code == 0
    out.flush()
    return out.buffer.getvalue().decode()


def test_the_state_may_come_from_the_environment(podberth: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODBERTH_STATE", str(podberth.state))
    assert main(["pool", "--json"], podberth.connect) == 0


def test_a_reader_that_has_seen_enough_is_no_error_to_talk_about() -> None:
    command = [sys.executable, "-m", "podberth.cli.main", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""


def test_importing_the_command_line_leaves_rich_and_yaml_for_later() -> None:
    code = "import sys, json, podberth.cli.main; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "click" in loaded
    assert not loaded & {"rich", "yaml", "pydantic"}
    assert not loaded & {f"podberth.cli.{place.partition(':')[0]}" for place in PLACES.values()}


def test_a_command_imports_none_of_the_others() -> None:
    code = "import sys, json; from podberth.cli.main import main; main(['who', '--help'])"
    code += "; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "podberth.cli.ledger" in loaded
    assert not loaded & {"podberth.cli.doctor.command", "podberth.cli.transfer.moving", "podberth.cli.store.command"}
