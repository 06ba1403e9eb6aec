"""Single values: what is taken, as what, and what is refused."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni import parsers as p
from podberth.cni.fields import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    Parser = Callable[[object], object]

TAKEN: list[tuple[Parser, object, object]] = [
    (p.string(), "ä b", "ä b"),
    (p.string(max=3), "abc", "abc"),
    (p.string(min=0), "", ""),
    (p.integer(1, 4094), 1, 1),
    (p.integer(1, 4094), 4094, 4094),
    (p.number, 5, 5),
    (p.number, -0.5, -0.5),
    (p.boolean, True, True),
    (p.boolean, "false", False),
    (p.boolean, "true", True),
    (p.choice("a", "b"), "b", "b"),
    (p.ip_address, "10.20.0.1", ip_address("10.20.0.1")),
    (p.ip_address, "FD00:20:0::1", ip_address("fd00:20::1")),
    (p.ip_interface, "10.1.0.5/16", ip_interface("10.1.0.5/16")),
    (p.ip_interface, "fd00::5/128", ip_interface("fd00::5/128")),
    (p.ip_network, "0.0.0.0/0", ip_network("0.0.0.0/0")),
    (p.ip_network, "fd00::/64", ip_network("fd00::/64")),
    (p.ip_prefix, "10.1.2.3/16", ip_network("10.1.0.0/16")),
    (p.ip_prefix, "fd00::1/64", ip_network("fd00::/64")),
    (p.ip_request, "10.1.0.5", ip_address("10.1.0.5")),
    (p.ip_request, "10.1.0.5/16", ip_address("10.1.0.5")),
    (p.mac, "02:00:00:00:00:1A", "02:00:00:00:00:1a"),
    (p.mac, "02-00-00-00-00-1a", "02:00:00:00:00:1a"),
    (p.ifname, "eth0", "eth0"),
    (p.ifname, "a" * 15, "a" * 15),
    (p.ifname, "eth0.100@x", "eth0.100@x"),
    (p.ifname, "\u00e9", "\u00e9"),
    (p.name, "mysql-0", "mysql-0"),
    (p.name, "a.b-c.1", "a.b-c.1"),
    (p.name, "a" * 253, "a" * 253),
    (p.label, "kube-system", "kube-system"),
    (p.identifier, "a..b_c-D.", "a..b_c-D."),
    (p.identifier, "0" * 253, "0" * 253),
    (p.dns_name, "_srv.Bank-1.example.", "_srv.Bank-1.example."),
    (p.sysctl_key, "net.ipv4.ip_forward", "net.ipv4.ip_forward"),
    (p.sysctl_key, "net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter"),
    (p.sysctl_key, "net.ipv4.conf.eth0/100.rp_filter", "net.ipv4.conf.eth0/100.rp_filter"),
    (p.sysctl_value, "4096 131072 6291456", "4096 131072 6291456"),
    (p.sysctl_value, 60, "60"),
    (p.sysctl_value, -1, "-1"),
    (p.absolute_path, "/run/netns/cni-1..2", "/run/netns/cni-1..2"),
]

words = str.split
NOT_STRINGS: list[object] = [None, True, 5, 1.5, [], {}, ["a"], b"a", 10**5000]
LONG = "a" * (1 << 20)
ARABIC_EIGHT = "\u0668"
ADDRESSES = (
    "10.0.0 10.0.0.256 10.0.0.01 10.0.0.1/24 0x0a000001 167772161 ::1%eth0 ::ffff:10.0.0.1 fd00::g 1:2:3:4:5:6:7:8:9"
)
INTERFACES = "10.0.0.1 10.0.0.1/ 10.0.0.1/33 fd00::1/129 10.0.0.1/255.255.0.0 10.0.0.1/-1 10.0.0.1/+8 1.2.3.4/8/8 /8"
MACS = (
    "02:00:00:00:00 02:00:00:00:00:00:01 02:00:00:00:00:0g 020000000001 0200.0000.0001 02:00:00:00:00:1"
    " 02:00-00:00:00:01 01:00:5e:00:00:01 ff:ff:ff:ff:ff:ff 00:00:00:00:00:00"
)
SYSCTLS = (
    "net net. net..x net/../kernel/core_pattern /net/ipv4/x kernel.core_pattern vm.x network.x net.ipv4.x=1 fs/file-max"
    " ../../etc/passwd"
)

REFUSED: list[tuple[Parser, list[object]]] = [
    (p.string(), [*NOT_STRINGS, "", LONG, "a\x00", "a\nb", "\x7f", "\x85", "\udcff", "\u2028"]),
    (p.string(min=2, max=3), ["a", "abcd"]),
    (p.integer(1, 4094), [0, 4095, -1, True, False, 1.0, "1", None, [], 10**5000, float("nan")]),
    (p.number, [True, "1", None, float("nan"), float("inf"), float("-inf"), []]),
    (p.boolean, [0, 1, "True", "yes", "", None, [], {}, 1.0]),
    (p.choice("a", "b"), ["c", "", "A", None, [], 1, LONG]),
    (p.ip_address, [*NOT_STRINGS, *words(ADDRESSES), "", " 10.0.0.1", "10.0.0.1\n", f"{ARABIC_EIGHT}.0.0.1", LONG]),
    (p.ip_interface, [*NOT_STRINGS, *words(INTERFACES), f"10.0.0.1/{ARABIC_EIGHT}", "1.2.3.4/8 ", "::1/" + "0" * 5000]),
    (p.ip_network, [*NOT_STRINGS, *words("10.0.0.1/24 10.0.0.0 fd00::1/64 10.0.0.0/33 x/8 ::ffff:1.0.0.0/104"), ""]),
    (p.ip_prefix, [*NOT_STRINGS, "10.0.0.0", "10.0.0.0/33", ""]),
    (p.ip_request, [*NOT_STRINGS, *words("x 10.0.0.1/33 10.0.0.1/ /24"), ""]),
    (p.mac, [*NOT_STRINGS, *words(MACS), "", "02:00:00:00:00:01\n", " 2:00:00:00:00:01", f"{ARABIC_EIGHT}2:0:0:0:0:0"]),
    (p.ifname, [*NOT_STRINGS, *words("aaaaaaaaaaaaaaaa . .. a/b a:b eth%d"), "", "a b", "a\tb", "a\n", "a\x00", LONG]),
    (p.ifname, ["\u00e9" * 8, "\u00e0", "\udcff", "a\u00a0b"]),
    (p.name, [*NOT_STRINGS, *words("A a_b a/b .. a..b .a a. -a a- a.-b a-.b \u00e4"), "", "a\n", "a" * 254]),
    (p.label, [*NOT_STRINGS, *words("a.b A -a a- a/b ../etc"), "", "a" * 254]),
    (p.identifier, [*NOT_STRINGS, *words(". .. ../x _a -a .a a/b \u00e4 \u00b2"), "", "a b", "a\x00", "a" * 254]),
    (p.dns_name, [*NOT_STRINGS, *words(". a..b a/b \u00e4.example"), "", "a b", "a" * 64, ("a" * 63 + ".") * 4]),
    (p.sysctl_key, [*NOT_STRINGS, *words(SYSCTLS), "", "net.ipv4.x y", "net.ipv4.x\n", LONG]),
    (p.sysctl_value, [None, True, 1.5, [], "", "1\n2", "1\x00", LONG, 10**5000]),
    (p.absolute_path, [*NOT_STRINGS, *words("a ./a /a/../b /.. ../a"), "", "/a\x00b", "/" + LONG]),
]


def named(parser: Parser) -> str:
    return getattr(parser, "__qualname__", type(parser).__name__)


@pytest.mark.parametrize(
    ("parser", "raw", "found"),
    [pytest.param(*case, id=f"{named(case[0])}: {shown(case[1])}") for case in TAKEN],
)
def test_what_is_taken_and_as_what(parser: Parser, raw: object, found: object) -> None:
    assert parser(raw) == found
    assert type(parser(raw)) is type(found)


@pytest.mark.parametrize(
    ("parser", "raw"),
    [pytest.param(parser, raw, id=f"{named(parser)}: {shown(raw)}") for parser, many in REFUSED for raw in many],
)
def test_what_is_refused_says_what_was_expected_and_what_came(parser: Parser, raw: object) -> None:
    with pytest.raises(ValueError, match=r"^expected .*, got .*") as raised:
        parser(raw)
    message = str(raised.value)
    assert message.isprintable()
    assert message.isascii()
    assert len(message) < 250


def test_host_bits_come_with_the_network_that_was_probably_meant() -> None:
    with pytest.raises(ValueError, match=r"host bits set; did you mean '10\.1\.0\.0/16'\?"):
        p.ip_network("10.1.2.3/16")


def test_a_mapped_address_comes_with_its_ipv4_form() -> None:
    with pytest.raises(ValueError, match=r"write it as IPv4: 10\.0\.0\.1$"):
        p.ip_address("::ffff:10.0.0.1")


@given(st.ip_addresses())
def test_every_address_is_read_back(address: Any) -> None:
    mapped = address.version == 6 and address.ipv4_mapped is not None
    if not mapped:
        assert p.ip_address(str(address)) == address
        assert p.ip_interface(f"{address}/8") == ip_interface(f"{address}/8")
        assert p.ip_prefix(f"{address}/8") == ip_network(f"{address}/8", strict=False)


@given(st.text(max_size=20))
def test_an_interface_name_is_one_path_component_the_kernel_takes_literally(name: str) -> None:
    try:
        found = p.ifname(name)
    except ValueError:
        return
    assert found == name
    assert 1 <= len(found.encode()) <= 15
    assert found not in (".", "..")
    assert not set("/:% \t\n\x00") & set(found)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.text())))
def test_no_parser_raises_anything_but_a_value_error_that_says_what_was_expected(raw: object) -> None:
    complaints = []
    for parser, _ in REFUSED:
        try:
            parser(raw)
        except ValueError as refused:
            complaints.append(str(refused))
    assert all(complaint.startswith("expected ") for complaint in complaints)
