"""`host-local` beside the CNI project's: the same answers and files, and each goes on where the other was.

An IPAM plugin touches no network: these run its executables as a main plugin does, without any namespace.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.standard.twins import OURS, Ended, comparable, go
from tests.sizes import spread
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.netns.standard.twins import Node

NET = "net"
IPv4: dict[str, object] = {"subnet": "10.1.2.0/29"}
IPv6: dict[str, object] = {"subnet": "fd00:1::/125"}
BOTH: dict[str, object] = {"ranges": [[IPv4], [IPv6]]}


@dataclass
class Side:
    """The plugin of a folder, and where it keeps its files."""

    plugins: Path
    data: Path
    seen: list[Ended] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.data / NET

    def __call__(
        self, verb: str, ipam: Mapping[str, object], container: str = "c1", *, ifname: str = "eth0", cni_args: str = "",
        version: str = "1.0.0", **conf: object,
    ) -> Ended:  # fmt: skip
        section = {"type": "host-local", "dataDir": str(self.data), **ipam}
        text = json.dumps({"cniVersion": version, "name": NET, "type": "bridge", "ipam": section, **conf})
        env = {
            "CNI_COMMAND": verb, "CNI_CONTAINERID": container, "CNI_NETNS": "/run/netns/none", "CNI_IFNAME": ifname,
            "CNI_PATH": str(self.plugins), "CNI_ARGS": cni_args, "PATH": os.environ["PATH"],
        }  # fmt: skip
        text = text.replace("{data}", str(self.data))
        done = subprocess.run(
            [str(self.plugins / "host-local")], env=env, input=text, capture_output=True, text=True, check=False
        )
        self.seen.append(Ended(done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}))
        return self.seen[-1]

    def files(self) -> dict[str, bytes]:
        """Return what a network's folder holds."""
        found = sorted(self.folder.iterdir()) if self.folder.exists() else []
        return {path.name: path.read_bytes() for path in found}

    def addresses(self) -> dict[str, bytes]:
        """Return the files of addresses alone."""
        return {name: content for name, content in self.files().items() if not name.startswith("l")}


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Side, Side]:
    return Side(go(), tmp_path / "go"), Side(OURS, tmp_path / "ours")


Call = tuple[str, dict[str, Any]]  # the verb, and what else the call says


def add(container: str = "c1", **said: Any) -> Call:
    return "ADD", {"container": container, **said}


def delete(container: str = "c1", **said: Any) -> Call:
    return "DEL", {"container": container, **said}


def wishes(*addresses: str) -> dict[str, Any]:
    return {"runtimeConfig": {"ips": list(addresses)}}


# The configuration, and calls one after another: each has to end alike, and leave the same files.
SAME: dict[str, tuple[dict[str, object], list[Call]]] = {
    "a flat subnet": (IPv4, [add(), add("c2"), delete(), add("c3"), delete("c2"), delete("c3")]),
    "ranges of one set": ({"ranges": [[IPv4]]}, [add(), add("c2"), delete("c2"), delete("c2")]),
    "two families": (BOTH, [add(), add("c2"), delete(), delete("c2")]),
    "flat and ranges": ({**IPv4, "ranges": [[IPv6]]}, [add(), delete()]),
    "a part of a subnet": (
        {"ranges": [[{**IPv4, "rangeStart": "10.1.2.3", "rangeEnd": "10.1.2.4", "gateway": "10.1.2.6"}]]},
        [add("a"), add("b"), add("c"), delete("a"), add("c"), add("d")],
    ),
    "two ranges of one set": (
        {"ranges": [[{"subnet": "10.1.2.0/30"}, {"subnet": "10.1.3.0/30", "rangeEnd": "10.1.3.2"}]]},
        [add("a"), add("b"), add("c"), delete("a"), add("d")],
    ),
    "a gateway in the middle": ({**IPv4, "gateway": "10.1.2.3"}, [add(name) for name in "abcdef"]),
    "a range that starts at the network's address": (
        {"subnet": "10.1.2.0/29", "rangeStart": "10.1.2.0", "rangeEnd": "10.1.2.2"}, [add("a"), add("b"), add("c")],
    ),
    "round and round": (IPv4, [*(call for name in "abcdefg" for call in (add(name), delete(name)))]),
    "full": (IPv4, [add(name) for name in "abcdef"]),
    "routes": (
        {**IPv4, "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.9.0.0/16", "gw": "10.1.2.6"}]}, [add(), delete()],
    ),
    "DNS": ({**IPv4, "resolvConf": "{data}/../resolv.conf"}, [add()]),
    "a resolv.conf that is not there": ({**IPv4, "resolvConf": "{data}/none"}, [add()]),
    "an address by CNI_ARGS": (IPv4, [add(cni_args="IgnoreUnknown=1;IP=10.1.2.5"), add("c2"), delete()]),
    "one with a prefix length": (IPv4, [add(cni_args="IP=10.1.2.5/8")]),
    "an address by args.cni": (IPv4, [add(args={"cni": {"ips": ["10.1.2.5"]}})]),
    "an address by the runtime": (IPv4, [add(**wishes("10.1.2.5")), add("c2", **wishes("10.1.2.5")), add("c3")]),
    "addresses of each family": (BOTH, [add(**wishes("fd00:1::5", "10.1.2.5")), delete()]),
    "an address of one family": (BOTH, [add(**wishes("fd00:1::5"))]),
    "three places that add up": (
        {"ranges": [[IPv4], [IPv6], [{"subnet": "10.2.0.0/24"}]]},
        [add(cni_args="IP=10.1.2.5", args={"cni": {"ips": ["fd00:1::5"]}}, **wishes("10.2.0.9"))],
    ),
    "the gateway": (IPv4, [add(**wishes("10.1.2.1"))]),
    "an address of no range": (IPv4, [add(**wishes("10.7.7.7"))]),
    "two addresses of one set": (IPv4, [add(**wishes("10.1.2.4", "10.1.2.5"))]),
    "the runtime's ranges": (IPv6, [add(runtimeConfig={"ipRanges": [[IPv4]]}), delete()]),
    "the runtime's ranges alone": ({}, [add(runtimeConfig={"ipRanges": [[IPv4], [IPv6]]})]),
    "no range": ({}, [add()]),
    "an empty set": ({"ranges": [[]]}, [add()]),
    "host bits": ({"subnet": "10.1.2.3/29"}, [add()]),
    "a start beyond the subnet": ({**IPv4, "rangeStart": "10.1.3.1"}, [add()]),
    "an end beyond the subnet": ({**IPv4, "rangeEnd": "10.1.3.1"}, [add()]),
    "an end before the start": ({**IPv4, "rangeStart": "10.1.2.5", "rangeEnd": "10.1.2.4"}, [add()]),
    "ranges that overlap": ({"ranges": [[IPv4, {"subnet": "10.1.0.0/16"}]]}, [add()]),
    "sets that overlap": ({"ranges": [[IPv4], [IPv6], [IPv4]]}, [add()]),
    "two families in one set": ({"ranges": [[IPv4, IPv6]]}, [add()]),
    "an ADD again": (IPv4, [add(), add(), delete(), add()]),
    "two interfaces": (IPv4, [add(), add(ifname="eth1"), delete(), add("c2"), delete(ifname="eth1")]),
    "the second set is full": (
        {"ranges": [[IPv4], [{"subnet": "10.3.0.0/30"}]]}, [add("a"), add("b"), delete("a"), add("b")],
    ),
    "a CHECK": (IPv4, [("CHECK", {}), add(), ("CHECK", {}), ("CHECK", {"ifname": "eth1"}), delete(), ("CHECK", {})]),
    "a version that has one address": (BOTH, [add(version="0.2.0"), delete(version="0.2.0")]),
    "two addresses in that version": ({"ranges": [[IPv4], [{"subnet": "10.3.0.0/30"}]]}, [add(version="0.2.0")]),
}  # fmt: skip


@pytest.mark.parametrize("case", spread(SAME, 6))
def test_answers_and_files_are_the_same(sides: tuple[Side, Side], case: str) -> None:
    ipam, calls = SAME[case]
    for side in sides:
        side.data.mkdir()
        (side.data.parent / "resolv.conf").write_text(
            "# one\nnameserver 10.0.0.53\nnameserver fd00::53\ndomain a.example\ndomain b.example\n"
            "search x.example y.example\n; two\noptions ndots:5 edns0\nsortlist\n"
        )
    for number, (verb, said) in enumerate(calls):
        ended = [side(verb, ipam, **said) for side in sides]
        theirs, ours = ended
        assert ours.status == theirs.status, (number, ended)
        assert sides[1].addresses() == sides[0].addresses(), (number, ended)
        if not theirs.status:  # one that is refused leaves nothing of ours
            assert ours.said == {key: said for key, said in theirs.said.items() if said}, number
            assert sides[1].files() == sides[0].files(), (number, ended)


def test_each_goes_on_where_the_other_was(sides: tuple[Side, Side], tmp_path: Path) -> None:
    theirs, ours = (Side(side.plugins, tmp_path / "both") for side in sides)
    given = [
        side("ADD", BOTH, f"c{i}").said["ips"][0]["address"] for i, side in enumerate((ours, theirs, ours, theirs))
    ]
    assert given == [f"10.1.2.{i}/29" for i in (2, 3, 4, 5)]
    assert theirs("ADD", IPv4, "c0").status == ours("ADD", IPv4, "c1").status == 1
    assert theirs("CHECK", BOTH, "c0").status == ours("CHECK", BOTH, "c1").status == 0
    assert theirs("DEL", BOTH, "c0").status == ours("DEL", BOTH, "c1").status == ours("DEL", BOTH, "c2").status == 0
    assert ours("ADD", BOTH, "c1").said["ips"][0]["address"] == "10.1.2.6/29"
    assert theirs("ADD", BOTH, "c2").said["ips"][0]["address"] == "10.1.2.2/29"
    for name in ("c1", "c2", "c3"):
        assert ours("DEL", BOTH, name).status == 0
    assert set(ours.files()) == {"lock", "last_reserved_ip.0", "last_reserved_ip.1"}


def test_no_address_twice_while_both_give_at_once(sides: tuple[Side, Side], tmp_path: Path) -> None:
    both = [Side(side.plugins, tmp_path / "both") for side in sides]
    ipam = {"subnet": "10.1.2.0/26"}
    with ThreadPoolExecutor(8) as at_once:
        ended = list(at_once.map(lambda i: both[i % 2]("ADD", ipam, f"c{i}"), range(40)))
    assert [each.status for each in ended] == [0] * 40
    assert len({each.said["ips"][0]["address"] for each in ended}) == 40
    with ThreadPoolExecutor(8) as at_once:
        assert not any(
            each.status for each in at_once.map(lambda i: both[(i + 1) % 2]("DEL", ipam, f"c{i}"), range(40))
        )
    assert set(both[0].files()) == {"lock", "last_reserved_ip.0"}


def test_an_address_of_before_interfaces_were_named(sides: tuple[Side, Side]) -> None:
    for side in sides:
        side.folder.mkdir(parents=True)
        (side.folder / "10.1.2.2").write_text("old\n")
        assert [side(verb, IPv4, "old").status for verb in ("CHECK", "DEL", "DEL")] == [0, 0, 0]
        assert set(side.files()) <= {"lock"}


def test_a_file_that_a_crash_left_empty_costs_no_address(sides: tuple[Side, Side]) -> None:
    theirs, ours = sides
    for side in sides:
        side.folder.mkdir(parents=True)
        for host in range(2, 7):
            (side.folder / f"10.1.2.{host}").write_bytes(b"")
    assert theirs("ADD", IPv4).status == 1
    assert ours("ADD", IPv4).said["ips"][0]["address"] == "10.1.2.2/29"
    assert theirs("ADD", IPv4, "c2", **wishes("10.1.2.4")).status == 1
    assert ours("ADD", IPv4, "c2", **wishes("10.1.2.4")).status == 0
    assert ours.files()["10.1.2.4"] == b"c2\r\neth0"


def test_the_same_owner_may_ask_for_its_address_again(sides: tuple[Side, Side]) -> None:
    theirs, ours = sides
    assert [side("ADD", IPv4, **wishes("10.1.2.4")).status for side in (theirs, theirs, ours)] == [0, 1, 0]
    again = ours("ADD", IPv4, **wishes("10.1.2.4"))
    assert again.said["ips"][0]["address"] == "10.1.2.4/29"
    refused = ours("ADD", IPv4, "c2", **wishes("10.1.2.4"))
    assert (refused.status, refused.said["code"]) == (1, 101)
    assert "c1 eth0" in refused.said["msg"]


@pytest.mark.parametrize(
    ("subnet", "given", "gateway"),
    [
        ("10.1.2.4/31", "10.1.2.4/31", "10.1.2.5"),
        ("10.1.2.4/32", "10.1.2.4/32", None),
        ("fd00:1::4/127", "fd00:1::4/127", "fd00:1::5"),
        ("fd00:1::4/128", "fd00:1::4/128", None),
    ],
)
def test_small_subnets_have_addresses(sides: tuple[Side, Side], subnet: str, given: str, gateway: str | None) -> None:
    theirs, ours = sides
    assert theirs("ADD", {"subnet": subnet}).status == 1
    (found,) = ours("ADD", {"subnet": subnet}).said["ips"]
    assert (found["address"], found.get("gateway")) == (given, gateway)
    assert ours("ADD", {"subnet": subnet}, "c2").said["code"] == 100


def test_gc_takes_back_what_belongs_to_no_valid_attachment(sides: tuple[Side, Side]) -> None:
    _, ours = sides
    for name in ("a", "b", "c"):
        assert ours("ADD", BOTH, name).status == 0
    (ours.folder / "10.1.2.5").write_bytes(b"")
    (ours.folder / "10.1.2.6").write_bytes(b"b")
    (ours.folder / "notes").write_bytes(b"somebody else's")
    valid: dict[str, Any] = {"cni.dev/valid-attachments": [{"containerID": "b", "ifname": "eth0"}]}
    assert ours("GC", BOTH, version="1.1.0", **valid).status == 0
    left = {"10.1.2.3", "10.1.2.6", "fd00:1::3", "notes", "lock", "last_reserved_ip.0", "last_reserved_ip.1"}
    assert set(ours.files()) == left
    assert ours("DEL", BOTH, "b").status == 0
    nobody: dict[str, Any] = {"cni.dev/valid-attachments": []}
    assert ours("GC", BOTH, version="1.1.0", **nobody).status == 0
    assert set(ours.files()) == {"notes", "lock", "last_reserved_ip.0", "last_reserved_ip.1"}


def test_a_full_pool_does_not_fail_status(sides: tuple[Side, Side]) -> None:
    _, ours = sides
    ipam = {"subnet": "10.1.2.0/30"}
    assert [ours("ADD", ipam, name).status for name in ("a", "b")] == [0, 1]
    assert ours("STATUS", ipam, version="1.1.0").status == 0
    assert ours("STATUS", {}, version="1.1.0").status == 0, "the runtime may say the ranges"


def test_a_del_goes_by_the_files_alone(sides: tuple[Side, Side]) -> None:
    theirs, ours = sides
    for side in sides:
        assert side("ADD", IPv4).status == 0
    wrong: dict[str, object] = {"subnet": "10.1.2.3/29"}
    assert theirs("DEL", wrong).status == 1
    assert ours("DEL", wrong).status == 0
    assert "10.1.2.2" not in ours.files()


def test_a_failed_add_keeps_what_the_owner_had_before(sides: tuple[Side, Side]) -> None:
    _, ours = sides
    sets: dict[str, object] = {"ranges": [[IPv4], [{"subnet": "10.3.0.0/30"}]]}
    assert ours("ADD", IPv4, **wishes("10.1.2.4")).status == 0
    assert ours("ADD", sets, "c2").status == 0
    before = ours.files()
    assert ours("ADD", sets, **wishes("10.1.2.4")).said["code"] == 100
    assert ours.files() == before


def test_it_waits_for_the_lock(sides: tuple[Side, Side]) -> None:
    _, ours = sides
    assert ours("ADD", IPv4).status == 0
    with (ours.folder / "lock").open() as lock, ThreadPoolExecutor(1) as beside:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = beside.submit(ours, "DEL", IPv4)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=1)
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert waiting.result(timeout=PATIENCE).status == 0


def test_another_bridge_takes_its_addresses(twins: tuple[Node, Node], tmp_path: Path) -> None:
    theirs, ours = twins
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "bridge").symlink_to(go() / "bridge")
    (mixed / "host-local").symlink_to(OURS / "host-local")
    ours.folder = mixed
    ipam = {"type": "host-local", "dataDir": "{state}/nets", **BOTH, "routes": [{"dst": "0.0.0.0/0"}]}
    conf = {"cniVersion": "1.1.0", "name": NET, "type": "bridge", "bridge": "br9", "isGateway": True, "ipam": ipam}
    added = [node.call("ADD", conf) for node in twins]
    said = [comparable(each.said, node) for each, node in zip(added, twins, strict=True)]
    assert said[1] == said[0]
    assert ours.state_of() == theirs.state_of()
    for node, each in zip(twins, added, strict=True):
        assert node.call("CHECK", conf, previous=each.said).status == 0
        assert node.call("STATUS", conf).status == 0
        assert node.call("DEL", conf, previous=each.said).status == 0
        left = {path.name for path in (node.state / "nets" / NET).iterdir()}
        assert left == {"lock", "last_reserved_ip.0", "last_reserved_ip.1"}
