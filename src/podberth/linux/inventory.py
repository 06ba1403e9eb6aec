"""What the node's own namespace says about its virtual functions: MACs, what the node itself uses, traffic.

And which link a namespace has its default route by.
"""

from __future__ import annotations

from podberth.cni.value import replace
from podberth.linux import pci
from podberth.linux.effects import sriov_cni, vf_links
from podberth.linux.netlink import addresses, counters, links, routes, vfs
from podberth.net.vf import Counters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.ops import Interface
    from podberth.net.vf import Vf

    Addressed: TypeAlias = tuple[str, Interface, bool]


def on_this_node(namespaces: Namespaces, found: Sequence[Vf]) -> tuple[Vf, ...]:
    """Return the functions with what is known of their interfaces, where these are in the node's namespace."""
    every = namespaces.links(None)
    known = {link.name: link for link in every}
    addressed = tuple(_addressed(namespaces, every))
    used, lent = _own(every, addressed), _lent(addressed)
    theirs = sriov_cni.holders(vf.address for vf in found)
    made: list[Vf] = []
    for each in found:
        vf = replace(each, theirs=theirs.get(each.address, ""))
        link = known.get(vf.link)
        if link is None:
            made.append(replace(vf, link=""))
        else:
            made.append(replace(vf, mac=link.mac, up=link.up, busy=used.get(vf.link, ""), lent=lent.get(vf.link, "")))
    return tuple(made)


def uses(namespaces: Namespaces) -> dict[str, str]:
    """Return by name what the node itself uses its links for: an address that is not link-local, a master above."""
    every = namespaces.links(None)
    addressed = tuple(_addressed(namespaces, every))
    lent = {name: f"has the node's address {address}" for name, address, lasting in addressed if not lasting}
    return {**lent, **_own(every, addressed)}


def _own(every: Sequence[LinkInfo], addressed: Iterable[Addressed]) -> dict[str, str]:
    """Return by name what links are used for by somebody's will: an address that was set, a master above."""
    names = {link.index: link.name for link in every}
    found = {name: f"has the node's address {address}" for name, address, lasting in addressed if lasting}
    for link in every:
        if link.master:
            found[link.name] = f"is a port of {names.get(link.master, link.master)}"
    return found


def _lent(addressed: Iterable[Addressed]) -> dict[str, str]:
    """Return by name what links were lent by DHCP. What a router advertises, every link that is up gets (RFC 4862)."""
    return {
        name: f"has the address {address} by DHCP"
        for name, address, lasting in addressed
        if not lasting and (address.version == 4 or address.network.prefixlen == address.max_prefixlen)
    }


def _addressed(namespaces: Namespaces, every: Sequence[LinkInfo]) -> Iterator[Addressed]:
    """Yield each address of the links that is not link-local: (name of its link, it, whether it lasts)."""
    names = {link.index: link.name for link in every}
    for family in (4, 6):
        for body in namespaces.socket(None).dump(addresses.GET, addresses.every(family)):
            index, address = addresses.parse(body)
            if not address.is_link_local and index in names:
                yield names[index], address, addresses.is_lasting(body)


def addresses_of(namespaces: Namespaces, netns: str | None, index: int) -> tuple[Interface, ...]:
    """Return the addresses of a link, IPv4 first, without IPv6 ones that are link-local."""
    found: list[Interface] = []
    for family in (4, 6):
        bodies = namespaces.socket(netns).dump(addresses.GET, addresses.of_link(index, family))
        found += [
            address
            for there, address in map(addresses.parse, bodies)
            if there == index and not (family == 6 and address.is_link_local)
        ]
    return tuple(found)


def traffic(namespaces: Namespaces, vf: Vf, netns: str | None, ifname: str) -> Counters:
    """Return what went through a function: as its interface counts where that can be reached, else as its PF does."""
    link = vf_links.on_node(namespaces, vf.address)
    inside = None
    if link is None and netns is not None:
        inside, link = netns, vf_links.inside(namespaces, netns, vf.address, ifname)
    if link is not None:
        body = namespaces.socket(inside).get(links.GET, counters.ask(link.index))
        return counters.parse(body or b"")
    body = namespaces.socket(None).get(links.GET, vfs.ask_counters(namespaces.index(None, pci.pf_link(vf.address))))
    told = vfs.parse_counters(body or b"").get(vf.index, {})
    names = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_dropped", "tx_dropped", "multicast")
    return Counters(counted_by="PF", **{name: told.get(name, 0) for name in names})


def default_routes(namespaces: Namespaces, netns: str, versions: Iterable[int]) -> frozenset[int]:
    """Return in which of the IP versions there is a default route: in none where there is no link but lo.

    Most pods have none yet. What was seen of their links serves whoever makes one next, which spares it the look.
    """
    if namespaces.bare(netns):
        return frozenset()
    socket = namespaces.socket(netns)
    return frozenset(
        version
        for version in versions
        if any(routes.default(body) for body in socket.dump(routes.GET, routes.every(version)))
    )


def default_link(namespaces: Namespaces, netns: str | None) -> str:
    """Return the name of the link with the default route of least metric, of IPv4 before IPv6; '' if none has one."""
    socket = namespaces.socket(netns)
    for version in (4, 6):
        found = [hop for body in socket.dump(routes.GET, routes.every(version)) if (hop := routes.default(body))]
        if found:
            _, index = min(found, key=lambda hop: hop[0])
            body = socket.get(links.GET, links.by_index(index))
            return links.parse(body).name if body is not None else ""
    return ""
