"""What podberth has made in a pod's network namespace, by what the kernel shows of it: for a record that is lost.

A link says itself that podberth made it. A device that was moved into the pod, as a virtual function is, says nothing:
of it the addresses alone are found, so that they are taken from it before anybody else gets them. What the kernel does
not show as anybody's is not found again: rates, sysctls, masquerading, and the settings that a function had before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.errors import KernelRefused
from podberth.linux.namespaces import Namespaces
from podberth.linux.netlink import addresses, links
from podberth.net import ops
from podberth.net.pod_side import link_name
from podberth.net.step import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.pod import Attachment
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.ops import Op


def remains(at: str, attachment: Attachment) -> tuple[Step, ...]:
    """Return the steps that would have made the attachment's interface in the namespace at that path.

    Empty if there is no such interface, or podberth did not make it; of a device, its addresses. KernelRefused if that
    can't be looked at.
    """
    namespaces = Namespaces()
    try:
        link = namespaces.link(at, attachment.ifname)
        if link is None or not (link.ours or link.kind == ""):
            return ()
        made = tuple(_made(namespaces, at, attachment, link)) if link.ours else ()
        if link.ours and not made:
            return ()
        cookie = namespaces.cookie(at)
        before = (("netns", cookie),) if cookie else ()
        every = (*made, *_addresses(namespaces, at, link))
        return tuple(Step(op=op, before=before if getattr(op, "netns", None) else ()) for op in every)
    except OSError as failure:
        raise KernelRefused(
            f"what is left of {attachment} in {at} can't be read: {failure}", "do it again; the agent has to be root"
        ) from failure
    finally:
        namespaces.close()


def _made(namespaces: Namespaces, at: str, attachment: Attachment, link: LinkInfo) -> Iterator[Op]:
    if link.kind == "veth":
        name = link_name("pb", attachment)
        port = namespaces.link(None, name)
        if port is None or not port.ours or port.index != link.below:
            return
        yield ops.CreateVeth(name=name, netns=at, ifname=attachment.ifname)
        if bridge := _at(namespaces, port.master):
            yield ops.JoinBridge(link=name, bridge=bridge.name, hairpin=port.hairpin, isolated=port.isolated)
        return
    if link.kind == "tun":
        yield ops.CreateTap(netns=at, ifname=attachment.ifname)
        return
    below, modes = _at(namespaces, link.below), links.MACVLAN_MODES if link.kind == "macvlan" else links.IPVLAN_MODES
    if link.kind == "vlan" and below is not None:
        yield ops.CreateVlan(parent=below.name, tag=link.tag, netns=at, ifname=attachment.ifname)
    mode = next((name for name, code in modes.items() if code == link.mode), "")
    if link.kind not in ("macvlan", "ipvlan") or below is None or not mode:
        return
    parent, vlan = below.name, None
    under = _at(namespaces, below.below) if below.kind == "vlan" and below.ours else None
    if under is not None and below.name == f"{under.name}.{below.tag}":
        parent, vlan = under.name, below.tag
    make = ops.CreateMacvlan if link.kind == "macvlan" else ops.CreateIpvlan
    yield make(parent=parent, mode=mode, netns=at, ifname=attachment.ifname, vlan=vlan)


def _addresses(namespaces: Namespaces, at: str, link: LinkInfo) -> Iterator[Op]:
    for family in (4, 6):
        for index, found in map(
            addresses.parse, namespaces.socket(at).dump(addresses.GET, addresses.of_link(link.index, family))
        ):
            if index == link.index and not found.is_link_local:
                yield ops.AddAddress(netns=at, ifname=link.name, address=found)


def _at(namespaces: Namespaces, index: int) -> LinkInfo | None:
    body = namespaces.socket(None).get(links.GET, links.by_index(index)) if index else None
    return links.parse(body) if body is not None else None
