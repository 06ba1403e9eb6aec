"""`store backup`, `restore` and `restored`: what they say, and what they refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.node import Operator

if TYPE_CHECKING:
    from pathlib import Path

POOL = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: db}
spec:
  subnets: [{subnet: 10.20.0.0/24, gateway: 10.20.0.1}]
"""


@pytest.fixture
def run(tmp_path: Path) -> Operator:
    made = Operator(tmp_path / "state")
    made.apply(POOL)
    return made


def test_a_backup_says_up_to_which_event_it_goes(run: Operator, tmp_path: Path) -> None:
    file = str(tmp_path / "backup.db")
    assert run("reserve", "db/web-0", "10.20.0.9", "--pool", "db").code == 0
    assert run("store", "backup", file, "--json").json == {"backup": file, "lastEvent": 1}
    assert run("store", "backup", file).out == f"{file} has all up to event 1\n"


def test_a_restore_lists_what_came_after_the_backup(run: Operator, tmp_path: Path) -> None:
    file = str(tmp_path / "backup.db")
    run("store", "backup", file)
    run.apply(POOL.replace("name: db", "name: late").replace("10.20", "10.30"))
    ended = run("store", "restore", file, "--why", "a test", "--json")
    assert ended.code == 0, ended
    told = ended.json
    assert told["lost"] == ["Pool late"]
    assert (told["epoch"]["number"], told["epoch"]["why"], told["epoch"]["awaited"]) == (1, "a test", [])
    assert told["before"] == str(tmp_path / "state" / "podberth.db.before-1")
    assert "late" not in run("pool").out


def test_a_restore_wants_a_reason_and_a_backup(run: Operator, tmp_path: Path) -> None:
    other = run.file("letter.txt", "dear")
    assert run("store", "restore", other).code == 2
    refused = run("store", "restore", other, "--why", "a test")
    assert refused.code == 1
    assert "is no backup of podberth's" in refused.err
    assert run("store", "restore", str(tmp_path / "none.db"), "--why", "a test").code == 3


def test_there_is_nothing_to_back_up_where_no_store_is(tmp_path: Path) -> None:
    ended = Operator(tmp_path / "none")("store", "backup", str(tmp_path / "backup.db"))
    assert ended.code == 3
    assert not (tmp_path / "backup.db").exists()


def test_the_word_that_a_store_was_put_back_is_shown(run: Operator) -> None:
    assert run("store", "restored").code == 2
    assert run("store", "restored", "--lost", "n2", "--why", "burnt").code == 1
    ended = run("store", "restored", "--why", "the disk of this morning")
    assert ended.code == 0
    assert "epoch 1 since" in ended.out
    assert "waiting for the announcement of" in ended.out
    assert run("store", "--json").json["epoch"]["why"] == "the disk of this morning"


@pytest.mark.parametrize("kind", ["etcd", "kubernetes"])
def test_a_clusters_store_is_not_this_nodes_to_back_up(run: Operator, tmp_path: Path, kind: str) -> None:
    said = '"etcd": {"endpoints": ["http://127.0.0.1:1"]}' if kind == "etcd" else '"kubernetes": {}'
    (tmp_path / "state" / "store.json").write_text(f'{{"store": "{kind}", "node": "n1", {said}}}')
    for argv in (("backup", str(tmp_path / "x")), ("restore", run.file("x", "x"), "--why", "a test")):
        refused = run("store", *argv)
        assert refused.code == 1
        assert "it is not this node's to back up or restore" in refused.err
        assert "docs/restore.md" in refused.err


def test_a_backup_takes_no_stores_place(run: Operator, tmp_path: Path) -> None:
    other = Operator(tmp_path / "other")
    other.apply(POOL)
    for to in (tmp_path / "state" / "podberth.db", tmp_path / "other" / "podberth.db"):
        before = to.stat().st_ino
        refused = run("store", "backup", str(to))
        assert refused.code == 1
        assert f"{to} is a store in use" in refused.err
        assert to.stat().st_ino == before


def test_a_backup_into_a_directory_that_is_not_there_says_so(run: Operator, tmp_path: Path) -> None:
    refused = run("store", "backup", str(tmp_path / "none" / "backup.db"))
    assert refused.code == 1
    assert f"there is no directory {tmp_path / 'none'}" in refused.err


def test_a_backup_that_was_cut_short_is_named_as_damaged_not_the_store(run: Operator, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    run("store", "backup", str(file))
    file.write_bytes(file.read_bytes()[:20000])
    refused = run("store", "restore", str(file), "--why", "a test")
    assert refused.code == 1
    assert f"{file} is damaged" in refused.err
    assert "take another backup; nothing was changed" in refused.err
