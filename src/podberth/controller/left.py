"""Pools that nobody declares any more, and of which somebody has addresses: what their people are told. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from podberth.ipam.lease import Lease
    from podberth.policy.changes import Waiting

    Told = Mapping[str, tuple[str, str]]  # reason and message of an event, by the pool's name

STILL, OUT = "StillInForce", "NotInForce"


def left(
    waiting: Mapping[str, Waiting], pools: Collection[str], leases: Iterable[Lease], there: Collection[str]
) -> Told:
    """Return what is told of each such Pool; `pools` are in force, `there` are those in the API.

    A deletion may be heard of before the last of the leases is: each look judges by what the ledger says by then.
    """
    found: dict[str, tuple[str, str]] = {}
    for name, one in waiting.items():
        if not one.document.startswith("Pool ") or name in there:
            continue
        if one.kept and name in pools:
            found[name] = STILL, str(one)
        elif not one.source:  # what a ConfigMap declares, it is told itself
            found[name] = OUT, str(one)
    known = {*there, *pools, *waiting}
    for lease in leases:
        if lease.pool not in known:
            whose = f"{lease.address} stays that of {lease.pod or lease.attachment}"
            found.setdefault(lease.pool, (OUT, f"it was deleted, and its text is lost: {whose}; declare it again"))
    return found
