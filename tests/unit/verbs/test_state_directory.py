"""Which calls make a state directory, and how many stores a process keeps open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from podberth.cni.errors import StoreFailed
from podberth.entry import MOST_STORES, handle, staying
from podberth.stores.sqlite.database import Database

CONF: dict[str, Any] = {"cniVersion": "1.1.0", "name": "banknet", "type": "podberth", "pool": "db"}


def call(verb: str, state: Path, serve: Any = handle, **keys: object) -> tuple[int, dict[str, Any]]:
    env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": "c1", "CNI_IFNAME": "net1", "CNI_NETNS": "/proc/self/ns/net"}
    code, stdout = serve(env, json.dumps({**CONF, "stateDir": str(state), **keys}).encode(), "podberth")
    return code, json.loads(stdout or "{}")


@pytest.mark.parametrize("serve", [handle, staying()], ids=["plugin", "agent"])
@pytest.mark.parametrize(
    ("verb", "keys", "code"),
    [
        ("DEL", {}, 0),
        ("GC", {"cni.dev/valid-attachments": []}, 0),
        ("CHECK", {"prevResult": {"cniVersion": "1.1.0"}}, 3),
        ("STATUS", {}, 0),
        ("ADD", {}, 7),
    ],
)
def test_a_call_with_a_wrong_state_directory_makes_none(
    tmp_path: Path, serve: Any, verb: str, keys: dict[str, object], code: int
) -> None:
    state = tmp_path / "mistyped" / "podberth"
    answered, said = call(verb, state, serve, **keys)
    assert (answered, said.get("code", 0)) == (int(bool(code)), code)
    assert list(tmp_path.iterdir()) == []
    if verb == "ADD":
        assert said["msg"] == f"stateDir: there is no store in {state}, so no pool is declared there"


def test_status_fails_where_no_store_could_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, said = call("STATUS", tmp_path / "file" / "podberth")
    assert (code, said["code"]) == (1, 104)
    assert f"{tmp_path / 'file'} is no directory" in said["msg"]


def make_store(state: Path) -> None:
    """Make the store, and close it: SQLite's connections are in a cycle, so they stay open until that is collected."""
    database = Database(str(state))
    with database.write():
        pass
    database.close()


def descriptors(below: Path) -> int:
    paths = Path("/proc/self/fd").iterdir()
    return sum(str(path.readlink()).startswith(str(below)) for path in paths if path.is_symlink())


def test_a_process_that_stays_keeps_a_bounded_number_of_stores_open(tmp_path: Path) -> None:
    serve = staying()
    for number in range(2 * MOST_STORES):
        state = tmp_path / str(number)
        make_store(state)
        assert call("DEL", state, serve) == (0, {})
    kept = descriptors(tmp_path)
    assert kept == 4 * MOST_STORES
    assert call("DEL", tmp_path / "0", serve) == (0, {})  # one that was let go is opened again
    assert descriptors(tmp_path) <= kept


def test_a_store_that_is_made_later_is_served_from(tmp_path: Path) -> None:
    serve = staying()
    assert call("DEL", tmp_path / "state", serve) == (0, {})
    make_store(tmp_path / "state")
    code, said = call("ADD", tmp_path / "state", serve)
    assert (code, said["msg"].startswith("pool: there is no pool 'db'")) == (1, True)


def test_looking_whether_a_store_can_be_made_makes_none(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "new" / "state"))
    database.probe()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "new").write_text("")
    with pytest.raises(StoreFailed, match="is no directory"):
        database.probe()
