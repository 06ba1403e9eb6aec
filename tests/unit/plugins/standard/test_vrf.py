"""What `vrf` reads of a configuration, and what it plans."""

from __future__ import annotations

import pytest

from podberth.cni.call import Call, Verb
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.net import ops
from podberth.net.endpoint import Endpoint
from podberth.net.plan import Plan
from podberth.net.seen import Seen
from podberth.net.settings import Settings
from podberth.plugins.standard import vrf

NETNS = "/run/netns/pod"


def planned(**conf: object) -> Plan:
    """Return the plan for `eth0`."""
    raw = {"cniVersion": "1.0.0", "name": "net", "type": "vrf", **conf}
    call = Call(verb=Verb.ADD, conf=NetConf.parse(Fields(raw)), container_id="a", netns=NETNS, ifname="eth0")
    end = Endpoint(attachment=call.attachment, netns=NETNS, addresses=(), gateways=(), settings=Settings())
    return vrf.plan(vrf.configure(call.conf.fields), call, end, Seen())


@pytest.mark.parametrize(("said", "table"), [({}, None), ({"table": 0}, None), ({"table": 2**32 - 1}, 2**32 - 1)])
def test_the_interface_joins_the_vrf(said: dict[str, int], table: int | None) -> None:
    joined = ops.JoinVrf(netns=NETNS, ifname="eth0", vrf="red", table=table)
    assert planned(vrfname="red", **said) == Plan(ops=(joined,))


@pytest.mark.parametrize("name", [None, "", "a/b", "sixteen-letters-"])
def test_a_name_is_required_and_has_to_be_one(name: str | None) -> None:
    with pytest.raises(InvalidConfig, match=r"^vrfname: "):
        planned(vrfname=name)


def test_the_interface_is_not_its_own_vrf() -> None:
    with pytest.raises(InvalidConfig, match=r"^vrfname: eth0 is the interface itself"):
        planned(vrfname="eth0")


@pytest.mark.parametrize("table", [-1, 2**32, "10"])
def test_a_table_that_is_none(table: object) -> None:
    with pytest.raises(InvalidConfig, match=r"^table: "):
        planned(vrfname="red", table=table)
