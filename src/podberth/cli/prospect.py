"""What a pod would get if it started now: what is said about its interface, the addresses it leads to. Only reads."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from podberth.cni import strictjson
from podberth.cni.args import Args
from podberth.cni.call import Call, Verb
from podberth.cni.errors import AddressTaken, CniError, InvalidConfig, PoolExhausted
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.cni.pod import Attachment
from podberth.cni.value import replace
from podberth.ipam.extents import offered, subtract
from podberth.ipam.refusals import same, set_exhausted
from podberth.policy.precedence import NetworkDefaults, Question, resolve
from podberth.verbs.devices import candidates, choice
from podberth.verbs.network import Network, Role, decide, question, read_network
from podberth.verbs.wish import endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.cni.pod import PodRef
    from podberth.ipam.pool import Pool
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Address
    from podberth.policy.precedence import Resolved, Share
    from podberth.verbs.node import Node, Plugin

IPAM = "podberth"
ANY = "any free address, for example this one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An address the pod would get, and why this one."""

    address: Address
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """`refusal`: the error an ADD would end with, None if it would not; `addresses` is then what it would bind."""

    pod: PodRef
    ifname: str
    network: Network
    resolved: Resolved
    addresses: tuple[Expected, ...] = ()
    refusal: CniError | None = None


def read(conf: bytes, find: Callable[[str], Plugin]) -> tuple[Network, NetConf, Plugin]:
    """Read a network configuration as an ADD would; one of another plugin's type may ask podberth for addresses."""
    parsed = NetConf.parse(Fields(strictjson.loads(conf, "--config", InvalidConfig)))
    try:
        plugin = find(parsed.type)
    except InvalidConfig:
        plugin = find(IPAM)
    return read_network(parsed, plugin), parsed, plugin


def interfaces(node: Node, pod: PodRef, network: str | None) -> tuple[tuple[str, str], ...]:
    """Return (ifname, network) of everything declared or reserved for the pod; eth0 if there is nothing."""
    declared = [
        (policy.ifname, network or policy.network or "")
        for document in node.policies.find(pod)
        for policy in document.attachments
        if network is None or policy.network in (None, network)
    ]
    known = {ifname for ifname, _ in declared}
    kept = [(r.ifname, network or "") for r in node.ledger.reservations(pod=pod) if r.ifname not in known]
    return tuple(dict.fromkeys((*declared, *kept))) or (("eth0", network or ""),)


def foresee(node: Node, pod: PodRef, ifname: str, network: Network, conf: NetConf | None) -> Prospect:
    """Resolve everything said about the interface. Raises what keeps it from being resolved at all."""
    asked = _question(node, pod, ifname, network, conf)
    resolved = resolve(asked, node.policies)
    try:
        decide(network, asked, node.policies, node.ledger)
        addresses = tuple(_expect(node, pod, ifname, resolved, family) for family in resolved.pool.families)
    except CniError as refusal:
        return Prospect(pod=pod, ifname=ifname, network=network, resolved=resolved, refusal=refusal)
    return Prospect(pod=pod, ifname=ifname, network=network, resolved=resolved, addresses=addresses)


def with_function(node: Node, found: Prospect, conf: NetConf, end: Endpoint) -> Endpoint:
    """Return the endpoint with the function it would get now, where the network gives any. NoFreeDevice if none is."""
    call = Call(verb=Verb.ADD, conf=conf, ifname=found.ifname, pod_args=Args(pod=found.pod))
    chosen = choice(found.network, call, found.resolved)
    return end if chosen is None else replace(end, vf=candidates(node, chosen)[0])


def unnamed(name: str) -> Network:
    """Return a network of which nothing is known but its name."""
    return Network(name=name, role=Role.MAKE, kind=None, defaults=NetworkDefaults())


def effective(found: Prospect) -> dict[str, object]:
    """Return the settings that follow from the addresses too: the MAC, and the routes. Empty if an ADD is refused."""
    if found.refusal is not None:
        return {}
    attachment = Attachment(network=found.network.name, container_id="", ifname=found.ifname)
    settings = endpoint(found.resolved, attachment, "", [e.address for e in found.addresses]).settings
    return {"mac": settings.mac, "routes": settings.routes}


def _question(node: Node, pod: PodRef, ifname: str, network: Network, conf: NetConf | None) -> Question:
    if conf is None:
        return Question(pod=pod, network=network.name, ifname=ifname, declared=node.policies.find(pod))
    call = Call(verb=Verb.ADD, conf=conf, ifname=ifname, pod_args=Args(pod=pod))
    return question(network, call, node.policies)


def _expect(node: Node, pod: PodRef, ifname: str, resolved: Resolved, family: int) -> Expected:
    """Return the address an ADD would bind now: the one named, the one kept for the pod's name, or one that is free."""
    pool = resolved.pool
    named = next((address for address in resolved.addresses if address.version == family), None)
    if named is not None:
        _check_holder(node, pod, named)
        return Expected(address=named, why=resolved.origin(f"ipv{family}").source)
    share = next((share for share in resolved.shares if share.addresses[0].version == family), None)
    if share is not None:
        return _of_share(node, pod, ifname, share, pool)
    for kept in node.ledger.reservations(pod=pod):
        if (kept.ifname, kept.pool, kept.address.version) == (ifname, pool.name, family):
            return Expected(address=kept.address, why=f"reserved for the pod's name ({kept.origin})")
    return Expected(address=_free(node, pool, family), why=ANY)


def _of_share(node: Node, pod: PodRef, ifname: str, share: Share, pool: Pool) -> Expected:
    """Return the one of its Deployment's addresses that the pod has, or one that no pod has."""
    bound = {lease.address: lease for lease in node.ledger.leases(pool=pool.name) if lease.address in share.addresses}
    for lease in bound.values():
        if same(lease.pod, pod) and lease.attachment.ifname == ifname:
            return Expected(address=lease.address, why="the pod has it")
    free = [address for address in share.addresses if address not in bound]
    if not free:
        family = share.addresses[0].version
        raise set_exhausted(share.owner, pool.name, family, tuple(bound.values()), pod)
    return Expected(address=free[0], why=f"{len(free)} of {len(share.addresses)} are free, for example this one")


def _check_holder(node: Node, pod: PodRef, address: Address) -> None:
    holding = node.ledger.who(address)
    for what, other in (
        ("reserved for", holding.reserved_for),
        ("leased by", holding.pod if holding.bound_to else None),
    ):
        if other is not None and str(other) != str(pod):
            raise AddressTaken(f"{address} is {what} {other}", f"`podberth who {address}` has more")


def _free(node: Node, pool: Pool, family: int) -> Address:
    """Return the lowest address that nobody has; the store may choose another, as the pool's `allocation` says."""
    taken = [int(lease.address) for lease in node.ledger.leases(pool=pool.name) if lease.address.version == family]
    taken += [int(r.address) for r in node.ledger.reservations(pool=pool.name) if r.address.version == family]
    rest = subtract(offered(pool, family), [(number, number) for number in taken])
    if not rest:
        raise PoolExhausted(f"pool {pool.name} has no free IPv{family} address", "`podberth pool` shows its usage")
    return IPv4Address(rest[0][0]) if family == 4 else IPv6Address(rest[0][0])
