"""What whereabouts keeps in the Kubernetes API (its pkg/storage/kubernetes and pkg/api/whereabouts.cni.cncf.io).

An IPPool has a range and, by their distance from the range's address, its allocations: container, pod and interface.
An OverlappingRangeIPReservation says again, for all ranges at once, which pod has an address; its name is the address,
with dashes for colons, behind the name of the network if there is one.
"""

from __future__ import annotations

from ipaddress import ip_interface
from typing import TYPE_CHECKING

from podberth.cni import parsers
from podberth.cni.errors import CniError, InvalidConfig
from podberth.cni.fields import Fields, shown
from podberth.cni.pod import Attachment, PodRef, called
from podberth.cni.value import value
from podberth.stores.transfer.found import Found

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.net.ops import Address

_MOST = 100_000  # objects, and allocations of one
_DIGITS = 39  # of the greatest distance in IPv6


@value
class Range:
    """An IPPool's name and range."""

    name: str
    network: parsers.Network


@value
class Reading:
    """All that was found, and what of it can't be read."""

    found: tuple[Found, ...]
    ranges: tuple[Range, ...]
    complaints: tuple[str, ...]


def read(raw: object, what: str, network: str, ifname: str) -> Reading:
    """Read a list of objects as kubectl prints it. InvalidConfig if it is none.

    `network`: the CNI network that the leases will be of; whereabouts does not keep it. `ifname`: where none is kept.
    """
    listing = Fields(raw, what)
    members = listing.children("items", most=_MOST) if "items" in listing.raw else (listing,)
    found: list[Found] = []
    ranges: list[Range] = []
    complaints: list[str] = []
    clusterwide: list[Fields] = []
    for member in members:
        kind = member.raw.get("kind")
        if kind == "IPPool":
            _pool(member, network, ifname, found, ranges, complaints)
        elif kind == "OverlappingRangeIPReservation":
            clusterwide.append(member)
        else:
            complaints.append(
                f"{member.at('kind')}: expected IPPool or OverlappingRangeIPReservation, got {shown(kind)}"
            )
    complaints += _contradictions(clusterwide, found)
    return Reading(found=tuple(found), ranges=tuple(ranges), complaints=tuple(complaints))


def _pool(
    member: Fields, network: str, ifname: str, found: list[Found], ranges: list[Range], complaints: list[str]
) -> None:
    try:
        metadata, spec = _parts(member)
        name = metadata.required("name", parsers.string(max=253))
        base = spec.required("range", parsers.ip_interface)
        allocations = spec.child("allocations")
    except CniError as wrong:
        complaints.append(wrong.message)
        return
    ranges.append(Range(name=name, network=ip_interface(str(base)).network))
    for key in () if allocations is None else allocations.raw:
        assert allocations is not None, "there are none without"
        try:
            found.append(_allocation(allocations, key, base, f"IPPool {name}", network, ifname))
        except CniError as wrong:
            complaints.append(wrong.message)


def _allocation(allocations: Fields, key: str, base: parsers.Interface, where: str, network: str, ifname: str) -> Found:
    if not (key.isascii() and key.isdecimal() and len(key) <= _DIGITS):
        raise allocations.fail(key, "expected the distance from the range's address")
    number = int(base.ip) + int(key)
    if number > int(base.network.broadcast_address):
        raise allocations.fail(key, f"is outside {base.network}")
    own = allocations.child(key)
    if own is None:
        raise allocations.fail(key, "expected an object")
    attachment = Attachment(
        network=network,
        container_id=own.required("id", parsers.identifier),
        ifname=own.get("ifname", _ifname(ifname), ifname),
    )
    address: Address = type(base.ip)(number)
    return Found(address=address, attachment=attachment, pod=own.optional("podref", _pod), where=where)


def _contradictions(clusterwide: list[Fields], found: list[Found]) -> list[str]:
    by_name = {_name(one.address): one for one in found}
    complaints = []
    for member in clusterwide:
        try:
            metadata, spec = _parts(member)
            name = metadata.required("name", parsers.string(max=253))
            pod = spec.optional("podref", _pod)
        except CniError as wrong:
            complaints.append(wrong.message)
            continue
        parts = name.split("-")
        one = next((by_name[end] for at in range(len(parts)) if (end := "-".join(parts[at:])) in by_name), None)
        if one is None:
            complaints.append(
                f"OverlappingRangeIPReservation {shown(name)} is {pod or 'some container'}'s, and in no IPPool:"
                " delete it if that is gone"
            )
        elif pod is not None and pod != one.pod:
            complaints.append(f"{one.address} is {one.pod}'s by {one.where}, {pod}'s by its cluster-wide reservation")
    return complaints


def _parts(member: Fields) -> tuple[Fields, Fields]:
    metadata, spec = member.child("metadata"), member.child("spec")
    if metadata is None or spec is None:
        raise InvalidConfig(f"{member.at('spec' if metadata else 'metadata')}: required field is missing")
    return metadata, spec


def _name(address: Address) -> str:
    text = str(address)
    return (text + "0" if text.endswith(":") else text).replace(":", "-")


def _ifname(default: str) -> Callable[[object], str]:
    return lambda raw: parsers.ifname(raw) if raw != "" else default


def _pod(raw: object) -> PodRef | None:
    if raw == "":
        return None
    namespace, slash, name = raw.partition("/") if isinstance(raw, str) else ("", "", "")
    if not slash:
        raise ValueError(f"expected NAMESPACE/POD, got {shown(raw)}")
    return PodRef(namespace=called(namespace), name=called(name))
