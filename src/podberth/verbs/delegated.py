"""Addresses that another IPAM plugin gives (SPEC.md section 4, "Delegated plugins"): its result as an endpoint."""

from __future__ import annotations

from podberth.cni.errors import CniError, InvalidConfig, InvalidEnvironment
from podberth.cni.value import replace
from podberth.net.endpoint import Endpoint
from podberth.verbs.wish import mac_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from podberth.cni.call import Call
    from podberth.cni.pod import Attachment
    from podberth.cni.result import Result, Route
    from podberth.policy.precedence import Resolved

    # Calls the IPAM plugin of the configuration with the caller's own environment, but for the verb (the argument).
    Delegate: TypeAlias = Callable[[Call, str], Result | None]


def given(call: Call, delegate: Delegate) -> Result:
    """Have the IPAM plugin give addresses. InvalidConfig if it gives none."""
    found = delegate(call, "ADD")
    if found is None or not found.ips:
        delegate(call, "DEL")
        raise InvalidConfig(
            f"ipam: the plugin {ipam_type(call)} returned no address",
            "see its configuration under `ipam`",
        )
    return found


def endpoint(resolved: Resolved, attachment: Attachment, netns: str, found: Result) -> Endpoint:
    """Return the pod's end with the addresses of an IPAM plugin's result, and the routes that follow from it."""
    gateways = {ip.address.version: ip.gateway for ip in found.ips if ip.gateway is not None}
    routes = resolved.settings.routes if resolved.settings.routes is not None else found.routes
    addresses = tuple(ip.address for ip in found.ips)
    return Endpoint(
        attachment=attachment,
        netns=netns,
        addresses=addresses,
        gateways=tuple(ip.gateway for ip in found.ips),
        settings=replace(
            resolved.settings,
            mac=mac_of(resolved.settings.mac, [address.ip for address in addresses]),
            routes=tuple(_with_gateway(route, gateways.get(route.dst.version)) for route in routes),
            dns=resolved.settings.dns or found.dns,
        ),
        device=resolved.device,
    )


def take(call: Call, delegate: Delegate) -> None:
    """Have the IPAM plugin take back what it gave."""
    delegate(call, "DEL")


def forward(call: Call, delegate: Delegate) -> None:
    """Pass CHECK, GC or STATUS on; an IPAM plugin that is older than the verb has nothing to say to it."""
    try:
        delegate(call, str(call.verb))
    except CniError as refused:
        if refused.code != InvalidEnvironment.code or "CNI_COMMAND" not in refused.message:
            raise


def ipam_type(call: Call) -> str:
    """Return the type that the `ipam` section names; '' if it names none."""
    ipam = call.conf.ipam
    found = ipam.raw.get("type") if ipam is not None else None
    return found if isinstance(found, str) else ""


def _with_gateway(route: Route, gateway: object) -> Route:
    on_link = route.gw is not None or route.scope is not None
    return route if on_link or gateway is None else replace(route, gw=gateway)
