"""What a pod was told when its interface was made, as text by name: what a later declaration can't change any more."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from podberth.cni.result import Dns, Route
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Address
    from podberth.net.settings import Rates, Settings

    Told: TypeAlias = tuple[tuple[str, str], ...]  # empty: not known

NOTHING = "-"


def told(end: Endpoint) -> Told:
    """Return what the pod at this end is told: gateways, prefix lengths, routes, DNS, MTU, rates."""
    gateways = tuple(gateway for gateway in end.gateways if gateway is not None)
    return said(gateways, tuple(address.network.prefixlen for address in end.addresses), end.settings)


def said(gateways: tuple[Address, ...], prefixes: tuple[int, ...], settings: Settings) -> Told:
    """Return the same of its parts."""
    return (
        ("gateway", _joined(gateways)),
        ("prefix", _joined(f"/{length}" for length in prefixes)),
        ("routes", _joined(map(_route, settings.routes or ()))),
        ("dns", _dns(settings.dns)),
        ("mtu", NOTHING if settings.mtu is None else str(settings.mtu)),
        ("rates", _rates(settings.rates)),
    )


def differences(before: Told, now: Told) -> tuple[tuple[str, str, str], ...]:
    """Return what is told otherwise now: its name, the text of then and the one of now; what is not known is none."""
    known = dict(before)
    return tuple((name, known[name], text) for name, text in now if name in known and known[name] != text)


def _joined(parts: object) -> str:
    return ", ".join(map(str, parts)) or NOTHING  # type: ignore[call-overload]


def _route(route: Route) -> str:
    names = ("mtu", "advmss", "priority", "table", "scope")
    more = "".join(f" {name} {getattr(route, name)}" for name in names if getattr(route, name) is not None)
    return f"{route.dst}" + (f" via {route.gw}" if route.gw is not None else "") + more


def _dns(dns: Dns | None) -> str:
    if dns is None:
        return NOTHING
    domain = (f"domain {dns.domain}",) if dns.domain else ()
    return _joined((*dns.nameservers, *domain, *(f"search {name}" for name in dns.search), *dns.options))


def _rates(rates: Rates | None) -> str:
    if rates is None:
        return NOTHING
    said = (("egress", rates.egress), ("ingress", rates.ingress), ("at least", rates.min_egress))
    return _joined(f"{name} {rate} Mbit/s" for name, rate in said if rate)
