"""What an ADD reports: the result of SPEC.md section 5, from what was made."""

from __future__ import annotations

from podberth.cni.result import Interface, IPConfig, Result
from podberth.net.ops import CreateIpvlan, CreateMacvlan, CreateVeth, JoinBridge
from podberth.verbs.wish import subnet_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.ipam.pool import Pool
    from podberth.net.endpoint import Endpoint
    from podberth.net.host import Host
    from podberth.net.ops import Op


def made_links(host: Host, ops: Iterable[Op]) -> tuple[Interface, ...]:
    """Return the links that `ops` made, or stand on, with the MACs they have now; the pod's own comes last."""
    links: list[Interface] = []
    for op in ops:
        if isinstance(op, JoinBridge):
            links.insert(0, Interface(name=op.bridge, mac=host.mac(None, op.bridge)))
        elif isinstance(op, CreateVeth | CreateMacvlan | CreateIpvlan):
            if isinstance(op, CreateVeth):
                links.append(Interface(name=op.name, mac=host.mac(None, op.name), mtu=op.mtu))
            links.append(Interface(name=op.ifname, mac=host.mac(op.netns, op.ifname), mtu=op.mtu, sandbox=op.netns))
    return tuple(links)


def result(pool: Pool, end: Endpoint, links: tuple[Interface, ...], previous: Result | None) -> Result:
    """Return what was made, after what earlier plugins of the chain made; without links, as an IPAM plugin does."""
    before = previous or Result()
    index = len(before.interfaces) + len(links) - 1 if links else None
    ips = tuple(IPConfig(address=a, gateway=subnet_of(pool, a.ip).gateway, interface=index) for a in end.addresses)
    return Result(
        interfaces=before.interfaces + links,
        ips=before.ips + ips,
        routes=before.routes + (end.settings.routes or ()),
        dns=end.settings.dns or before.dns,
    )
