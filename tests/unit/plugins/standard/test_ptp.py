"""The `ptp` type: its keys, and what it plans."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING

import pytest

from podberth.cni.call import Call, Verb
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.pod import Attachment
from podberth.net import ops
from podberth.net.endpoint import Endpoint
from podberth.net.seen import Seen
from podberth.net.settings import Settings
from podberth.plugins.standard import ptp

if TYPE_CHECKING:
    from podberth.net.plan import Plan

CONF = {"cniVersion": "1.0.0", "name": "net", "type": "ptp", "ipam": {"type": "static"}}
POD, IFNAME = "/run/netns/pod", "eth0"


def planned(*addresses: tuple[str, str | None], **keys: object) -> Plan:
    """Return the plan for addresses, each with its gateway."""
    conf = NetConf.parse(Fields({**CONF, **keys}))
    end = Endpoint(
        attachment=Attachment(network="net", container_id="c1", ifname=IFNAME),
        netns=POD,
        addresses=tuple(ip_interface(address) for address, _ in addresses),
        gateways=tuple(ip_address(gateway) if gateway else None for _, gateway in addresses),
        settings=Settings(),
    )
    return ptp.plan(ptp.configure(conf.fields), Call(verb=Verb.ADD, conf=conf), end, Seen())


@pytest.mark.parametrize(
    ("keys", "at_fault"),
    [
        ({"ipam": {}}, "ipam.type"),
        ({"mtu": 67}, "mtu"),
        ({"mtu": True}, "mtu"),
        ({"ipMasq": 1}, "ipMasq"),
        ({"ipMasqBackend": "ipset"}, "ipMasqBackend"),
    ],
)
def test_an_error_names_the_key(keys: dict[str, object], at_fault: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        ptp.configure(Fields({**CONF, **keys}).from_go())
    assert refused.value.message.startswith(f"{at_fault}: ")


@pytest.mark.parametrize(("said", "read"), [(0, None), (68, 68), (65535, 65535)])
def test_an_mtu_of_0_is_the_kernels(said: int, read: int | None) -> None:
    assert ptp.configure(Fields({**CONF, "mtu": said}).from_go()).settings.mtu == read


@pytest.mark.parametrize("gateway", [None, "10.1.2.3"])
def test_an_address_needs_a_gateway_of_another(gateway: str | None) -> None:
    with pytest.raises(InvalidConfig, match="gateway"):
        planned(("10.1.2.3/24", gateway))


def test_the_subnet_is_behind_the_gateway() -> None:
    inside = [op for op in planned(("10.1.2.3/24", "10.1.2.1")).ops if getattr(op, "netns", None) == POD]
    ours, gateway = ip_address("10.1.2.3"), ip_address("10.1.2.1")
    assert [op for op in inside if isinstance(op, ops.AddAddress | ops.AddRoute)] == [
        ops.AddAddress(netns=POD, ifname=IFNAME, address=ip_interface("10.1.2.3/24"), connected=False),
        ops.AddRoute(netns=POD, ifname=IFNAME, dst=ip_network("10.1.2.1/32"), scope=253, source=ours),
        ops.AddRoute(netns=POD, ifname=IFNAME, dst=ip_network("10.1.2.0/24"), gw=gateway, source=ours),
    ]


def test_what_two_addresses_share_is_planned_once() -> None:
    every = planned(("10.1.2.3/24", "10.1.2.1"), ("10.1.2.4/24", "10.1.2.1")).ops
    assert len(every) == len(set(every))


def test_masquerading_is_there_before_the_link() -> None:
    kinds = [type(op) for op in planned(("10.1.2.3/24", "10.1.2.1"), ipMasq=True).ops]
    assert kinds.index(ops.Masquerade) < kinds.index(ops.CreateVeth)
