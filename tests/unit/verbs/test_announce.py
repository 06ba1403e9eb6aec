"""What a node announces while pods of it start and end: nothing stays leased that nobody has."""

from __future__ import annotations

from contextlib import nullcontext
from ipaddress import IPv4Interface, ip_address
from typing import TYPE_CHECKING

from podberth.cni.pod import Attachment
from podberth.cni.value import replace
from podberth.ipam.epoch import Announcement, Epoch, HeldAddress, SeenAddress
from podberth.net.facts import NetnsId
from podberth.net.ops import AddAddress
from podberth.net.record import Record
from podberth.net.step import Step
from podberth.verbs.announce import announce
from podberth.verbs.node import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from podberth.ipam.lease import Actor, Lease

POD = NetnsId(device=4, inode=7)


def record(name: str, address: str) -> Record:
    op = AddAddress(netns=f"/run/netns/{name}", ifname="eth0", address=IPv4Interface(address))
    return Record(
        attachment=Attachment(network="n", container_id=name, ifname="eth0"),
        pod=None,
        netns=f"/run/netns/{name}",
        netns_id=POD,
        steps=(Step(op=op),),
        done=True,
        since=1,
    )


class Parts:
    """A node's host, ledger and records. `meanwhile` happens right before the ledger has what is announced."""

    def __init__(self, *records: Record) -> None:
        self.records = {each.attachment: each for each in records}
        self.leased: dict[str, Attachment] = {}
        self.seen: list[list[SeenAddress]] = []
        self.looked: Callable[[], None] = lambda: None
        self.meanwhile: Callable[[], None] = lambda: None

    def locked(self, _key: str) -> nullcontext[None]:
        return nullcontext()

    def netns_id(self, _path: str) -> NetnsId:
        return POD

    def all(self) -> tuple[Record, ...]:
        return tuple(self.records.values())

    def of(self, attachment: Attachment) -> tuple[Record, ...]:
        return tuple(each for each in self.all() if each.attachment == attachment)

    def epoch(self) -> Epoch:
        return Epoch(number=1, time=1, who="w", why="y", node="n1", seq=0, awaited=("n1",))

    def leases(self) -> tuple[Lease, ...]:
        return ()

    def announce(self, held: Sequence[HeldAddress], _gone: Sequence[Lease], _actor: Actor) -> Announcement:
        self.meanwhile()
        self.leased |= {str(each.address): each.attachment for each in held}
        return Announcement()

    def unbind(self, attachment: Attachment, _actor: Actor) -> tuple[()]:
        self.leased = {address: held for address, held in self.leased.items() if held != attachment}
        return ()

    def inside(self, _folders: tuple[str, ...]) -> Iterator[SeenAddress]:
        found = self.seen.pop(0) if self.seen else []
        self.looked()
        yield from found

    def node(self) -> Node:
        return Node(
            name="n1",
            host=self,  # type: ignore[arg-type]
            policies=None,  # type: ignore[arg-type]
            ledger=self,  # type: ignore[arg-type]
            attachments=self,  # type: ignore[arg-type]
            clock=lambda: 1,
            follow=lambda _: "",
            inside=self.inside,
        )


def test_a_pod_that_ends_while_it_is_announced_leaves_no_lease() -> None:
    stays, goes = record("a", "10.20.0.2/24"), record("b", "10.20.0.3/24")
    parts = Parts(stays, goes)

    def ended() -> None:
        parts.unbind(goes.attachment, None)  # type: ignore[arg-type]
        del parts.records[goes.attachment]

    parts.meanwhile = ended
    announce(parts.node())
    assert parts.leased == {"10.20.0.2": stays.attachment}


def test_an_address_of_a_pod_that_starts_while_the_kernel_is_looked_at_is_its_own() -> None:
    starts = record("a", "10.20.0.2/24")
    parts = Parts()
    inside = SeenAddress(netns=starts.netns, netns_id=POD, ifname="eth0", address=ip_address("10.20.0.2"))
    parts.seen = [[inside], [inside]]
    parts.looked = lambda: parts.records.update({starts.attachment: starts})
    announce(parts.node())
    assert parts.leased == {}


def test_an_address_that_is_gone_when_it_is_looked_at_again_has_no_holder() -> None:
    parts = Parts()
    inside = SeenAddress(netns="/run/netns/a", netns_id=POD, ifname="eth0", address=ip_address("10.20.0.2"))
    other = replace(inside, netns="/run/netns/b", address=ip_address("10.20.0.3"))
    parts.seen = [[inside, other], [other]]
    announce(parts.node())
    assert list(parts.leased) == ["10.20.0.3"]
