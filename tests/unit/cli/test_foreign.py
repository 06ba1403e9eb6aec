"""`podberth import host-local` and `import whereabouts`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.node import Operator

NETWORK = ("--network", "macnet")


def directory(folder: Path, files: dict[str, bytes]) -> str:
    found = folder / "banknet"
    found.mkdir()
    for name, content in files.items():
        (found / name).write_bytes(content)
    return str(found)


def pools(*items: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def ippool(allocations: Any, *, cidr: str = "10.20.0.0/24", name: str = "10.20.0.0-24") -> dict[str, Any]:
    spec = {"range": cidr, "allocations": allocations}
    return {"kind": "IPPool", "metadata": {"name": name, "namespace": "kube-system"}, "spec": spec}


def clusterwide(name: str, podref: str) -> dict[str, Any]:
    spec = {"containerid": "c0", "podref": podref}
    return {"kind": "OverlappingRangeIPReservation", "metadata": {"name": name}, "spec": spec}


MANY = pools(
    ippool(
        {
            "120": {"id": "c120", "podref": "bank/web-0", "ifname": "net7"},
            "121": {"id": "c121", "podref": "bank/web-1"},
        }
    ),
    ippool({"5": {"id": "c120", "podref": "bank/web-0", "ifname": "net7"}}, cidr="fd00:20::/64", name="fd00-20---64"),
    clusterwide("10.20.0.120", "bank/web-0"),
    clusterwide("macnet-10.20.0.121", "bank/web-1"),
    clusterwide("fd00-20--5", "bank/web-0"),
)


def test_host_local_s_addresses_are_leases_of_their_containers(podberth: Operator, tmp_path: Path) -> None:
    files = {
        "10.20.0.120": b"c120\r\neth0",
        "10.20.0.121": b"c121\nnet1\n",
        "10.20.0.122": b"c122",
        "fd00:20::7": b"c120\r\neth0",
        "last_reserved_ip.0": b"10.20.0.122",
        "lock": b"",
    }
    argv = ("import", "host-local", "--dir", directory(tmp_path, files), "--pool", "db")
    dry = podberth(*argv, "--dry-run")
    assert (dry.code, dry.out.splitlines()[-2:]) == (0, ["4 leases", "dry run: nothing was changed"])
    assert podberth("leases", "--json").json["leases"] == []
    for _ in range(2):
        assert podberth(*argv).code == 0
        leases = podberth("leases", "--json").json["leases"]
        assert [(one["address"], *one["attachment"].values(), one["pod"], one["node"]) for one in leases] == [
            ("10.20.0.120", "banknet", "c120", "eth0", None, "n1"),
            ("10.20.0.121", "banknet", "c121", "net1", None, "n1"),
            ("10.20.0.122", "banknet", "c122", "eth0", None, "n1"),
            ("fd00:20::7", "banknet", "c120", "eth0", None, "n1"),
        ]
    event = podberth("history", "10.20.0.120", "--json").json["events"][-1]
    assert event["why"].startswith("import host-local ")


def test_all_that_is_in_the_way_is_told_at_once_and_nothing_is_imported(podberth: Operator, tmp_path: Path) -> None:
    podberth.attach("bank/mysql-0", "10.20.0.11")
    podberth("reserve", "bank/web-0", "10.20.0.30")
    before = podberth("history", "--json").json
    files = {
        "10.20.0.120": b"c120\r\neth0",
        "10.20.0.1": b"c1\r\neth0",
        "10.20.0.11": b"c11\r\neth0",
        "10.20.0.30": b"c30\r\neth0",
        "10.99.0.1": b"c99\r\neth0",
        "10.20.0.121": b"",
        "10.20.0.122": b"../etc\r\neth0",
        "10.20.0.123": b"c\r\neth0\r\nmore",
        "10.20.0.124": b"c\r\n../..",
        "10.20.0.125": b"\xff\xfe\r\neth0",
        "10.20.0.126": b"x" * 100_000,
        "notes": b"c\r\neth0",
    }
    found = directory(tmp_path, files)
    os.mkfifo(f"{found}/10.20.0.127")
    (Path(found) / "10.20.0.128").symlink_to("/etc/passwd")
    (Path(found) / "10.20.0.129").mkdir()
    ended = podberth("import", "host-local", "--dir", found, "--json")
    assert ended.code == 1
    conflicts = "\n".join(ended.json["conflicts"])
    assert len(ended.json["conflicts"]) == 15  # an address that is leased and reserved is told twice
    for told in ("10.20.0.1 (", "leased by bank/mysql-0", "reserved for bank/web-0", "in no pool", "notes", "regular"):
        assert told in conflicts
    assert podberth("history", "--json").json == before


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("--dir", "/nonexistent/banknet"), 3),
        (("--dir", "/"), 2),
        (("--dir", "/nonexistent", "--pool", "none"), 3),
        (("--dir", "/nonexistent", "--pool", "../x"), 2),
        ((), 2),
    ],
)
def test_a_directory_that_can_not_be_is_refused(podberth: Operator, argv: tuple[str, ...], code: int) -> None:
    ended = podberth("import", "host-local", *argv)
    assert (ended.code, ended.out) == (code, "")


def test_whereabouts_addresses_are_leases_of_their_pods(podberth: Operator) -> None:
    file = podberth.file("pools.json", MANY)
    for _ in range(2):
        assert podberth("import", "whereabouts", "-f", file, *NETWORK, "--reserve").code == 0
        leases = podberth("leases", "--json").json["leases"]
        assert [(one["address"], one["pod"], *one["attachment"].values(), one["node"]) for one in leases] == [
            ("10.20.0.120", "bank/web-0", "macnet", "c120", "net7", "unknown"),
            ("10.20.0.121", "bank/web-1", "macnet", "c121", "net1", "unknown"),
            ("fd00:20::5", "bank/web-0", "macnet", "c120", "net7", "unknown"),
        ]
    kept = podberth("get", "reservations", "--json")
    by_hand = [one for one in kept.json["items"] if one["origin"] == "manual"]
    assert [(one["address"], one["pod"], one["ifname"]) for one in by_hand] == [
        ("10.20.0.120", "bank/web-0", "net7"),
        ("10.20.0.121", "bank/web-1", "net1"),
        ("fd00:20::5", "bank/web-0", "net7"),
    ]


def test_pools_are_made_of_whereabouts_ranges(bare: Operator) -> None:
    file = bare.file("pools.json", MANY)
    made = bare("import", "whereabouts", "-f", file, *NETWORK, "--make-pool", "--pool", "bank", "--json")
    assert (made.code, made.json["pools"]) == (0, ["bank"])
    shown = bare("pool", "show", "bank", "--json").json["document"]["spec"]
    assert shown == {"subnets": [{"subnet": "10.20.0.0/24"}, {"subnet": "fd00:20::/64"}]}
    assert [lease["pool"] for lease in bare("leases", "--json").json["leases"]] == ["bank"] * 3


def test_a_range_is_counted_from_the_address_it_names(bare: Operator) -> None:
    file = bare.file("pools.json", pools(ippool({"2": {"id": "c", "podref": "a/b"}}, cidr="10.20.0.16/24", name="r")))
    assert bare("import", "whereabouts", "-f", file, *NETWORK, "--make-pool").code == 0
    assert [lease["address"] for lease in bare("leases", "--json").json["leases"]] == ["10.20.0.18"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda: pools(ippool({"x": {"id": "c", "podref": "a/b"}})), "distance"),
        (lambda: pools(ippool({"-1": {"id": "c", "podref": "a/b"}})), "distance"),
        (lambda: pools(ippool({"9" * 5000: {"id": "c", "podref": "a/b"}})), "distance"),
        (lambda: pools(ippool({"256": {"id": "c", "podref": "a/b"}})), "outside 10.20.0.0/24"),
        (lambda: pools(ippool({"120": None})), "expected an object"),
        (lambda: pools(ippool({"120": {"podref": "a/b"}})), "id"),
        (lambda: pools(ippool({"120": {"id": "../x", "podref": "a/b"}})), "id"),
        (lambda: pools(ippool({"120": {"id": "c", "podref": "b"}})), "NAMESPACE/POD"),
        (lambda: pools(ippool({"120": {"id": "c", "podref": "a/../b"}})), "podref"),
        (lambda: pools(ippool({"120": {"id": "c", "podref": "a/b", "ifname": "x" * 99}})), "ifname"),
        (lambda: pools(ippool([1])), "expected an object"),
        (lambda: pools(ippool({}, cidr="10.20.0.0")), "range"),
        (lambda: pools({"kind": "Secret"}), "IPPool"),
        (lambda: pools({"kind": "IPPool"}), "metadata"),
        (lambda: pools(clusterwide("10.20.0.120", "a/b")), "in no IPPool"),
        (
            lambda: pools(ippool({"120": {"id": "c", "podref": "a/b"}}), clusterwide("10.20.0.120", "a/c")),
            "a/c's by its cluster-wide",
        ),
        (
            lambda: pools(
                ippool({"120": {"id": "c", "podref": "a/b"}}), ippool({"120": {"id": "d", "podref": "a/d"}}, name="n-r")
            ),
            "a/b's by IPPool 10.20.0.0-24 and a/d's by IPPool n-r",
        ),
        (lambda: pools(ippool({"11": {"id": "c", "podref": "a/b"}})), "reserved for bank/mysql-0"),
        (lambda: pools(ippool({"1": {"id": "c", "podref": "a/b"}})), "gateway"),
        (lambda: '{"items": [1]}', "items[0]"),
        (lambda: "[]", "expected an object"),
        (lambda: "", "expected JSON"),
        (lambda: '{"items":' * 2000, "nesting"),
    ],
)
def test_what_can_not_be_taken_over_is_told_and_changes_nothing(
    podberth: Operator, change: Callable[[], str], told: str
) -> None:
    before = podberth("history", "--json").json
    ended = podberth("import", "whereabouts", "-f", podberth.file("pools.json", change()), *NETWORK)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
    assert podberth("history", "--json").json == before


def test_either_a_file_or_a_cluster_is_asked(podberth: Operator) -> None:
    assert podberth("import", "whereabouts", *NETWORK).code == 2
    assert podberth("import", "whereabouts", *NETWORK, "-f", "x", "--kubeconfig", "y").code == 2
    assert podberth("import", "whereabouts", *NETWORK, "--kubeconfig", "/nonexistent").code == 1
