"""`podberth apply` and `delete`: files, directories, stdin; whole sets; conflicts."""

from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.node import MYSQL, POD, POOL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.node import Operator

THIEF = """\
apiVersion: podberth.io/v1alpha1
kind: PodNetwork
metadata: {namespace: bank, name: thief}
spec:
  pod: thief
  attachments:
  - {addresses: [10.20.0.12]}
  - {ifname: net1, addresses: [10.20.0.255]}
"""


def test_an_apply_tells_what_became_of_each_document(bare: Operator) -> None:
    first = bare("apply", "-f", bare.file("a.yaml", f"{POOL}---\n{MYSQL}"))
    assert first.code == 0
    assert first.table[:3] == [
        ["DONE", "KIND", "NAME"],
        ["created", "Pool", "db"],
        ["created", "PodNetwork", "bank/mysql"],
    ]
    assert first.out.splitlines()[3].startswith("6 addresses reserved: 10.20.0.11, 10.20.0.12")
    changed = MYSQL.replace("egress: 1000", "egress: 2000")
    second = bare("apply", "-f", bare.file("a.yaml", f"{POOL}---\n{changed}"))
    assert second.table[1:] == [["changed", "PodNetwork", "bank/mysql"], ["unchanged", "Pool", "db"]]


def test_the_json_of_an_apply_has_every_list(bare: Operator) -> None:
    applied = bare("apply", "-f", bare.file("a.yaml", f"{POOL}---\n{MYSQL}"), "--json").json
    assert applied == {
        "dry_run": False,
        "created": ["Pool db", "PodNetwork bank/mysql"],
        "changed": [],
        "unchanged": [],
        "deleted": [],
        "reserved": ["10.20.0.11", "10.20.0.12", "10.20.0.13", "fd00:20::11", "fd00:20::12", "fd00:20::13"],
        "released": [],
        "outdated": [],
        "started_before": {},
        "adjusted": [],
    }


def test_a_dry_run_says_the_same_and_changes_nothing(bare: Operator) -> None:
    file = bare.file("a.yaml", f"{POOL}---\n{MYSQL}")
    dry = bare("apply", "-f", file, "--dry-run", "--json").json
    assert bare("get", "--json").json["items"] == []
    assert bare("apply", "-f", file, "--json").json == {**dry, "dry_run": False}
    assert "nothing was changed" in bare("apply", "-f", file, "--dry-run").out


def test_every_conflict_is_listed_and_nothing_is_changed(podberth: Operator) -> None:
    before = podberth("get", "--json").json
    ended = podberth("apply", "-f", podberth.file("b.yaml", f"{POD}---\n{THIEF}"))
    assert (ended.code, ended.out) == (1, "")
    lines = ended.err.splitlines()
    assert lines[0] == "error: 2 conflicts"
    assert any("10.20.0.12" in line and "bank/thief" in line and "bank/mysql-1" in line for line in lines[1:])
    assert any("10.20.0.255 is the broadcast address" in line for line in lines[1:])
    assert lines[-1] == "hint: nothing was changed"
    assert podberth("get", "--json").json == before


def test_the_json_of_conflicts_has_each_one(podberth: Operator) -> None:
    ended = podberth("apply", "-f", podberth.file("b.yaml", THIEF), "--json")
    assert (ended.code, ended.err) == (1, "")
    assert ended.json["code"] == 102
    assert len(ended.json["conflicts"]) == 2


def test_a_directory_means_its_own_documents_in_order_of_name(bare: Operator) -> None:
    folder = bare.state.parent / "policies"
    (folder / "below").mkdir(parents=True)
    (folder / "b.yml").write_text(MYSQL)
    (folder / "a.yaml").write_text(POOL)
    (folder / "c.json").write_text(
        json.dumps(
            {
                "apiVersion": "podberth.io/v1alpha1",
                "kind": "PodNetwork",
                "metadata": {"namespace": "bank", "name": "one"},
                "spec": {"pod": "one", "attachments": [{"pool": "db"}]},
            }
        )
    )
    for ignored in ("README.md", ".hidden.yaml", "below/d.yaml"):
        (folder / ignored).write_text("not: a document")
    created = bare("apply", "-f", str(folder), "--json").json["created"]
    assert created == ["Pool db", "PodNetwork bank/mysql", "PodNetwork bank/one"]


def test_several_files_are_one_set(bare: Operator) -> None:
    pool, pods = bare.file("z.yaml", POOL), bare.file("a.yaml", MYSQL)
    assert bare("apply", "-f", pods, "-f", pool, "--json").json["created"] == ["PodNetwork bank/mysql", "Pool db"]


def test_stdin_is_read_and_takes_what_get_prints(podberth: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    for form in ("yaml", "json"):
        printed = podberth("get", "-o", form).out
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(printed.encode())))
        applied = podberth("apply", "-f", "-", "--json").json
        assert applied["unchanged"] == ["Pool db", "PodNetwork bank/mysql"]


def test_prune_deletes_what_went_from_the_same_files_only(bare: Operator) -> None:
    bare.apply(POOL)
    file = bare.file("pods.yaml", f"{MYSQL}---\n{POD}")
    bare("apply", "-f", file)
    bare.file("pods.yaml", MYSQL)
    assert bare("apply", "-f", file, "--json").json["deleted"] == []
    assert bare("apply", "-f", file, "--prune", "--dry-run", "--json").json["deleted"] == ["PodNetwork bank/first"]
    assert bare("apply", "-f", file, "--prune").table[1] == ["unchanged", "PodNetwork", "bank/mysql"]
    assert [item["metadata"]["name"] for item in bare("get", "--json").json["items"]] == ["db", "mysql"]


def test_prune_knows_the_files_from_any_working_directory(
    bare: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare.apply(POOL)
    file = bare.file("pods.yaml", f"{MYSQL}---\n{POD}")
    bare("apply", "-f", file)
    bare.file("pods.yaml", MYSQL)
    monkeypatch.chdir(tmp_path)
    assert bare("apply", "-f", "pods.yaml", "--prune", "--json").json["deleted"] == ["PodNetwork bank/first"]


def test_prune_of_stdin_is_refused(podberth: Operator) -> None:
    assert podberth("apply", "-f", "-", "--prune").code == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no documents"),
        ("kind: Pool", "apiVersion"),
        (POOL.replace("10.20.0.0/24", "10.20.0.0/33"), "given.yaml[0]: spec.subnets[0].subnet"),
        (f"{MYSQL}---\n{POOL.replace('mtu: 9000', 'mtu: tall')}", "given.yaml[1]: spec.mtu"),
        ("{", "not valid YAML"),
        ("a: 1\na: 2", "duplicate key"),
        ("\x00", "not valid YAML"),
    ],
)
def test_a_document_at_fault_is_named_with_its_field(podberth: Operator, text: str, told: str) -> None:
    before = podberth("get", "--json").json
    ended = podberth("apply", "-f", podberth.file("given.yaml", text))
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
    assert ended.err.startswith("error: ")
    assert podberth("get", "--json").json == before


@pytest.mark.parametrize("name", ["nowhere.yaml", "state/podberth.db/x.yaml"])
def test_a_file_that_is_not_there_is_named(podberth: Operator, name: str) -> None:
    ended = podberth("apply", "-f", str(podberth.state.parent / name))
    assert (ended.code, ended.out) == (3, "")
    assert [line.partition(":")[0] for line in ended.err.splitlines()] == ["error", "hint"]


def test_an_empty_directory_is_refused(podberth: Operator) -> None:
    folder = podberth.state.parent / "empty"
    folder.mkdir()
    ended = podberth("apply", "-f", str(folder))
    assert ended.code == 1
    assert "no .yaml, .yml, .json file" in ended.err


def test_a_deleted_document_takes_its_reservations_along(podberth: Operator) -> None:
    ended = podberth("delete", "PodNetwork", "bank/mysql")
    assert (ended.code, ended.out) == (0, "deleted  PodNetwork bank/mysql\n")
    assert podberth("get", "reservations", "--json").json["items"] == []
    assert podberth("delete", "pools", "db", "--json").json == {"deleted": ["Pool db"]}


def test_a_file_is_deleted_pods_before_pools(podberth: Operator) -> None:
    file = podberth.file("all.yaml", f"{POOL}---\n{MYSQL}")
    assert podberth("delete", "-f", file, "--json").json == {"deleted": ["PodNetwork bank/mysql", "Pool db"]}


def test_what_is_not_there_is_not_found_and_the_rest_is_deleted(podberth: Operator) -> None:
    file = podberth.file("all.yaml", f"{MYSQL}---\n{POD}")
    ended = podberth("delete", "-f", file)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.splitlines()[0] == "error: there is no PodNetwork bank/first; deleted: PodNetwork bank/mysql"
    assert podberth("delete", "pool", "none").code == 3


def test_a_pool_in_use_stays(podberth: Operator) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    assert podberth("delete", "pool", "db").code == 1
    assert podberth("get", "pools", "db").code == 0


@pytest.mark.parametrize(
    "argv",
    [
        ("delete",),
        ("delete", "pool"),
        ("delete", "pool", "db", "-f", "x.yaml"),
        ("delete", "secret", "db"),
        ("delete", "podnetwork", "mysql"),
        ("delete", "podnetwork", "/mysql"),
        ("apply",),
        ("apply", "db.yaml"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(podberth: Operator, argv: tuple[str, ...]) -> None:
    ended = podberth(*argv)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")


def test_the_ledger_knows_the_command_that_declared(podberth: Operator) -> None:
    file = podberth.file(
        "pods.yaml",
        THIEF.replace("10.20.0.12", "10.20.0.40").replace("  - {ifname: net1, addresses: [10.20.0.255]}\n", ""),
    )
    podberth("apply", "-f", file)
    (event,) = podberth("history", "bank/thief", "--json").json["events"]
    assert event["why"] == f"apply {file}"
    assert event["who"].startswith(f"uid {os.getuid()} (")


def test_a_file_whose_name_is_no_text_is_applied_and_known_by_it(bare: Operator, tmp_path: Path) -> None:
    file = tmp_path / "\udcff.yaml"  # as Python has the byte 0xff
    file.write_text(POOL)
    for _ in range(2):
        assert bare("apply", "-f", str(file)).code == 0
    assert bare("apply", "-f", str(file), "--prune").code == 0
