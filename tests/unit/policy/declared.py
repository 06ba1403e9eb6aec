"""Short ways to write declarations, for the tests of this folder."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from podberth.cni.value import replace
from podberth.ipam.pool import Grant, Pool, Span, Subnet
from podberth.net.settings import Settings
from podberth.policy.podnetwork import AttachmentPolicy, Ordinals, PodNetwork, compact

if TYPE_CHECKING:
    from podberth.net.ops import Address


def ip(text: str) -> Address:
    return ip_address(text)


def span(text: str) -> Span:
    first, _, last = text.partition("-")
    return Span(first=ip(first), last=ip(last or first))


def subnet(network: str, *, gateway: str = "", ranges: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> Subnet:
    return Subnet(
        network=ip_network(network),
        gateway=ip(gateway) if gateway else None,
        ranges=tuple(span(text) for text in ranges),
        exclude=tuple(span(text) for text in exclude),
    )


def pool(name: str, *subnets: Subnet | str, grants: tuple[Grant, ...] = (), settings: Settings | None = None) -> Pool:
    made = tuple(subnet(s) if isinstance(s, str) else s for s in subnets)
    return Pool(name=name, subnets=made, grants=grants, settings=settings or Settings())


def attachment(
    *addresses: str, ifname: str = "eth0", network: str | None = None, pool: str | None = None, **rest: object
) -> AttachmentPolicy:
    policy = AttachmentPolicy(ifname=ifname, network=network, pool=pool, addresses=tuple(ip(a) for a in addresses))
    return replace(policy, **rest)


def for_pod(pod: str, *attachments: AttachmentPolicy, name: str = "", namespace: str = "db") -> PodNetwork:
    return PodNetwork(namespace=namespace, name=name or pod, pod=pod, attachments=attachments)


def for_set(name: str, *attachments: AttachmentPolicy, namespace: str = "db", document: str = "") -> PodNetwork:
    return PodNetwork(namespace=namespace, name=document or name, stateful_set=name, attachments=attachments)


def for_deployment(name: str, *attachments: AttachmentPolicy, namespace: str = "db", document: str = "") -> PodNetwork:
    return PodNetwork(namespace=namespace, name=document or name, deployment=name, attachments=attachments)


def shared(*addresses: str, ifname: str = "eth0", pool: str | None = "db") -> AttachmentPolicy:
    return attachment(ifname=ifname, pool=pool, shared=tuple(ip(a) for a in addresses))


def ordinals(*addresses: str, start: int = 0) -> Ordinals:
    return Ordinals(start=start, addresses=compact(tuple(ip(a) for a in addresses)))


class Pools:
    """The pools in force, by name."""

    def __init__(self, *pools: Pool) -> None:
        self._pools = {pool.name: pool for pool in pools}

    def pool(self, name: str) -> Pool | None:
        return self._pools.get(name)

    def pools(self) -> tuple[Pool, ...]:
        return tuple(self._pools.values())
