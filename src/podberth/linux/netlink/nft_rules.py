"""Tables of nf_tables as values: chains, and rules made of expressions (linux/netfilter/nf_tables.h). No I/O.

A rule is told from others by what it is made of, and by its comment. The kernel gives back more than it was sent, so a
rule that it has is the one that was sent if it has all of that.
"""

from __future__ import annotations

from podberth.cni.value import value
from podberth.linux.netlink import codec
from podberth.linux.netlink.codec import attribute, nested, text
from podberth.linux.netlink.nft import (
    APPEND,
    DEL_CHAIN,
    DEL_RULE,
    DEL_TABLE,
    NEW_CHAIN,
    NEW_RULE,
    NEW_TABLE,
    commented,
    number,
    said,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from podberth.linux.netlink.nft import Request
    from podberth.net.ops import Address, Network

    Members: TypeAlias = tuple[tuple[int, "bytes | Members"], ...]  # attributes by kind, as they are sent
    Expression: TypeAlias = tuple[str, Members]

INET, IPV4, NETDEV, BRIDGE, IPV6 = 1, 2, 5, 7, 10  # NFPROTO_*
INGRESS, EGRESS = 0, 1  # NF_NETDEV_*
PREROUTING, FORWARD, OUTPUT, POSTROUTING = 0, 2, 3, 4  # NF_INET_*; NF_BR_FORWARD has the same number
RAW, MANGLE, DSTNAT, FILTER, SRCNAT = -300, -150, -100, 0, 100  # NF_IP_PRI_*
BRIDGE_FILTER = -200  # NF_BR_PRI_FILTER_BRIDGED
IIF, MARK, IIFNAME, OIFNAME = 4, 3, 6, 7  # NFT_META_*
_LIST_ELEM, _HEADER = 1, 4
_TABLE_USERDATA, _RULE_USERDATA = 6, 7
_CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_TYPE = 3, 4, 5, 7
_HOOK_DEVICE = 3  # NFTA_HOOK_DEV
_RULE_CHAIN, _RULE_HANDLE, _RULE_EXPRESSIONS = 2, 3, 4
_EXPR_NAME, _EXPR_DATA = 1, 2
_VALUE, _VERDICT = 1, 2  # NFTA_DATA_*
_EQUAL, _DIFFERENT, _AT_MOST, _AT_LEAST = 0, 1, 3, 5  # NFT_CMP_*
_NFPROTO, _L4PROTO = 15, 16  # NFT_META_*
_ETHERNET, _NETWORK, _TRANSPORT = 0, 1, 2  # NFT_PAYLOAD_*_HEADER
_DROP, _ACCEPT = 0, 1  # NF_*
_JUMP, _GOTO, _RETURN = -3 % 2**32, -4 % 2**32, -5 % 2**32  # NFT_*
_ADDRTYPE, _OF_DESTINATION, _LOCAL = 3, 2, 2  # NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_DADDR, RTN_LOCAL
_STATE, _ESTABLISHED_OR_RELATED = 0, 2 | 4  # NFT_CT_STATE, NF_CT_STATE_BIT
_DNAT = 1  # NFT_NAT_DNAT
_PROTOCOL = {4: 2, 6: 10}  # NFPROTO_IPV4, NFPROTO_IPV6
_SOURCE, _DESTINATION = {4: 12, 6: 8}, {4: 16, 6: 24}  # where a header has them
_NAME = 16  # IFNAMSIZ
_ICMPV6 = 58  # IPPROTO_ICMPV6
OWN = "podberth's own"  # the comment of a table that podberth has made
TRANSPORTS = {"tcp": 6, "udp": 17, "sctp": 132}  # IPPROTO_*


@value
class Chain:
    """A chain; one of a `kind` ('nat', 'filter') is called at a hook, those of lower priority first.

    `device`: of which link alone, where the hook is a link's.
    """

    name: str
    kind: str = ""
    hook: int = 0
    priority: int = 0
    device: str = ""


@value
class Rule:
    """A rule of a chain; its comment says whose it is, '' of one that the table itself needs."""

    chain: str
    expressions: tuple[Expression, ...]
    comment: str = ""


@value
class Table:
    """A table, with the chains and rules that are there as long as it is: these before all others of their chains."""

    family: int
    name: str
    chains: tuple[Chain, ...] = ()
    rules: tuple[Rule, ...] = ()
    comment: str = "podberth's own"

    def named(self) -> bytes:
        """Return the table; also a question for all that is in it."""
        return bytes([self.family, 0, 0, 0]) + text(1, self.name)

    def frame(self) -> tuple[Request, ...]:
        """Table and chains, each unless it is there."""
        made = (NEW_TABLE, codec.CREATE, self.named() + number(2, 0) + said(_TABLE_USERDATA, self.comment))
        return (made, *map(self.add_chain, self.chains))

    def add_chain(self, chain: Chain) -> Request:
        """nft add chain."""
        return NEW_CHAIN, codec.CREATE, self.named() + _chain(chain)

    def remove_chain(self, name: str) -> Request:
        """nft delete chain."""
        return DEL_CHAIN, 0, self.named() + text(_CHAIN_NAME, name)

    def add(self, rule: Rule) -> Request:
        """nft add rule."""
        body = self.named() + text(_RULE_CHAIN, rule.chain) + _expressions(rule.expressions)
        return NEW_RULE, codec.CREATE | APPEND, body + (said(_RULE_USERDATA, rule.comment) if rule.comment else b"")

    def remove(self, found: Found) -> Request:
        """nft delete rule."""
        body = self.named() + text(_RULE_CHAIN, found.chain) + attribute(_RULE_HANDLE, found.handle)
        return DEL_RULE, 0, body

    def chain(self, name: str) -> bytes:
        """Return a chain of it; also a question for it."""
        return self.named() + text(_CHAIN_NAME, name)

    def delete(self) -> Request:
        """nft delete table, with all that is in it."""
        return DEL_TABLE, 0, self.named()


@value
class Found:
    """A rule as the kernel has it."""

    chain: str
    handle: bytes
    comment: str
    expressions: bytes

    def is_one(self, rule: Rule) -> bool:
        """Say whether it is that rule."""
        if (self.chain, self.comment) != (rule.chain, rule.comment):
            return False
        there = [codec.attributes(member) for _, member in codec.each_attribute(self.expressions)]
        return len(there) == len(rule.expressions) and all(
            codec.string(found.get(_EXPR_NAME)) == name and _within(members, found.get(_EXPR_DATA, b""))
            for found, (name, members) in zip(there, rule.expressions, strict=True)
        )


def parse(body: bytes) -> Found:
    """Read a rule."""
    found = codec.attributes(body[_HEADER:])
    return Found(
        chain=codec.string(found.get(_RULE_CHAIN)),
        handle=found.get(_RULE_HANDLE, b""),
        comment=commented(found.get(_RULE_USERDATA, b"")),
        expressions=found.get(_RULE_EXPRESSIONS, b""),
    )


def parse_chain(body: bytes) -> tuple[str, str, bool]:
    """Read a chain: its table, its name, and whether what gets to its end is dropped."""
    found = codec.attributes(body[_HEADER:])
    policy = found.get(_CHAIN_POLICY)
    drops = policy is not None and int.from_bytes(policy, "big") == _DROP
    return codec.string(found.get(1)), codec.string(found.get(_CHAIN_NAME)), drops


def is_own(body: bytes) -> bool:
    """Say whether a table is one that podberth has made."""
    return commented(codec.attributes(body[_HEADER:]).get(_TABLE_USERDATA, b"")) == OWN


def of_version(version: int) -> tuple[Expression, ...]:
    """Meta nfproto ipv4, or ipv6."""
    return _meta(_NFPROTO), _compare(bytes([_PROTOCOL[version]]))


def from_network(network: Network) -> tuple[Expression, ...]:
    """Ip saddr NETWORK, or ip6, behind `of_version`, as the next three."""
    return _in(_SOURCE[network.version], network)


def to_address(address: Address) -> tuple[Expression, ...]:
    """Ip daddr ADDRESS, or ip6."""
    return _load(_NETWORK, _DESTINATION[address.version], len(address.packed)), _compare(address.packed)


def from_address(address: Address) -> tuple[Expression, ...]:
    """Ip saddr ADDRESS, or ip6."""
    return _load(_NETWORK, _SOURCE[address.version], len(address.packed)), _compare(address.packed)


def from_mac(mac: str) -> tuple[Expression, ...]:
    """Ether saddr MAC, of a bridge's frames."""
    return _load(_ETHERNET, 6, 6), _compare(bytes.fromhex(mac.replace(":", "")))


def of_ethertype(ethertype: int) -> tuple[Expression, ...]:
    """Ether type ETHERTYPE: a frame with a VLAN tag has that of the tag, also where the kernel has taken it off."""
    return _load(_ETHERNET, 12, 2), _compare(ethertype.to_bytes(2, "big"))


def in_header(offset: int, content: bytes) -> tuple[Expression, ...]:
    """@nh,OFFSET: bytes of the network header, or of an ARP packet, that have to be these."""
    return _load(_NETWORK, offset, len(content)), _compare(content)


def in_message(offset: int, content: bytes) -> tuple[Expression, ...]:
    """@th,OFFSET: bytes behind the network header and its extensions, that have to be these."""
    return _load(_TRANSPORT, offset, len(content)), _compare(content)


def of_transport(protocol: int) -> tuple[Expression, ...]:
    """Meta l4proto PROTOCOL."""
    return _meta(_L4PROTO), _compare(bytes([protocol]))


def to_network(network: Network, *, but: bool = False) -> tuple[Expression, ...]:
    """Ip daddr NETWORK, or ip6; `but`: any other."""
    return _in(_DESTINATION[network.version], network, _DIFFERENT if but else _EQUAL)


def to_port(protocol: str, port: int) -> tuple[Expression, ...]:
    """Tcp dport PORT, and the like."""
    number_of = bytes([TRANSPORTS[protocol]])
    return _meta(_L4PROTO), _compare(number_of), _load(_TRANSPORT, 2, 2), _compare(port.to_bytes(2, "big"))


def of_icmpv6(first: int, last: int) -> tuple[Expression, ...]:
    """Icmpv6 type FIRST-LAST."""
    ends = _compare(bytes([first]), _AT_LEAST), _compare(bytes([last]), _AT_MOST)
    return *of_transport(_ICMPV6), _load(_TRANSPORT, 0, 1), *ends


def load_address(version: int, *, source: bool) -> tuple[Expression, ...]:
    """Ip saddr, or daddr, or of ip6: what a set is asked for next; behind `of_version`."""
    where = _SOURCE if source else _DESTINATION
    return (_load(_NETWORK, where[version], {4: 4, 6: 16}[version]),)


def load_port() -> tuple[Expression, ...]:
    """Th dport: what a set is asked for next; behind `of_transport`."""
    return (_load(_TRANSPORT, 2, 2),)


def to_node() -> tuple[Expression, ...]:
    """Fib daddr type local."""
    asked: Expression = ("fib", ((1, _word(1)), (2, _word(_ADDRTYPE)), (3, _word(_OF_DESTINATION))))
    return asked, _compare(_LOCAL.to_bytes(4, "little"))


def through(key: int, name: str, *, but: bool = False) -> tuple[Expression, ...]:
    """Iifname or oifname NAME; `but`: any other."""
    return _meta(key), _compare(name.encode().ljust(_NAME, b"\0"), _DIFFERENT if but else _EQUAL)


def not_from_loopback() -> tuple[Expression, ...]:
    """Iif != lo, which is the link 1 of every namespace."""
    return _meta(IIF), _compare((1).to_bytes(4, "little"), _DIFFERENT)


def of_known() -> tuple[Expression, ...]:
    """Ct state established,related."""
    state: Expression = ("ct", ((1, _word(1)), (2, _word(_STATE))))
    return state, _bitwise(_ESTABLISHED_OR_RELATED, 0), _compare(bytes(4), _DIFFERENT)


def marked(bit: int) -> tuple[Expression, ...]:
    """Meta mark & BIT == BIT."""
    return _meta(MARK), _bitwise(bit, 0), _compare(bit.to_bytes(4, "little"))


def mark(bit: int) -> tuple[Expression, ...]:
    """Meta mark set mark or BIT."""
    return _meta(MARK), _bitwise(~bit % 2**32, bit), ("meta", ((2, _word(MARK)), (3, _word(1))))


def dnat(address: Address, port: int) -> tuple[Expression, ...]:
    """Dnat ip to ADDRESS:PORT, or ip6."""
    family = _word(_PROTOCOL[address.version])
    there: Members = ((1, _word(_DNAT)), (2, family), (3, _word(1)), (5, _word(2)))  # NFTA_NAT_*
    return _immediate(1, address.packed), _immediate(2, port.to_bytes(2, "big")), ("nat", there)


def masquerade() -> tuple[Expression, ...]:
    """Masquerade."""
    return (("masq", ()),)


def jump(chain: str) -> tuple[Expression, ...]:
    """Jump CHAIN."""
    return (_verdict((1, _word(_JUMP)), (2, chain.encode() + b"\0")),)


def go_to(chain: str) -> tuple[Expression, ...]:
    """Goto CHAIN."""
    return (_verdict((1, _word(_GOTO)), (2, chain.encode() + b"\0")),)


def returned() -> tuple[Expression, ...]:
    """Return."""
    return (_verdict((1, _word(_RETURN))),)


def drop() -> tuple[Expression, ...]:
    """Drop."""
    return (_verdict((1, _word(_DROP))),)


def accept() -> tuple[Expression, ...]:
    """Accept."""
    return (_verdict((1, _word(_ACCEPT))),)


def back() -> tuple[Expression, ...]:
    """Return, to the chain that jumped here."""
    return (_verdict((1, _word(_RETURN))),)


def _in(offset: int, network: Network, how: int = _EQUAL) -> tuple[Expression, ...]:
    whole, rest = divmod(network.prefixlen, 8)
    packed = network.network_address.packed
    if network.prefixlen == 0:
        return ()
    if not rest:
        return _load(_NETWORK, offset, whole), _compare(packed[:whole], how)
    size = len(packed)
    mask: Expression = (
        "bitwise",
        ((1, _word(1)), (2, _word(1)), (3, _word(size)), (4, ((_VALUE, network.netmask.packed),)),
         (5, ((_VALUE, bytes(size)),))),
    )  # fmt: skip
    return _load(_NETWORK, offset, size), mask, _compare(packed, how)


def _meta(key: int) -> Expression:
    return "meta", ((2, _word(key)), (1, _word(1)))  # NFTA_META_KEY, DREG


def _load(base: int, offset: int, size: int) -> Expression:
    return "payload", ((1, _word(1)), (2, _word(base)), (3, _word(offset)), (4, _word(size)))


def _compare(wanted: bytes, how: int = _EQUAL) -> Expression:
    return "cmp", ((1, _word(1)), (2, _word(how)), (3, ((_VALUE, wanted),)))


def _bitwise(mask: int, xor: int) -> Expression:
    """Of a number in the machine's byte order: and MASK, then exclusive or XOR."""
    sides = [number_of.to_bytes(4, "little") for number_of in (mask, xor)]
    return "bitwise", (
        (1, _word(1)), (2, _word(1)), (3, _word(4)), (4, ((_VALUE, sides[0]),)), (5, ((_VALUE, sides[1]),)),
    )  # fmt: skip


def _immediate(register: int, content: bytes) -> Expression:
    return "immediate", ((1, _word(register)), (2, ((_VALUE, content),)))


def _verdict(*members: tuple[int, bytes]) -> Expression:
    return "immediate", ((1, _word(0)), (2, ((_VERDICT, members),)))


def _word(content: int) -> bytes:
    return content.to_bytes(4, "big")


def _chain(chain: Chain) -> bytes:
    if not chain.kind:
        return text(_CHAIN_NAME, chain.name)
    device = (text(_HOOK_DEVICE, chain.device),) if chain.device else ()
    hook = nested(_CHAIN_HOOK, number(1, chain.hook), number(2, chain.priority % 2**32), *device)
    return text(_CHAIN_NAME, chain.name) + text(_CHAIN_TYPE, chain.kind) + number(_CHAIN_POLICY, _ACCEPT) + hook


def _expressions(expressions: Iterable[Expression]) -> bytes:
    members = (
        nested(_LIST_ELEM, text(_EXPR_NAME, name), nested(_EXPR_DATA, *_encoded(data))) for name, data in expressions
    )
    return nested(_RULE_EXPRESSIONS, *members)


def _encoded(members: Members) -> Iterable[bytes]:
    for kind, content in members:
        yield attribute(kind, content) if isinstance(content, bytes) else nested(kind, *_encoded(content))


def _within(members: Members, data: bytes) -> bool:
    """Say whether attributes are all there, with the same contents."""
    found = codec.attributes(data)
    return all(
        kind in found and (found[kind] == content if isinstance(content, bytes) else _within(content, found[kind]))
        for kind, content in members
    )
