"""What an ADD of the CNI project's plugins has made: as steps, so that CHECK and DEL go on as ever. Pure.

Names are those of containernetworking/plugins 1.9.1. Where they come from: prevResult, the configuration, the call.
"""

from __future__ import annotations

from podberth.net import ops
from podberth.net.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.pod import Attachment
    from podberth.cni.result import Interface
    from podberth.net.ops import Address, Op

KEPT = (("existed", "yes"),)  # of what is compared, and never undone: it goes with the link
CHAIN, DNAT_CHAIN, SNAT_CHAIN = "", "DN-", "SN-"  # kinds of iptables' chains
_BACKUPS = "/run/cni/tuning"
_CHAIN_LENGTH, _IFB_LENGTH, _HASH_LENGTH = 28, 15, 16
_COMMENT_LENGTH = 128
_FIRST_WITH_PREVIOUS = "0.4.0"  # the first version in which a runtime gives prevResult to a DEL


def hashed(text: str, prefix: str, length: int) -> str:
    """Return a name that is made of a hash."""
    from hashlib import sha512

    return f"{prefix}{sha512(text.encode()).hexdigest()}"[:length]


def chain(attachment: Attachment, kind: str = CHAIN) -> str:
    """Return the name of the attachment's chain of iptables. It depends on network and container alone."""
    return hashed(attachment.network + attachment.container_id, f"CNI-{kind}", _CHAIN_LENGTH)


def ifb(attachment: Attachment) -> str:
    """Return the name of the ifb that what the container sends is limited by."""
    return hashed(attachment.network + attachment.container_id, "bwp", _IFB_LENGTH)


def backup(attachment: Attachment, folder: str) -> str:
    """Return the path of what `tuning` keeps of an interface's values of before; `folder`: its `dataDir`, or ''."""
    return f"{folder or _BACKUPS}/{attachment.container_id}_{attachment.ifname}.json"


def masquerade_comment(attachment: Attachment) -> str:
    """Return the comment of the attachment's rules in inet cni_plugins_masquerade."""
    network, own = attachment.network, f"{attachment.ifname}:{attachment.container_id}"
    marks = "-".join(hashed(text, "", _HASH_LENGTH) for text in (network, own))
    said = f"{marks}, net: {network}, if: {attachment.ifname}, id: {attachment.container_id}"
    return said.replace('"', "")[:_COMMENT_LENGTH]


def pods_link(call: Call) -> Interface | None:
    """Return the pod's interface as prevResult has it."""
    every = call.previous.interfaces if call.previous is not None else ()
    return next((one for one in every if one.name == call.ifname and one.sandbox), None)


def nodes_links(call: Call) -> tuple[Interface, ...]:
    """Return the interfaces of prevResult that are the node's."""
    every = call.previous.interfaces if call.previous is not None else ()
    return tuple(one for one in every if not one.sandbox)


def pods_addresses(call: Call) -> tuple[Address, ...]:
    """Return the addresses of prevResult."""
    every = call.previous.ips if call.previous is not None else ()
    return tuple(dict.fromkeys(ip.address.ip for ip in every))


def link(call: Call, kind: str, *, host: str = "", bridge: str = "", mode: str = "") -> Iterator[Step]:
    """Yield the pod's link, and what it carries by prevResult.

    Without prevResult a link of that name and kind is the attachment's only before the version in which a DEL has one.
    """
    found = pods_link(call)
    old = tuple(map(int, call.cni_version.split("."))) < tuple(map(int, _FIRST_WITH_PREVIOUS.split(".")))
    if not call.netns and not host:
        return
    if found is None and not (old and call.previous is None):
        return
    mac = found.mac if found is not None else ""
    made = ops.AdoptLink(
        netns=call.netns, ifname=call.ifname, kind=kind, mac=mac, host=host, bridge=bridge, mode=mode
    )  # fmt: skip
    yield Step(op=made)
    yield from carried(call)


def carried(call: Call) -> Iterator[Step]:
    """Yield the addresses and routes that prevResult says the pod's link has."""
    if call.previous is None or not call.netns:
        return
    every = call.previous.interfaces
    for ip in call.previous.ips:
        at = ip.interface
        if at is None or not 0 <= at < len(every) or (every[at].name == call.ifname and every[at].sandbox):
            yield _kept(ops.AddAddress(netns=call.netns, ifname=call.ifname, address=ip.address))
    gateways = {ip.address.version: ip.gateway for ip in reversed(call.previous.ips) if ip.gateway is not None}
    for route in call.previous.routes:
        via = route.gw or gateways.get(route.dst.version)
        if via is not None:  # without a gateway the CNI project's plugin looks for any route to there
            yield _kept(ops.AddRoute(netns=call.netns, ifname=call.ifname, dst=route.dst, gw=via))


def masqueraded(call: Call) -> Iterator[Step]:
    """Yield the rules by which the pod's addresses leave with the node's own, whatever today's configuration says."""
    attachment = call.attachment
    yield Step(op=ops.AdoptMasquerade(comment=masquerade_comment(attachment), chain=chain(attachment)))


def _kept(op: Op) -> Step:
    return Step(op=op, before=KEPT)
