"""What an ADD reports: the result of SPEC.md section 5, from what was made."""

from __future__ import annotations

from podberth.cni.result import Interface, IPConfig, Result
from podberth.net.ops import ConfigureVf, CreateIpvlan, CreateMacvlan, CreateVeth, JoinBridge, MoveVf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.net.endpoint import Endpoint
    from podberth.net.host import Host
    from podberth.net.ops import Op


def made_links(host: Host, ops: Iterable[Op], end: Endpoint) -> tuple[Interface, ...]:
    """Return the links that `ops` made, or stand on, with the MACs they have now; the pod's own comes last."""
    ifname, netns = end.attachment.ifname, end.netns
    links: list[Interface] = []
    for op in ops:
        if isinstance(op, JoinBridge):
            links.insert(0, Interface(name=op.bridge, mac=host.link(None, op.bridge).mac))
        elif isinstance(op, CreateVeth | CreateMacvlan | CreateIpvlan):
            if isinstance(op, CreateVeth):
                links.append(Interface(name=op.name, mac=host.link(None, op.name).mac, mtu=op.mtu))
            mac = host.link(netns, ifname).mac
            links.append(Interface(name=ifname, mac=mac, mtu=op.mtu, sandbox=netns))
        elif isinstance(op, MoveVf):
            now = host.link(netns, ifname)
            links.append(Interface(name=ifname, mac=now.mac, mtu=now.mtu, sandbox=netns, pci_id=op.device))
        elif isinstance(op, ConfigureVf) and op.userspace:
            links.append(Interface(name=ifname, mac=op.mac or "", sandbox=netns, pci_id=op.device))
    return tuple(links)


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
