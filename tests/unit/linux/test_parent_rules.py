"""What a link that ipvlans stand on may send: who is listed there, as values, and the rules as the kernel has them."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface, ip_network
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.value import replace
from podberth.linux import parent_rules as rules
from podberth.linux.netlink import codec, nft, nft_rules
from podberth.linux.parent_rules import Sender
from podberth.linux.sender_rules import TABLE
from podberth.net import ops

TOKEN = bytes(range(1, 9))
FIRST = ops.ListSenders(
    parent="up0", owner="ps1", addresses=(ip_interface("10.60.0.11/24"), ip_interface("fd00:60::11/64"))
)
SECOND = replace(FIRST, owner="ps2", addresses=(ip_interface("10.60.0.12/24"),))
LOOSE = replace(FIRST, owner="ps3", addresses=(ip_interface("10.60.0.13/24"),), pinned=False)
OPS = st.builds(
    ops.ListSenders,
    parent=st.just("up0"),
    owner=st.sampled_from(["ps1", "ps2", "ps3"]),
    addresses=st.lists(
        st.builds(lambda last, prefix: ip_interface(f"10.60.0.{last}/{prefix}"), st.integers(1, 9), st.integers(8, 32)),
        max_size=3,
        unique_by=lambda each: each.ip,
    ).map(tuple),
    pinned=st.booleans(),
)


def span(network: str) -> tuple[int, int]:
    found = ip_network(network)
    return int(found.network_address), int(found.broadcast_address)


def test_all_subnets_of_pinned_pods_are_checked_once_each() -> None:
    wide = replace(SECOND, addresses=(ip_interface("10.60.0.12/16"), ip_interface("10.99.0.1/24")))
    listed = rules.coming(rules.coming({}, FIRST), wide)
    assert rules.spans(listed, 4) == (span("10.60.0.0/16"), span("10.99.0.0/24"))
    assert rules.spans(listed, 6) == (span("fd00:60::/64"),)


def test_one_who_is_not_pinned_has_no_subnet_checked_and_does_not_keep_the_rules_there() -> None:
    listed = rules.coming(rules.coming({}, FIRST), LOOSE)
    assert listed[ip_address("10.60.0.13")] == Sender(owner="ps3")
    assert rules.spans(rules.coming({}, LOOSE), 4) == ()
    assert rules.leaving(listed, "ps3") == rules.coming({}, FIRST)
    assert rules.leaving(listed, "ps1") == {}


def test_those_beside_are_let_through_as_long_as_a_record_says_so() -> None:
    beside = replace(FIRST, beside=("10.60.0.50 -", "10.60.0.51 ps9", "10.60.0.11 -"))
    listed = rules.coming({}, beside)
    assert listed[ip_address("10.60.0.50")] == Sender(owner="-")
    assert listed[ip_address("10.60.0.11")] == Sender(owner="ps1", prefix=24)
    later = rules.coming(listed, SECOND)
    assert ip_address("10.60.0.50") not in later
    assert later[ip_address("10.60.0.51")] == Sender(owner="ps9")


@pytest.mark.parametrize("said", ["", "ps1", "/", "ps1/", "ps1/x", "ps1/-1", "ps1/129", "ps1/٣", "a/b/c"])
def test_a_comment_that_is_none_of_ours_pins_nobody(said: str) -> None:
    assert rules.sender(said).prefix is None


@given(st.sampled_from(["-", "ps1", "ps45c8jrx3sos7"]), st.none() | st.integers(0, 128))
def test_an_elements_comment_says_who_it_is(owner: str, prefix: int | None) -> None:
    one = Sender(owner=owner, prefix=prefix)
    assert rules.sender(one.comment) == one


@given(st.lists(OPS, max_size=6))
def test_whoever_comes_and_goes_leaves_what_the_others_have(many: list[ops.ListSenders]) -> None:
    listed: dict[ops.Address, Sender] = {}
    for op in many:
        listed = rules.coming(listed, op)
        assert {address: listed[address] for address in rules.own(op)} == rules.own(op)
    for owner in ("ps1", "ps2", "ps3"):
        rest = rules.leaving(listed, owner)
        assert rest.items() <= listed.items()
        assert all(one.owner != owner for one in rest.values())
        listed = rest
    assert listed == {}


@given(st.lists(OPS, max_size=6))
def test_each_address_of_who_is_pinned_is_within_one_checked_range(many: list[ops.ListSenders]) -> None:
    listed: dict[ops.Address, Sender] = {}
    for op in many:
        listed = rules.coming(listed, op)
    spans = rules.spans(listed, 4)
    assert all(end < first for (_, end), (first, _) in pairwise(spans))
    for address, one in listed.items():
        assert one.prefix is None or sum(first <= int(address) <= end for first, end in spans) == 1


def test_each_rule_is_known_again() -> None:
    made = rules.rules("up0", TOKEN)
    for rule in made:
        _, _, body = TABLE.add(rule)
        found = nft_rules.parse(body + codec.attribute(3, bytes(8)))
        assert [other for other in made if found.is_one(other)] == [rule]
        assert rule.chain in rules.names("up0")


def test_the_nodes_own_arp_is_known_by_a_number_that_its_rule_has_in_its_comment() -> None:
    rule = rules.arp_rule("up0", TOKEN)
    assert rules.token_of(rule.comment) == TOKEN
    first, *_ = (one.expressions for one in rules.rules("up0", TOKEN) if one.chain == "arp-up0")
    assert TOKEN[:4] in str(first).encode("latin-1") or str(TOKEN[:4]) in str(first)


@pytest.mark.parametrize("said", ["", "up0", "0102", "01020304050607080a", "0102030405060G08", "01 02 03 04 05060708"])
def test_a_comment_that_is_no_token_is_none(said: str) -> None:
    assert rules.token_of(said) is None


def test_what_is_listed_goes_from_one_to_the_other_by_what_differs() -> None:
    now = rules.coming(rules.coming({}, FIRST), SECOND)
    wanted = rules.coming(rules.leaving(now, "ps2"), LOOSE)
    ranges = {version: rules.spans(now, version) for version in (4, 6)}
    kinds = [kind for kind, _, _ in rules.changed("up0", now, wanted, ranges)]
    assert kinds == [nft.DEL_ELEMENT, nft.NEW_ELEMENT]
    assert list(rules.changed("up0", now, now, ranges)) == []


@given(st.lists(st.ip_addresses(), max_size=8, unique=True))
def test_any_addresses_make_requests_that_fit_into_a_message_each(addresses: list[object]) -> None:
    interfaces: tuple[IPv4Interface | IPv6Interface, ...] = tuple(ip_interface(f"{each}") for each in addresses)
    listed = rules.coming({}, replace(FIRST, addresses=interfaces))
    assert all(len(body) < 2**16 for _, _, body in rules.anew("up0", TOKEN, listed))


@given(st.text("abé-.64", min_size=1, max_size=6), st.text("abé-.64", min_size=1, max_size=6))
def test_two_links_share_no_name(first: str, second: str) -> None:
    names = [{*rules.names(link), *(each.name for each in rules.sets(link))} for link in (first, second)]
    assert len(names[0]) == 9
    assert first == second or not names[0] & names[1]
