"""What a pod may send, as rules: each is known again as the kernel has it, in chains of the attachment's own."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.linux import sender_rules
from podberth.linux.netlink import codec
from podberth.linux.netlink import nft_rules as nft
from podberth.net import ops

if TYPE_CHECKING:
    from podberth.net.ops.senders import Op

MAC = "02:50:0a:3c:00:0b"
ADDRESSES = (ip_address("10.60.0.11"), ip_address("fd00:60::11"))
ON_NODE = ops.PinSender(netns=None, link="pb1", owner="ps1", addresses=ADDRESSES, own_macs=(MAC,))
IN_POD = ops.PinSender(netns="/run/netns/pod", link="eth0", owner="ps1", addresses=ADDRESSES, own_macs=(MAC,))
AT_PARENT = ops.PinSenderAtParent(parent="up0", owner="ps1", mac=MAC, addresses=ADDRESSES)


@pytest.mark.parametrize(
    ("mac", "address"),
    [("02:50:0a:3c:00:0b", "fe80::50:aff:fe3c:b"), ("00:00:00:00:00:01", "fe80::200:ff:fe00:1")],
)
def test_a_link_local_address_follows_from_the_mac(mac: str, address: str) -> None:
    assert sender_rules.link_local(mac) == ip_address(address)


@pytest.mark.parametrize(
    ("op", "hook", "device"), [(ON_NODE, 0, "pb1"), (IN_POD, 1, "eth0"), (AT_PARENT, 1, "up0")], ids=str
)
def test_the_first_chain_is_at_the_links_hook(op: Op, hook: int, device: str) -> None:
    first, *rest = sender_rules.chains(op)
    assert (first.name, first.kind, first.hook, first.device) == ("ps1", "filter", hook, device)
    assert not any(chain.kind for chain in rest)
    _, _, body = sender_rules.TABLE.add_chain(first)
    at = codec.attributes(codec.attributes(body[4:])[4])
    assert (at[1], at[3]) == (hook.to_bytes(4, "big"), f"{device}\0".encode())


@pytest.mark.parametrize("op", [ON_NODE, IN_POD, AT_PARENT], ids=str)
def test_each_rule_is_known_again_and_is_in_a_chain_of_the_attachments(op: Op) -> None:
    made = sender_rules.rules(op)
    for rule in made:
        _, _, body = sender_rules.TABLE.add(rule)
        found = nft.parse(body + codec.attribute(3, bytes(8)))
        assert [other for other in made if found.is_one(other)] == [rule]
        assert (rule.chain in sender_rules.names("ps1"), rule.comment) == (True, "ps1")


@pytest.mark.parametrize("op", [ON_NODE, IN_POD], ids=str)
def test_what_no_rule_lets_through_is_dropped(op: Op) -> None:
    by_chain: dict[str, nft.Rule] = {rule.chain: rule for rule in sender_rules.rules(op)}
    last = {chain: rule.expressions for chain, rule in by_chain.items()}
    assert {chain for chain, found in last.items() if found == nft.drop()} == {"ps1", "ps1-own", "ps1-arp", "ps1-ip6"}
    assert last["ps1-nd"] == nft.accept()  # what is no neighbour discovery, from one of its own addresses


def test_at_a_parent_frames_of_others_pass() -> None:
    (only,) = (rule for rule in sender_rules.rules(AT_PARENT) if rule.chain == "ps1")
    assert only.expressions == (*nft.from_mac(MAC), *nft.go_to("ps1-own"))


def test_a_pod_without_addresses_sends_from_its_link_local_one_alone() -> None:
    bare = ops.PinSender(netns=None, link="pb1", owner="ps1", addresses=(), own_macs=(MAC,))
    six = [rule.expressions for rule in sender_rules.rules(bare) if rule.chain == "ps1-ip6"]
    sources = [found[:-1] for found in six if found[-1:] == nft.go_to("ps1-nd")]
    assert sources == [nft.in_header(8, sender_rules.link_local(MAC).packed)]
    assert [rule.expressions for rule in sender_rules.rules(bare) if rule.chain == "ps1-arp"] == [nft.drop()]


@given(st.lists(st.ip_addresses(), max_size=8), st.lists(st.binary(min_size=6, max_size=6), min_size=1, max_size=8))
def test_any_addresses_and_macs_make_rules_that_fit_into_a_message_each(
    addresses: list[object], raw: list[bytes]
) -> None:
    op = ops.PinSender(
        netns=None, link="pb1", owner="ps1", addresses=tuple(addresses),  # type: ignore[arg-type]
        own_macs=tuple(mac.hex(":") for mac in raw),
    )  # fmt: skip
    sent = [body for _, _, body in map(sender_rules.TABLE.add, sender_rules.rules(op))]
    assert all(len(body) < 2**16 for body in sent)
