"""The addresses that an application keeps, as a firewall's ticket needs them: by name, with pool and VLAN.

The list has no time in it: two lists are alike as long as the addresses are.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING, Annotated

from podberth.desk.form import LEFT_OUT, Address, Answer, Pod, Spelled, row
from podberth.desk.leases import no_pool
from podberth.desk.rows import NOT_IN_FORCE, Waiting
from podberth.desk.unknown import NotFound
from podberth.ipam.owner import deployment_of, is_deployment, of_deployment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from podberth.cni.pod import PodRef
    from podberth.ipam.lease import Reservation
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Network
    from podberth.policy.podnetwork import PodNetwork
    from podberth.verbs.node import Node


@row
class Kept:
    """An address that is kept for a pod's name, or a Deployment's. `vlan` is null where no Pool or PodNetwork says."""

    address: Address
    pod: Pod
    ifname: str
    pool: str
    vlan: int | None
    origin: str


@row
class Prefix:
    """Addresses of one pool and VLAN that are together a whole prefix, and none besides."""

    prefix: Annotated[IPv4Network | IPv6Network, Spelled(str, {"type": "string"})]
    pool: str
    vlan: int | None
    addresses: int


@row
class Changing:
    """An address that a pod has now, and that nothing keeps for it: its next start may bring another."""

    address: Address
    pod: Pod
    ifname: str
    pool: str


@row
class Addresses(Answer):
    """The addresses that are kept, in their order; the same as prefixes; and those in use that may change."""

    SCHEMA = "addresses/1"
    app: str | None
    namespace: str | None
    items: tuple[Kept, ...]
    prefixes: tuple[Prefix, ...]
    changing: Annotated[tuple[Changing, ...], LEFT_OUT] = ()
    waiting: NOT_IN_FORCE = ()


def addresses(
    node: Node, *, app: str | None = None, namespace: str | None = None, pool: str | None = None
) -> Addresses:
    """Return what is kept for an application: a pod, StatefulSet, Deployment or PodNetwork of that name; None: for all.

    NotFound if there is no such pool, or if nothing is kept for the application and nothing of it runs.
    """
    pools = {one.name: one for one in node.policies.pools()}
    if pool is not None and pool not in pools:
        raise no_pool(pool)
    documents = node.policies.pod_networks(namespace)

    def is_asked(whose: PodRef | None, its_pool: str) -> bool:
        return (
            whose is not None
            and namespace in (None, whose.namespace)
            and pool in (None, its_pool)
            and (
                app is None or is_of(whose, app) or any(one.name == app and _speaks_of(one, whose) for one in documents)
            )
        )

    found = node.ledger.reservations(pool=pool)
    kept = tuple(_kept(one, documents, pools) for one in found if is_asked(one.pod, one.pool))
    fixed = {one.address for one in found}
    leases = [one for one in node.ledger.leases(pool=pool) if one.address not in fixed and is_asked(one.pod, one.pool)]
    waiting = tuple(Waiting.of(one) for one in node.policies.waiting() if _is_about(one.document, app, namespace))
    if app is not None and not kept and not leases and not waiting:
        where = f" in namespace {namespace}" if namespace is not None else ""
        hint = "the name is that of a pod, StatefulSet, Deployment or PodNetwork; `podberth get reservations` lists all"
        raise NotFound(f"no address is kept for {app}{where}", hint)
    return Addresses(
        app=app,
        namespace=namespace,
        items=kept,
        prefixes=tuple(prefixes(kept)),
        changing=tuple(
            Changing(address=one.address, pod=one.pod, ifname=one.attachment.ifname, pool=one.pool)
            for one in leases
            if one.pod is not None
        ),
        waiting=waiting,
    )


def is_of(whose: PodRef, app: str) -> bool:
    """Say whether a pod is of the application by its name, StatefulSet or Deployment; or is that Deployment itself."""
    head, _, number = whose.name.rpartition("-")
    replica = head == app and number.isascii() and number.isdecimal()
    deployment = whose if is_deployment(whose) else deployment_of(whose)
    return replica or whose.name == app or deployment == of_deployment(whose.namespace, app)


def prefixes(kept: Iterable[Kept]) -> Iterator[Prefix]:
    """Yield the fewest prefixes that have these addresses and no other, each of one pool and one VLAN."""
    groups: dict[tuple[int, str, int | None], list[Network]] = {}
    for one in kept:
        group = groups.setdefault((one.address.version, one.pool, one.vlan), [])
        group.append(ip_network((one.address, one.address.max_prefixlen)))
    made = [
        Prefix(prefix=prefix, pool=pool, vlan=vlan, addresses=prefix.num_addresses)
        for (_, pool, vlan), members in groups.items()
        for prefix in collapse_addresses(members)  # type: ignore[type-var]
    ]
    yield from sorted(made, key=lambda one: (one.prefix.version, int(one.prefix.network_address)))


def _kept(of: Reservation, documents: Sequence[PodNetwork], pools: Mapping[str, Pool]) -> Kept:
    return Kept(
        address=of.address, pod=of.pod, ifname=of.ifname, pool=of.pool, origin=of.origin,
        vlan=_vlan(of, documents, pools.get(of.pool)),
    )  # fmt: skip


def _vlan(of: Reservation, documents: Sequence[PodNetwork], pool: Pool | None) -> int | None:
    """Return the VLAN: a pod's own PodNetwork goes before its StatefulSet's, and that before the pool."""
    speaking = sorted((one for one in documents if _speaks_of(one, of.pod)), key=lambda one: one.pod is None)
    said = [
        policy.settings.vlan
        for one in speaking
        for policy in one.attachments
        if policy.ifname == of.ifname and policy.settings.vlan is not None
    ]
    if not said and pool is not None and pool.settings.vlan is not None:
        said.append(pool.settings.vlan)
    return said[0].id if said else None


def _speaks_of(document: PodNetwork, whose: PodRef) -> bool:
    return document.namespace == whose.namespace and (document.owner == whose or document.is_for(whose))


def _is_about(document: str, app: str | None, namespace: str | None) -> bool:
    """Say whether a document that waits, 'PodNetwork bank/mysql', is the application's."""
    kind, _, name = document.partition(" ")
    own, _, bare = name.partition("/")
    return kind == "PodNetwork" and app in (None, bare) and namespace in (None, own)
