"""An interface's settings in the document form that pools, PodNetworks and network configurations share. No I/O."""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.fields import shown
from podberth.cni.keys import ANY, BOOLEAN, LIST, NUMBER, OBJECT, TEXT, Key
from podberth.cni.result import Dns, Route, encode_dns
from podberth.net.settings import LINK_STATES, VLAN_PROTOCOLS, Rates, Settings, Vlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from podberth.cni.fields import Fields

    T = TypeVar("T")

FROM_ADDRESS = "fromAddress"
MAX_RATE = 1_000_000  # Mbit/s
_ROUTE_KEYS = ("dst", "gw", "mtu", "advmss", "priority", "table", "scope")


def _mac(raw: object) -> str:
    return FROM_ADDRESS if raw == FROM_ADDRESS else _literal_mac(raw)


MAC = Key(name="mac", kind=TEXT, read=_mac, what="The MAC, or `fromAddress`: 02:50 and the IPv4 address.")
# RFC 791: every link carries 68 bytes.
MTU = Key(name="mtu", kind=NUMBER, read=parsers.integer(68, 65535), what="Bytes of a packet, at most.")
SPOOFCHK = Key(name="spoofchk", kind=ANY, read=parsers.on_off, what="A virtual function sends with its own MAC alone.")
TRUST = Key(name="trust", kind=ANY, read=parsers.on_off, what="The pod may change its virtual function's MAC and mode.")
LINK_STATE = Key(
    name="linkState", kind=TEXT, read=parsers.choice(*LINK_STATES), what="A virtual function's link state."
)
ANTI_SPOOFING = Key(
    name="antiSpoofing", kind=BOOLEAN, read=parsers.boolean,
    what="What the pod sends has its own MAC and addresses as the sender's; all else is dropped.",
)  # fmt: skip
KEYS: tuple[Key, ...] = (
    MAC,
    MTU,
    Key(
        name="vlan",
        kind=ANY,
        read=parsers.mapping,
        what="The VLAN's number, or `id`, `priority` and `proto`. 0 is untagged.",
    ),
    Key(
        name="rates",
        kind=OBJECT,
        read=parsers.mapping,
        what="`egress`, `ingress`, `minEgress`: Mbit/s as the pod sees them.",
    ),
    Key(
        name="routes",
        kind=LIST,
        read=parsers.members,
        what="Routes of the pod, instead of the default route by the gateway.",
    ),
    Key(
        name="dns",
        kind=OBJECT,
        read=parsers.mapping,
        what="`nameservers`, `domain`, `search` and `options`.",
    ),
    Key(name="sysctls", kind=OBJECT, read=parsers.mapping, what="Sysctls of the pod. IFNAME stands for the interface."),
    SPOOFCHK,
    TRUST,
    LINK_STATE,
    ANTI_SPOOFING,
)
SETTINGS_KEYS = tuple(key.name for key in KEYS)


def parse_settings(fields: Fields) -> Settings:
    """Read the settings among `fields`; the document's error names the one at fault. Absent ones are None."""
    return Settings(
        mac=MAC.of(fields),
        mtu=MTU.of(fields),
        vlan=_vlan(fields),
        rates=_child(fields, "rates", _rates),
        routes=_routes(fields),
        dns=_child(fields, "dns", _dns) if fields.said("dns") else None,
        sysctls=_sysctls(fields),
        spoofchk=SPOOFCHK.of(fields),
        trust=TRUST.of(fields),
        link_state=LINK_STATE.of(fields),
        anti_spoofing=ANTI_SPOOFING.of(fields),
    )


def settings_document(settings: Settings) -> dict[str, object]:
    """Return the document's form; `parse_settings` reads the same value back."""
    document: dict[str, object] = {"mac": settings.mac, "mtu": settings.mtu}
    if settings.vlan is not None:
        tag = settings.vlan
        document["vlan"] = {"id": tag.id, "priority": tag.priority}
        if tag.proto != VLAN_PROTOCOLS[0]:
            document["vlan"] = {"id": tag.id, "priority": tag.priority, "proto": tag.proto}
    if settings.rates is not None:
        rates = settings.rates
        document["rates"] = _present(egress=rates.egress, ingress=rates.ingress, minEgress=rates.min_egress)
    if settings.routes is not None:
        document["routes"] = [_route_document(route) for route in settings.routes]
    if settings.dns is not None:
        document["dns"] = encode_dns(settings.dns)
    if settings.sysctls is not None:
        document["sysctls"] = dict(settings.sysctls)
    for key, switch in (("spoofchk", settings.spoofchk), ("trust", settings.trust)):
        if switch is not None:
            document[key] = "on" if switch else "off"
    document["linkState"] = settings.link_state
    document["antiSpoofing"] = settings.anti_spoofing
    return _present(**document)


def _vlan(fields: Fields) -> Vlan | None:
    """Read `vlan`: a number, or an object when there is more to say of the tag."""
    if isinstance(fields.raw.get("vlan"), int):
        return Vlan(id=fields.required("vlan", parsers.integer(0, 4094)))
    return _child(fields, "vlan", _tag)


def _tag(fields: Fields) -> Vlan:
    fields.only(("id", "priority", "proto"))
    found = Vlan(
        id=fields.required("id", parsers.integer(0, 4094)),
        priority=fields.get("priority", parsers.integer(0, 7), 0),
        proto=fields.get("proto", parsers.choice(*VLAN_PROTOCOLS), VLAN_PROTOCOLS[0]),
    )
    if not found.id and (found.priority or found.proto != VLAN_PROTOCOLS[0]):
        key = "priority" if found.priority else "proto"
        raise fields.fail(key, "says nothing about untagged frames", "name a VLAN `id` of 1..4094, or leave it out")
    return found


def _rates(fields: Fields) -> Rates:
    fields.only(("egress", "ingress", "minEgress"))
    rate = parsers.integer(0, MAX_RATE)
    found = Rates(
        egress=fields.optional("egress", rate),
        ingress=fields.optional("ingress", rate),
        min_egress=fields.optional("minEgress", rate),
    )
    if found.egress and found.min_egress and found.min_egress > found.egress:
        raise fields.fail("minEgress", f"{found.min_egress} Mbit/s are more than egress, {found.egress} Mbit/s")
    return found


def _dns(fields: Fields) -> Dns:
    fields.only(("nameservers", "domain", "search", "options"))
    return Dns.parse(fields)


def _routes(fields: Fields) -> tuple[Route, ...] | None:
    if fields.raw.get("routes") is None:
        return None
    return tuple(_route(member) for member in fields.children("routes", most=1024))


def _route(fields: Fields) -> Route:
    fields.only(_ROUTE_KEYS)
    fields.required("dst", parsers.ip_network)  # an operator's route has no host bits; a plugin's result may
    return Route.parse(fields)


def _sysctls(fields: Fields) -> tuple[tuple[str, str], ...] | None:
    if fields.raw.get("sysctls") is None:
        return None
    return tuple(fields.pairs("sysctls", parsers.sysctl_key, parsers.sysctl_value, most=256))


def _literal_mac(raw: object) -> str:
    try:
        return parsers.mac(raw)
    except ValueError as wrong:
        if isinstance(raw, str) and ":" not in raw:
            raise ValueError(f"expected a MAC or {FROM_ADDRESS!r}, got {shown(raw)}") from None
        raise wrong from None


def _child(fields: Fields, key: str, parse: Callable[[Fields], T]) -> T | None:
    child = fields.child(key)
    return parse(child) if child is not None else None


def _route_document(route: Route) -> dict[str, object]:
    numbers = {key: getattr(route, key) for key in _ROUTE_KEYS[2:]}
    return _present(dst=str(route.dst), gw=str(route.gw) if route.gw is not None else None, **numbers)


def _present(**members: object) -> dict[str, object]:
    return {key: member for key, member in members.items() if member is not None}
