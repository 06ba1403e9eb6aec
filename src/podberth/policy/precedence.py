"""Which declaration wins, value by value, and where each value came from. Pure: plain values in, `Resolved` out.

The order is docs/policies.md's; `podberth explain` prints the provenance kept here. Whether the pod may have what was
resolved is `authorise`'s business, who holds an address is the ledger's.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from podberth.cni.errors import InvalidConfig, Refused
from podberth.cni.value import fields, replace, value
from podberth.ipam.pool import FOREVER, Pool
from podberth.net.settings import Settings
from podberth.policy.attachment_document import runs
from podberth.policy.podnetwork import choose
from podberth.policy.usable import around, contains

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
_FAMILIES = ((4, "ipv4"), (6, "ipv6"))


@value
class NetworkDefaults:
    """What the network configuration says; `device` is its parent link or bridge, `vf` which VFs will do."""

    pool: str | None = None
    sticky: bool | None = None
    device: str | None = None
    vf: Selector | None = None
    settings: Settings = Settings()


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


@value
class Share:
    """One of these addresses, of one family, whichever no other pod of the owner has."""

    owner: PodRef
    addresses: tuple[Address, ...]

    def __str__(self) -> str:
        spans = (str(first) if first == last else f"{first}-{last}" for first, last in runs(self.addresses))
        return f"one of {', '.join(spans)}"


@value
class Candidate:
    """A value that somebody named: `source` is one of SOURCES, `detail` says which document, pool or network."""

    value: object
    source: str
    detail: str = ""


@value
class Provenance:
    """Where one value came from. `field`: pool, ipv4, ipv6, sticky, retention, device, vf, or a field of Settings.

    A `value` of None was said by nobody; an address None is any of the pool, or the one reserved for the pod's name.
    An address is a `Share` where the pods of a Deployment share some.
    """

    field: str
    value: object
    source: str
    detail: str = ""
    overridden: tuple[Candidate, ...] = ()


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


@value
class _Layer:
    source: str
    detail: str = ""
    pool: str | None = None
    addresses: tuple[Address, ...] = ()
    shares: tuple[Share, ...] = ()
    retention: str | int = FOREVER
    sticky: bool | None = None
    device: str | None = None
    vf: Selector | None = None
    settings: Settings = Settings()

    @property
    def named(self) -> tuple[Address, ...]:
        """Every address it is about."""
        return (*self.addresses, *(address for share in self.shares for address in share.addresses))

    @property
    def who(self) -> str:
        return f"{self.source} {self.detail}".rstrip()


def resolve(question: Question, pools: Pools) -> Resolved:
    """Merge everything said about the interface, field by field, the highest source first.

    Raises Refused (a replica beyond those declared), InvalidConfig (no pool, or a pool or addresses that do not fit).
    """
    asked = _asked(question)
    own = question.defaults
    network = _Layer(
        source=NETWORK,
        detail=question.network,
        pool=own.pool,
        sticky=own.sticky,
        device=own.device,
        vf=own.vf,
        settings=own.settings,
    )
    chosen, pool = _pool((*asked, network), pools, question)
    layers = (*asked, _Layer(source=POOL, detail=pool.name, settings=pool.settings), network)
    families = [_address(version, name, layers, pool) for version, name in _FAMILIES]
    sticky = _first("sticky", [(layer, layer.sticky) for layer in layers], False)
    device = _first("device", [(layer, layer.device) for layer in layers], None)
    vf = _first("vf", [(layer, layer.vf) for layer in layers], None)
    rest = [_first(name, [(layer, getattr(layer.settings, name)) for layer in layers], None) for name in _SETTINGS]
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


def _asked(question: Question) -> tuple[_Layer, ...]:
    """Return what is said of this very interface, without the pool's and the network's defaults."""
    layers: list[_Layer] = []
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
        layers.append(_Layer(source=REQUEST, addresses=question.request.addresses, settings=settings))
    return tuple(layers)


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


def _retention(layers: Sequence[_Layer], sticky: Provenance, pool: Pool) -> Iterator[Provenance]:
    """Yield how long the pod's address stays reserved, if it does: as its declaration says, or as the pool does."""
    declared = next((layer for layer in layers if layer.source in DECLARED and layer.named), None)
    if declared is not None:
        yield Provenance(field="retention", value=declared.retention, source=declared.source, detail=declared.detail)
    elif sticky.value:
        yield Provenance(field="retention", value=pool.sticky_retention, source=POOL, detail=pool.name)


def _layer(source: str, detail: str, policy: AttachmentPolicy, addresses: tuple[Address, ...]) -> _Layer:
    return _Layer(
        source=source,
        detail=detail,
        pool=policy.pool,
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


def _pool(layers: tuple[_Layer, ...], pools: Pools, question: Question) -> tuple[Provenance, Pool]:
    """Choose the pool: named by the highest source that names one, or the one its addresses lie in."""
    named: list[tuple[Candidate, Pool | None]] = []
    for layer in layers:
        if layer.pool is not None:
            named.append((Candidate(value=layer.pool, source=layer.source, detail=layer.detail), None))
        elif layer.named:
            pool = _around(layer, pools) if not named else None
            detail = f"{layer.detail}: {layer.named[0]} lies in it".removeprefix(": ")
            if pool is not None:
                named.append((Candidate(value=pool.name, source=layer.source, detail=detail), pool))
    if not named and question.plain:
        return Provenance(field="pool", value=None, source=BUILT_IN), NO_POOL
    if not named:
        raise InvalidConfig(
            f"pool: nothing names the pool for {question.ifname} of {question.pod or 'the container'}",
            f"set `pool` in the network configuration {question.network}, or in a PodNetwork",
        )
    first, found = named[0]
    pool = found or pools.pool(str(first.value))
    if pool is None:
        raise InvalidConfig(
            f"pool: there is no pool {first.value!r}, which the {first.source} {first.detail} names",
            "create it with `podberth apply` (kind: Pool)",
        )
    overridden = tuple(candidate for candidate, _ in named[1:])
    return Provenance(
        field="pool", value=pool.name, source=first.source, detail=first.detail, overridden=overridden
    ), pool


def _around(layer: _Layer, pools: Pools) -> Pool:
    """Return the one pool that contains the layer's first address."""
    address = layer.named[0]
    found = around(pools.pools(), address)
    if len(found) == 1:
        return found[0]
    which = f"pools {', '.join(p.name for p in found)} contain" if found else "no pool contains"
    raise InvalidConfig(f"pool: {which} {address}, which the {layer.who} names", "name the `pool` beside the address")


def _address(version: int, name: str, layers: tuple[_Layer, ...], pool: Pool) -> Provenance:
    named: list[tuple[_Layer, Address | Share]] = [
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


def _first(field: str, said: Sequence[tuple[_Layer, object]], default: object) -> Provenance:
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
