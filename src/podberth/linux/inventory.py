"""What the node's own namespace says about its virtual functions: their MACs, and whether the node uses one itself."""

from __future__ import annotations

from podberth.cni.value import replace
from podberth.linux.netlink import addresses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.linux.namespaces import Namespaces
    from podberth.net.vf import Vf


def on_this_node(namespaces: Namespaces, found: Sequence[Vf]) -> tuple[Vf, ...]:
    """Return the functions with what is known of their interfaces, where these are in the node's namespace."""
    known = {link.name: link for link in namespaces.links(None)}
    names = {link.index: link.name for link in known.values()}
    masters = {link.name: names.get(link.master, str(link.master)) for link in known.values() if link.master}
    used: dict[int, str] = {}
    for family in (4, 6):
        for index, address in map(
            addresses.parse, namespaces.socket(None).dump(addresses.GET, addresses.every(family))
        ):
            if not address.is_link_local:
                used[index] = str(address)
    made: list[Vf] = []
    for vf in found:
        link = known.get(vf.link)
        if link is None:
            made.append(replace(vf, link=""))
            continue
        busy = f"has the node's address {used[link.index]}" if link.index in used else ""
        if vf.link in masters:
            busy = f"is a port of {masters[vf.link]}"
        made.append(replace(vf, mac=link.mac, up=link.up, busy=busy))
    return tuple(made)
