"""A directory of documents that is kept in force, against a real store and a real file system."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import StoreFailed
from podberth.cni.pod import PodRef
from podberth.stores.directory import fingerprint, load, sync
from podberth.stores.sqlite.database import NODE
from tests.contract.declarations import PLUGIN, POOL, Store, in_sqlite, of_pod

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return in_sqlite(tmp_path / "state")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "policies"
    found.mkdir()
    return found


def write(file: Path, *raws: dict[str, object]) -> None:
    """Write documents as a new file in the old one's place, as editors and kubelet do."""
    full = [{"apiVersion": "podberth.io/v1alpha1", **raw} for raw in raws]
    text = json.dumps(full) if file.suffix == ".json" else "---\n".join(f"{json.dumps(raw)}\n" for raw in full)
    fresh = file.with_name(".new")
    fresh.write_text(text)
    fresh.replace(file)


def bring(store: Store, folder: Path) -> str:
    return sync(store.policies, str(folder), PLUGIN)


def pods(store: Store) -> list[str]:
    return [str(n.pod) for n in store.policies.pod_networks()]


def test_the_files_of_a_directory_come_into_force_as_one_set(store: Store, folder: Path) -> None:
    write(folder / "a.yaml", of_pod("a", "10.20.0.31"))
    write(folder / "z.json", POOL)
    (folder / "README.md").write_text("not a document")
    (folder / ".hidden.yaml").write_text("}")
    (folder / "below.yaml").mkdir()
    assert bring(store, folder) == ""
    assert store.reserved() == ["10.20.0.31 db/a eth0 declared"]
    (network,) = store.policies.pod_networks()
    assert network.source == f"directory: {folder}/a.yaml"


def test_a_changed_a_new_and_a_removed_file_are_noticed(store: Store, folder: Path) -> None:
    write(folder / "a.yaml", POOL, of_pod("a", "10.20.0.31"))
    write(folder / "b.yaml", of_pod("b", "10.20.0.32"))
    assert bring(store, folder) == ""
    write(folder / "a.yaml", POOL, of_pod("a", "10.20.0.41"))
    write(folder / "c.yaml", of_pod("c", "10.20.0.43"))
    (folder / "b.yaml").unlink()
    assert bring(store, folder) == ""
    assert store.reserved() == ["10.20.0.41 db/a eth0 declared", "10.20.0.43 db/c eth0 declared"]


def test_a_configmap_that_swaps_its_link_is_noticed(store: Store, folder: Path) -> None:
    for name, address in (("..one", "10.20.0.31"), ("..two", "10.20.0.32")):
        (folder / name).mkdir()
        write(folder / name / "db.yaml", POOL, of_pod("a", address))
        os.utime(folder / name / "db.yaml", (1, 1))
    (folder / "..data").symlink_to("..one")
    (folder / "db.yaml").symlink_to("..data/db.yaml")
    assert bring(store, folder) == ""
    (folder / "..next").symlink_to("..two")
    (folder / "..next").rename(folder / "..data")
    assert bring(store, folder) == ""
    assert store.reserved() == ["10.20.0.32 db/a eth0 declared"]


def test_an_unchanged_directory_is_not_read_again(store: Store, folder: Path) -> None:
    file = folder / "a.yaml"
    write(file, POOL, of_pod("a", "10.20.0.31"))
    assert bring(store, folder) == ""
    at = file.stat()
    file.write_bytes(b"}" * at.st_size)
    os.utime(file, ns=(at.st_atime_ns, at.st_mtime_ns))
    assert bring(store, folder) == ""


def test_looking_at_an_unchanged_directory_imports_no_yaml(store: Store, folder: Path, tmp_path: Path) -> None:
    write(folder / "a.yaml", POOL, of_pod("a", "10.20.0.31"))
    assert bring(store, folder) == ""
    code = f"""
import sys
from podberth.ipam.lease import Actor
from podberth.stores.directory import sync
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.policies import SqlitePolicies
actor = Actor(who="x", why="x", node="x")
assert sync(SqlitePolicies(Database({str(tmp_path / "state")!r})), {str(folder)!r}, actor) == ""
print(*(name for name in ("yaml", "podberth.policy.admission", "podberth.policy.yamlfiles") if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("}", "a.yaml:1: not valid YAML"),
        ("kind: Pool", "a.yaml[0]: apiVersion: required field is missing"),
        ("apiVersion: podberth.io/v1alpha1\nkind: PodNetwork\nmetadata: {name: x, name: y}", "duplicate key 'name'"),
    ],
)
def test_a_broken_file_leaves_the_last_good_set_in_force(store: Store, folder: Path, text: str, complaint: str) -> None:
    write(folder / "a.yaml", POOL, of_pod("a", "10.20.0.31"))
    write(folder / "b.yaml", of_pod("b", "10.20.0.32"))
    bring(store, folder)
    (folder / "a.yaml").write_text(text)
    write(folder / "b.yaml", of_pod("b", "10.20.0.42"))
    failure = bring(store, folder)
    assert complaint in failure
    assert str(folder / "a.yaml") in failure
    assert store.reserved() == ["10.20.0.31 db/a eth0 declared", "10.20.0.32 db/b eth0 declared"]
    assert bring(store, folder) == failure
    write(folder / "a.yaml", POOL, of_pod("a", "10.20.0.31"))
    assert bring(store, folder) == ""
    assert store.reserved() == ["10.20.0.31 db/a eth0 declared", "10.20.0.42 db/b eth0 declared"]


def test_a_conflict_leaves_the_last_good_set_and_is_tried_again_until_it_is_gone(store: Store, folder: Path) -> None:
    write(folder / "a.yaml", POOL, of_pod("a", "10.20.0.31"))
    bring(store, folder)
    store.bind("web/nginx", "10.20.0.77")
    write(folder / "a.yaml", POOL, of_pod("a", "10.20.0.77"))
    for _ in range(2):
        assert "10.20.0.77, declared for db/a eth0, is leased by web/nginx eth0" in bring(store, folder)
    assert store.reserved() == ["10.20.0.31 db/a eth0 declared"]
    assert [(one.document, one.kept) for one in store.policies.waiting()] == [(str(folder), True)]
    store.unbind("web/nginx")
    assert bring(store, folder) == ""
    assert store.policies.waiting() == ()
    assert store.reserved() == ["10.20.0.77 db/a eth0 declared"]


def test_an_emptied_or_missing_directory_deletes_nothing(store: Store, folder: Path) -> None:
    write(folder / "a.yaml", POOL, of_pod("a", "10.20.0.31"))
    bring(store, folder)
    (folder / "a.yaml").unlink()
    assert bring(store, folder) == f"{folder} has no documents any more; 2 documents that came from it stay in force"
    folder.rmdir()
    why = f"{folder}: can't be read: No such file or directory; the agent has to be able to read it"
    assert bring(store, folder) == why
    assert pods(store) == ["a"]


def test_a_directory_that_never_had_documents_is_no_failure(store: Store, folder: Path) -> None:
    assert bring(store, folder) == ""
    assert store.policies.pod_networks() == ()


def test_what_others_applied_is_not_pruned(store: Store, folder: Path) -> None:
    store.apply(POOL, of_pod("mine", "10.20.0.90"))
    write(folder / "a.yaml", of_pod("a", "10.20.0.31"))
    bring(store, folder)
    write(folder / "a.yaml", of_pod("b", "10.20.0.31"))
    assert bring(store, folder) == ""
    assert sorted(pods(store)) == ["b", "mine"]


def test_a_declared_pod_is_found_while_the_directory_is_broken(store: Store, folder: Path) -> None:
    write(folder / "a.yaml", POOL, of_pod("a", "10.20.0.31"))
    bring(store, folder)
    (folder / "b.yaml").write_text("}")
    assert bring(store, folder)
    assert len(store.policies.find(PodRef(namespace="db", name="a"))) == 1


def test_documents_are_loaded_in_order_of_file_name(folder: Path) -> None:
    write(folder / "b.yaml", of_pod("b"))
    write(folder / "a.yml", of_pod("a"), of_pod("c"))
    assert [d.name for d in load(str(folder))] == ["a", "c", "b"]


def test_a_dangling_link_is_left_alone(folder: Path) -> None:
    (folder / "a.yaml").symlink_to("nowhere")
    assert fingerprint(str(folder)) == "empty"


def test_a_store_that_fails_is_not_blamed_on_the_directory(store: Store, folder: Path, tmp_path: Path) -> None:
    write(folder / "a.yaml", POOL)
    bring(store, folder)
    write(folder / "a.yaml", POOL, of_pod("a"))
    with closing(sqlite3.connect(tmp_path / "state" / NODE.file)) as connection:
        connection.execute("DROP TABLE documents")
    with pytest.raises(StoreFailed, match="no such table"):
        bring(store, folder)
