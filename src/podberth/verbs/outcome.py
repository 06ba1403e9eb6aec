"""What an ADD reports: the result of SPEC.md section 5, from what was made."""

from __future__ import annotations

from podberth.cni.result import Interface, IPConfig, Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.endpoint import Endpoint
    from podberth.net.host import Host
    from podberth.net.plan import Made, Plan


def interfaces(host: Host, plan: Plan) -> tuple[Interface, ...]:
    """Return the interfaces of a plan that was carried out, with the MACs they have now; the pod's own comes last."""
    return tuple(_interface(host, made) for made in plan.interfaces)


def _interface(host: Host, made: Made) -> Interface:
    mac, mtu = made.mac, made.mtu
    if made.there:
        link = host.link(made.netns, made.name)
        mac = link.mac if mac is None else mac
        mtu = link.mtu if made.reads_mtu else mtu
    return Interface(name=made.name, mac=mac or "", mtu=mtu, sandbox=made.netns or "", pci_id=made.pci_id)


def result(end: Endpoint, links: tuple[Interface, ...], previous: Result | None) -> Result:
    """Return what was made, after what earlier plugins of the chain made; without links, as an IPAM plugin does."""
    before = previous or Result()
    index = len(before.interfaces) + len(links) - 1 if links else None
    ips = tuple(
        IPConfig(address=address, gateway=gateway, interface=index)
        for address, gateway in zip(end.addresses, end.gateways, strict=True)
    )
    return Result(
        interfaces=before.interfaces + links,
        ips=before.ips + ips,
        routes=before.routes + (end.settings.routes or ()),
        dns=end.settings.dns or before.dns,
    )
