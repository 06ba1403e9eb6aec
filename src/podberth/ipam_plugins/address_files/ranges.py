"""The ranges that a configuration of host-local names, in sets: an interface gets an address of each set. Pure.

A subnet of two addresses has both for use (RFC 3021, RFC 6164), and one of a single address has that.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import GoFields, shown
from podberth.cni.value import value
from podberth.cni.version import at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.cni.parsers import Address, Interface, Network

_MOST = 1024  # sets, and ranges of a set


@value
class Range:
    """The addresses from `first` to `last` of `subnet`, as numbers. `gateway`: None where the subnet has no room."""

    subnet: Network
    first: int
    last: int
    gateway: Address | None

    def __contains__(self, address: Address) -> bool:
        return address.version == self.subnet.version and self.first <= int(address) <= self.last

    def __str__(self) -> str:
        return f"{address_of(self.first, self.subnet.version)}-{address_of(self.last, self.subnet.version)}"


@value
class RangeSet:
    """Ranges of one family, which an interface gets one address of. `path`: where the configuration has it."""

    path: str
    ranges: tuple[Range, ...]

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.ranges[0].subnet.version

    @property
    def gateways(self) -> frozenset[Address]:
        """The gateways of its ranges, which no interface gets."""
        return frozenset(each.gateway for each in self.ranges if each.gateway is not None)

    def __contains__(self, address: Address) -> bool:
        return any(address in each for each in self.ranges)

    def __str__(self) -> str:
        return ",".join(map(str, self.ranges))

    def of(self, address: Address) -> Range:
        """Return the range that the address is of."""
        return next(each for each in self.ranges if address in each)

    def interface(self, address: Address) -> Interface:
        """Return the address with the prefix length of its subnet."""
        return parsers.ip_interface(f"{address}/{self.of(address).subnet.prefixlen}")

    def after(self, last: Address | None) -> Iterator[int]:
        """Yield the number of each address but the gateways, once: round from the one after `last`."""
        skipped = {int(gateway) for gateway in self.gateways}
        for first, end in self._spans(last):
            for number in range(first, end + 1):
                if number not in skipped:
                    yield number

    def _spans(self, last: Address | None) -> list[tuple[int, int]]:
        spans = [(each.first, each.last) for each in self.ranges]
        at = next((i for i, each in enumerate(self.ranges) if last is not None and last in each), None)
        if at is None or last is None:
            return spans
        here, number = self.ranges[at], int(last)
        return [(number + 1, here.last), *spans[at + 1 :], *spans[:at], (here.first, number)]


def address_of(number: int, version: int) -> Address:
    """Return the address of that number."""
    return IPv4Address(number) if version == 4 else IPv6Address(number)


def read(call: Call, ipam: Fields) -> tuple[RangeSet, ...]:
    """Return the sets that are said: the runtime's, that of the flat keys, those of `ranges`. InvalidConfig names one.

    None said is an error too, but for STATUS: the runtime may say them with each ADD.
    """
    sets = tuple(_said(call, ipam))
    if not sets and call.verb != "STATUS":
        raise InvalidConfig(
            "ipam.ranges: required, unless the runtime says ranges", "name a set with a subnet, as [[{subnet}]]"
        )
    for version in (4, 6):
        many = sum(each.version == version for each in sets)
        if many > 1 and not at_least(call.cni_version, "0.3.0"):
            raise InvalidConfig(
                f"ipam.ranges: cniVersion {call.cni_version} has one IPv{version} address, got {many} sets",
                "configure cniVersion 0.3.0 or later",
            )
    _require_apart(sets)
    return sets


def requested(call: Call, sets: tuple[RangeSet, ...]) -> tuple[Address | None, ...]:
    """Return for each set which address of it is asked for. InvalidConfig if an address is left over.

    CNI_ARGS, args.cni.ips and the runtime's `ips` add up.
    """
    conf = call.conf
    left = list(dict.fromkeys((*call.pod_args.ips, *conf.args_ips, *conf.runtime_config.ips)))
    found: list[Address | None] = []
    for each in sets:
        here = next((address for address in left if address in each), None)
        if here is not None:
            left.remove(here)
        found.append(here)
    if left:
        raise InvalidConfig(
            f"requested addresses: {', '.join(map(str, left))}: of no range, or a second one of a range set",
            "a pod gets one address of each range set of the network",
        )
    return tuple(found)


def _said(call: Call, ipam: Fields) -> Iterator[RangeSet]:
    yield from _sets((call.runtime_config or {}).get("ipRanges"), "runtimeConfig.ipRanges")
    if ipam.said("subnet"):
        yield RangeSet(path="ipam.subnet", ranges=(_range(ipam),))
    yield from _sets(ipam.raw.get("ranges"), "ipam.ranges")


def _sets(raw: object, path: str) -> Iterator[RangeSet]:
    for i, members in enumerate(_list(raw, path)):
        at = f"{path}[{i}]"
        ranges = tuple(_range(GoFields(each, f"{at}[{j}]")) for j, each in enumerate(_list(members, at)))
        if not ranges:
            raise InvalidConfig(f"{at}: expected at least one range", "each has a subnet")
        if len({each.subnet.version for each in ranges}) > 1:
            raise InvalidConfig(f"{at}: expected ranges of one family", "make a set for IPv4, and one for IPv6")
        yield RangeSet(path=at, ranges=ranges)


def _list(raw: object, path: str) -> list[object]:
    if raw is None or raw == "":
        return []
    if not isinstance(raw, list) or len(raw) > _MOST:
        raise InvalidConfig(f"{path}: expected a list of at most {_MOST} members, got {shown(raw)}")
    return raw


def _range(fields: Fields) -> Range:
    subnet = fields.required("subnet", parsers.ip_network)
    base, end = int(subnet.network_address), int(subnet.broadcast_address)
    small = subnet.max_prefixlen - subnet.prefixlen < 2
    first = _within(fields, "rangeStart", subnet, base if small else base + 1)
    last = _within(fields, "rangeEnd", subnet, end if small or subnet.version == 6 else end - 1)
    if first > last:
        raise fields.fail(
            "rangeStart", f"there is no address from {address_of(first, subnet.version)} to"
            f" {address_of(last, subnet.version)}"
        )  # fmt: skip
    gateway = fields.optional("gateway", parsers.ip_address)
    if gateway is None and base < end:
        gateway = address_of(base + 1, subnet.version)
    return Range(subnet=subnet, first=first, last=last, gateway=gateway)


def _within(fields: Fields, key: str, subnet: Network, default: int) -> int:
    found = fields.optional(key, parsers.ip_address)
    if found is None:
        return default
    if found not in subnet:
        raise fields.fail(key, f"{found} is not in {subnet}")
    return int(found)


def _require_apart(sets: tuple[RangeSet, ...]) -> None:
    """Refuse ranges that overlap, within a set or between two."""
    every = sorted((one.version, each.first, each.last, one.path, str(each)) for one in sets for each in one.ranges)
    for before, after in pairwise(every):
        if before[0] == after[0] and after[1] <= before[2]:
            raise InvalidConfig(f"{after[3]}: {after[4]} overlaps {before[4]} of {before[3]}", "give each its own part")
