"""Rate limits on a real link: made, unmade, left half-made, and what belongs to others."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from podberth.linux.effects import shaping
from podberth.linux.netlink import tc

if TYPE_CHECKING:
    from podberth.linux.netlink.socket import Rtnl
    from tests.netns.shaping.conftest import Pair

STEPS_OF_RECEIVE = 5  # ifb, its bucket, up, ingress, redirection
STEPS_OF_UNDOING = 3  # redirection, ingress, ifb


class Stopping:
    """A socket whose power goes off: from the `after`th change on, it fails, or swallows changes as a crash would."""

    def __init__(self, sock: Rtnl, after: int, *, silently: bool) -> None:
        self.get, self.dump = sock.get, sock.dump
        self._do, self._left, self._silently = sock.do, after, silently

    def do(self, kind: int, body: bytes, flags: int = 0) -> None:
        self._left -= 1
        if self._left >= 0:
            self._do(kind, body, flags)
        elif self._left == -1 and not self._silently:
            raise OSError(errno.EIO, "cut off")
        elif not self._silently:
            self._do(kind, body, flags)


def test_limits_on_sending_show_as_told(pair: Pair) -> None:
    shaping.limit_transmit(pair.sock, "eth0", 20)
    (root,) = pair.near.show("tc", "qdisc", "show", "dev", "eth0")
    assert (root["kind"], root["handle"], root["root"]) == ("tbf", "7062:", True)
    assert root["options"] == {"rate": 2_500_000, "burst": 81920, "lat": 50_000, **without_peak(root["options"])}
    assert shaping.check_transmit(pair.sock, "eth0", 20) == ()


@pytest.mark.parametrize("mbit", [1, 20, 1000, 34_359, 34_360, 100_000, 1_000_000])
def test_every_rate_comes_back_from_the_kernel_as_it_was_told(pair: Pair, mbit: int) -> None:
    shaping.limit_transmit(pair.sock, "eth0", mbit)
    assert shaping.check_transmit(pair.sock, "eth0", mbit) == ()
    (root,) = pair.near.show("tc", "qdisc", "show", "dev", "eth0")
    assert root["options"]["rate"] * 8 == mbit * 1_000_000


def test_a_limit_on_sending_can_be_changed_in_place(pair: Pair) -> None:
    shaping.limit_transmit(pair.sock, "eth0", 20)
    shaping.limit_transmit(pair.sock, "eth0", 30)
    assert shaping.check_transmit(pair.sock, "eth0", 30) == ()


def test_taking_a_limit_on_sending_away_leaves_the_link_as_it_was(pair: Pair) -> None:
    before = pair.state()
    shaping.limit_transmit(pair.sock, "eth0", 20)
    assert pair.state() != before
    for _ in range(2):
        shaping.unlimit_transmit(pair.sock, "eth0")
        assert pair.state() == before


def test_taking_a_limit_on_receiving_away_leaves_the_link_as_it_was(pair: Pair) -> None:
    before = pair.state()
    shaping.limit_receive(pair.sock, "eth0", "pi0", 20)
    assert shaping.check_receive(pair.sock, "eth0", "pi0", 20) == ()
    for _ in range(2):
        shaping.unlimit_receive(pair.sock, "eth0", "pi0")
        assert pair.state() == before


def test_limits_in_both_directions_do_not_touch_each_other(pair: Pair) -> None:
    shaping.limit_transmit(pair.sock, "eth0", 20)
    one = pair.state()
    shaping.limit_receive(pair.sock, "eth0", "pi0", 30)
    shaping.unlimit_receive(pair.sock, "eth0", "pi0")
    assert pair.state() == one
    assert shaping.check_transmit(pair.sock, "eth0", 20) == ()


@pytest.mark.parametrize("root", ["handle 1: htb", "handle 1: tbf rate 1mbit burst 9k limit 9k"])
def test_a_root_that_somebody_else_set_stays(pair: Pair, root: str) -> None:
    pair.near.run("tc", "qdisc", "add", "dev", "eth0", "root", *root.split())
    before = pair.state()
    with pytest.raises(OSError, match="NLM_F_REPLACE needed") as caught:
        shaping.limit_transmit(pair.sock, "eth0", 20)
    assert caught.value.errno == errno.EEXIST
    shaping.unlimit_transmit(pair.sock, "eth0")
    assert pair.state() == before
    assert [drift.found for drift in shaping.check_transmit(pair.sock, "eth0", 20)] == [f"{root.split()[2]} 1:"]


def test_a_root_of_our_handle_but_another_kind_stays(pair: Pair) -> None:
    pair.near.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", f"{tc.MARK:x}:", "htb")
    before = pair.state()
    with pytest.raises(OSError, match="Invalid qdisc name"):
        shaping.limit_transmit(pair.sock, "eth0", 20)
    shaping.unlimit_transmit(pair.sock, "eth0")
    assert pair.state() == before


@pytest.mark.parametrize("kind", ["ingress", "clsact"])
def test_an_ingress_qdisc_that_somebody_else_set_stays_even_without_filters(pair: Pair, kind: str) -> None:
    pair.near.run("tc", "qdisc", "add", "dev", "eth0", kind)
    before = pair.state()
    with pytest.raises(OSError, match="Exclusivity flag on") as caught:
        shaping.limit_receive(pair.sock, "eth0", "pi0", 20)
    assert caught.value.errno == errno.EEXIST
    shaping.unlimit_receive(pair.sock, "eth0", "pi0")
    assert pair.state() == before


def test_a_filter_that_somebody_else_added_to_our_ingress_stays(pair: Pair) -> None:
    shaping.limit_receive(pair.sock, "eth0", "pi0", 20)
    theirs = ("protocol", "ip", "pref", "5", "u32", "match", "ip", "dst", "192.0.2.1/32")
    pair.near.run("tc", "filter", "add", "dev", "eth0", "ingress", *theirs)
    shaping.unlimit_receive(pair.sock, "eth0", "pi0")
    filters = pair.near.show("tc", "filter", "show", "dev", "eth0", "ingress")
    assert {found["pref"] for found in filters} == {5}
    assert "pi0" not in pair.state()


def test_a_link_that_has_the_ifbs_name_but_is_not_ours_stays(pair: Pair) -> None:
    pair.near.run("ip", "link", "add", "pi0", "type", "ifb")
    before = pair.state()
    with pytest.raises(OSError, match="File exists"):
        shaping.limit_receive(pair.sock, "eth0", "pi0", 20)
    shaping.unlimit_receive(pair.sock, "eth0", "pi0")
    assert pair.state() == before


@pytest.mark.parametrize("after", range(STEPS_OF_RECEIVE))
def test_a_limit_on_receiving_that_fails_midway_leaves_nothing(pair: Pair, after: int) -> None:
    before = pair.state()
    failing = Stopping(pair.sock, after, silently=False)
    with pytest.raises(OSError, match="cut off"):
        shaping.limit_receive(failing, "eth0", "pi0", 20)  # type: ignore[arg-type]
    assert pair.state() == before


@pytest.mark.parametrize("after", range(1, STEPS_OF_RECEIVE + 1))
def test_a_limit_on_receiving_that_was_left_half_made_can_be_taken_away(pair: Pair, after: int) -> None:
    before = pair.state()
    shaping.limit_receive(Stopping(pair.sock, after, silently=True), "eth0", "pi0", 20)  # type: ignore[arg-type]
    assert pair.state() != before
    assert (shaping.check_receive(pair.sock, "eth0", "pi0", 20) == ()) is (after == STEPS_OF_RECEIVE)
    shaping.unlimit_receive(pair.sock, "eth0", "pi0")
    assert pair.state() == before


@pytest.mark.parametrize("after", range(STEPS_OF_UNDOING))
def test_a_limit_on_receiving_that_was_left_half_unmade_can_be_taken_away(pair: Pair, after: int) -> None:
    before = pair.state()
    shaping.limit_receive(pair.sock, "eth0", "pi0", 20)
    shaping.unlimit_receive(Stopping(pair.sock, after, silently=True), "eth0", "pi0")  # type: ignore[arg-type]
    assert pair.state() != before
    shaping.unlimit_receive(pair.sock, "eth0", "pi0")
    assert pair.state() == before


def test_a_redirection_whose_ifb_is_gone_can_be_taken_away(pair: Pair) -> None:
    before = pair.state()
    shaping.limit_receive(pair.sock, "eth0", "pi0", 20)
    pair.near.run("ip", "link", "del", "pi0")
    shaping.unlimit_receive(pair.sock, "eth0", "pi0")
    assert pair.state() == before


def test_the_ifb_of_a_link_that_is_gone_can_be_taken_away(pair: Pair) -> None:
    shaping.limit_receive(pair.sock, "eth0", "pi0", 20)
    shaping.limit_transmit(pair.sock, "eth0", 20)
    pair.near.run("ip", "link", "del", "eth0")
    shaping.unlimit_receive(pair.sock, "eth0", "pi0")
    shaping.unlimit_transmit(pair.sock, "eth0")
    assert [link["ifname"] for link in pair.near.show("ip", "link")] == ["lo"]


def test_a_link_that_is_not_there_cannot_be_limited(pair: Pair) -> None:
    before = pair.state()
    with pytest.raises(OSError, match="No such device: eth7"):
        shaping.limit_transmit(pair.sock, "eth7", 20)
    with pytest.raises(OSError, match="No such device: eth7"):
        shaping.limit_receive(pair.sock, "eth7", "pi0", 20)
    assert pair.state() == before


def test_each_way_a_limit_on_sending_can_drift_is_named(pair: Pair) -> None:
    assert drifts(shaping.check_transmit(pair.sock, "eth7", 20)) == ["eth7: link: expected present, found absent"]
    assert drifts(shaping.check_transmit(pair.sock, "eth0", 20)) == [
        "root qdisc of eth0: kind: expected tbf 7062:, found noqueue 0:"
    ]
    shaping.limit_transmit(pair.sock, "eth0", 30)
    assert drifts(shaping.check_transmit(pair.sock, "eth0", 20)) == [
        "root qdisc of eth0: rate in bytes/s: expected 2500000, found 3750000",
        "root qdisc of eth0: limit in bytes: expected 206920, found 269420",
        "root qdisc of eth0: bucket in ticks: expected 512000, found 341334",
    ]


def test_each_way_a_limit_on_receiving_can_drift_is_named(pair: Pair) -> None:
    assert drifts(shaping.check_receive(pair.sock, "eth0", "pi0", 20)) == ["pi0: link: expected present, found absent"]
    shaping.limit_receive(pair.sock, "eth0", "pi0", 20)
    index = pair.near.show("ip", "link", "show", "pi0")[0]["ifindex"]
    pair.near.run("ip", "link", "set", "pi0", "down")
    assert drifts(shaping.check_receive(pair.sock, "eth0", "pi0", 20)) == ["pi0: state: expected up, found down"]
    pair.near.run("ip", "link", "set", "pi0", "up")
    pair.near.run("tc", "filter", "del", "dev", "eth0", "ingress")
    missing = f"ingress of eth0: redirection: expected to link {index} (pi0), found none"
    assert drifts(shaping.check_receive(pair.sock, "eth0", "pi0", 20)) == [missing]
    pair.near.run("tc", "qdisc", "del", "dev", "eth0", "ingress")
    pair.near.run("tc", "qdisc", "del", "dev", "pi0", "root")
    found = drifts(shaping.check_receive(pair.sock, "eth0", "pi0", 20))
    assert len(found) == 2
    assert found[0].startswith("root qdisc of pi0: kind: expected tbf 7062:, found ")
    assert found[1] == missing


def test_a_tick_is_what_this_kernel_says(pair: Pair) -> None:
    assert int(pair.near.run("cat", "/proc/net/psched").split()[1], 16) == tc.TICK_NS


def drifts(found: tuple[object, ...]) -> list[str]:
    return [str(drift) for drift in found]


def without_peak(options: dict[str, int]) -> dict[str, int]:
    """Return what iproute2 versions add of a peak rate that is not set."""
    return {name: number for name, number in options.items() if name not in ("rate", "burst", "lat") and not number}
