"""What the CNI project's `vlan`, `ipvlan`, `dummy` and `vrf` made is podberth's to check and delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.netns.standard.test_takeover import FOUR, added, called, left, node
from tests.netns.standard.twins import OURS
from tests.sizes import size

if TYPE_CHECKING:
    from tests.netns.standard.twins import Node

__all__ = ["node"]  # the fixture
STATE = {"stateDir": "{state}"}
CHAINS: dict[str, list[dict[str, object]]] = {
    "vlan in a VRF": [
        {"type": "vlan", "master": "up0", "vlanId": 100, "ipam": FOUR, **STATE},
        {"type": "vrf", "vrfname": "red", **STATE},
    ],
    "ipvlan": [{"type": "ipvlan", "master": "up0", "mode": "l2", "ipam": FOUR, **STATE}],
    "dummy": [{"type": "dummy", "ipam": FOUR, **STATE}],
}  # fmt: skip


def cases() -> dict[str, list[dict[str, object]]]:
    """Return one; in a soak all, each of which takes the emulated machine a while."""
    return CHAINS if size(0, 1) else {"vlan in a VRF": CHAINS["vlan in a VRF"]}


@pytest.mark.parametrize("chain", cases().values(), ids=cases())
def test_what_go_made_is_checked_and_deleted(node: Node, chain: list[dict[str, object]]) -> None:
    for line in ("link add first type vrf table 77", "link delete first"):  # the kernel's rule for VRFs stays
        node.run("ip", *line.split(), inside="pod")
    before = node.state_of()
    result = added(node, "go", chain)
    called(node, "CHECK", "ours", chain, previous=result)
    called(node, "DEL", "ours", chain, previous=result)
    assert node.state_of() == before
    assert left(node) == []


if size(0, 1):

    def test_check_sees_another_vlan(node: Node) -> None:
        chain = CHAINS["vlan in a VRF"]
        result = added(node, "go", chain)
        node.folder = OURS
        other = [{**chain[0], "vlanId": 101}, {**chain[1], "vrfname": "blue"}]
        assert [each.status for each in node.chain("CHECK", other, previous=result)] == [1, 1]
