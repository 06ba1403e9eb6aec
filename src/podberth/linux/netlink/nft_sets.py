"""Sets of nf_tables as values: addresses and ports that rules look up (linux/netfilter/nf_tables.h). No I/O.

A set of ranges has, for the kernel, the first number of each range, and the first behind it with a mark.
"""

from __future__ import annotations

from podberth.cni.value import value
from podberth.linux.netlink import codec
from podberth.linux.netlink.codec import attribute, nested, text
from podberth.linux.netlink.nft import DEL_ELEMENT, DEL_SET, NEW_ELEMENT, NEW_SET, number, said

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podberth.linux.netlink.nft import Request
    from podberth.linux.netlink.nft_rules import Expression, Table

IPV4_ADDRESS, IPV6_ADDRESS, PORT = (7, 4), (8, 16), (13, 2)  # nft's numbers of data types, and their lengths
_HEADER, _LIST_ELEM, _VALUE = 4, 1, 1
_SET_NAME, _SET_FLAGS, _SET_KEY_TYPE, _SET_KEY_LENGTH, _SET_ID, _SET_USERDATA = 2, 3, 4, 5, 10, 13
_RANGES = 4  # NFT_SET_INTERVAL
_BIG_ENDIAN = b"\0\4\2\0\0\0"  # of a set's user data: NFTNL_UDATA_SET_KEYBYTEORDER
_OF, _ELEMENTS, _ELEM_KEY, _ELEM_FLAGS, _ELEM_USERDATA = 2, 3, 1, 3, 6
_END = 1  # NFT_SET_ELEM_INTERVAL_END
_PART = 1000  # elements of one message: the length of an attribute has 16 bits


@value
class Set:
    """A set of a table. `kind`: nft's number of what is in it, and the bytes of one. `ranges`: it is made of ranges."""

    name: str
    kind: tuple[int, int]
    ranges: bool


def add(table: Table, of: Set, identity: int) -> Request:
    """nft add set. `identity` tells it from the others of a transaction."""
    body = (
        table.named()
        + text(_SET_NAME, of.name)
        + number(_SET_FLAGS, _RANGES if of.ranges else 0)
        + number(_SET_KEY_TYPE, of.kind[0])
        + number(_SET_KEY_LENGTH, of.kind[1])
        + number(_SET_ID, identity)
        + attribute(_SET_USERDATA, _BIG_ENDIAN)
    )
    return NEW_SET, codec.CREATE, body


def remove(table: Table, name: str) -> Request:
    """nft delete set, with all that is in it."""
    return DEL_SET, 0, table.named() + text(_SET_NAME, name)


def parse(body: bytes) -> tuple[str, tuple[int, int], bool]:
    """Read a set: its name, kind, and whether it is made of ranges."""
    found = codec.attributes(body[_HEADER:])
    kind, length, flags = (int.from_bytes(found.get(key, b""), "big") for key in
                           (_SET_KEY_TYPE, _SET_KEY_LENGTH, _SET_FLAGS))  # fmt: skip
    return codec.string(found.get(_SET_NAME)), (kind, length), bool(flags & _RANGES)


def elements(table: Table, name: str) -> bytes:
    """nft list set (a dump)."""
    return table.named() + text(_OF, name)


def parse_elements(body: bytes) -> Iterator[tuple[int, bool]]:
    """Read one message of a set's elements: each number, and whether it is the first behind a range."""
    members = codec.attributes(body[_HEADER:]).get(_ELEMENTS, b"")
    for _, member in codec.each_attribute(members):
        found = codec.attributes(member)
        key = codec.attributes(found.get(_ELEM_KEY, b"")).get(_VALUE, b"")
        flags = int.from_bytes(found.get(_ELEM_FLAGS, b""), "big")
        yield int.from_bytes(key, "big"), bool(flags & _END)


def spans(of: Set, found: Iterable[tuple[int, bool]]) -> tuple[tuple[int, int], ...]:
    """Return what is in a set, in order, of all its elements."""
    if not of.ranges:
        return tuple(sorted((number_of, number_of) for number_of, _ in found))
    made: list[tuple[int, int]] = []
    last = (1 << 8 * of.kind[1]) - 1
    for number_of, is_end in sorted(found, key=lambda one: (one[0], not one[1]), reverse=True):
        if is_end:
            last = number_of - 1
        else:
            made.append((number_of, last))
            last = number_of - 1
    return tuple(reversed(made))


def add_elements(table: Table, of: Set, members: Iterable[tuple[int, int]]) -> Iterator[Request]:
    """nft add element."""
    return _requests(NEW_ELEMENT, codec.CREATE, table, of, members)


def add_named(table: Table, of: Set, key: bytes, comment: str) -> Request:
    """nft add element, with a comment."""
    member = nested(_LIST_ELEM, nested(_ELEM_KEY, attribute(_VALUE, key)), said(_ELEM_USERDATA, comment))
    return NEW_ELEMENT, codec.CREATE, elements(table, of.name) + nested(_ELEMENTS, member)


def delete_elements(table: Table, of: Set, members: Iterable[tuple[int, int]]) -> Iterator[Request]:
    """nft delete element."""
    return _requests(DEL_ELEMENT, 0, table, of, members)


def lookup(name: str) -> Expression:
    """@NAME, of what was loaded."""
    return "lookup", ((1, name.encode() + b"\0"), (2, (1).to_bytes(4, "big")))  # NFTA_LOOKUP_SET, SREG


def _requests(kind: int, flags: int, table: Table, of: Set, members: Iterable[tuple[int, int]]) -> Iterator[Request]:
    encoded = [one for span in members for one in _encoded(of, span)]
    for at in range(0, len(encoded), _PART):
        yield kind, flags, elements(table, of.name) + nested(_ELEMENTS, *encoded[at : at + _PART])


def _encoded(of: Set, span: tuple[int, int]) -> Iterator[bytes]:
    size = of.kind[1]
    yield nested(_LIST_ELEM, nested(_ELEM_KEY, attribute(_VALUE, span[0].to_bytes(size, "big"))))
    if of.ranges and span[1] + 1 < 1 << 8 * size:
        key = nested(_ELEM_KEY, attribute(_VALUE, (span[1] + 1).to_bytes(size, "big")))
        yield nested(_LIST_ELEM, key, number(_ELEM_FLAGS, _END))
