"""What `tuning` reads of a configuration, and what it plans."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.call import Call, Verb
from podberth.cni.errors import InvalidConfig, Refused
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.pod import Attachment
from podberth.net import ops
from podberth.net.endpoint import Endpoint
from podberth.net.seen import Seen
from podberth.net.settings import Settings
from podberth.plugins.standard import tuning

NETNS = "/run/netns/pod"


def planned(conf: dict[str, Any], *lines: str, ifname: str = "eth0", listed: bool = False) -> list[tuple[str, str]]:
    """Return (what, value) of each op of the plan; with `listed`, the operator allows what `lines` match."""
    raw = {"cniVersion": "1.0.0", "name": "net", "type": "tuning", **conf}
    call = Call(verb=Verb.ADD, conf=NetConf.parse(Fields(raw)), container_id="a", netns=NETNS, ifname=ifname)
    end = Endpoint(attachment=call.attachment, netns=NETNS, addresses=(), gateways=(), settings=Settings())
    read = tuning.configure(call.conf.fields)
    seen = Seen(dict.fromkeys(tuning.asks(read, call, end, Seen()), lines if listed else None))
    made = tuning.plan(read, call, end, seen).ops
    return [(op.key if isinstance(op, ops.WriteSysctl) else op.attribute, op.value) for op in made]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("key", "ifname", "path"),
    [
        ("net.ipv4.conf.IFNAME.rp_filter", "eth0", "net/ipv4/conf/eth0/rp_filter"),
        ("net.ipv4.conf.IFNAME.rp_filter", "eth0.5", "net/ipv4/conf/eth0.5/rp_filter"),
        ("net.ipv4.conf.eth0.5.rp_filter", "eth0.5", "net/ipv4/conf/eth0.5/rp_filter"),
        ("net.ipv4.conf.eth0.5.rp_filter", "eth0", "net/ipv4/conf/eth0/5/rp_filter"),
        ("net/ipv4/conf/eth0.5/rp_filter", "net1", "net/ipv4/conf/eth0.5/rp_filter"),
        ("net.ipv4/conf.all/rp_filter", "eth0", "net/ipv4/conf/all/rp_filter"),
        ("net.core.somaxconn", "somaxconn", "net/core/somaxconn"),
    ],
)
def test_the_path_of_a_sysctl(key: str, ifname: str, path: str) -> None:
    assert tuning.sysctl_path(key, ifname) == path


def test_sysctls_come_first_and_what_args_say_counts() -> None:
    conf = {"mtu": 1400, "sysctl": {"net.core.somaxconn": "1"}, "args": {"cni": {"mtu": 1300}}}
    assert planned(conf) == [("net/core/somaxconn", "1"), ("mtu", "1300")]


def test_a_zero_of_go_is_not_said_but_no_promisc_is() -> None:
    assert planned({"mtu": 0, "mac": "", "sysctl": None, "promisc": False}) == [("promisc", "off")]


@pytest.mark.parametrize("key", ["kernel.hostname", "net", "net/../kernel/hostname", "/net/core/x", "net..x", "net. x"])
def test_a_key_out_of_net_is_refused(key: str) -> None:
    with pytest.raises(InvalidConfig, match="sysctl"):
        planned({"sysctl": {key: "1"}})


def test_two_keys_of_one_sysctl_are_refused() -> None:
    with pytest.raises(InvalidConfig, match="are one sysctl for eth0"):
        planned({"sysctl": {"net.ipv4.conf.IFNAME.rp_filter": "1", "net.ipv4.conf.eth0.rp_filter": "2"}})


@pytest.mark.parametrize("line", ["somaxconn", "max", "^net\\.core", "[[:alpha:]]+conn\\z", "net.core"])
def test_the_allowlist_matches_anywhere_in_the_key(line: str) -> None:
    assert planned({"sysctl": {"net.core.somaxconn": "1"}}, "no", line, listed=True)


@pytest.mark.parametrize("line", ["#", "", "net.core.somaxconnections", "core$"])
def test_what_no_line_of_the_allowlist_matches_is_refused(line: str) -> None:
    with pytest.raises(Refused, match="somaxconn' is not allowed"):
        planned({"sysctl": {"net.core.somaxconn": "1"}}, line, listed=True)


def test_a_line_that_is_no_regular_expression_is_named() -> None:
    with pytest.raises(InvalidConfig, match=r"allowlist.conf: '\['"):
        planned({"sysctl": {"net.core.somaxconn": "1"}}, "[", listed=True)


def test_the_result_gets_the_mac_that_the_interface_has_then() -> None:
    raw = {"cniVersion": "1.0.0", "name": "net", "type": "tuning", "mac": "02:00:00:00:00:01"}
    call = Call(verb=Verb.ADD, conf=NetConf.parse(Fields(raw)), container_id="a", netns=NETNS, ifname="eth0")
    attachment = Attachment(network="net", container_id="a", ifname="eth0")
    end = Endpoint(attachment=attachment, netns=NETNS, addresses=(), gateways=(), settings=Settings())
    assert tuning.plan(tuning.configure(call.conf.fields), call, end, Seen()).readdressed == (("eth0", NETNS),)
