"""`host-local`: its ranges and errors, and the index, which only proposes."""

from __future__ import annotations

import json
import os
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from podberth.entry import handle
from podberth.ipam_plugins.address_files.folder import Folder, owner_text
from podberth.ipam_plugins.address_files.index import Index

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SUBNET = {"subnet": "10.1.2.0/29"}


class Node:
    """A folder of addresses, and the plugin called without a process."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = data / "net"
        self.index = data / ".podberth" / "net.index"

    def __call__(self, verb: str, ipam: Mapping[str, object], container: str = "c1", **more: object) -> dict[str, Any]:
        section = {"type": "host-local", "dataDir": str(self.data), **ipam}
        conf = {"cniVersion": "1.1.0", "name": "net", "type": "bridge", "ipam": section, **more}
        env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": container, "CNI_NETNS": "/none", "CNI_IFNAME": "eth0"}
        status, said = handle(env, json.dumps(conf).encode(), "host-local")
        found: dict[str, Any] = json.loads(said) if said else {}
        assert bool(status) == ("code" in found)
        return found

    def given(self, **how: Any) -> str:
        found = self("ADD", **{"ipam": SUBNET, **how})
        return str(found["ips"][0]["address"]) if "ips" in found else f"{found['code']}: {found['msg']}"

    def addresses(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if path.name[0].isdecimal()}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.mark.parametrize(
    ("ipam", "complaint"),
    [
        ({}, "ipam.ranges: required"),
        ({"ranges": {}}, "ipam.ranges: expected a list"),
        ({"ranges": [[]]}, "ipam.ranges[0]: expected at least one range"),
        ({"ranges": [[{}]]}, "ipam.ranges[0][0].subnet: required"),
        ({"ranges": [[SUBNET], [{"subnet": "10.1.2.1/24"}]]}, "ipam.ranges[1][0].subnet: expected a network"),
        ({"subnet": "10.1.2.0/29", "rangeStart": "10.1.3.1"}, "ipam.rangeStart: 10.1.3.1 is not in 10.1.2.0/29"),
        ({"subnet": "10.1.2.0/29", "rangeStart": "10.1.2.7"}, "ipam.rangeStart: there is no address from 10.1.2.7"),
        ({"ranges": [[SUBNET, {"subnet": "10.1.2.0/24"}]]}, "ipam.ranges[0]: 10.1.2.1-10.1.2.254 overlaps"),
        ({**SUBNET, "ranges": [[SUBNET]]}, "10.1.2.1-10.1.2.6 overlaps 10.1.2.1-10.1.2.6 of ipam.ranges[0]"),
        ({**SUBNET, "dataDir": "here"}, "ipam.dataDir: expected an absolute path"),
        ({**SUBNET, "resolvConf": "/none"}, "ipam.resolvConf: /none: No such file"),
    ],
)
def test_an_error_names_the_field(node: Node, ipam: dict[str, object], complaint: str) -> None:
    assert complaint in node("ADD", ipam)["msg"]
    assert not node.folder.exists()


def test_the_index_has_what_the_files_say(node: Node) -> None:
    assert [node.given(container=f"c{i}") for i in range(3)] == ["10.1.2.2/29", "10.1.2.3/29", "10.1.2.4/29"]
    index = Index(str(node.index))
    assert index.is_of(str(node.folder))
    assert index.live == 3
    assert index.find(owner_text("c1", "eth0"))[0].endswith(ip_address("10.1.2.3").packed)
    index.close()
    node("DEL", SUBNET, "c1")
    assert index.is_of(str(node.folder))
    assert (index.live, index.find(owner_text("c1", "eth0"))) == (2, [])
    index.close()


def test_what_others_change_breaks_the_seal_and_is_found(node: Node) -> None:
    node.given(container="c1")
    (node.folder / "10.1.2.5").write_text("c2\r\neth0")
    assert not Index(str(node.index)).is_of(str(node.folder))
    assert node.given(container="c2").startswith("4: ")
    assert node("DEL", SUBNET, "c2") == {}
    (node.folder / "10.1.2.2").unlink()
    assert node.given(container="c1") == "10.1.2.3/29"
    assert node.addresses() == {"10.1.2.3"}


def test_an_index_that_is_wrong_proposes_only(node: Node) -> None:
    node.given(container="c1")
    with Folder(str(node.data), "net") as folder:
        folder.held("c1", "eth0")
        folder._note(owner_text("c2", "eth0"), ip_address("10.1.2.2"))
    assert node("DEL", SUBNET, "c2") == {}
    assert node.addresses() == {"10.1.2.2"}
    assert node.given(container="c2") == "10.1.2.3/29"


@pytest.mark.parametrize("content", [b"", b"x" * 50, b"\0" * 7000])
def test_an_index_of_garbage_is_made_anew(node: Node, content: bytes) -> None:
    node.given(container="c1")
    node.index.write_bytes(content)
    assert node("CHECK", SUBNET, "c1") == {}
    assert node("DEL", SUBNET, "c1") == {}
    assert node.addresses() == set()


def test_without_an_index_all_is_as_ever(node: Node) -> None:
    (node.data / ".podberth").write_text("in its place")
    assert node.given(container="c1") == "10.1.2.2/29"
    assert node.given(container="c1").startswith("4: ")
    assert node("DEL", SUBNET, "c1") == {}
    assert node.addresses() == set()


def test_the_index_grows_and_finds_each(node: Node) -> None:
    subnet: dict[str, object] = {"subnet": "10.1.0.0/16"}
    with Folder(str(node.data), "net", make=True) as folder:
        folder.held("none", "eth0")
        for i in range(600):
            assert folder.claim(ip_address(f"10.1.{i // 200}.{i % 200 + 2}"), owner_text(f"{i:064x}", "eth0"))
    index = Index(str(node.index))
    assert index.is_of(str(node.folder))
    assert index.live == 600
    assert all(len(index.find(owner_text(f"{i:064x}", "eth0"))) == 1 for i in range(600))
    index.close()
    for i in range(0, 600, 2):
        assert node("DEL", subnet, f"{i:064x}") == {}
    assert len(node.addresses()) == 300


def test_a_full_pool_names_the_range_and_reads_no_file(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(5):
        node.given(container=f"c{i}")
    reads: list[int] = []
    real = os.read

    def counted(descriptor: int, size: int) -> bytes:
        reads.append(size)
        return real(descriptor, size)

    monkeypatch.setattr(os, "read", counted)
    assert node.given(container="c9").startswith("100: ipam.subnet: no address is free of 10.1.2.1-10.1.2.6")
    assert len(reads) == 1, "last_reserved_ip.0"


def test_neither_links_nor_pipes_are_taken_for_addresses(node: Node) -> None:
    node.folder.mkdir()
    (node.folder / "10.1.2.2").symlink_to("/etc/hostname")
    os.mkfifo(node.folder / "10.1.2.3")
    (node.folder / "10.1.2.4").mkdir()
    assert node.given(container="c1") == "10.1.2.5/29"
    nobody: dict[str, Any] = {"cni.dev/valid-attachments": []}
    assert node("GC", SUBNET, **nobody) == {}
    assert node.addresses() == {"10.1.2.2", "10.1.2.3", "10.1.2.4"}


def test_check_asks_for_each_address_of_the_result(node: Node) -> None:
    previous = {"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.2/29"}, {"address": "192.0.2.1/24"}]}
    node.given(container="c1")
    assert node("CHECK", SUBNET, "c1", prevResult=previous) == {}
    (node.folder / "10.1.2.3").write_text("c1\r\neth0")
    (node.folder / "10.1.2.2").unlink()
    assert node("CHECK", SUBNET, "c1", prevResult=previous)["code"] == 105


def test_status_says_that_the_folder_cannot_be_written_to(node: Node) -> None:
    assert node("STATUS", SUBNET) == {}
    assert node("STATUS", {"ranges": [[]]})["code"] == 7
    (node.data / "file").touch()
    assert node("STATUS", {**SUBNET, "dataDir": f"{node.data}/file/networks"})["code"] == 50
