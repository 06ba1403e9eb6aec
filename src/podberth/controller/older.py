"""Which pods run with values that were declared when they started, and are declared otherwise now. Pure.

It goes by time: a lease that is older than a change belongs to a pod that was told what stood before it. What a network
configuration or the pod itself says is not known here: a node's `podberth check` knows all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.value import replace, value
from podberth.ipam.pool import Pool
from podberth.net.settings import Settings
from podberth.net.told import differences, said
from podberth.policy.podnetwork import PodNetwork

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from podberth.ipam.lease import Lease
    from podberth.net.told import Told

    Texts = Sequence[tuple[Pool | PodNetwork, int]]  # each in force until a time (ns), the oldest first

MOST = 64  # in a status
_FIELDS = ("mtu", "routes", "rates", "dns")


@value
class Older:
    """A value that a pod keeps until it restarts: `told` then, `now` to a pod that starts now."""

    pod: str
    interface: str
    field: str
    told: str
    now: str


def older(
    podnetwork: PodNetwork,
    leases: Sequence[Lease],
    pools: Mapping[str, Pool],
    former: Texts,
    of_pools: Mapping[str, Texts],
) -> Iterator[Older]:
    """Yield what pods of a PodNetwork keep. `leases`: of those pods. `former`: its own texts, and those of pools."""
    if not former and not of_pools:
        return
    for lease in leases:
        pool = pools.get(lease.pool)
        if pool is None:
            continue
        own, its = _as_of(former, lease.since, podnetwork), _as_of(of_pools.get(pool.name, ()), lease.since, pool)
        assert isinstance(own, PodNetwork)
        assert isinstance(its, Pool)
        skipped = ("rates",) if _follows(podnetwork, lease) else ()
        for name, had, now in differences(_told(own, its, lease), _told(podnetwork, pool, lease)):
            if name not in skipped:
                yield Older(pod=str(lease.pod), interface=lease.attachment.ifname, field=name, told=had, now=now)


def _as_of(texts: Texts, since: int, now: Pool | PodNetwork) -> Pool | PodNetwork:
    """Return what stood when a lease began."""
    return next((body for body, until in texts if since <= until), now)


def _told(podnetwork: PodNetwork, pool: Pool, lease: Lease) -> Told:
    policy = podnetwork.attachment(lease.attachment.network, lease.attachment.ifname)
    own = policy.settings if policy is not None else Settings()
    settings = replace(own, **{name: _first(own, pool.settings, name) for name in _FIELDS})
    subnet = next((one for one in pool.subnets if lease.address in one.network), None)
    gateways = (subnet.gateway,) if subnet is not None and subnet.gateway is not None else ()
    return said(gateways, (subnet.network.prefixlen,) if subnet is not None else (), settings)


def _first(own: Settings, pool: Settings, name: str) -> object:
    found = getattr(own, name)
    return found if found is not None else getattr(pool, name)


def _follows(podnetwork: PodNetwork, lease: Lease) -> bool:
    """Say whether the interface is a virtual function, whose rates follow a declaration at once."""
    policy = podnetwork.attachment(lease.attachment.network, lease.attachment.ifname)
    return policy is not None and policy.vf is not None
