"""Who is beside an ipvlan whose senders are checked: what the records of others on that link have."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import TYPE_CHECKING, cast

from podberth.cni.pod import Attachment
from podberth.cni.value import replace
from podberth.net import ops
from podberth.net.facts import NetnsId
from podberth.net.record import Record
from podberth.net.step import Step
from podberth.verbs.beside import beside

if TYPE_CHECKING:
    from podberth.net.attachments import Attachments

NETNS = "/run/netns/other"
LINK = ops.CreateIpvlan(parent="up0", mode="l2", netns=NETNS, ifname="eth0")
ADDRESS = ops.AddAddress(netns=NETNS, ifname="eth0", address=ip_interface("10.60.0.12/24"))
PINNED = ops.ListSenders(parent="up0", owner="ps1", addresses=(ip_interface("10.60.0.11/24"),))
LOOSE = replace(PINNED, owner="ps2", pinned=False)
RECORD = Record(
    attachment=Attachment(network="net", container_id="c2", ifname="eth0"), pod=None, netns=NETNS,
    netns_id=NetnsId(device=4, inode=2), steps=(), done=True, since=1,
)  # fmt: skip


class Recorded:
    """Records, as they are listed."""

    def __init__(self, *of: tuple[ops.Op, ...], removing: bool = False) -> None:
        self._of = [
            replace(RECORD, steps=tuple(Step(op=op) for op in each), removing=removing, done=not removing)
            for each in of
        ]  # fmt: skip

    def all(self) -> tuple[Record, ...]:
        """Return all."""
        return tuple(self._of)


def found(*of: tuple[ops.Op, ...], op: ops.ListSenders = PINNED, removing: bool = False) -> tuple[str, ...]:
    records = cast("Attachments", Recorded(*of, removing=removing))
    return cast("ops.ListSenders", beside(records, op)).beside


def test_who_lists_nothing_is_beside() -> None:
    assert found((LINK, ADDRESS)) == ("10.60.0.12 -",)


def test_who_is_listed_and_not_pinned_keeps_its_owner() -> None:
    assert found((LINK, LOOSE, ADDRESS)) == ("10.60.0.12 ps2",)


def test_who_is_pinned_lists_itself() -> None:
    assert found((LINK, replace(PINNED, owner="ps2"), ADDRESS)) == ()


def test_a_link_elsewhere_is_not_beside() -> None:
    vlan = replace(LINK, vlan=7)
    assert found((replace(LINK, parent="up1"), ADDRESS)) == ()
    assert found((vlan, ADDRESS)) == ()
    assert found((replace(LINK, in_pod=True), ADDRESS)) == ()
    assert found((vlan, ADDRESS), op=replace(PINNED, parent="up0.7")) == ("10.60.0.12 -",)


def test_who_is_on_the_way_out_is_not_beside() -> None:
    assert found((LINK, ADDRESS), removing=True) == ()


def test_who_is_gone_since_is_not_beside_any_more() -> None:
    assert found(op=replace(PINNED, beside=("10.60.0.12 -",))) == ()


def test_no_record_is_read_for_any_other_op() -> None:
    class Unread:
        def all(self) -> tuple[Record, ...]:
            raise AssertionError("read")

    unread = cast("Attachments", Unread())
    for op in (LINK, ADDRESS, LOOSE):
        assert beside(unread, op) is op
