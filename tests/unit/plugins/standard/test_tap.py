"""The `tap` type: who may open it, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.errors import InvalidConfig, UnsupportedField
from podberth.net import ops
from podberth.plugins.standard import tap
from tests.unit.plugins.standard.plans import NETNS, planned


def made(**said: Any) -> ops.CreateTap:
    first = planned(tap, {}, **said).ops[0]
    assert isinstance(first, ops.CreateTap)
    return first


def test_nobody_but_root_opens_one_of_which_nothing_is_said() -> None:
    assert made() == ops.CreateTap(netns=NETNS, ifname="eth0")


def test_root_may_be_named_as_its_owner() -> None:
    assert (made(owner=0).owner, made(group=0).group) == (0, 0)


def test_everything_that_is_said_is_planned() -> None:
    said = {"owner": 107, "group": 36, "multiQueue": True, "mac": "02-11-22-33-44-55", "mtu": 9000, "bridge": "br0"}
    assert made(**said) == ops.CreateTap(
        netns=NETNS, ifname="eth0", owner=107, group=36, multi_queue=True, mac="02:11:22:33:44:55", mtu=9000,
        bridge="br0",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({"owner": -1}, "owner"),
        ({"group": 2**32 - 1}, "group"),
        ({"mtu": 65536}, "mtu"),
        ({"bridge": "a b"}, "bridge"),
        ({"multiQueue": 1}, "multiQueue"),
    ],
)
def test_the_error_names_the_key(said: dict[str, Any], at: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{at}: "):
        made(**said)


def test_a_context_of_selinux_is_not_ignored() -> None:
    with pytest.raises(UnsupportedField, match=r"^selinuxContext: "):
        made(selinuxContext="system_u:system_r:container_t:s0")
