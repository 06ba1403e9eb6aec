"""Leases on disk: what was written is read again, of this boot alone, and a broken file ends nothing."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from podberth.cni.value import replace
from podberth.dhcp.leases import Kept, Key, Leases, Place
from podberth.dhcp.machine import Subject, Terms

if TYPE_CHECKING:
    from pathlib import Path

A, S = IPv4Address("10.9.0.20"), IPv4Address("10.9.0.1")
KEPT = Kept(
    key=Key(network="net", container_id="c1", ifname="eth0"),
    place=Place(netns="/run/netns/a", device=4, inode=4026532001, cookie="17", index=2),
    subject=Subject(mac=b"\2" * 6, client=b"c1/net/eth0", provide=((12, b"x"),), request=(3, 1)),
    given=A,
    terms=Terms(address=A, server=S, options=((1, b"\xff\xff\xff\0"), (53, b"\5")), t1=1.5, t2=2.5, end=3.5),
    server_mac=b"\4" * 6,
)
OTHER = replace(KEPT, key=replace(KEPT.key, ifname="eth1"), lost="why")


def test_a_lease_is_read_as_it_was_written(tmp_path: Path) -> None:
    leases, broken = Leases(tmp_path / "leases", "boot"), list[str]()
    for kept in (KEPT, OTHER):
        leases.write(kept)
    assert sorted(leases.read(broken.append), key=str) == sorted((KEPT, OTHER), key=str)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "leases").glob("[!.]*")} == {0o600}
    leases.forget(OTHER.key)
    leases.forget(OTHER.key)
    assert list(leases.read(broken.append)) == [KEPT]
    assert broken == []


def test_a_lease_of_another_boot_is_none(tmp_path: Path) -> None:
    Leases(tmp_path, "before").write(KEPT)
    assert list(Leases(tmp_path, "now").read(lambda _: None)) == []
    assert list(tmp_path.glob("[!.]*")) == []


def test_a_file_that_cannot_be_read_is_told_of_and_left(tmp_path: Path) -> None:
    leases, broken = Leases(tmp_path, "boot"), list[str]()
    leases.write(KEPT)
    (path,) = tmp_path.glob("[!.]*.json")
    (tmp_path / "a.json").write_text(path.read_text().replace('"t1":1.5', '"t1":"x"'))
    (tmp_path / "b.json").write_bytes(b"\0" * 100)
    assert list(leases.read(broken.append)) == [KEPT]
    assert len(broken) == 2
    assert "t1: expected a number" in broken[0]
