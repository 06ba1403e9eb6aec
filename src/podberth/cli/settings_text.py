"""Resolved values as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.net.settings import VLAN_PROTOCOLS, Dns, Rates, Route, Vlan

if TYPE_CHECKING:
    from collections.abc import Callable

_SPELLED = {"link_state": "linkState", "anti_spoofing": "antiSpoofing"}


def spelled(field: str) -> str:
    """Return a field's name as documents write it. In JSON it is as release 0.1.0 had it."""
    return _SPELLED.get(field, field)


def text(value: object) -> str:
    """Return a value in a few words; '-' for what nobody said."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(text(member) for member in value) or "none"
    words = _WORDS.get(type(value))
    return words(value) if words is not None else str(value)


def _vlan(vlan: Vlan) -> str:
    proto = f" {vlan.proto}" if vlan.proto != VLAN_PROTOCOLS[0] else ""
    return (str(vlan.id) if vlan.id else "untagged") + (f" priority {vlan.priority}" if vlan.priority else "") + proto


def _rates(rates: Rates) -> str:
    said = (("egress", rates.egress), ("ingress", rates.ingress), ("at least", rates.min_egress))
    return ", ".join(f"{name} {rate} Mbit/s" for name, rate in said if rate) or "unlimited"


def _route(route: Route) -> str:
    numbers = ("mtu", "advmss", "priority", "table", "scope")
    extra = "".join(f" {name} {getattr(route, name)}" for name in numbers if getattr(route, name) is not None)
    return f"{route.dst}" + (f" via {route.gw}" if route.gw is not None else "") + extra


def _dns(dns: Dns) -> str:
    parts = (*dns.nameservers, *(f"domain {dns.domain}" for _ in (0,) if dns.domain))
    return ", ".join((*parts, *(f"search {name}" for name in dns.search), *dns.options)) or "none"


_WORDS: dict[type, Callable[..., str]] = {Vlan: _vlan, Rates: _rates, Route: _route, Dns: _dns}
