"""`podberth export`, `import store` and `migrate`."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from podberth.cli.transfer.moving import to_stdout
from podberth.cni.errors import StoreFailed
from tests.unit.cli.node import NS, Operator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODY = ("--socket", "/nonexistent/agent.sock")


@pytest.fixture
def busy(podberth: Operator) -> Operator:
    """An operator whose store has leases and reservations."""
    podberth.attach("bank/mysql-0", "10.20.0.11")
    podberth("reserve", "bank/web-0", "10.20.0.30")
    return podberth


def told(operator: Operator) -> list[object]:
    return [operator(*argv, "--json").json for argv in (("leases",), ("get", "reservations"), ("history",), ("get",))]


def test_a_store_moves_into_another_directory_as_it_is(busy: Operator, tmp_path: Path) -> None:
    ended = busy("migrate", "--to", str(tmp_path / "other"), *NOBODY)
    assert (ended.code, ended.err) == (0, "")
    last = ended.out.splitlines()[-1]
    assert last == f"{tmp_path}/other/podberth.db says what {busy.state}/podberth.db says: compared, the same"
    assert told(Operator(tmp_path / "other")) == told(busy)


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["", "dry"])
def test_a_store_does_not_move_into_itself(busy: Operator, tmp_path: Path, dry: tuple[str, ...]) -> None:
    (tmp_path / "link").symlink_to(busy.state)
    for to in (str(busy.state), f"{busy.state}/.", str(tmp_path / "link")):
        ended = busy("migrate", "--to", to, *dry, *NOBODY)
        assert (ended.code, ended.out) == (1, "")
        assert f"{to} is the store of {busy.state} itself" in ended.err
    assert busy("migrate", "--to", str(tmp_path / "other"), *NOBODY).code == 0


def test_an_export_that_fails_half_way_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> Iterator[str]:
        yield "{}\n"
        raise StoreFailed("the disk has a bad block")

    with pytest.raises(StoreFailed):
        to_stdout(broken())
    assert capsys.readouterr().out == ""


def test_the_order_stays_that_of_numbers_where_a_clock_was_set_back(busy: Operator, tmp_path: Path) -> None:
    busy.now -= 2 * 365 * 86_400 * NS
    busy("reserve", "bank/web-1", "10.20.0.31")
    file = tmp_path / "store.jsonl"
    assert busy("migrate", "--to", str(tmp_path / "other"), *NOBODY).code == 0
    assert busy("export", "-o", str(file)).code == 0
    assert Operator(tmp_path / "copy")("import", "store", str(file), *NOBODY).code == 0
    events = busy("history", "--json").json["events"]
    assert events[-1]["time"] < events[0]["time"]
    for moved in ("other", "copy"):
        assert Operator(tmp_path / moved)("history", "--json").json["events"] == events


def test_what_a_migration_moved_is_counted_for_a_program(busy: Operator, tmp_path: Path) -> None:
    ended = busy("migrate", "--to", str(tmp_path / "other"), "--json", *NOBODY)
    assert ended.json == {
        "dry_run": False,
        "source": f"{busy.state}/podberth.db",
        "target": f"{tmp_path}/other/podberth.db",
        "documents": 2,
        "addresses": 7,
        "leases": 1,
        "reservations": 7,
        "events": 8,
        "same": True,
        "differences": [],
    }


def test_a_dry_run_makes_no_store(busy: Operator, tmp_path: Path) -> None:
    ended = busy("migrate", "--to", str(tmp_path / "other"), "--dry-run", "--json")
    assert (ended.code, ended.json["same"], ended.json["events"]) == (0, None, 8)
    assert not (tmp_path / "other").exists()


def test_a_migration_that_was_made_can_be_made_again(busy: Operator, tmp_path: Path) -> None:
    for _ in range(2):
        assert busy("migrate", "--to", str(tmp_path / "other"), *NOBODY).code == 0


def test_another_store_is_left_alone_and_every_difference_is_told(busy: Operator, tmp_path: Path) -> None:
    busy("migrate", "--to", str(tmp_path / "other"), *NOBODY)
    other = Operator(tmp_path / "other")
    other("reserve", "bank/thief", "10.20.0.31")
    before = told(other)
    ended = busy("migrate", "--to", str(other.state), "--json", *NOBODY)
    assert (ended.code, ended.json["code"]) == (1, 101)
    (conflict,) = ended.json["conflicts"]
    assert conflict.startswith("10.20.0.31 is in ")
    assert told(other) == before
    assert busy("migrate", "--to", str(other.state), "--dry-run").code == 1


def test_nothing_moves_while_an_agent_listens(busy: Operator, tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
        agent.bind(str(path))
        agent.listen()
        argv = ("migrate", "--to", str(tmp_path / "other"), "--socket", str(path))
        ended = busy(*argv)
        assert (ended.code, ended.out) == (1, "")
        assert f"an agent is listening at {path}" in ended.err
        assert busy(*argv, "--dry-run").code == 0
        assert busy(*argv, "--force").code == 0


def test_an_export_brings_a_store_back(busy: Operator, tmp_path: Path) -> None:
    file = tmp_path / "store.jsonl"
    assert busy("export", "-o", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert busy("export").out.splitlines()[1:] == file.read_text().splitlines()[1:]
    copy = Operator(tmp_path / "copy")
    assert copy("import", "store", str(file), "--dry-run").code == 0
    assert not copy.state.exists()
    ended = copy("import", "store", str(file), *NOBODY)
    assert (ended.code, ended.err) == (0, "")
    assert told(copy) == told(busy)


def test_an_export_that_is_cut_short_is_refused(busy: Operator, tmp_path: Path) -> None:
    file = tmp_path / "store.jsonl"
    busy("export", "-o", str(file))
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    copy = Operator(tmp_path / "copy")
    ended = copy("import", "store", str(file), *NOBODY)
    assert (ended.code, ended.out) == (1, "")
    assert "the export is cut short" in ended.err
    assert not copy.state.exists()


@pytest.mark.parametrize("argv", [("export",), ("migrate", "--to", "other", "--dry-run")])
def test_a_store_that_is_not_there_is_not_moved(bare: Operator, argv: tuple[str, ...]) -> None:
    ended = bare(*argv)
    assert (ended.code, ended.out) == (3, "")
    assert not bare.state.exists()


@pytest.mark.parametrize("text", ["{}", '{"store": "sqlite"}', '{"store": "etcd"}', "nonsense"])
def test_a_file_that_names_no_cluster_is_refused(busy: Operator, tmp_path: Path, text: str) -> None:
    file = tmp_path / "store.json"
    file.write_text(text)
    ended = busy("migrate", "--to", str(file), *NOBODY)
    assert (ended.code, ended.out) == (1, "")
    assert str(file) in ended.err


def test_a_target_file_that_is_not_there_becomes_no_directory(tmp_path: Path) -> None:
    run = Operator(tmp_path / "state")
    spec = "spec: {subnets: [{subnet: 10.20.0.0/24}]}"
    run.apply(f"apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {{name: db}}\n{spec}\n")
    target = tmp_path / "etdc.json"
    ended = run("migrate", "--to", str(target), "--socket", str(tmp_path / "none.sock"))
    assert ended.code == 3  # as of every file that a command is given to read
    assert f"there is no file {target}" in ended.err
    assert not target.exists()
