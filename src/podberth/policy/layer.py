"""What one source says of an interface, where a value came from, which pools are named. Pure; see `precedence`."""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig
from podberth.cni.value import value
from podberth.ipam.pool import FOREVER
from podberth.net.settings import Settings
from podberth.policy.attachment_document import runs
from podberth.policy.usable import around

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cni.pod import PodRef
    from podberth.ipam.pool import Pool
    from podberth.net.ops import Address
    from podberth.net.vf import Selector
    from podberth.policy.precedence import Pools


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
class Layer:
    """What one source says. `pools`: those that it names, in its order of preference."""

    source: str
    detail: str = ""
    pools: tuple[str, ...] = ()
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
        """The source and the document, in words."""
        return f"{self.source} {self.detail}".rstrip()


@value
class Choices:
    """The pools that the highest source names, in order of preference; what others name is overridden."""

    names: tuple[str, ...]
    source: str
    detail: str
    overridden: tuple[Candidate, ...]


def choices(layers: Sequence[Layer], pools: Pools, plain: bool, about: tuple[str, str]) -> Choices | None:
    """Return which pools are named, or the one that the highest source's addresses lie in; None if none is needed.

    `about`: whose pool is sought, and the name of its network. InvalidConfig if nothing names one.
    """
    named: list[tuple[tuple[str, ...], Candidate]] = []
    for layer in layers:
        if layer.pools:
            said = ", ".join(layer.pools)
            named.append((layer.pools, Candidate(value=said, source=layer.source, detail=layer.detail)))
        elif layer.named and not named:
            name, detail = _around(layer, pools).name, f"{layer.detail}: {layer.named[0]} lies in it".removeprefix(": ")
            named.append(((name,), Candidate(value=name, source=layer.source, detail=detail)))
    if not named and plain:
        return None
    if not named:
        raise InvalidConfig(
            f"pool: nothing names the pool for {about[0]}",
            f"set `pool` in the network configuration {about[1]}, or in a PodNetwork",
        )
    names, first = named[0]
    overridden = tuple(candidate for _, candidate in named[1:])
    return Choices(names=names, source=first.source, detail=first.detail, overridden=overridden)


def _around(layer: Layer, pools: Pools) -> Pool:
    """Return the one pool that contains the layer's first address."""
    address = layer.named[0]
    found = around(pools.pools(), address)
    if len(found) == 1:
        return found[0]
    which = f"pools {', '.join(p.name for p in found)} contain" if found else "no pool contains"
    raise InvalidConfig(f"pool: {which} {address}, which the {layer.who} names", "name the `pool` beside the address")
