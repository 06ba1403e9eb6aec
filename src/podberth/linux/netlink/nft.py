"""Requests about nf_tables, and what the kernel says of them (linux/netfilter/nf_tables.h). No I/O.

All is in one table, `inet podberth`: for each group of addresses a set, and in the one chain a rule that masquerades
what they send out of their subnet. Numbers are in network byte order here, other than in rtnetlink.
"""

from __future__ import annotations

from ipaddress import ip_network

from podberth.cni.value import value
from podberth.linux.netlink import codec
from podberth.linux.netlink.codec import attribute, nested, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from podberth.net.ops import Address, Network

    Request: TypeAlias = tuple[int, int, bytes]  # message type, flags, body

TABLE, CHAIN = "podberth", "postrouting"
APPEND = 0x800  # NLM_F_APPEND
BATCH_BEGIN, BATCH_END = 0x10, 0x11  # NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END
_SUBSYSTEM = 10  # NFNL_SUBSYS_NFTABLES
_OF = _SUBSYSTEM << 8
NEW_TABLE, GET_TABLE, DEL_TABLE = _OF | 0, _OF | 1, _OF | 2
NEW_CHAIN, GET_CHAIN, DEL_CHAIN = _OF | 3, _OF | 4, _OF | 5
NEW_RULE, GET_RULE, DEL_RULE = _OF | 6, _OF | 7, _OF | 8
NEW_SET, GET_SET, DEL_SET = _OF | 9, _OF | 10, _OF | 11
NEW_ELEMENT, GET_ELEMENT, DEL_ELEMENT = _OF | 12, _OF | 13, _OF | 14
GET_GENERATION = _OF | 16

# struct nfgenmsg: family, version, resource. NFPROTO_INET is IPv4 and IPv6 in one table.
_HEADER = 4
_INET = b"\1\0\0\0"
_BATCH = b"\0\0" + _SUBSYSTEM.to_bytes(2, "big")

_LIST_ELEM = 1  # NFTA_LIST_ELEM
_TABLE_USERDATA = 6
_CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE = 3, 4, 5, 7
_POSTROUTING, _SRCNAT, _ACCEPT = 4, 100, 1  # NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC, NF_ACCEPT
_RULE_CHAIN, _RULE_HANDLE, _RULE_EXPRESSIONS = 2, 3, 4
_EXPR_NAME, _EXPR_DATA = 1, 2
_SET_NAME, _SET_FLAGS, _SET_KEY_TYPE, _SET_KEY_LENGTH, _SET_ID, _SET_USERDATA = 2, 3, 4, 5, 10, 13
_ELEMENTS, _ELEM_KEY, _ELEM_USERDATA = 3, 1, 6
_VALUE = 1  # NFTA_DATA_VALUE
_BIG_ENDIAN = b"\0\4\2\0\0\0"  # of a set's user data: NFTNL_UDATA_SET_KEYBYTEORDER
_COMMENT = 0  # of any other's: NFTNL_UDATA_*_COMMENT
_REGISTER = 1  # NFT_REG_1
_NFPROTO = 15  # NFT_META_NFPROTO
_EQUAL, _DIFFERENT = 0, 1  # NFT_CMP_EQ, NFT_CMP_NEQ
_NETWORK = 1  # NFT_PAYLOAD_NETWORK_HEADER
_PROTOCOL = {4: 2, 6: 10}  # NFPROTO_IPV4, NFPROTO_IPV6
_SOURCE, _DESTINATION = {4: 12, 6: 8}, {4: 16, 6: 24}  # where a header has them
_KEY = {4: (7, 4), 6: (8, 16)}  # nft's number of the data type (ipv4_addr, ipv6_addr), and its length
_MULTICAST = {4: ip_network("224.0.0.0/4"), 6: ip_network("ff00::/8")}


@value
class Rule:
    """A rule of a table: its handle, the set that it looks an address up in ('' for none), and what it is made of."""

    handle: bytes
    group: str
    shape: tuple[str, ...]


def begin(generation: int) -> bytes:
    """The beginning of a transaction; with a generation, ERESTART if anything has changed since then."""
    return _BATCH + (number(1, generation) if generation else b"")


def end() -> bytes:
    """The end of a transaction, at which all of it happens, or none."""
    return _BATCH


def frame(group: str, version: int) -> tuple[Request, ...]:
    """Table, chain and set, each unless it is there."""
    key, length = _KEY[version]
    return (
        (NEW_TABLE, codec.CREATE, _INET + text(1, TABLE) + number(2, 0) + said(_TABLE_USERDATA, "podberth's own")),
        (
            NEW_CHAIN,
            codec.CREATE,
            _INET
            + text(1, TABLE)
            + text(_CHAIN_NAME, CHAIN)
            + text(_CHAIN_TYPE, "nat")
            + number(_CHAIN_POLICY, _ACCEPT)
            + nested(_CHAIN_HOOK, number(1, _POSTROUTING), number(2, _SRCNAT)),
        ),
        (
            NEW_SET,
            codec.CREATE,
            _of(group)
            + number(_SET_FLAGS, 0)
            + number(_SET_KEY_TYPE, key)
            + number(_SET_KEY_LENGTH, length)
            + number(_SET_ID, 1)
            + attribute(_SET_USERDATA, _BIG_ENDIAN),
        ),
    )


def rule(group: str, subnet: Network) -> Request:
    """ip saddr @GROUP ip daddr != SUBNET ip daddr != 224.0.0.0/4 masquerade, and the like for IPv6."""
    return (NEW_RULE, codec.CREATE | APPEND, _chain() + nested(_RULE_EXPRESSIONS, *_expressions(group, subnet)))


def new_element(group: str, address: Address, comment: str, *, only_new: bool) -> Request:
    """nft add element; with `only_new` EEXIST if it is there, else what is there stays as it is."""
    flags = codec.CREATE | (codec.EXCL if only_new else 0)
    return NEW_ELEMENT, flags, _of(group) + _element(address, said(_ELEM_USERDATA, comment))


def delete_element(group: str, address: Address) -> Request:
    """nft delete element."""
    return DEL_ELEMENT, 0, element(group, address)


def delete_rule(handle: bytes) -> Request:
    """nft delete rule."""
    return DEL_RULE, 0, _chain() + attribute(_RULE_HANDLE, handle)


def delete_set(group: str) -> Request:
    """nft delete set, with all that is in it."""
    return DEL_SET, 0, _of(group)


def delete_table() -> Request:
    """nft delete table, with all that is in it."""
    return DEL_TABLE, 0, table()


def table() -> bytes:
    """The table; also a question for all that is in it."""
    return _INET + text(1, TABLE)


def element(group: str, address: Address) -> bytes:
    """nft get element."""
    return _of(group) + _element(address)


def elements(group: str) -> bytes:
    """nft list set (a dump)."""
    return _of(group)


def generation() -> bytes:
    """Which generation of the rules there is."""
    return _INET


def parse_generation(body: bytes) -> int:
    """Read which generation it is: every transaction begins another."""
    return _big(codec.attributes(body[_HEADER:]).get(1, b""))


def parse_elements(body: bytes) -> Iterator[tuple[bytes, str]]:
    """Read one message of a set's elements: (address, comment)."""
    members = codec.attributes(body[_HEADER:]).get(_ELEMENTS, b"")
    for _, member in codec.each_attribute(members):
        found = codec.attributes(member)
        yield codec.attributes(found.get(_ELEM_KEY, b"")).get(_VALUE, b""), commented(found.get(_ELEM_USERDATA, b""))


def parse_set(body: bytes) -> str:
    """Read a set's name."""
    return codec.string(codec.attributes(body[_HEADER:]).get(_SET_NAME))


def parse_rule(body: bytes) -> Rule:
    """Read a rule, as far as one of ours can be told from others."""
    found = codec.attributes(body[_HEADER:])
    group, shape = "", []
    for _, member in codec.each_attribute(found.get(_RULE_EXPRESSIONS, b"")):
        expression = codec.attributes(member)
        name, data = codec.string(expression.get(_EXPR_NAME)), codec.attributes(expression.get(_EXPR_DATA, b""))
        if name == "lookup":
            group = codec.string(data.get(1))
        shape.append(_shape(name, data))
    return Rule(handle=found.get(_RULE_HANDLE, b""), group=group, shape=tuple(shape))


def shape_of(group: str, subnet: Network) -> tuple[str, ...]:
    """Return the shape that the rule of a group has."""
    return parse_rule(rule(group, subnet)[2]).shape


def _expressions(group: str, subnet: Network) -> Iterator[bytes]:
    version = subnet.version
    yield _expression("meta", number(2, _NFPROTO), number(1, _REGISTER))
    yield _compare(_EQUAL, bytes([_PROTOCOL[version]]))
    yield _load(_SOURCE[version], _KEY[version][1])
    yield _expression("lookup", text(1, group), number(2, _REGISTER))
    for elsewhere in (subnet, _MULTICAST[version]):
        whole, rest = divmod(elsewhere.prefixlen, 8)
        packed, mask = elsewhere.network_address.packed, elsewhere.netmask.packed
        size = len(packed) if rest else whole
        yield _load(_DESTINATION[version], size)
        if rest:
            yield _mask(mask)
        yield _compare(_DIFFERENT, packed[:size])
    yield _expression("masq")


def _load(offset: int, size: int) -> bytes:
    return _expression(
        "payload", number(1, _REGISTER), number(2, _NETWORK), number(3, offset), number(4, size)
    )  # NFTA_PAYLOAD_DREG, BASE, OFFSET, LEN


def _mask(mask: bytes) -> bytes:
    return _expression(
        "bitwise",
        number(1, _REGISTER),
        number(2, _REGISTER),
        number(3, len(mask)),
        nested(4, attribute(_VALUE, mask)),
        nested(5, attribute(_VALUE, bytes(len(mask)))),
    )  # NFTA_BITWISE_SREG, DREG, LEN, MASK, XOR


def _compare(how: int, wanted: bytes) -> bytes:
    return _expression("cmp", number(1, _REGISTER), number(2, how), nested(3, attribute(_VALUE, wanted)))


def _expression(name: str, *data: bytes) -> bytes:
    return nested(_LIST_ELEM, text(_EXPR_NAME, name), nested(_EXPR_DATA, *data))


def _shape(name: str, data: dict[int, bytes]) -> str:
    """Say what an expression does, in a word that two alike have in common."""
    if name == "cmp":
        negated = "!" if _big(data.get(2, b"")) == _DIFFERENT else ""
        return f"{negated}{codec.attributes(data.get(3, b'')).get(_VALUE, b'').hex()}"
    if name == "payload":
        return f"{_big(data.get(3, b''))}+{_big(data.get(4, b''))}"
    if name == "bitwise":
        return f"&{codec.attributes(data.get(4, b'')).get(_VALUE, b'').hex()}"
    return name


def _chain() -> bytes:
    return table() + text(_RULE_CHAIN, CHAIN)


def _of(group: str) -> bytes:
    return table() + text(_SET_NAME, group)


def _element(address: Address, *more: bytes) -> bytes:
    key = nested(_ELEM_KEY, attribute(_VALUE, address.packed))
    return nested(_ELEMENTS, nested(_LIST_ELEM, key, *more))


def said(kind: int, comment: str) -> bytes:
    """Return an attribute of user data that is a comment, as nft(8) writes and reads it."""
    content = comment.encode() + b"\0"
    return attribute(kind, bytes([_COMMENT, len(content)]) + content)


def commented(userdata: bytes) -> str:
    """Return the comment in user data, '' for none."""
    at = 0
    while at + 2 <= len(userdata):
        kind, size = userdata[at], userdata[at + 1]
        if kind == _COMMENT:
            return codec.string(userdata[at + 2 : at + 2 + size])
        at += 2 + size
    return ""


def number(kind: int, content: int) -> bytes:
    """Return an attribute of four bytes in network byte order."""
    return attribute(kind, content.to_bytes(4, "big"))


def _big(content: bytes) -> int:
    return int.from_bytes(content, "big")
