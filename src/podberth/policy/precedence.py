"""Which declaration wins, value by value, and where each value came from. Pure: plain values in, `Resolved` out.

The order is docs/policies.md's; `podberth explain` prints the provenance kept here. Whether the pod may have what was
resolved is `authorise`'s business, who holds an address is the ledger's.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from podberth.cni.errors import InvalidConfig, Refused
from podberth.cni.value import fields, replace, value
from podberth.ipam.pool import Pool
from podberth.net.settings import Settings
from podberth.policy.layer import Candidate, Layer, Provenance, Share, choices
from podberth.policy.podnetwork import choose
from podberth.policy.usable import contains

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Protocol

    from podberth.cni.ipam_claim import IpamClaim
    from podberth.cni.pod import PodRef
    from podberth.net.ops import Address
    from podberth.net.vf import Selector
    from podberth.policy.claimed import OfClaim
    from podberth.policy.podnetwork import AttachmentPolicy, PodNetwork

    class Pools(Protocol):
        """Where pools are looked up; `policy.store.Policies` is one."""

        def pool(self, name: str) -> Pool | None:
            """Return the pool of that name."""
            ...

        def pools(self) -> tuple[Pool, ...]:
            """Return every pool."""
            ...


POD = "PodNetwork (pod)"
STATEFUL_SET = "PodNetwork (StatefulSet)"
DEPLOYMENT = "PodNetwork (Deployment)"
ANNOTATION = "pod annotation"
REQUEST = "runtime request"
POOL = "pool"
NETWORK = "network configuration"
BUILT_IN = "built-in default"
DECLARED = (POD, STATEFUL_SET, DEPLOYMENT)
SOURCES = (*DECLARED, ANNOTATION, REQUEST, POOL, NETWORK, BUILT_IN)  # highest first
BY_THE_POD = (ANNOTATION, REQUEST)  # what a pod, or whoever starts it, asks for itself

NO_POOL = Pool(name="", subnets=())
_SETTINGS = tuple(name for name, _ in fields(Settings))
_SAYS_NOTHING = Settings()
_FAMILIES = ((4, "ipv4"), (6, "ipv6"))


@value
class NetworkDefaults:
    """What the network configuration says; `device` is its parent link or bridge, `vf` which VFs will do.

    `pools`: instead of one pool several, in order of preference.
    """

    pool: str | None = None
    pools: tuple[str, ...] = ()
    sticky: bool | None = None
    device: str | None = None
    vf: Selector | None = None
    settings: Settings = Settings()

    @property
    def preferred(self) -> tuple[str, ...]:
        """The pools that it names, in its order of preference."""
        return (self.pool,) if self.pool is not None else self.pools


@value
class RuntimeRequest:
    """What came with the call: runtimeConfig.ips and .mac, args.cni.ips, CNI_ARGS IP and MAC."""

    addresses: tuple[Address, ...] = ()
    mac: str | None = None


@value
class Question:
    """What is `pod` to get as `ifname` on `network`? `declared`: as the store found it, `annotation`: its own.

    `plain`: it may have no address of any pool; what it has then is `NO_POOL`'s.
    `lone_name`: the name of a pod whose namespace nobody has said; `pod` is None then.
    `claim`: the IPAMClaim that the pod refers to for this interface.
    `only`: of several pools that are named in order of preference, the one that is asked about; '' for the first.
    """

    pod: PodRef | None
    network: str
    ifname: str
    declared: tuple[PodNetwork, ...] = ()
    annotation: tuple[AttachmentPolicy, ...] = ()
    request: RuntimeRequest = RuntimeRequest()
    defaults: NetworkDefaults = NetworkDefaults()
    plain: bool = False
    lone_name: str = ""
    claim: IpamClaim | None = None
    only: str = ""


@value
class Resolved:
    """What the interface is to have. `declared`: a PodNetwork speaks of it. `addresses`: those somebody named.

    `shares`: for a family each, those that the pod's Deployment has. `without_default`: IP versions in which no default
    route follows from the pool, since another interface of the pod has one. `claim`: whose addresses they are, if that
    is an IPAMClaim.
    """

    pool: Pool
    addresses: tuple[Address, ...]
    shares: tuple[Share, ...]
    sticky: bool
    device: str | None
    vf: Selector | None
    settings: Settings
    declared: bool
    provenance: tuple[Provenance, ...]
    without_default: frozenset[int] = frozenset()
    claim: OfClaim | None = None

    def origin(self, field: str) -> Provenance:
        """Return where the field came from."""
        return next(p for p in self.provenance if p.field == field)


def resolve(question: Question, pools: Pools) -> Resolved:
    """Merge everything said about the interface, field by field, the highest source first.

    Raises Refused (a replica beyond those declared), InvalidConfig (no pool, or a pool or addresses that do not fit).
    """
    asked = _asked(question)
    network = _network(question)
    chosen, pool = _chosen((*asked, network), pools, question)
    layers = (*asked, Layer(source=POOL, detail=pool.name, settings=pool.settings), network)
    families = [_address(version, name, layers, pool) for version, name in _FAMILIES]
    sticky = _first("sticky", [(layer, layer.sticky) for layer in layers], False)
    device = _first("device", [(layer, layer.device) for layer in layers], None)
    vf = _first("vf", [(layer, layer.vf) for layer in layers], None)
    rest = _of_settings([layer for layer in layers if layer.settings != _SAYS_NOTHING])
    return Resolved(
        pool=pool,
        addresses=tuple(p.value for p in families if isinstance(p.value, IPv4Address | IPv6Address)),
        shares=tuple(p.value for p in families if isinstance(p.value, Share)),
        sticky=bool(sticky.value),
        device=device.value if isinstance(device.value, str) else None,
        vf=vf.value,  # type: ignore[arg-type]
        settings=Settings(**{p.field: p.value for p in rest}),  # type: ignore[arg-type]
        declared=any(layer.source in DECLARED for layer in asked),
        provenance=(
            chosen,
            *(p for p in families if p.source),
            sticky,
            *_retention(layers, sticky, pool),
            device,
            vf,
            *rest,
        ),
        claim=_claim(question, families, pool),
    )


def _claim(question: Question, families: Sequence[Provenance], pool: Pool) -> OfClaim | None:
    if question.claim is None:
        return None
    from podberth.policy.claimed import of_claim

    return of_claim(question, question.claim, families, pool)


def _asked(question: Question) -> tuple[Layer, ...]:
    """Return what is said of this very interface, without the pool's and the network's defaults."""
    layers: list[Layer] = []
    for source in DECLARED:
        for document in question.declared:
            policy = document.attachment(question.network, question.ifname)
            if policy is None or question.pod is None or _source(document) != source:
                continue
            addresses = document.addresses_of(policy, question.pod)
            _check_ordinals(document, policy, question.pod, (*(a for y in layers for a in y.addresses), *addresses))
            detail = f"{document.namespace}/{document.name}" + (f" ({document.source})" if document.source else "")
            layer = _layer(source, detail, policy, addresses)
            layers.append(replace(layer, shares=_shares(document, policy), retention=document.retention))
    wish = choose(question.annotation, question.network, question.ifname)
    if wish is not None:
        layers.append(_layer(ANNOTATION, str(question.pod or ""), wish, wish.addresses))
    if question.request != RuntimeRequest():
        settings = Settings(mac=question.request.mac)
        layers.append(Layer(source=REQUEST, addresses=question.request.addresses, settings=settings))
    return tuple(layers)


def has_choice(question: Question) -> bool:
    """Say whether somebody names several pools, in order of preference."""
    policies = (*(policy for document in question.declared for policy in document.attachments), *question.annotation)
    return bool(question.defaults.pools) or any(policy.pools for policy in policies)


def named_pools(question: Question, pools: Pools) -> tuple[str, ...]:
    """Return the pools that may serve the interface, in order of preference. InvalidConfig if nothing names one.

    Empty where none is needed. Of several that are named, only those count that have the addresses somebody names.
    """
    layers = (*_asked(question), _network(question))
    found = choices(layers, pools, question.plain, _about(question))
    if found is None:
        return ()
    named = tuple(address for layer in layers for address in layer.named)
    fitting = tuple(name for name in found.names if _has_all(pools.pool(name), named))
    return fitting if len(found.names) > 1 and named and fitting else found.names


def _has_all(pool: Pool | None, addresses: Sequence[Address]) -> bool:
    return pool is not None and all(contains(pool, address) for address in addresses)


def _network(question: Question) -> Layer:
    own = question.defaults
    return Layer(
        source=NETWORK,
        detail=question.network,
        pools=own.preferred,
        sticky=own.sticky,
        device=own.device,
        vf=own.vf,
        settings=own.settings,
    )


def _about(question: Question) -> tuple[str, str]:
    """Return whose pool is sought, and the name of its network."""
    return f"{question.ifname} of {question.pod or 'the container'}", question.network


def _chosen(layers: tuple[Layer, ...], pools: Pools, question: Question) -> tuple[Provenance, Pool]:
    """Choose the pool: named by the highest source that names one, or the one its addresses lie in."""
    found = choices(layers, pools, question.plain, _about(question))
    if found is None:
        return Provenance(field="pool", value=None, source=BUILT_IN), NO_POOL
    name = question.only or found.names[0]
    pool = pools.pool(name)
    if pool is None:
        raise InvalidConfig(
            f"pool: there is no pool {name!r}, which the {found.source} {found.detail} names",
            "create it with `podberth apply` (kind: Pool)",
        )
    detail = found.detail
    if len(found.names) > 1:
        detail = f"{detail}: {found.names.index(name) + 1} of {', '.join(found.names)}".removeprefix(": ")
    return Provenance(
        field="pool", value=pool.name, source=found.source, detail=detail, overridden=found.overridden
    ), pool


def _source(document: PodNetwork) -> str:
    if document.pod is not None:
        return POD
    return STATEFUL_SET if document.stateful_set is not None else DEPLOYMENT


def _shares(document: PodNetwork, policy: AttachmentPolicy) -> tuple[Share, ...]:
    owner = document.owner
    if owner is None:
        return ()
    families = (tuple(a for a in policy.shared if a.version == version) for version, _ in _FAMILIES)
    return tuple(Share(owner=owner, addresses=addresses) for addresses in families if addresses)


def _retention(layers: Sequence[Layer], sticky: Provenance, pool: Pool) -> Iterator[Provenance]:
    """Yield how long the pod's address stays reserved, if it does: as its declaration says, or as the pool does."""
    declared = next((layer for layer in layers if layer.source in DECLARED and layer.named), None)
    if declared is not None:
        yield Provenance(field="retention", value=declared.retention, source=declared.source, detail=declared.detail)
    elif sticky.value:
        yield Provenance(field="retention", value=pool.sticky_retention, source=POOL, detail=pool.name)


def _layer(source: str, detail: str, policy: AttachmentPolicy, addresses: tuple[Address, ...]) -> Layer:
    return Layer(
        source=source,
        detail=detail,
        pools=policy.preferred,
        addresses=addresses,
        sticky=policy.sticky,
        device=policy.device,
        vf=policy.vf,
        settings=policy.settings,
    )


def _check_ordinals(
    document: PodNetwork, policy: AttachmentPolicy, pod: PodRef, addresses: tuple[Address, ...]
) -> None:
    """Refuse a replica beyond those whose addresses are declared, unless its own PodNetwork gives it one."""
    known = {address.version for address in addresses}
    for ordinals in policy.ordinals:
        version = ordinals.addresses[0].version
        if version not in known:
            last = ordinals.start + len(ordinals.addresses) - 1
            raise Refused(
                f"{document} declares IPv{version} addresses of {policy.ifname} for ordinals {ordinals.start} to {last}"
                f" of StatefulSet {document.stateful_set}, none for {pod}",
                f"extend its `list` or `range` (with `base`: raise `replicas`) to ordinal {document.ordinal(pod)} and "
                "apply it again",
            )


def _address(version: int, name: str, layers: tuple[Layer, ...], pool: Pool) -> Provenance:
    named: list[tuple[Layer, Address | Share]] = [
        (layer, said)
        for layer in layers
        for said, sample in (
            *((address, address) for address in layer.addresses),
            *((share, share.addresses[0]) for share in layer.shares),
        )
        if sample.version == version
    ]
    if not named:
        known = version in pool.families
        detail = f"any of {pool.name}, or the one reserved for the pod's name"
        return Provenance(field=name, value=None, source=POOL if known else "", detail=detail)
    layer, address = named[0]
    second = next((other for source, other in named[1:] if source is layer and other != address), None)
    if second is not None:
        raise InvalidConfig(
            f"addresses: the {layer.who} names {address} and {second}",
            "an interface has one address of each family",
        )
    outside = next((a for a in _members(address) if not contains(pool, a)), None)
    if outside is not None:
        raise InvalidConfig(
            f"addresses: {outside}, which the {layer.who} names, is not in pool {pool.name}",
            "name the pool the address lies in beside it, or extend the pool",
        )
    return _first(name, named, None)


def _members(said: Address | Share) -> tuple[Address, ...]:
    return said.addresses if isinstance(said, Share) else (said,)


def _of_settings(speaking: Sequence[Layer]) -> Sequence[Provenance]:
    """Return where each field of the settings comes from, by the layers that have any."""
    if not speaking:
        return _UNSAID
    return [_first(name, [(layer, getattr(layer.settings, name)) for layer in speaking], None) for name in _SETTINGS]


def _first(field: str, said: Sequence[tuple[Layer, object]], default: object) -> Provenance:
    """Take the first value that is not None and keep the others as overridden."""
    named = [
        Candidate(value=what, source=layer.source, detail=layer.detail) for layer, what in said if what is not None
    ]
    if not named:
        return Provenance(field=field, value=default, source=BUILT_IN)
    first = named[0]
    return Provenance(
        field=field, value=first.value, source=first.source, detail=first.detail, overridden=tuple(named[1:])
    )


_UNSAID = tuple(_first(name, (), None) for name in _SETTINGS)
