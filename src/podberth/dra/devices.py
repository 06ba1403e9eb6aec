"""What a node has to offer: virtual functions, and places on links that pods may share. And the slices for it. Pure.

A device can be given to one claim at a time, in every version of the API. So a link that several pods may share is as
many devices as it has places: macvlan-eth1-0, macvlan-eth1-1 and on (docs/decisions/051-resource-claims.md).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from podberth.cni import parsers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podberth.net.vf import Vf

KINDS = ("bridge", "macvlan", "ipvlan")  # of links that are shared
MOST = 1024  # places on one link
IN_SLICE = 128  # devices of a ResourceSlice at most (resource.k8s.io/v1, ResourceSliceMaxDevices)
_LONGEST = 64  # characters of an attribute's string
_STANDARD = "resource.kubernetes.io"  # domain of attributes that drivers share (k8s.io/dynamic-resource-allocation)
BELOW = {"bridge": "bridge", "macvlan": "parent", "ipvlan": "parent"}  # keys that name the link below, by kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A link of the node with so many places, and how a pod's link stands on it."""

    kind: str
    link: str
    places: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One device: `network` are the keys of a podberth network that make a pod's link of it."""

    name: str
    attributes: Mapping[str, str | int | bool]
    network: Mapping[str, object]


def parse_shared(text: str) -> Shared:
    """Read 'macvlan:eth1=32'. ValueError says what is wrong with it."""
    kind, colon, rest = text.partition(":")
    link, equals, places = rest.rpartition("=")
    if not colon or not equals or kind not in KINDS:
        raise ValueError(f"expected KIND:LINK=PLACES, with KIND one of {', '.join(KINDS)}, got {text!r}")
    if not places.isdecimal() or not 1 <= int(places) <= MOST:
        raise ValueError(f"expected 1 to {MOST} places, got {places!r}")
    found = Shared(kind=kind, link=parsers.ifname(link), places=int(places))
    parsers.label(_name(found, 0))  # a device is named for its link
    return found


def devices(
    vfs: Iterable[Vf], shared: Iterable[Shared], roots: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Device]:
    """Return every device by its name: functions that the node does not use itself, and the places of shared links.

    `roots`: the PCIe root of each function, by its address.
    """
    functions = (_function(vf, roots.get(vf.address, "")) for vf in vfs if not vf.busy and not vf.userspace)
    places = (_place(each, number) for each in shared for number in range(each.places))
    return {device.name: device for device in (*functions, *places)}


def _function(vf: Vf, root: str) -> Device:
    numa = {"numaNode": vf.numa, f"{_STANDARD}/numaNode": vf.numa} if vf.numa >= 0 else {}
    attributes: dict[str, str | int | bool] = {
        f"{_STANDARD}/pciBusID": vf.address,
        f"{_STANDARD}/pcieRoot": root,
        "k8s.cni.cncf.io/deviceID": vf.address,
        "kind": "sriov",
        "pf": vf.pf,
        "pfAddress": vf.pf_address,
        "index": vf.index,
        "vendor": vf.vendor,
        "device": vf.device,
        "driver": vf.driver,
        "rdma": vf.rdma,
        **numa,
        **{f"label{number}": label for number, label in enumerate(vf.labels[:8])},
    }
    return Device(
        name=f"vf-{vf.address.replace(':', '-').replace('.', '-')}",
        attributes={key: said for key, said in attributes.items() if said != ""},
        network={"device": "sriov", "deviceID": vf.address},
    )


def _place(shared: Shared, number: int) -> Device:
    return Device(
        name=_name(shared, number),
        attributes={"kind": shared.kind, "parent": shared.link},
        network={"device": shared.kind, BELOW[shared.kind]: shared.link},
    )


def _name(shared: Shared, number: int) -> str:
    """Return a DNS label; of a link whose name is none, with the beginning of a hash, so that no two are the same."""
    link = shared.link
    plain = "".join(letter if letter.isalnum() else "-" for letter in link.lower()).strip("-") or "link"
    if plain != link:
        plain = f"{plain}-{sha256(link.encode()).hexdigest()[:6]}"
    return f"{shared.kind}-{plain}-{number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where slices are of: which driver, which node, and the node's UID, with which they go."""

    driver: str
    node: str
    uid: str


def slices(place: Place, found: Mapping[str, Device], generation: int, version: str) -> tuple[dict[str, Any], ...]:
    """Return the ResourceSlices of a node's pool for that version of the API; one without devices if there are none."""
    names = sorted(found, key=_numbered)
    parts = [names[at : at + IN_SLICE] for at in range(0, len(names), IN_SLICE)] or [[]]
    return tuple(_slice(place, [found[name] for name in part], generation, len(parts), version) for part in parts)


def same(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether slices that are there say the same as new ones, whatever their generation."""
    return sorted(map(_said, old)) == sorted(map(_said, new))


def whole(there: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the slices of the newest generation that is there as a whole."""
    found: dict[int, list[dict[str, Any]]] = {}
    for each in there:
        found.setdefault(generation_of([each]), []).append(each)
    whole_ones = [number for number, those in found.items() if len(those) == _count(those[0])]
    return found[max(whole_ones)] if whole_ones else []


def _count(one: Mapping[str, Any]) -> int:
    return int(one.get("spec", {}).get("pool", {}).get("resourceSliceCount", 0))


def generation_of(there: Iterable[Mapping[str, Any]]) -> int:
    """Return the newest generation of slices that are there; 0 if there are none."""
    return max((int(each.get("spec", {}).get("pool", {}).get("generation", 0)) for each in there), default=0)


def _slice(place: Place, part: list[Device], generation: int, count: int, version: str) -> dict[str, Any]:
    owner = {"apiVersion": "v1", "kind": "Node", "name": place.node, "uid": place.uid, "controller": True}
    return {
        "metadata": {"generateName": f"{place.node}-{place.driver}-", "ownerReferences": [owner]},
        "spec": {
            "driver": place.driver,
            "nodeName": place.node,
            "pool": {"name": place.node, "generation": generation, "resourceSliceCount": count},
            "devices": [_device(each, version) for each in part],
        },
    }


def _device(device: Device, version: str) -> dict[str, Any]:
    body = {"attributes": {key: _attribute(said) for key, said in device.attributes.items()}}
    return {"name": device.name, **({"basic": body} if version == "v1beta1" else body)}


def _attribute(said: str | int | bool) -> dict[str, object]:
    if isinstance(said, bool):
        return {"bool": said}
    return {"int": said} if isinstance(said, int) else {"string": said[:_LONGEST]}


def _said(one: Mapping[str, Any]) -> str:
    spec = dict(one.get("spec", {}))
    pool = {key: said for key, said in spec.get("pool", {}).items() if key != "generation"}
    return json.dumps({**spec, "pool": pool}, sort_keys=True)


def _numbered(name: str) -> tuple[str, int]:
    stem, _, number = name.rpartition("-")
    return (stem, int(number)) if number.isdecimal() else (name, 0)
