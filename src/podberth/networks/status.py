"""What a pod's annotation `k8s.v1.cni.cncf.io/network-status` says of its networks (multi-net-spec 1.3, section 5)."""

from __future__ import annotations

from podberth.cni.result import Interface
from podberth.cni.strictjson import dumps
from podberth.networks.device_info import address_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from podberth.cni.result import Dns, IPConfig, Result
    from podberth.net.ops import CallPlugins

STATUS = "k8s.v1.cni.cncf.io/network-status"


def status(called: Iterable[tuple[CallPlugins, Result, Sequence[Mapping[str, object]]]]) -> str:
    """Return the annotation's text: each network's interfaces in the pod, in the order of their ADDs.

    `called`: the call, its result, and what is known of its devices by files (device-info-spec 1.1).
    """
    return dumps([entry for op, result, infos in called for entry in _entries(op, result, infos)])


def _entries(op: CallPlugins, result: Result, infos: Sequence[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    """Yield an entry for each interface in the pod; one with the addresses where a plugin says nothing of interfaces.

    Addresses of no interface are the last one's, and of a network that is the default the first with a gateway is it. A
    chain that makes neither interfaces nor addresses has no entry. Of several devices, as of a bond, each entry has
    the file about its own.
    """
    of_one = infos[0] if len(infos) == 1 and "," not in op.info_from else None
    if not result.interfaces and not result.ips and of_one is None:
        return
    inside = [place for place, link in enumerate(result.interfaces) if link.sandbox]
    if not inside:
        yield _entry(op, result, Interface(name=op.ifname), result.ips, default=op.default) | _about(of_one)
    towards = [ip.interface for ip in result.ips if ip.gateway is not None and ip.interface in inside]
    chosen = next(iter(towards + inside), None)
    for place in inside:
        places = (place, None) if place == inside[-1] else (place,)
        ips = tuple(ip for ip in result.ips if ip.interface in places)
        entry = _entry(op, result, result.interfaces[place], ips, default=op.default and place == chosen)
        yield entry | _about(
            of_one if place == inside[0] and of_one is not None else _own(result.interfaces[place], infos)
        )


def _entry(
    op: CallPlugins, result: Result, link: Interface, ips: Iterable[IPConfig], *, default: bool
) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": op.label,
        "interface": link.name,
        "ips": [str(ip.address.ip) for ip in ips],
    }
    if link.mac:
        entry["mac"] = link.mac
    if link.mtu:
        entry["mtu"] = link.mtu
    entry |= {"default": default, "dns": _dns(result.dns)}
    gateways = _gateways(result)
    if gateways:
        entry["gateway"] = gateways
    if link.pci_id:
        entry["device-info"] = {"type": "pci", "version": "1.1.0", "pci": {"pci-address": link.pci_id}}
    return entry


def _own(link: Interface, infos: Sequence[Mapping[str, object]]) -> Mapping[str, object] | None:
    """Return what is known of the function that the link is of."""
    return next((each for each in infos if link.pci_id and address_of(each) == link.pci_id), None)


def _about(info: Mapping[str, object] | None) -> dict[str, object]:
    return {} if info is None else {"device-info": dict(info)}


def _gateways(result: Result) -> list[str]:
    """Return the gateways of the default routes; a route that names none goes by that of the addresses."""
    found: list[str] = []
    for route in result.routes:
        if route.dst.prefixlen == 0:
            known = (ip.gateway for ip in result.ips if ip.gateway is not None)
            gateway = route.gw or next((each for each in known if each.version == route.dst.version), None)
            found += [str(gateway)] if gateway is not None else []
    return found


def _dns(dns: Dns | None) -> dict[str, object]:
    if dns is None:
        return {}
    said: dict[str, object] = {
        "nameservers": [str(each) for each in dns.nameservers],
        "domain": dns.domain,
        "search": list(dns.search),
        "options": list(dns.options),
    }
    return {key: what for key, what in said.items() if what}
