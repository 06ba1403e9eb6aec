"""The pod's end of an attachment, fully decided: what a plugin plans for. Nothing in it is left to look up. Pure."""

from __future__ import annotations

from podberth.cni.value import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podberth.cni.pod import Attachment
    from podberth.cni.result import Route
    from podberth.net.ops import Address, Interface
    from podberth.net.settings import Settings
    from podberth.net.vf import Selector


@value
class Probing:
    """How an address is asked for on the wire before it is bound: `probes` questions, `interval_ms` apart.

    `versions`: of which IP versions. Addresses of others are bound unasked.
    """

    probes: int
    interval_ms: int
    versions: tuple[int, ...] = (4, 6)


@value
class Endpoint:
    """`settings.routes` are final: the pool's gateway is a default route already, unless another interface
    of the pod has one. `device` overrides the parent.

    `gateways` has for each address that of its subnet, None without one. `functions`: which virtual functions will do,
    if somebody has said that. `told`: the routes as the result has them, where it is not `settings.routes`.
    `asking`: how the gateways are asked for on the wire, None if they are not. `on_link`: a gateway that is outside of
    the subnets is on the link all the same. `standby`: another has the addresses, and nothing is to leave by the link
    until they are moved here (`net.standby`).
    """

    attachment: Attachment
    netns: str
    addresses: tuple[Interface, ...]
    gateways: tuple[Address | None, ...]
    settings: Settings
    device: str | None = None
    probing: Probing | None = None
    asking: Probing | None = None
    functions: Selector | None = None
    told: tuple[Route, ...] | None = None
    on_link: bool = False
    standby: bool = False


def first_gateways(gateways: Sequence[Address | None]) -> dict[int, Address]:
    """Return by IP version the first of the gateways."""
    return {gateway.version: gateway for gateway in reversed(gateways) if gateway is not None}


def by_gateways(routes: Iterable[Route], gateways: Mapping[int, Address | None]) -> tuple[Route, ...]:
    """Return the routes, each that names no gateway with that of its IP version (SPEC.md section 5: "routes", gw).

    One with a scope is on the link, and so is one by no address at all, as the CNI project's dhcp has it.
    """
    return tuple(_by_gateway(route, gateways.get(route.dst.version)) for route in routes)


def _by_gateway(route: Route, gateway: Address | None) -> Route:
    if route.gw is not None and route.gw.is_unspecified:
        return replace(route, gw=None)
    return route if route.gw is not None or route.scope is not None else replace(route, gw=gateway)
