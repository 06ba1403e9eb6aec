"""The JSON form of every value the command line shows. docs/cli.md documents the keys: they stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cli.when import rfc3339

_ENDLESS = 2**62  # ns: no time at all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.cni.pod import Attachment, PodRef
    from podberth.ipam.elsewhere import Fence
    from podberth.ipam.lease import Correction, Event, Holding, Lease, Reservation, Usage
    from podberth.net.record import Record
    from podberth.net.step import Drift
    from podberth.policy.changes import Waiting
    from podberth.policy.standing import Standing


def pod(named: PodRef | None) -> str | None:
    """Return 'namespace/name'."""
    return str(named) if named is not None else None


def attachment(of: Attachment | None) -> dict[str, object] | None:
    """Return the three names that make an attachment."""
    if of is None:
        return None
    return {"network": of.network, "container_id": of.container_id, "ifname": of.ifname}


def usage(of: Usage) -> dict[str, object]:
    """Return one family's row of a pool."""
    counts = {"size": of.size, "leased": of.leased, "reserved": of.reserved, "resting": of.resting, "free": of.free}
    return {"family": of.family, **counts}


def lease(of: Lease) -> dict[str, object]:
    """Return a lease."""
    return {
        "address": str(of.address),
        "pool": of.pool,
        "pod": pod(of.pod),
        "pod_uid": of.pod.uid if of.pod is not None else None,
        "attachment": attachment(of.attachment),
        "netns": of.netns,
        "node": of.node,
        "since": rfc3339(of.since),
    }


def fence(of: Fence) -> dict[str, object]:
    """Return what was said about a node."""
    return {
        "node": of.node,
        "fenced": not of.lifted,
        "time": rfc3339(of.time),
        "who": of.actor.who,
        "why": of.actor.why,
        "from": of.actor.node,
    }


def reservation(of: Reservation) -> dict[str, object]:
    """Return a reservation."""
    return {
        "address": str(of.address),
        "pool": of.pool,
        "pod": pod(of.pod),
        "ifname": of.ifname,
        "origin": of.origin,
        "since": rfc3339(of.since),
    }


def event(of: Event) -> dict[str, object]:
    """Return a line of the ledger."""
    return {
        "seq": of.seq,
        "time": rfc3339(of.time),
        "kind": of.kind,
        "address": str(of.address),
        "pool": of.pool,
        "pod": pod(of.pod),
        "pod_uid": of.pod.uid if of.pod is not None else None,
        "ifname": of.ifname,
        "attachment": attachment(of.attachment),
        "state": str(of.state),
        "owner": pod(of.owner),
        "who": of.actor.who,
        "why": of.actor.why,
        "node": of.actor.node,
        "clock": of.clock or None,
        "ahead": of.ahead,
        "corrects": correction(of.corrects) if of.corrects is not None else None,
    }


def correction(of: Correction) -> dict[str, object]:
    """Return an operator's word about a clock; `ahead` in ns, `node` null for every one."""
    return {"first": of.first, "last": of.last, "node": of.node or None, "ahead": of.ahead}


def holding(of: Holding, at: int) -> dict[str, object]:
    """Return who had an address at the time `at`."""
    return {
        "address": str(of.address),
        "at": rfc3339(at),
        "state": str(of.state),
        "pod": pod(of.pod),
        "reserved_for": pod(of.reserved_for),
        "attachment": attachment(of.bound_to),
        "event": event(of.event) if of.event is not None else None,
        "since": rfc3339(of.since) if of.since is not None else None,
        "between": [rfc3339(end) if abs(end) < _ENDLESS else None for end in of.between] if of.between else None,
        "begins": rfc3339(of.begins) if of.begins is not None else None,
    }


def record(of: Record, addresses: Iterable[object]) -> dict[str, object]:
    """Return an attachment as this node recorded it, with the addresses that are leased to it."""
    return {
        **(attachment(of.attachment) or {}),
        "pod": pod(of.pod),
        "addresses": [str(address) for address in addresses],
        "netns": of.netns,
        "complete": of.done,
        "removing": of.removing,
        "since": rfc3339(of.since),
    }


def drift(of: Drift) -> dict[str, object]:
    """Return one difference."""
    return {"what": of.what, "field": of.field, "expected": of.wanted, "found": of.found}


def outdated(found: Iterable[tuple[str, str, str]]) -> list[dict[str, object]]:
    """Return what a pod was told and would be told otherwise now."""
    return [{"field": name, "told": had, "now": now} for name, had, now in found]


def waiting(found: Iterable[Waiting]) -> dict[str, object]:
    """Return the key for what was declared and is not in force; no key if there is nothing."""
    listed = [{"document": one.document, "source": one.source, "reason": one.reason, "kept": one.kept} for one in found]
    return {"waiting": listed} if listed else {}


def refused(found: Iterable[Standing]) -> dict[str, object]:
    """Return the key for what a namespace declares and an operator should look at; no key if there is nothing."""
    listed = [
        {
            "document": one.document,
            "bundle": one.bundle,
            "inForce": one.in_force,
            "reason": one.reason,
            "remedy": one.remedy,
        }
        for one in found
    ]
    return {"refused": listed} if listed else {}
