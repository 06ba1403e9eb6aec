"""What a link that ipvlans stand on may send, as sets, chains and rules of nf_tables. No I/O.

All ipvlans of a link have its MAC, and so has the node: they are told apart by what the kernel knows of a frame's
origin, and by addresses. A frame is the node's if its socket is in the node's own network namespace, or if its source
is an address that the node has now. ARP has no socket, and no source that routing knows: the node's own is marked
where it is made, in the family arp, by a number that nobody else knows, and loses the mark as it leaves.

Of what is not the node's, each source has to be listed, as far as it is in the subnets of who is pinned.
"""

from __future__ import annotations

from ipaddress import collapse_addresses, ip_network

from podberth.cni.value import value
from podberth.linux.netlink import nft_rules as nft
from podberth.linux.netlink import nft_sets
from podberth.linux.sender_rules import TABLE
from podberth.net.ops.parents import NOBODY, read_entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    from podberth.linux.netlink.nft import Request
    from podberth.linux.netlink.nft_rules import Chain, Expression, Rule
    from podberth.linux.netlink.nft_sets import Set
    from podberth.net.ops import Address, ListSenders, Network

    Listed: TypeAlias = "Mapping[Address, Sender]"

_ARP = 3  # NFPROTO_ARP
ARP_TABLE = nft.Table(family=_ARP, name=TABLE.name)
TOKEN = 8  # bytes of the number by which the node's own ARP is known
_ARP_OUT = 1  # NF_ARP_OUT
_ARP_TYPE, _IPV4_TYPE, _IPV6_TYPE = 0x0806, 0x0800, 0x86DD
_SENDERS_IP, _ASKED_IP = 14, 24  # of an ARP packet (RFC 826)
_ICMPV6 = 58
_SOLICITATION, _ADVERTISEMENT, _ROUTER, _REDIRECT = 135, 136, 134, 137
_TARGET = 8  # of a message of neighbour discovery (RFC 4861)
_SOURCE = {4: 12, 6: 8}
_SIZE = {4: 4, 6: 16}
_KINDS = {4: nft_sets.IPV4_ADDRESS, 6: nft_sets.IPV6_ADDRESS}
_PRIORITY, _MARK, _CGROUP = 2, 3, 23  # NFT_META_*
_ADDRTYPE, _OF_SOURCE, _LOCAL = 3, 1, 2  # NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_SADDR, RTN_LOCAL
_AT_LEAST = 5  # NFT_CMP_GTE


@value
class Sender:
    """Who may send from an address. `prefix`: how long that of its subnet is, None if it is not pinned."""

    owner: str
    prefix: int | None = None

    @property
    def comment(self) -> str:
        """How a set's element says it."""
        return self.owner if self.prefix is None else f"{self.owner}/{self.prefix}"


def sender(comment: str) -> Sender:
    """Return who it is, of the comment of an element. What others have put there is not pinned."""
    owner, slash, prefix = comment.rpartition("/")
    known = slash and prefix.isascii() and prefix.isdigit() and int(prefix) <= 128
    return Sender(owner=owner, prefix=int(prefix)) if known else Sender(owner=comment)


def coming(listed: Listed, op: ListSenders) -> dict[Address, Sender]:
    """Return who is listed with the op's addresses, and no others of its owner."""
    gone = (op.owner, NOBODY) if op.pinned else (op.owner,)
    found = {address: one for address, one in listed.items() if one.owner not in gone}
    for text in op.beside if op.pinned else ():
        address, owner = read_entry(text)
        found.setdefault(address, Sender(owner=owner))
    return found | own(op)


def own(op: ListSenders) -> dict[Address, Sender]:
    """Return what the op itself lists."""
    return {
        each.ip: Sender(owner=op.owner, prefix=each.network.prefixlen if op.pinned else None) for each in op.addresses
    }


def leaving(listed: Listed, owner: str) -> dict[Address, Sender]:
    """Return who is listed without the owner's addresses; nobody if none of the rest is pinned."""
    rest = {address: one for address, one in listed.items() if one.owner != owner}
    return rest if any(one.prefix is not None for one in rest.values()) else {}


def addresses(parent: str, version: int) -> Set:
    """Return the set of addresses that may be sent from."""
    return nft_sets.Set(name=f"senders{version}-{parent}", kind=_KINDS[version], ranges=False)


def subnets(parent: str, version: int) -> Set:
    """Return the set of the subnets of which no other address may be sent from."""
    return nft_sets.Set(name=f"subnets{version}-{parent}", kind=_KINDS[version], ranges=True)


def sets(parent: str) -> tuple[Set, ...]:
    """Return all sets."""
    return tuple(make(parent, version) for version in (4, 6) for make in (addresses, subnets))


def spans(listed: Listed, version: int) -> tuple[tuple[int, int], ...]:
    """Return the subnets of those who are pinned, as ranges of numbers, in order and apart."""
    found = {
        ip_network((address, min(one.prefix, address.max_prefixlen)), strict=False)
        for address, one in listed.items()
        if one.prefix is not None and address.version == version
    }
    apart: Iterator[Network] = collapse_addresses(found)  # type: ignore[type-var]
    return tuple((int(each.network_address), int(each.broadcast_address)) for each in apart)


def names(parent: str) -> tuple[str, ...]:
    """Return the names of all chains, the one at the hook first; the family arp has one of that name too.

    What they are for comes first: a link's name may have any end.
    """
    return tuple(f"{part}-{parent}" for part in ("at", "arp", "ip", "ip6", "nd"))


def chains(parent: str) -> tuple[Chain, ...]:
    """Return the chains at the link's egress."""
    base, *rest = names(parent)
    hook = nft.Chain(name=base, kind="filter", hook=nft.EGRESS, priority=nft.FILTER, device=parent)
    return hook, *(nft.Chain(name=name) for name in rest)


def arp_chain(parent: str) -> Chain:
    """Return the chain where the node's own ARP is made."""
    return nft.Chain(name=names(parent)[0], kind="filter", hook=_ARP_OUT, priority=nft.FILTER)


def arp_rule(parent: str, token: bytes) -> Rule:
    """Return the rule that marks the node's own ARP over the link. Its comment has the token."""
    marks = (*_set(_MARK, token[:4]), *_set(_PRIORITY, token[4:]))
    through = nft.through(nft.OIFNAME, parent)
    return nft.Rule(chain=names(parent)[0], expressions=(*through, *marks), comment=token.hex())


def token_of(comment: str) -> bytes | None:
    """Return the token of a rule's comment; None if that is none."""
    try:
        found = bytes.fromhex(comment)
    except ValueError:
        return None
    return found if len(found) == TOKEN and found.hex() == comment else None


def rules(parent: str, token: bytes) -> tuple[Rule, ...]:
    """Return the rules at the link's egress, those of a chain in order. What gets to the end of one passes."""
    base, arp, four, six, neighbours = names(parent)
    made: list[tuple[str, tuple[Expression, ...]]] = [(base, (*_of_the_node(), *nft.accept()))]
    for ethertype, chain in ((_ARP_TYPE, arp), (_IPV4_TYPE, four), (_IPV6_TYPE, six)):
        made.append((base, (*nft.of_ethertype(ethertype), *nft.go_to(chain))))
    made += [(arp, one) for one in _arp(parent, token)]
    made += [(four, one) for one in _four(parent)]
    made += [(six, one) for one in _six(parent, neighbours)]
    made += [(neighbours, one) for one in _neighbours(parent)]
    return tuple(nft.Rule(chain=chain, expressions=found, comment=base) for chain, found in made)


def anew(parent: str, token: bytes, listed: Listed) -> Iterator[Request]:
    """Sets, chains and rules, where there are none of these names."""
    yield from (*TABLE.frame(), *ARP_TABLE.frame())
    for identity, each in enumerate(sets(parent), 1):
        yield nft_sets.add(TABLE, each, identity)
    yield from changed(parent, {}, listed, {})
    yield from map(TABLE.add_chain, chains(parent))
    yield from map(TABLE.add, rules(parent, token))
    yield ARP_TABLE.add_chain(arp_chain(parent))
    yield ARP_TABLE.add(arp_rule(parent, token))


def changed(
    parent: str, now: Listed, wanted: Listed, ranges: Mapping[int, tuple[tuple[int, int], ...]]
) -> Iterator[Request]:
    """What the sets lack, and what they have too much; `ranges`: the subnets that they have, by IP version."""
    for version in (4, 6):
        of, networks = addresses(parent, version), subnets(parent, version)
        differing = [one for one in {**now, **wanted} if one.version == version and now.get(one) != wanted.get(one)]
        gone = [(int(one), int(one)) for one in differing if one in now]
        yield from nft_sets.delete_elements(TABLE, of, gone)
        for one in differing:
            if one in wanted:
                yield nft_sets.add_named(TABLE, of, one.packed, wanted[one].comment)
        had, needed = set(ranges.get(version, ())), set(spans(wanted, version))
        yield from nft_sets.delete_elements(TABLE, networks, sorted(had - needed))
        yield from nft_sets.add_elements(TABLE, networks, sorted(needed - had))


def _arp(parent: str, token: bytes) -> Iterator[tuple[Expression, ...]]:
    """What the node says; what is told of listed addresses; a probe has no sender's address (RFC 5227)."""
    marked = (*_get(_MARK, token[:4]), *_get(_PRIORITY, token[4:]))
    yield *marked, *_set(_MARK, bytes(4)), *_set(_PRIORITY, bytes(4)), *nft.accept()
    yield *_in(addresses(parent, 4), _SENDERS_IP), *nft.accept()
    probe = nft.in_header(_SENDERS_IP, bytes(4))
    yield *probe, *_in(addresses(parent, 4), _ASKED_IP), *nft.accept()
    yield *probe, *_in(subnets(parent, 4), _ASKED_IP), *nft.drop()
    yield *_in(subnets(parent, 4), _SENDERS_IP), *nft.drop()


def _four(parent: str) -> Iterator[tuple[Expression, ...]]:
    yield *_in(addresses(parent, 4), _SOURCE[4]), *nft.accept()
    yield *_local(), *nft.accept()
    yield *_in(subnets(parent, 4), _SOURCE[4]), *nft.drop()


def _six(parent: str, neighbours: str) -> Iterator[tuple[Expression, ...]]:
    yield *_in(addresses(parent, 6), _SOURCE[6]), *nft.go_to(neighbours)
    yield *_local(), *nft.go_to(neighbours)
    yield *_in(subnets(parent, 6), _SOURCE[6]), *nft.drop()
    yield nft.go_to(neighbours)


def _neighbours(parent: str) -> Iterator[tuple[Expression, ...]]:
    """What is said of listed addresses. What the kernel, or a router's daemon, says for the node has a socket."""
    for kind in (_ROUTER, _REDIRECT):
        yield *_message(kind), *nft.drop()
    yield *_message(_ADVERTISEMENT), *_told(addresses(parent, 6)), *nft.accept()
    yield *_message(_ADVERTISEMENT), *_told(subnets(parent, 6)), *nft.drop()
    nobody = nft.in_header(_SOURCE[6], bytes(16))
    yield *nobody, *_message(_SOLICITATION), *_told(addresses(parent, 6)), *nft.accept()
    yield *nobody, *_message(_SOLICITATION), *_told(subnets(parent, 6)), *nft.drop()


def _message(kind: int) -> tuple[Expression, ...]:
    return *nft.of_transport(_ICMPV6), *nft.in_message(0, bytes((kind,)))


def _in(of: Set, offset: int) -> tuple[Expression, ...]:
    """@nh,OFFSET @SET: an address of the network header, or of an ARP packet, is in the set."""
    return nft.in_header(offset, bytes(of.kind[1]))[0], nft_sets.lookup(of.name)


def _told(of: Set) -> tuple[Expression, ...]:
    """The target of a message of neighbour discovery is in the set."""
    return nft.in_message(_TARGET, bytes(of.kind[1]))[0], nft_sets.lookup(of.name)


def _of_the_node() -> tuple[Expression, ...]:
    """Meta cgroup >= 0: the frame has a socket, and that is in the namespace of the link; else nothing is known."""
    return ("meta", ((2, _word(_CGROUP)), (1, _word(1)))), _compare(bytes(4), _AT_LEAST)


def _local() -> tuple[Expression, ...]:
    """Fib saddr type local: the node has that address, on any link."""
    asked: Expression = ("fib", ((1, _word(1)), (2, _word(_ADDRTYPE)), (3, _word(_OF_SOURCE))))
    return asked, _compare(_LOCAL.to_bytes(4, "little"))


def _get(key: int, content: bytes) -> tuple[Expression, ...]:
    return ("meta", ((2, _word(key)), (1, _word(1)))), _compare(content)


def _set(key: int, content: bytes) -> tuple[Expression, ...]:
    """Meta KEY set CONTENT."""
    return ("immediate", ((1, _word(1)), (2, ((1, content),)))), ("meta", ((2, _word(key)), (3, _word(1))))


def _compare(wanted: bytes, how: int = 0) -> Expression:
    return "cmp", ((1, _word(1)), (2, _word(how)), (3, ((1, wanted),)))


def _word(content: int) -> bytes:
    return content.to_bytes(4, "big")
