"""Addresses that another IPAM plugin gives (SPEC.md section 4, "Delegated plugins"): its result as an endpoint."""

from __future__ import annotations

from podberth.cni.errors import CniError, InvalidConfig, InvalidEnvironment
from podberth.cni.value import replace
from podberth.net.endpoint import Endpoint, by_gateways, first_gateways
from podberth.verbs.role import LEDGER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from podberth.cni.call import Call
    from podberth.cni.result import Result
    from podberth.policy.precedence import Resolved

    # Calls the IPAM plugin of the configuration with the caller's own environment, but for the verb (the argument).
    Delegate: TypeAlias = Callable[[Call, str], Result | None]


# An IPAM plugin that asks and answers over the pod's own link: that has to be there first, and goes last.
_OVER_LINK = ("dhcp",)


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


def endpoint(resolved: Resolved, call: Call, found: Result, *, as_given: bool = False) -> Endpoint:
    """Return the pod's end with the addresses of an IPAM plugin's result, and the routes that follow from it.

    A gateway outside of its subnet is on the link if podberth's ledger has given it: its pool has said so then.
    `as_given`: the result has a route that came without a gateway without one, as the CNI project's plugins have it.
    """
    from podberth.verbs.wish import mac_of  # not with a DEL

    gateways = tuple(ip.gateway for ip in found.ips)
    routes = resolved.settings.routes if resolved.settings.routes is not None else found.routes
    addresses = tuple(ip.address for ip in found.ips)
    return Endpoint(
        attachment=call.attachment,
        netns=call.netns,
        addresses=addresses,
        gateways=gateways,
        settings=replace(
            resolved.settings,
            mac=mac_of(resolved.settings.mac, [address.ip for address in addresses]),
            routes=by_gateways(routes, first_gateways(gateways)),
            dns=resolved.settings.dns or found.dns,
        ),
        device=resolved.device,
        functions=resolved.vf,
        told=routes if as_given else None,
        on_link=ipam_type(call) == LEDGER,
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


def over_link(call: Call) -> bool:
    """Say whether the configuration's IPAM plugin needs the pod's link to give addresses, and to take them back."""
    return ipam_type(call) in _OVER_LINK


def ipam_type(call: Call) -> str:
    """Return the type that the `ipam` section names; '' if it names none."""
    ipam = call.conf.ipam
    found = ipam.raw.get("type") if ipam is not None else None
    return found if isinstance(found, str) else ""
