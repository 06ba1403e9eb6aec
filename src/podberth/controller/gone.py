"""Which leases nobody has any more: their pod is gone, and what ran of it can't run on. Pure.

A pod that is deleted gives its address back by DEL. What is left here are DELs that never came: a node that died, a
runtime whose state was lost. A node that does not answer and is not fenced may still have the address on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from podberth.controller.facts import Facts, Node
    from podberth.ipam.lease import Lease
    from podberth.ipam.moment import Moment

    Absences = Mapping[Lease, int]


def absences(leases: Iterable[Lease], facts: Facts, before: Absences, now: int) -> dict[Lease, int]:
    """Return the leases without a pod, each with the uptime (ns) at which that was first seen, `now` for a new one.

    A lease that names no pod's UID is no Kubernetes pod's: whoever made it ends it.
    """
    return {
        lease: before.get(lease, now)
        for lease in leases
        if lease.pod is not None and lease.pod.uid and not facts.has(lease.pod.namespace, lease.pod.name, lease.pod.uid)
    }


def releasable(absent: Absences, facts: Facts, now: Moment, grace: int) -> tuple[Lease, ...]:
    """Return those that may end, as far as is known; `grace` in ns. How long a pod is absent no clock says."""
    return tuple(
        lease
        for lease, since in absent.items()
        if now.true - lease.since >= grace and is_over(facts.nodes.get(lease.node), now.uptime.ns - since, grace)
    )


def is_over(node: Node | None, absent: int, grace: int) -> bool:
    """Say whether nothing of a pod that was `absent` for so long (ns) can run on its node any more."""
    if node is None or node.fenced:
        return True
    return node.ready and absent >= grace
