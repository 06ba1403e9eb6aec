"""Whether each device of the node can be used: a function of what is there, held and claimed. Pure.

Kubelet writes it into the status of the pods whose claims have the devices (KEP-4680, `allocatedResourcesStatus`). A
device of a claim is told to be unhealthy also while its pod runs: nothing is counted by it, as with a device plugin.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podberth.dra.devices import BELOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podberth.cni.pod import Attachment
    from podberth.dra.devices import Device
    from podberth.dra.prepared import Interface, Prepared
    from podberth.net.record import Record
    from podberth.net.vf import Vf


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """A device by its pool and name. `why`: what keeps it from being used, '' if nothing does."""

    pool: str
    device: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a node's devices depend on. Functions are by PCI address: those there are, who holds them, and why others
    can't be had; `remade` are those that were made anew under their record. `links`: by name why a link of the node
    carries nothing, '' if it does. `attached`: what has a record.
    """

    functions: Mapping[str, Vf] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)
    remade: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    attached: frozenset[Attachment] = frozenset()


def below(found: Iterable[Device], claims: Iterable[Prepared]) -> frozenset[str]:
    """Return the links that places of the devices are on, offered or claimed."""
    said = [each.network for each in found] + [_network(one) for claim in claims for one in claim.interfaces]
    return frozenset(filter(None, map(_link, said)))


def offered(found: Mapping[str, Device], claims: Iterable[Prepared], seen: Seen) -> dict[str, Device]:
    """Return the devices that a claim can be given: none that somebody else has, or has had and not given back."""
    claims = tuple(claims)
    return {
        name: each
        for name, each in found.items()
        if not _held(seen.records.get(str(each.network.get("deviceID", ""))), claims)
    }


def healths(node: str, found: Mapping[str, Device], claims: Iterable[Prepared], seen: Seen) -> tuple[Health, ...]:
    """Return each device that the node offers, and each that a claim of it has though it is not there any more."""
    claims = tuple(claims)
    claimed = {(one.pool, one.device): (claim, one) for claim in claims for one in claim.interfaces}
    free = [key for name in found if (key := (node, name)) not in claimed]
    return (
        *(
            Health(pool=pool, device=name, why=_why_not(claim, one, claims, seen))
            for (pool, name), (claim, one) in sorted(claimed.items(), key=lambda item: item[0])
        ),
        *(Health(pool=pool, device=name, why=_why_not_free(found[name].network, seen)) for pool, name in sorted(free)),
    )


def _why_not(claim: Prepared, one: Interface, claims: tuple[Prepared, ...], seen: Seen) -> str:
    network = _network(one)
    address = str(network.get("deviceID", ""))
    if address:
        why = _held(seen.records.get(address), claims) or _why_no_function(address, seen)
        if not why and address in seen.remade:
            return f"{address} was made anew since {claim} got it, and its pod has nothing of it"
    else:
        why = seen.links.get(_link(network), "")
    if not why and claim.complete and claim.attachment(one) not in seen.attached:
        return f"{claim} has no {one.ifname}: it is made anew when its pod starts"
    return why


def _why_not_free(network: Mapping[str, object], seen: Seen) -> str:
    address = str(network.get("deviceID", ""))
    if not address:  # a bridge is made with its first pod
        return "" if network.get("device") == "bridge" else seen.links.get(_link(network), "")
    return _held(seen.records.get(address), ()) or seen.unusable.get(address, "") or _why_no_function(address, seen)


def _why_no_function(address: str, seen: Seen) -> str:
    vf = seen.functions.get(address)
    if vf is None:
        return f"this node has no function {address} now"
    return seen.links.get(vf.pf, "") if vf.pf else f"its PF {vf.pf_address} has no interface on this node"


def _held(record: Record | None, claims: tuple[Prepared, ...]) -> str:
    """Return who else holds a function, '' if it is free or one of the claims has it."""
    if record is None or any(record.attachment == each.attachment(one) for each in claims for one in each.interfaces):
        return ""
    return f"its DEL has not run: {record.pod or record.attachment} as {record.attachment.ifname}"


def _link(network: Mapping[str, object]) -> str:
    """Return the link that a place is on, '' of anything else."""
    return str(network.get(BELOW.get(str(network.get("device")), ""), ""))


def _network(one: Interface) -> Mapping[str, object]:
    """Return the keys of the network that the interface was made by: they name its device, also once that is gone."""
    return dict(json.loads(one.conf))
