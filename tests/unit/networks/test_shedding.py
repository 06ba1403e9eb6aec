"""A result whose default routes another network of the pod has."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.networks.shedding import shed

OWN = {"dst": "0.0.0.0/0", "gw": "10.0.0.1"}
SIXTH = {"dst": "::/0"}
PLAIN = {"dst": "10.9.0.0/16"}
GIVEN = {"dst": "0.0.0.0/0", "gw": "10.0.0.9"}


@pytest.mark.parametrize(
    ("routes", "versions", "gateways", "left"),
    [
        ([OWN, PLAIN, SIXTH], (4, 6), (), [PLAIN]),
        ([OWN, PLAIN, SIXTH], (4,), (), [PLAIN, SIXTH]),
        ([OWN, PLAIN], (4,), ("10.0.0.9",), [PLAIN, GIVEN]),
        ([OWN], (4,), (), None),
        (None, (4, 6), (), None),
        (None, (6,), ("fd00::1",), [{"dst": "::/0", "gw": "fd00::1"}]),
        (["odd", OWN], (4,), (), ["odd"]),
    ],
)
def test_default_routes_of_the_versions_go_and_those_by_the_gateways_come(
    routes: list[Any] | None, versions: tuple[int, ...], gateways: tuple[str, ...], left: list[Any] | None
) -> None:
    result = {"cniVersion": "1.0.0", "own": {"kept": True}} | ({"routes": routes} if routes is not None else {})
    wanted = {"cniVersion": "1.0.0", "own": {"kept": True}} | ({"routes": left} if left is not None else {})
    assert shed(result, versions, gateways) == wanted


def test_an_older_result_has_its_routes_by_ip_version() -> None:
    result = {
        "cniVersion": "0.2.0",
        "ip4": {"ip": "10.0.0.2/24", "gateway": "10.0.0.1", "routes": [OWN, PLAIN]},
        "ip6": {"ip": "fd00::2/64", "routes": [SIXTH]},
    }
    assert shed(result, (4, 6), ("10.0.0.9",)) == {
        "cniVersion": "0.2.0",
        "ip4": {"ip": "10.0.0.2/24", "gateway": "10.0.0.1", "routes": [PLAIN, GIVEN]},
        "ip6": {"ip": "fd00::2/64"},
    }
