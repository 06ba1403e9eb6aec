"""Rules of nf_tables: byte for byte as nft(8) sends them for the same words, and known again as the kernel has them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from podberth.linux.netlink import codec
from podberth.linux.netlink import nft_rules as nft

TABLE = nft.Table(
    family=nft.INET,
    name="t",
    chains=(nft.Chain(name="c"), nft.Chain(name="p", kind="nat", hook=nft.PREROUTING, priority=nft.DSTNAT)),
)
FOUR = nft.of_version(4)
DNAT = nft.Rule(
    chain="c",
    expressions=(*FOUR, *nft.to_port("tcp", 8080), *nft.dnat(ip_address("10.0.0.2"), 80)),
    comment="mine",
)


def found(rule: nft.Rule, handle: int = 5) -> nft.Found:
    """Return the rule as the kernel gives it back."""
    _, _, body = TABLE.add(rule)
    return nft.parse(body + codec.attribute(3, handle.to_bytes(8, "big")))


def test_a_chain_at_a_hook_says_where_and_when() -> None:
    _, (_, _, plain), (_, _, hooked) = TABLE.frame()
    name = "0600 0100 7400 0000"  # NFTA_CHAIN_TABLE "t"
    assert plain == bytes.fromhex(f"01000000 {name} 0600 0300 6300 0000")
    hook = "1400 0480 0800 0100 00000000 0800 0200 ffffff9c"  # prerouting, -100
    assert hooked == bytes.fromhex(f"01000000 {name} 0600 0300 7000 0000 0800 0700 6e617400 0800 0500 00000001 {hook}")


@pytest.mark.parametrize(
    "rule",
    [
        DNAT,
        nft.Rule(chain="c", expressions=(*nft.marked(0x2000), *nft.masquerade())),
        nft.Rule(chain="p", expressions=(*nft.to_node(), *nft.jump("c"))),
        nft.Rule(chain="c", expressions=(*nft.through(nft.IIFNAME, "br0", but=True), *nft.drop()), comment="x"),
        nft.Rule(chain="c", expressions=(*FOUR, *nft.from_network(ip_network("10.0.0.0/20")), *nft.mark(1))),
        nft.Rule(chain="c", expressions=(*FOUR, *nft.to_address(ip_address("10.0.0.2")), *nft.of_known())),
        nft.Rule(chain="c", expressions=(*nft.from_mac("02:00:00:00:00:01"), *nft.back()), comment="x"),
    ],
    ids=str,
)
def test_a_rule_is_known_again(rule: nft.Rule) -> None:
    assert found(rule).is_one(rule)
    assert (found(rule).handle, found(rule).comment) == (bytes(7) + b"\5", rule.comment)


@pytest.mark.parametrize(
    "other",
    [
        nft.Rule(chain="c", expressions=DNAT.expressions, comment="another's"),
        nft.Rule(chain="p", expressions=DNAT.expressions, comment="mine"),
        nft.Rule(chain="c", expressions=DNAT.expressions[:-1], comment="mine"),
        nft.Rule(
            chain="c",
            expressions=(*FOUR, *nft.to_port("tcp", 8080), *nft.dnat(ip_address("10.0.0.3"), 80)),
            comment="mine",
        ),
        nft.Rule(
            chain="c",
            expressions=(*FOUR, *nft.to_port("udp", 8080), *nft.dnat(ip_address("10.0.0.2"), 80)),
            comment="mine",
        ),
    ],
    ids=["comment", "chain", "shorter", "address", "protocol"],
)
def test_another_rule_is_not_taken_for_it(other: nft.Rule) -> None:
    assert not found(other).is_one(DNAT)


def test_what_the_kernel_adds_to_a_rule_makes_no_difference() -> None:
    # Of `dnat` it also tells the upper ends of address and port, and the flags it has set.
    *rest, (name, members) = DNAT.expressions
    more = nft.Rule(chain="c", expressions=(*rest, (name, (*members, (4, bytes(4)), (7, bytes(4))))), comment="mine")
    assert found(more).is_one(DNAT)


def test_frames_from_a_mac_are_looked_up_in_their_own_header() -> None:
    (load, _), compare = nft.from_mac("02:00:00:00:00:01")
    assert (load, compare[1][2]) == ("payload", (3, ((1, bytes.fromhex("020000000001")),)))
    assert nft.from_mac("02:00:00:00:00:01") != nft.from_mac("02:00:00:00:00:02")


def test_a_table_is_known_as_podberths_and_its_chains_by_what_they_do_in_the_end() -> None:
    (_, _, table), (_, _, plain), (_, _, hooked) = TABLE.frame()
    assert nft.is_own(table)
    assert not nft.is_own(TABLE.named())
    assert [nft.parse_chain(body) for body in (plain, hooked)] == [("t", "c", False), ("t", "p", False)]
    drops = TABLE.named() + codec.attribute(3, b"p\0") + codec.attribute(5, bytes(4))
    assert nft.parse_chain(drops) == ("t", "p", True)
    assert nft.parse_chain(TABLE.remove_chain("c")[2]) == ("t", "c", False)
