"""What may pass a pod's links, as a value: groups of addresses and ports, and what each link lets in and out.

A group's name says what it is of, so groups of one name are the same group, whoever is in it. What is in a group of
ports or of address ranges never changes; in a group of pods, `spans` are their addresses as they are now.
"""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Spans: TypeAlias = tuple[tuple[int, int], ...]  # inclusive, in order, none of them touching the next

PORTS = 0
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58, "sctp": 132}  # IPPROTO_*


@value
class Group:
    """Addresses of an IP `version` (4 or 6), or PORTS. `spans` None: not known, so what was there stays there.

    `ranges`: it is made of ranges; else of single addresses.
    """

    name: str
    version: int
    spans: Spans | None
    ranges: bool


@value
class Allow:
    """What passes: from or to an address of a group ('' is any), of a protocol ('' is any), to a port of a group."""

    group: str = ""
    version: int = 0  # of the group's addresses
    protocol: str = ""
    ports: str = ""


@value
class LinkRules:
    """What a link lets in, and out; None is everything. `policies` are the names of those that say so, for people."""

    ifname: str
    ingress: tuple[Allow, ...] | None
    egress: tuple[Allow, ...] | None
    policies: tuple[str, ...] = ()


@value
class Policing:
    """All that is kept in a pod's network namespace. Without a link nothing is."""

    groups: tuple[Group, ...] = ()
    links: tuple[LinkRules, ...] = ()


def merged(spans: Spans) -> Spans:
    """Return the same numbers in order, in spans none of which touches the next."""
    made: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], max(made[-1][1], last))
        else:
            made.append((first, last))
    return tuple(made)


def without(span: tuple[int, int], taken: Spans) -> Spans:
    """Return what is left of a span."""
    left, (at, end) = [], span
    for first, last in merged(taken):
        if last < at or first > end:
            continue
        if first > at:
            left.append((at, first - 1))
        at = last + 1
    return (*left, (at, end)) if at <= end else tuple(left)
