"""What a pod's annotation `k8s.v1.cni.cncf.io/network-status` says of its networks (multi-net-spec 1.3, section 5)."""

from __future__ import annotations

from podberth.cni.strictjson import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.cni.result import Dns, IPConfig, Result
    from podberth.net.ops import CallPlugins

STATUS = "k8s.v1.cni.cncf.io/network-status"


def status(called: Iterable[tuple[CallPlugins, Result]]) -> str:
    """Return the annotation's text: an entry for each network, in the order of their ADDs."""
    return dumps([_entry(op, result) for op, result in called])


def _entry(op: CallPlugins, result: Result) -> dict[str, object]:
    """Return what is said of one network: of its first interface in the pod."""
    inside = [(place, link) for place, link in enumerate(result.interfaces) if link.sandbox]
    place, link = inside[0] if inside else (None, None)
    ips = [ip for ip in result.ips if _is_of(ip, place)]
    entry: dict[str, object] = {
        "name": op.label,
        "interface": link.name if link is not None else op.ifname,
        "ips": [str(ip.address.ip) for ip in ips],
    }
    if link is not None and link.mac:
        entry["mac"] = link.mac
    if link is not None and link.mtu:
        entry["mtu"] = link.mtu
    entry |= {"default": op.default, "dns": _dns(result.dns)}
    gateways = [str(ip.gateway) for ip in ips if ip.gateway is not None]
    if gateways:
        entry["gateway"] = gateways
    if link is not None and link.pci_id:
        entry["device-info"] = {"type": "pci", "version": "1.1.0", "pci": {"pci-address": link.pci_id}}
    return entry


def _is_of(ip: IPConfig, place: int | None) -> bool:
    return ip.interface is None or place is None or ip.interface == place


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
