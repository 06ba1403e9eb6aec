"""What a pod may send, as chains and rules of nf_tables. No I/O.

Each attachment has chains of its own, in one table for all: one at the hook, that looks at MACs, and from there one
each for what has the pod's, for ARP, for IPv6 and for neighbour discovery. What none of them lets through is dropped.

Offsets are those of RFC 826 (ARP), RFC 8200 (IPv6), RFC 4861 and RFC 3810 (neighbour discovery, MLD).
"""

from __future__ import annotations

from ipaddress import IPv6Address

from podberth.linux.netlink import nft_rules as nft
from podberth.net.ops import PinSender, PinSenderAtParent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.netlink.nft_rules import Chain, Expression, Rule
    from podberth.net.ops import Address
    from podberth.net.ops.senders import Op

TABLE = nft.Table(family=nft.NETDEV, name="podberth-senders", chains=())
_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_ICMPV6 = 58
_SOLICITATION, _ADVERTISEMENT, _ROUTER, _REDIRECT = 135, 136, 134, 137
_MLD = (131, 132, 143)  # what a host says of the groups that it listens to
_ETHERNET_AND_IPV4 = bytes.fromhex("0001 0800 06 04")  # what an ARP packet begins with
_SENDERS_MAC, _SENDERS_IP, _ASKED_IP = 8, 14, 24
_LENGTH, _SOURCE, _TARGET, _OPTION = 4, 8, 8, 24  # the last two are of a message of neighbour discovery
_BARE, _WITH_MAC = (24).to_bytes(2, "big"), (32).to_bytes(2, "big")  # of such a message, in bytes
_SOURCE_MAC, _TARGET_MAC = b"\1\1", b"\2\1"  # an option's type, and its length in units of eight bytes
_NOBODY = bytes(4)
_LINK_LOCAL = bytes.fromhex("fe80 0000 0000 0000")


def link_local(mac: str) -> IPv6Address:
    """Return the link-local address that follows from a MAC (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    return IPv6Address(_LINK_LOCAL + bytes((octets[0] ^ 2,)) + octets[1:3] + b"\xff\xfe" + octets[3:])


def chains(op: Op) -> tuple[Chain, ...]:
    """Return the attachment's chains: the one at the hook first."""
    hook, device = (nft.EGRESS, op.parent) if isinstance(op, PinSenderAtParent) else (_hook(op), op.link)
    base = nft.Chain(name=op.owner, kind="filter", hook=hook, priority=nft.FILTER, device=device)
    return base, *(nft.Chain(name=name) for name in _names(op.owner))


def names(owner: str) -> tuple[str, ...]:
    """Return the names of all of an attachment's chains."""
    return owner, *_names(owner)


def rules(op: Op) -> tuple[Rule, ...]:
    """Return the rules of all of its chains, those of a chain in order."""
    macs = op.own_macs if isinstance(op, PinSender) else (op.mac,)
    own, arp, six, neighbours = _names(op.owner)
    made: list[tuple[str, tuple[Expression, ...]]] = []
    made += [(op.owner, (*nft.from_mac(mac), *nft.go_to(own))) for mac in macs]
    if isinstance(op, PinSender):
        made.append((op.owner, nft.drop()))  # at a parent, other MACs are other pods' and the node's
    made += [(own, one) for one in _frames(op, arp, six)]
    made += [(arp, one) for one in _arp(op, macs)]
    made += [(six, one) for one in _six(op, macs, neighbours)]
    made += [(neighbours, one) for one in _neighbours(op, macs)]
    return tuple(nft.Rule(chain=chain, expressions=found, comment=op.owner) for chain, found in made)


def _hook(op: PinSender) -> int:
    """Return where frames come by: what a pod sends leaves its own link, and comes in by the node's end of the pair."""
    return nft.INGRESS if op.netns is None else nft.EGRESS


def _names(owner: str) -> tuple[str, str, str, str]:
    return f"{owner}-own", f"{owner}-arp", f"{owner}-ip6", f"{owner}-nd"


def _frames(op: Op, arp: str, six: str) -> Iterator[tuple[Expression, ...]]:
    yield *nft.of_protocol(_ARP), *nft.go_to(arp)
    for address in _of(op, 4):
        yield *nft.of_protocol(_IPV4), *nft.from_address(address), *nft.accept()
    yield *nft.of_protocol(_IPV6), *nft.go_to(six)
    yield nft.drop()


def _arp(op: Op, macs: tuple[str, ...]) -> Iterator[tuple[Expression, ...]]:
    """What is told, and asked, of the own addresses; a probe has no sender's address (RFC 5227)."""
    for mac in macs:
        who = (*nft.in_header(0, _ETHERNET_AND_IPV4), *nft.in_header(_SENDERS_MAC, _octets(mac)))
        for address in _of(op, 4):
            yield *who, *nft.in_header(_SENDERS_IP, address.packed), *nft.accept()
            probe = (*nft.in_header(_SENDERS_IP, _NOBODY), *nft.in_header(_ASKED_IP, address.packed))
            yield *who, *probe, *nft.accept()
    yield nft.drop()


def _six(op: Op, macs: tuple[str, ...], neighbours: str) -> Iterator[tuple[Expression, ...]]:
    """Which senders there are; one without an address asks for its own, and says which groups it listens to."""
    for own in _own(op, macs):
        yield *nft.in_header(_SOURCE, own), *nft.go_to(neighbours)
    nobody = nft.in_header(_SOURCE, bytes(16))
    for own in _own(op, macs):
        yield *nobody, *_message(_SOLICITATION), *nft.in_message(_TARGET, own), *nft.accept()
    for kind in _MLD:
        yield *nobody, *_message(kind), *nft.accept()
    yield nft.drop()


def _neighbours(op: Op, macs: tuple[str, ...]) -> Iterator[tuple[Expression, ...]]:
    """What is said to neighbours by one of the own addresses.

    An option's MAC is the own; a message with more than that one option, or with headers before it, is none of Linux's.
    """
    for kind in (_ROUTER, _REDIRECT):
        yield *_message(kind), *nft.drop()
    bare, whole = nft.in_header(_LENGTH, _BARE), nft.in_header(_LENGTH, _WITH_MAC)
    yield *_message(_SOLICITATION), *bare, *nft.accept()
    for mac in macs:
        told = nft.in_message(_OPTION, _SOURCE_MAC + _octets(mac))
        yield *_message(_SOLICITATION), *whole, *told, *nft.accept()
    for own in _own(op, macs):
        target = nft.in_message(_TARGET, own)
        yield *_message(_ADVERTISEMENT), *bare, *target, *nft.accept()
        for mac in macs:
            told = nft.in_message(_OPTION, _TARGET_MAC + _octets(mac))
            yield *_message(_ADVERTISEMENT), *whole, *target, *told, *nft.accept()
    for kind in (_SOLICITATION, _ADVERTISEMENT):
        yield *_message(kind), *nft.drop()
    yield nft.accept()


def _message(kind: int) -> tuple[Expression, ...]:
    return *nft.of_transport(_ICMPV6), *nft.in_message(0, bytes((kind,)))


def _own(op: Op, macs: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return the own IPv6 addresses, packed; where any link-local one will do, its first half."""
    if isinstance(op, PinSender) and op.any_link_local:
        return *(address.packed for address in _of(op, 6)), _LINK_LOCAL
    return *(address.packed for address in _of(op, 6)), *(link_local(mac).packed for mac in macs)


def _of(op: Op, version: int) -> tuple[Address, ...]:
    return tuple(address for address in op.addresses if address.version == version)


def _octets(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))
