"""What `sbr` reads of a configuration, and what it plans."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.call import Call, Verb
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.net import ops
from podberth.net.endpoint import Endpoint
from podberth.net.seen import Seen
from podberth.net.settings import Settings
from podberth.plugins.standard import sbr

NETNS = "/run/netns/pod"


def planned(ips: list[dict[str, Any]], **conf: object) -> tuple[ops.Op, ...]:
    """Return the plan's ops behind a result with those addresses, of `net1` first and `eth0` after it."""
    links = [{"name": "net1", "sandbox": NETNS}, {"name": "eth0", "sandbox": NETNS}]
    previous = {"cniVersion": "1.0.0", "interfaces": links, "ips": ips}
    raw = {"cniVersion": "1.0.0", "name": "net", "type": "sbr", "prevResult": previous, **conf}
    call = Call(verb=Verb.ADD, conf=NetConf.parse(Fields(raw)), container_id="a", netns=NETNS, ifname="eth0")
    end = Endpoint(attachment=call.attachment, netns=NETNS, addresses=(), gateways=(), settings=Settings())
    return sbr.plan(sbr.configure(call.conf.fields), call, end, Seen()).ops


def test_each_address_of_the_interface_has_a_rule_and_the_main_table_is_left_last() -> None:
    made = planned(
        [
            {"address": "10.3.0.5/24", "interface": 0},
            {"address": "10.1.0.5/24", "interface": 1, "gateway": "10.1.0.1"},
            {"address": "fd00::5/64"},
            {"address": "10.2.0.5/24", "interface": 1},
        ]
    )
    assert [(str(op.address), str(op.gateway)) for op in made if isinstance(op, ops.RouteBySource)] == [
        ("10.1.0.5/24", "10.1.0.1"), ("fd00::5/64", "None"), ("10.2.0.5/24", "None"),
    ]  # fmt: skip
    assert made[3:] == tuple(ops.LeaveMainTable(netns=NETNS, ifname="eth0", version=version) for version in (4, 6))


def test_with_a_table_there_are_rules_alone() -> None:
    (rule,) = planned([{"address": "10.1.0.5/24", "interface": 1, "gateway": "10.1.0.1"}], table=7)
    assert isinstance(rule, ops.RouteBySource)
    assert (rule.table, rule.gateway) == (7, None)


def test_no_address_of_the_interface_is_nothing_to_do() -> None:
    assert planned([{"address": "10.3.0.5/24", "interface": 0}]) == ()


def test_no_address_at_all_is_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"prevResult.ips: required"):
        planned([])


@pytest.mark.parametrize("table", [-1, 2**32, "main"])
def test_a_table_that_is_none(table: object) -> None:
    with pytest.raises(InvalidConfig, match=r"^table: "):
        planned([{"address": "10.1.0.5/24"}], table=table)
