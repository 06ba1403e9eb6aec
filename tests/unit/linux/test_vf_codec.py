"""VF settings and moving interfaces as bytes: against pyroute2's, and by hand from linux/if_link.h where it differs."""

from __future__ import annotations

import contextlib
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from podberth.cni.value import replace
from podberth.linux.netlink import codec, links, vfs
from podberth.linux.netlink.vfs import VfInfo

HEADER = 16  # bytes of struct nlmsghdr, and of struct ifinfomsg too
UNKNOWN = 0xFFFFFFFF
MAC = "02:00:00:00:00:11"
PF = 12


def encoded(attrs: list[tuple[str, Any]], **header: int) -> bytes:
    message = ifinfmsg()
    message.setvalue({**header, "attrs": attrs})
    message.encode()
    return bytes(message.data[HEADER:])


def decoded(body: bytes) -> Any:
    message = ifinfmsg(codec.message(19, 0, 1, body))
    message.decode()
    return message


def unnested(body: bytes) -> bytes:
    """Return a setter's bytes as pyroute2 has them: without the flag that says what is nested."""
    for at in (HEADER + 2, HEADER + 6):  # IFLA_VFINFO_LIST, IFLA_VF_INFO in it
        kind = int.from_bytes(body[at : at + 2], "little")
        assert kind & 0x8000
        body = body[:at] + (kind & 0x7FFF).to_bytes(2, "little") + body[at + 2 :]
    return body


def setter(name: str, setting: dict[str, object]) -> bytes:
    return encoded([("IFLA_VFINFO_LIST", {"attrs": [("IFLA_VF_INFO", {"attrs": [(name, setting)]})]})], index=PF)


SETTERS: dict[str, tuple[bytes, str, dict[str, object]]] = {
    "mac": (vfs.set_mac(PF, 4, MAC), "IFLA_VF_MAC", {"mac": MAC}),
    "no mac": (vfs.set_mac(PF, 4, "00:00:00:00:00:00"), "IFLA_VF_MAC", {"mac": "00:00:00:00:00:00"}),
    "vlan": (vfs.set_vlan(PF, 4, 100, 3, "802.1q"), "IFLA_VF_VLAN", {"vlan": 100, "qos": 3}),
    "no vlan": (vfs.set_vlan(PF, 4, 0, 0, "802.1q"), "IFLA_VF_VLAN", {"vlan": 0, "qos": 0}),
    "rates": (vfs.set_rate(PF, 4, 100, 1000), "IFLA_VF_RATE", {"min_tx_rate": 100, "max_tx_rate": 1000}),
    "no rates": (vfs.set_rate(PF, 4, 0, 0), "IFLA_VF_RATE", {"min_tx_rate": 0, "max_tx_rate": 0}),
    "spoofchk on": (vfs.set_spoofchk(PF, 4, on=True), "IFLA_VF_SPOOFCHK", {"spoofchk": 1}),
    "spoofchk off": (vfs.set_spoofchk(PF, 4, on=False), "IFLA_VF_SPOOFCHK", {"spoofchk": 0}),
    "trust on": (vfs.set_trust(PF, 4, on=True), "IFLA_VF_TRUST", {"trust": 1}),
    "trust off": (vfs.set_trust(PF, 4, on=False), "IFLA_VF_TRUST", {"trust": 0}),
    "state auto": (vfs.set_link_state(PF, 4, "auto"), "IFLA_VF_LINK_STATE", {"link_state": 0}),
    "state enable": (vfs.set_link_state(PF, 4, "enable"), "IFLA_VF_LINK_STATE", {"link_state": 1}),
    "state disable": (vfs.set_link_state(PF, 4, "disable"), "IFLA_VF_LINK_STATE", {"link_state": 2}),
}


@pytest.mark.parametrize("what", SETTERS)
def test_a_setter_is_byte_for_byte_what_pyroute2_sends(what: str) -> None:
    body, name, setting = SETTERS[what]
    assert unnested(body) == setter(name, {"vf": 4, **setting})


def test_a_vlan_of_8021ad_is_the_list_that_the_kernels_header_lays_down() -> None:
    # struct ifla_vf_vlan_info: vf, vlan, qos, __be16 vlan_proto, and 2 bytes up to its alignment: the kernel wants 16.
    info = pack("=HHIII", 20, 1, 4, 100, 3) + b"\x88\xa8\0\0"
    listed = pack("=HH", 24, 0x8000 | 12) + info
    one = pack("=HH", 28, 0x8000 | 1) + listed
    assert vfs.set_vlan(PF, 4, 100, 3, "802.1ad") == encoded([], index=PF) + pack("=HH", 32, 0x8000 | 22) + one


@pytest.mark.parametrize(
    "wrong", [lambda: vfs.set_vlan(PF, 4, 1, 0, "802.1x"), lambda: vfs.set_link_state(PF, 4, "up")]
)
def test_a_word_that_has_no_number_is_never_sent(wrong: Any) -> None:
    with pytest.raises(ValueError, match="not enough values"):
        wrong()


def test_settings_are_asked_for_with_and_counters_only_on_demand() -> None:
    # RTEXT_FILTER_VF and RTEXT_FILTER_SKIP_STATS
    assert vfs.ask(PF) == encoded([("IFLA_EXT_MASK", 0x1 | 0x8)], index=PF)
    assert vfs.ask_counters(PF) == encoded([("IFLA_EXT_MASK", 0x1)], index=PF)


def vlan_list(vf: int, vlan: int, qos: int, protocol: bytes) -> bytes:
    return codec.nested(12, codec.attribute(1, pack("=III", vf, vlan, qos) + protocol + b"\0\0"))


def listing(*infos: list[tuple[str, Any]], tags: dict[int, bytes] | None = None) -> bytes:
    """Return a PF's answer: each function by pyroute2, with a VLAN list laid down by hand behind those in `tags`."""
    before = encoded([("IFLA_IFNAME", "ens1f0"), ("IFLA_MTU", 1500), ("IFLA_NUM_VF", len(infos))], index=PF)
    members = b""
    for at, info in enumerate(infos):
        whole = encoded([("IFLA_VFINFO_LIST", {"attrs": [("IFLA_VF_INFO", {"attrs": info})]})])
        content = whole[HEADER + 8 :]
        members += codec.attribute(1, content + (tags or {}).get(at, b""))
    return before + codec.attribute(22, members) + codec.text(56, "0000:03:00.0")


def info(index: int, *, mac: str = MAC, **said: Any) -> list[tuple[str, Any]]:
    """Return one function as the kernel tells it (rtnl_fill_vfinfo of net/core/rtnetlink.c)."""
    say = {"vlan": 0, "qos": 0, "least": 0, "most": 0, "spoofchk": 1, "trust": 0, "state": 0, **said}
    return [
        ("IFLA_VF_MAC", {"vf": index, "mac": mac}),
        ("IFLA_VF_VLAN", {"vf": index, "vlan": say["vlan"], "qos": say["qos"]}),
        ("IFLA_VF_RATE", {"vf": index, "min_tx_rate": say["least"], "max_tx_rate": say["most"]}),
        ("IFLA_VF_TX_RATE", {"vf": index, "tx_rate": say["most"]}),
        ("IFLA_VF_SPOOFCHK", {"vf": index, "spoofchk": say["spoofchk"]}),
        ("IFLA_VF_LINK_STATE", {"vf": index, "link_state": say["state"]}),
        ("IFLA_VF_RSS_QUERY_EN", {"vf": index, "rss_query_en": UNKNOWN}),
        ("IFLA_VF_TRUST", {"vf": index, "trust": say["trust"]}),
    ]


PLAIN = VfInfo(
    index=0,
    mac=MAC,
    vlan=0,
    qos=0,
    proto="802.1q",
    max_tx_rate=0,
    min_tx_rate=0,
    spoofchk=True,
    trust=False,
    link_state="auto",
)


def test_several_functions_are_told_apart_by_their_index() -> None:
    body = listing(
        info(0),
        info(1, mac="02:00:00:00:00:01", vlan=100, qos=3, least=10, most=1000, spoofchk=0, trust=1, state=2),
        info(7, mac="00:00:00:00:00:00", vlan=4094, state=1),
    )
    assert vfs.parse(body) == {
        0: PLAIN,
        1: VfInfo(
            index=1,
            mac="02:00:00:00:00:01",
            vlan=100,
            qos=3,
            max_tx_rate=1000,
            min_tx_rate=10,
            spoofchk=False,
            trust=True,
            link_state="disable",
        ),
        7: replace(PLAIN, index=7, mac="00:00:00:00:00:00", vlan=4094, link_state="enable"),
    }


def test_a_link_without_functions_has_none() -> None:
    assert vfs.parse(encoded([("IFLA_IFNAME", "ens1f0")], index=PF)) == {}
    assert vfs.parse(encoded([("IFLA_IFNAME", "ens1f0"), ("IFLA_VFINFO_LIST", {"attrs": []})], index=PF)) == {}


def test_settings_that_a_driver_lacks_are_none_and_never_on() -> None:
    unknown = vfs.parse(listing(info(0, spoofchk=UNKNOWN, trust=UNKNOWN, state=UNKNOWN)))[0]
    assert (unknown.spoofchk, unknown.trust, unknown.link_state) == (None, None, None)
    absent = vfs.parse(listing(info(0)[:2]))[0]
    assert absent == VfInfo(index=0, mac=MAC)
    assert (absent.max_tx_rate, absent.min_tx_rate, absent.spoofchk, absent.trust, absent.link_state) == (None,) * 5


def test_a_link_state_that_nobody_knows_is_none() -> None:
    assert vfs.parse(listing(info(0, state=3)))[0].link_state is None


@pytest.mark.parametrize(("protocol", "name"), [(b"\x81\x00", "802.1q"), (b"\x88\xa8", "802.1ad")])
def test_the_protocol_of_a_vlan_is_read_from_its_list(protocol: bytes, name: str) -> None:
    body = listing(info(0), info(1, vlan=100, qos=3), tags={1: vlan_list(1, 100, 3, protocol)})
    assert [(vf.vlan, vf.qos, vf.proto) for vf in vfs.parse(body).values()] == [(0, 0, "802.1q"), (100, 3, name)]


def test_what_set_vlan_says_parse_reads() -> None:
    tag = vfs.set_vlan(PF, 1, 100, 3, "802.1ad")[HEADER + 8 :]
    assert vfs.parse(listing(info(1, vlan=100, qos=3), tags={0: tag}))[1].proto == "802.1ad"


RATE = st.sampled_from([0, 1, 1000, 2**32 - 1])
SWITCH = st.sampled_from([0, 1, UNKNOWN])
SAID = st.fixed_dictionaries(
    {
        "vlan": st.integers(0, 4094),
        "qos": st.integers(0, 7),
        "least": RATE,
        "most": RATE,
        "spoofchk": SWITCH,
        "trust": SWITCH,
        "state": st.integers(0, 2),
    }
)


@given(st.dictionaries(st.integers(0, 300), SAID, max_size=4))
def test_any_settings_are_read_as_pyroute2_wrote_them(said: dict[int, dict[str, Any]]) -> None:
    switch = {0: False, 1: True, UNKNOWN: None}
    assert vfs.parse(listing(*(info(index, **settings) for index, settings in said.items()))) == {
        index: VfInfo(
            index=index,
            mac=MAC,
            vlan=one["vlan"],
            qos=one["qos"],
            min_tx_rate=one["least"],
            max_tx_rate=one["most"],
            spoofchk=switch[one["spoofchk"]],
            trust=switch[one["trust"]],
            link_state=("auto", "enable", "disable")[one["state"]],
        )
        for index, one in said.items()
    }


def test_an_answer_cut_short_anywhere_is_refused_or_names_no_function() -> None:
    body = listing(info(0), info(1, vlan=100), tags={1: vlan_list(1, 100, 0, b"\x88\xa8")})
    whole = vfs.parse(body)
    refused = 0
    for length in range(len(body)):
        try:
            found = vfs.parse(body[:length])
        except (ValueError, KeyError):
            refused += 1
        else:
            assert found in ({}, whole)  # before the list begins, and after it has ended
    assert refused > len(body) / 2


@pytest.mark.parametrize("missing", ["IFLA_VF_MAC", "IFLA_VF_VLAN"])
def test_a_function_without_what_every_driver_tells_is_refused(missing: str) -> None:
    with pytest.raises(KeyError):
        vfs.parse(listing([pair for pair in info(0) if pair[0] != missing]))


@pytest.mark.parametrize("kind", [2, 4, 5, 6, 9], ids=["vlan", "spoofchk", "state", "rate", "trust"])
def test_a_setting_cut_short_is_refused(kind: int) -> None:
    whole = {2: 12, 4: 8, 5: 8, 6: 12, 9: 8}
    for length in range(whole[kind]):
        members = [codec.attribute(1, pack("=I", 0) + bytes(32))]
        members += [codec.attribute(k, bytes(length if k == kind else size)) for k, size in whole.items()]
        with pytest.raises(ValueError, match="netlink header"):
            vfs.parse(encoded([], index=PF) + codec.attribute(22, codec.attribute(1, b"".join(members))))


def test_a_list_too_long_for_its_attribute_is_refused_or_true_as_far_as_it_goes() -> None:
    def one(index: int) -> bytes:
        mac = codec.attribute(1, pack("=I", index) + bytes([2, 0, 0, 0, index >> 8, index & 255]) + bytes(26))
        return codec.attribute(1, mac + codec.attribute(2, pack("=III", index, index % 4095, 0)) + tail)

    tail = codec.attribute(6, pack("=III", 0, 0, 1000)) + codec.attribute(4, pack("=II", 0, 1))
    fits = 0xFFFF // len(one(0))
    refused = 0
    for count in range(fits + 1, fits + 40):
        members = b"".join(map(one, range(count)))
        body = encoded([], index=PF) + pack("=HH", (4 + len(members)) & 0xFFFF, 22) + members
        try:
            found = vfs.parse(body)
        except (ValueError, KeyError):
            refused += 1
            continue
        assert all((vf.index, vf.vlan, vf.max_tx_rate) == (at, at % 4095, 1000) for at, vf in found.items())
        assert all(int(vf.mac[-5:].replace(":", ""), 16) == at for at, vf in found.items())
    assert refused


@given(data=st.data())
def test_an_answer_with_bytes_changed_is_a_value_or_key_error_at_most(data: st.DataObject) -> None:
    body = bytearray(listing(info(0), info(1), tags={1: vlan_list(1, 100, 0, b"\x88\xa8")}))
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=3)):
        body[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError, KeyError):
        assert isinstance(vfs.parse(bytes(body)), dict)


def test_counters_are_read_by_name_and_a_function_without_them_has_zeroes() -> None:
    names = ("RX_PACKETS", "TX_PACKETS", "RX_BYTES", "TX_BYTES", "BROADCAST", "MULTICAST", "RX_DROPPED", "TX_DROPPED")
    stats = [(f"IFLA_VF_STATS_{name}", 2**40 + at) for at, name in enumerate(names)]
    found = vfs.parse_counters(listing(info(0), [*info(1), ("IFLA_VF_STATS", {"attrs": stats})]))
    assert found == {
        0: {name.lower(): 0 for name in names},
        1: {name.lower(): 2**40 + at for at, name in enumerate(names)},
    }


def test_a_link_is_moved_and_renamed_in_one_message() -> None:
    read = decoded(links.move(5, 9, "net1"))
    assert (read["index"], read["flags"], read["change"]) == (5, 0, 0)
    assert (read.get_attr("IFLA_NET_NS_FD"), read.get_attr("IFLA_IFNAME")) == (9, "net1")
    assert len(read["attrs"]) == 2


SENT = {
    "rename": (links.rename(5, "ens1f0v4"), encoded([("IFLA_IFNAME", "ens1f0v4")], index=5)),
    "mtu": (links.set_mtu(5, 9000), encoded([("IFLA_MTU", 9000)], index=5)),
    "down": (links.set_down(5), encoded([], index=5, flags=0, change=1)),
    "up": (links.set_up(5), encoded([], index=5, flags=1, change=1)),
    "restore": (
        links.restore(5, 1500, 1000, 0x100),
        encoded([("IFLA_MTU", 1500), ("IFLA_TXQLEN", 1000)], index=5, flags=0x100, change=0x380),
    ),
    "restore to no flags": (
        links.restore(5, 1500, 0, 0),
        encoded([("IFLA_MTU", 1500), ("IFLA_TXQLEN", 0)], index=5, flags=0, change=0x380),
    ),
    "altname": (
        links.altname(5, "a-name-that-is-longer-than-15-bytes"),
        encoded([("IFLA_PROP_LIST", {"attrs": [("IFLA_ALT_IFNAME", "a-name-that-is-longer-than-15-bytes")]})], index=5),
    ),
}


@pytest.mark.parametrize("what", SENT)
def test_a_change_is_byte_for_byte_what_pyroute2_sends(what: str) -> None:
    ours, theirs = SENT[what]
    assert ours == theirs


def test_names_are_added_and_taken_away_by_the_messages_of_the_kernels_header() -> None:
    assert (links.NEW_NAME, links.DEL_NAME) == (108, 109)  # RTM_NEWLINKPROP, RTM_DELLINKPROP


def shown(*more: tuple[str, Any], flags: int = 0) -> links.LinkInfo:
    return links.parse(encoded([("IFLA_IFNAME", "ens1f0v4"), *more], index=7, flags=flags))


def test_a_links_queue_and_device_are_read() -> None:
    link = shown(("IFLA_TXQLEN", 1000), ("IFLA_PARENT_DEV_NAME", "0000:03:02.1"))
    assert (link.queue, link.device) == (1000, "0000:03:02.1")
    assert (shown().queue, shown().device, shown().altnames) == (0, "", ())


def test_every_other_name_of_a_link_is_read() -> None:
    names = [("IFLA_ALT_IFNAME", name) for name in ("enp3s2f1", "a-name-that-is-longer-than-15-bytes")]
    assert shown(("IFLA_PROP_LIST", {"attrs": names})).altnames == ("enp3s2f1", "a-name-that-is-longer-than-15-bytes")


@pytest.mark.parametrize(
    ("flags", "sticky", "running"),
    [
        (0x0, 0, False),
        (0x1003, 0, False),
        (0x1043, 0, True),
        (0x1080, 0x80, False),
        (0x1143, 0x100, True),
        (0x1243, 0x200, True),
        (0x13C3, 0x380, True),
        (0x1C00, 0, False),
    ],
)
def test_only_the_flags_that_stay_on_a_link_that_moves_are_kept(flags: int, sticky: int, running: bool) -> None:
    link = shown(flags=flags)
    assert (link.sticky, link.running, link.up) == (sticky, running, bool(flags & 1))


def test_what_a_link_had_is_what_it_is_given_again() -> None:
    was = shown(("IFLA_MTU", 9000), ("IFLA_TXQLEN", 500), flags=0x1143)
    read = decoded(links.restore(7, was.mtu, was.queue, was.sticky))
    assert (read.get_attr("IFLA_MTU"), read.get_attr("IFLA_TXQLEN"), read["flags"]) == (9000, 500, 0x100)
    assert read["change"] & 0x1 == 0  # up or down is said apart
