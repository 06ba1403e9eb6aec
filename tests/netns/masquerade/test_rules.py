"""The kernel has the same rules from us as from nft(8) for the same words; a transaction is done as a whole, or not."""

from __future__ import annotations

import contextlib
import errno
import os
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

import pytest

from podberth.linux import netns
from podberth.linux.netlink import codec, nft
from podberth.linux.netlink.nfnl import Nfnl
from podberth.linux.netlink.socket import NetlinkError
from tests.netns.masquerade.conftest import ruleset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.net.ops import Network
    from tests.netns.kubelet import Kubelet

GROUP, FOUR = "masq-g", ip_network("10.50.0.0/24")
ADDRESS = ip_address("10.50.0.7")
SUBNETS = [FOUR, ip_network("10.50.16.0/20"), ip_network("fd00:50::/64"), ip_network("fd00:50::80/121")]


@pytest.fixture
def rules(node: Kubelet) -> Iterator[Nfnl]:
    descriptor = netns.open_at(f"/var/run/netns/{node.node}")
    try:
        with contextlib.closing(netns.call_in(descriptor, Nfnl)) as found:
            yield found
    finally:
        os.close(descriptor)


def expressions(rules: Nfnl) -> list[bytes]:
    """Return what each rule of the table is made of, as the kernel tells it."""
    return [codec.attributes(body[4:])[4] for body in rules.dump(nft.GET_RULE, nft.table())]


@pytest.mark.parametrize("subnet", SUBNETS, ids=str)
def test_a_rule_is_for_the_kernel_what_nft_makes_of_its_words(node: Kubelet, rules: Nfnl, subnet: Network) -> None:
    rules.batch([*nft.frame(GROUP, subnet.version), nft.rule(GROUP, subnet)])
    ours, listed = expressions(rules), node.inside(node.node, "nft", "--stateless", "list", "ruleset")
    ip, multicast = ("ip", "224.0.0.0/4") if subnet.version == 4 else ("ip6", "ff00::/8")
    rule = f"{ip} saddr @{GROUP} {ip} daddr != {subnet} {ip} daddr != {multicast} masquerade"
    assert rule in listed
    node.inside(node.node, "nft", "flush", "chain", "inet", "podberth", "postrouting")
    node.inside(node.node, "nft", "add", "rule", "inet", "podberth", "postrouting", rule)
    assert expressions(rules) == ours
    assert node.inside(node.node, "nft", "--stateless", "list", "ruleset") == listed


def test_a_transaction_that_is_refused_leaves_nothing_and_says_why(node: Kubelet, rules: Nfnl) -> None:
    frame = nft.frame(GROUP, 4)
    for requests in (
        [nft.new_element(GROUP, ADDRESS, "x", only_new=True)],
        [*frame, nft.delete_element(GROUP, ADDRESS)],
        [*frame, nft.delete_set("none"), nft.new_element(GROUP, ADDRESS, "x", only_new=True)],
    ):
        with pytest.raises(NetlinkError) as refused:
            rules.batch(requests)
        assert refused.value.errno == errno.ENOENT
        assert ruleset(node) == []
    rules.batch([*frame, nft.new_element(GROUP, ADDRESS, "x", only_new=True)])
    with pytest.raises(NetlinkError) as refused:
        rules.batch([nft.new_element(GROUP, ADDRESS, "y", only_new=True)])
    assert refused.value.errno == errno.EEXIST


def test_a_transaction_that_comes_too_late_is_refused(rules: Nfnl) -> None:
    seen = nft.parse_generation(rules.get(nft.GET_GENERATION, nft.generation()) or b"")
    rules.batch(nft.frame(GROUP, 4), seen)
    with pytest.raises(NetlinkError) as refused:
        rules.batch([nft.delete_table()], seen)
    assert refused.value.errno == errno.ERESTART
    rules.batch([nft.delete_table()])
