"""Reservations that are published as IPAMClaims: which there have to be, and what differs from that. Pure.

A claim that shows a reservation has the label `SHOWN`, and nothing is read of it: the ledger has the reservation. An
object without that label is somebody else's, whatever its name is, and is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.cni.ipam_claim import SHOWN, SHOWN_AS
from podberth.cni.value import value
from podberth.desk.claims import POOL, shown
from podberth.ipam.owner import is_claim

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from sqlite3 import Connection

    from podberth.controller.known import Known
    from podberth.ipam.lease import Reservation
    from podberth.policy.podnetwork import PodNetwork

    Object = dict[str, Any]
    Key = tuple[str, str]  # namespace and name


@value
class Changes:
    """What has to be done: claims to be made, to be changed (as they are now, and as they should be), and to go."""

    made: tuple[Object, ...] = ()
    changed: tuple[tuple[Object, Object], ...] = ()
    ended: tuple[Object, ...] = ()


def wanted(connection: Connection, now: Known) -> dict[Key, Object]:
    """Return the claims that show the reservations of pods. What is kept for a claim already has one.

    `ownerPod` is the pod whose name has the address, whether or not it runs: the custom resource wants one.
    """
    from podberth.stores.sqlite import rows

    declared: dict[str, list[PodNetwork]] = {}
    for podnetwork in now.podnetworks:
        declared.setdefault(podnetwork.namespace, []).append(podnetwork)

    def network(kept: Reservation) -> str:
        for podnetwork in declared.get(kept.pod.namespace, ()):
            for policy in podnetwork.attachments if podnetwork.is_for(kept.pod) else ():
                if policy.ifname == kept.ifname and policy.network:
                    return policy.network
        event = rows.last_event(connection, kept.address)
        held = event.attachment if event is not None else None
        return held.network if held is not None and held.ifname == kept.ifname else ""

    reservations = [kept for kept in now.reservations.values() if not is_claim(kept.pod)]
    documents, _ = shown(reservations, now.pools, network, lambda address: now.reservations[address].pod.name)
    return {_key(one): _labelled(one) for one in documents}


def differing(wanted: Mapping[Key, Object], there: Iterable[Object]) -> Changes:
    """Return what keeps the claims that are `there`, with the label, from being those that are wanted."""
    known = {_key(one): one for one in there}
    made = tuple(one for key, one in wanted.items() if key not in known)
    both = ((known[key], one) for key, one in wanted.items() if key in known)
    changed = tuple((now, one) for now, one in both if _said(now) != _said(one))
    return Changes(made=made, changed=changed, ended=tuple(one for key, one in known.items() if key not in wanted))


def _said(one: Object) -> tuple[object, ...]:
    parts = (one["metadata"].get("labels"), one.get("spec"), one.get("status"))
    labels, spec, status = (part if isinstance(part, dict) else {} for part in parts)
    return labels.get(POOL), spec.get("network"), spec.get("interface"), status.get("ips"), status.get("ownerPod")


def _labelled(one: Object) -> Object:
    metadata = one["metadata"]
    return {**one, "metadata": {**metadata, "labels": {**metadata["labels"], SHOWN: SHOWN_AS}}}


def _key(one: Object) -> Key:
    return one["metadata"]["namespace"], one["metadata"]["name"]
