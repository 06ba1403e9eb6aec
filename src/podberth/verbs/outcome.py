"""What an ADD reports: the result of SPEC.md section 5, from what was made."""

from __future__ import annotations

from podberth.cni.result import Interface, IPConfig, Result
from podberth.cni.value import replace

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


def passed(host: Host, plan: Plan, links: tuple[Interface, ...], before: Result) -> Result:
    """Return the result of a plugin that works on what was made before it: that one, with what it changed and added."""
    macs = {(name, netns or ""): host.link(netns, name).mac for name, netns in plan.readdressed}
    same = tuple(replace(one, mac=macs.get((one.name, one.sandbox), one.mac)) for one in before.interfaces)
    return replace(before, interfaces=same + links)


def found(host: Host, plan: Plan, links: tuple[Interface, ...]) -> Result:
    """Return the result where the kernel has given the addresses: the first of each family of each link of the plan."""
    ips: list[IPConfig] = []
    for index, made in enumerate(plan.interfaces):
        first = {address.version: address for address in reversed(host.addresses(made.netns, made.name))}
        ips += [IPConfig(address=first[version], interface=index) for version in (4, 6) if version in first]
    return Result(interfaces=links, ips=tuple(ips))


def result(
    end: Endpoint,
    links: tuple[Interface, ...],
    previous: Result | None,
    addressed: int = -1,
    *,
    inherits: bool = False,
) -> Result:
    """Return what was made, after what earlier plugins of the chain made; without links, as an IPAM plugin does.

    `addressed`: the index, among the links, of the one that has the addresses; with `inherits` those of before too.
    """
    before = previous or Result()
    index = len(before.interfaces) + addressed % len(links) if links else None
    ips = tuple(
        IPConfig(address=address, gateway=gateway, interface=index)
        for address, gateway in zip(end.addresses, end.gateways, strict=True)
    )
    return Result(
        interfaces=before.interfaces + links,
        ips=(tuple(replace(ip, interface=index) for ip in before.ips) if inherits else before.ips) + ips,
        routes=before.routes + ((end.settings.routes if end.told is None else end.told) or ()),
        dns=end.settings.dns or before.dns,
    )
