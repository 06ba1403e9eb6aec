"""What a later plugin of the chain has made of a link is no drift of an earlier one's, as long as it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.pod import Attachment
from podberth.net import ops
from podberth.net.facts import NetnsId
from podberth.net.record import Record
from podberth.net.step import Drift, Step
from podberth.verbs.check import drifts_of
from tests.unit.verbs.card import NOW, Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NETNS = "/run/netns/c1"
MADE = ops.CreateVeth(name="pb0", netns=NETNS, ifname="eth0", mtu=1500)
TUNED = ops.SetAttribute(netns=NETNS, ifname="eth0", attribute="mtu", value="1400")
SYSCTL = ops.WriteSysctl(netns=NETNS, key="net/ipv4/conf/eth0/rp_filter", value="1")
MTU = Drift(what="eth0", field="mtu", wanted="1500", found="1400")
MAC = Drift(what="eth0", field="mac", wanted="02:00:00:00:00:01", found="02:00:00:00:00:02")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "state")
    yield made
    made.database.close()


def recorded(site: Site, op: ops.Op, later: int) -> Record:
    """Record a plugin of the chain that did this, so many nanoseconds after the first."""
    record = Record(
        attachment=Attachment(network="net", container_id="c1", ifname="eth0"),
        pod=None,
        netns=NETNS,
        netns_id=NetnsId(device=4, inode=9),
        steps=(Step(op=op),),
        done=True,
        since=NOW + later,
        type=f"type{later}",
    )
    site.node.attachments.open(record)
    return record


def found(
    site: Site, monkeypatch: pytest.MonkeyPatch, of: Record, drifts: dict[object, tuple[Drift, ...]]
) -> list[str]:
    """Return the fields of the record's first step that are told of, where the host finds these drifts."""
    monkeypatch.setattr(site.card, "check", lambda step: drifts.get(step.op, ()))
    return [drift.field for drift in drifts_of(site.node, of, of.steps[0])]


@pytest.mark.parametrize(
    ("other", "later", "drifted", "told"),
    [
        (TUNED, 1, (), ["mac"]),
        (TUNED, -1, (), ["mtu", "mac"]),  # it came before
        (TUNED, 1, (Drift(what="eth0", field="mtu", wanted="1400", found="1300"),), ["mtu", "mac"]),
        (SYSCTL, 1, (), ["mtu", "mac"]),
    ],
)
def test_only_a_later_plugin_that_holds_says_what_is_right(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    other: ops.Op,
    later: int,
    drifted: tuple[Drift, ...],
    told: list[str],
) -> None:
    first = recorded(site, MADE, 0)
    recorded(site, other, later)
    assert found(site, monkeypatch, first, {MADE: (MTU, MAC), other: drifted}) == told
