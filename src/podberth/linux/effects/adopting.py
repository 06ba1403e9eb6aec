"""What the CNI project's plugins have made: taken away as their own DEL would, and compared as their own CHECK does.

A link is known by its kind and MAC, a rule by its comment or by the name of its chain. What is not known so is left.
"""

from __future__ import annotations

import errno
import os
from functools import partial

from podberth.linux import theirs
from podberth.linux.effects import backups, spoofing, vf_links
from podberth.linux.effects.routing import GONE
from podberth.linux.netlink import codec, links, rules, tc
from podberth.linux.netlink.socket import NetlinkError
from podberth.net import ops
from podberth.net.ops.ports import parsed
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from podberth.linux.ground import Ground
    from podberth.linux.iptables import Words
    from podberth.linux.netlink.links import LinkInfo
    from podberth.linux.netlink.nft_rules import Found
    from podberth.net.facts import NetnsId
    from podberth.net.ops import Address
    from podberth.net.ops.adopting import Op
    from podberth.net.step import Step

_FORWARD = "CNI-FORWARD"
_FOR_THE_WAY = "dev"  # how a device's name begins on its way out of a pod


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield nothing: what is made in another form has nothing to be put back."""
    del at, op
    yield from ()


def do(at: Ground, op: Op) -> None:
    """Make what is there in another form: for a node that goes back. All else the CNI project's plugins alone make."""
    if isinstance(op, ops.AdoptMasquerade):
        _masquerade(at, op)
    elif isinstance(op, ops.AdoptPorts):
        theirs.map_ports(at.namespaces, op)
    elif isinstance(op, ops.AdoptLimits):
        _rename_limits(at, op)
    elif isinstance(op, ops.AdoptBackup):
        backups.back_up(op)
    else:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Take away what was made, as far as it is there."""
    if isinstance(op, ops.AdoptDevice):
        _return_device(at, op, alive=at.alive(step, netns))
    elif isinstance(op, ops.AdoptBackup):
        backups.restore(at, op, alive=at.alive(step, netns))
    elif isinstance(op, ops.AdoptLink | ops.AdoptRules | ops.AdoptVrf):
        if at.alive(step, netns):
            _INSIDE[type(op)](at, op)  # with a namespace that is gone the kernel takes both ends of a pair away
    else:
        _ON_NODE[type(op)](at, op)


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare what was made; nothing where the CNI project's plugin compares nothing."""
    del step
    compare = _COMPARED.get(type(op))
    return tuple(compare(at, op)) if compare is not None else ()


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Make it again, or refuse it, as `do`."""
    del step, netns
    do(at, op)


def _delete_link(at: Ground, op: ops.AdoptLink) -> None:
    found = at.namespaces.link(op.netns, op.ifname)
    if found is not None and _is_it(at, found, op):
        _do(at, op.netns, links.DEL, links.delete(found.index))
        at.namespaces.changed()


def _is_it(at: Ground, found: LinkInfo, op: ops.AdoptLink) -> bool:
    """Say whether the link is the one: by its MAC, or the name of its other end; or it has had its old MAC back."""
    if found.kind != op.kind:
        return False
    if op.mac.lower() in ("", found.mac) or found.group == links.RETUNED:
        return True
    peer = at.namespaces.peer(op.netns, found.index) if op.host else None
    return peer is not None and peer.name == op.host


def _leave_vrf(at: Ground, op: ops.AdoptVrf) -> None:
    link, vrf = at.namespaces.link(op.netns, op.ifname), at.namespaces.link(op.netns, op.vrf)
    if link is None or vrf is None or vrf.kind != "vrf" or link.master != vrf.index:
        return
    _do(at, op.netns, links.SET, links.set_master(link.index, 0))
    if not any(each.master == vrf.index for each in at.namespaces.links(op.netns)):
        _do(at, op.netns, links.DEL, links.delete(vrf.index))
    at.namespaces.changed()


def _delete_rules(at: Ground, op: ops.AdoptRules) -> None:
    socket = at.namespaces.socket(op.netns)
    for version in {address.version for address in op.addresses}:
        for body in socket.dump(rules.GET, rules.every(version)):
            found = rules.parse(body)
            source = found.source
            if source is None or source.prefixlen != source.max_prefixlen or op.table not in (None, found.table):
                continue
            if source.network_address in op.addresses:
                _do(at, op.netns, rules.DEL, body)


def _return_device(at: Ground, op: ops.AdoptDevice, *, alive: bool) -> None:
    """Have the device on the node under the name that its alias keeps, without the alias; down, as it was moved.

    OSError EEXIST while another link has that name.
    """
    namespaces = at.namespaces
    held = namespaces.link(op.netns, op.ifname) if alive else None
    name = held.alias if held is not None and not held.ours else ""
    if held is not None and name:
        vf_links.out(namespaces, op.netns, held, name)
        namespaces.changed()
    back = next((one for one in namespaces.links(None) if not one.ours and _on_its_way(one, name, op.mac)), None)
    if back is None:
        return
    if back.name != back.alias:
        if namespaces.link(None, back.alias) is not None:
            raise OSError(errno.EEXIST, f"{back.name} was {back.alias}, and another link has that name by now")
        _do(at, None, links.NEW, links.set_down(back.index))
        _do(at, None, links.NEW, links.rename(back.index, back.alias))
    _do(at, None, links.NEW, links.set_alias(back.index, ""))
    namespaces.changed()


def _on_its_way(link: LinkInfo, name: str, mac: str) -> bool:
    """Say whether a link of the node is one that their DEL, or ours, was bringing back.

    By `name` if this call has taken it out of the pod; else by its MAC, and only while it has a name for the way, or
    the alias that it is not rid of. What else has that MAC, as a VLAN on the device, is somebody's own.
    """
    if name:
        return link.alias == name
    waits = bool(link.alias) and (link.name == link.alias or link.name.startswith(_FOR_THE_WAY))
    return waits and bool(mac) and link.mac == mac.lower()


def _masquerade(at: Ground, op: ops.AdoptMasquerade) -> None:
    from podberth.linux import iptables

    theirs.masquerade(at.namespaces, op)
    iptables.make_chain(at.namespaces, "nat", op.chain, {address.version for address in op.addresses})


def _rename_limits(at: Ground, op: ops.AdoptLimits) -> None:
    """Give the ifb their name for it, and count buckets as they do: in microseconds. What is limited goes on."""
    socket = at.namespaces.socket(None)
    ifb = at.namespaces.link(None, op.was) if op.was else None
    if ifb is not None and op.was != op.ifb:
        _renamed_in_use(at, ifb.index, op.ifb)
        at.namespaces.changed()
    host = at.namespaces.link(None, op.hosts[0]) if op.hosts else None
    ifb = at.namespaces.link(None, op.ifb)
    for link, rate, burst in ((host, op.receive_rate, op.receive_burst), (ifb, op.send_rate, op.send_burst)):
        if link is not None and rate:
            socket.do(tc.NEW_QDISC, tc.tbf(link.index, tc.coarse(rate, burst)), codec.CREATE)


def _renamed_in_use(at: Ground, index: int, name: str) -> None:
    """Rename a link of the node that is up. Before Linux 6.2 it has to be down for that: it is, for a moment."""
    socket = at.namespaces.socket(None)
    try:
        socket.do(links.NEW, links.rename(index, name))
    except OSError as refused:
        if refused.errno != errno.EBUSY:
            raise
        socket.do(links.NEW, links.set_down(index))
        socket.do(links.NEW, links.rename(index, name))
        socket.do(links.NEW, links.set_up(index))


def _stop_masquerading(at: Ground, op: ops.AdoptMasquerade) -> None:
    from podberth.linux import iptables

    theirs.take_away(at.namespaces, theirs.MASQUERADE, lambda found: theirs.masquerade_rules(found, op.comment))
    iptables.remove_chains(at.namespaces, "nat", (op.chain,))


def _stop_checking(at: Ground, op: ops.AdoptSpoofCheck) -> None:
    spoofing.stop(at.namespaces, op.owner)


def _unmap(at: Ground, op: ops.AdoptPorts) -> None:
    from podberth.linux import iptables

    for version, table in theirs.PORTS.items():
        of_version = [address for address in op.addresses if address.version == version]
        if of_version or not op.addresses:
            theirs.take_away(at.namespaces, table, partial(_of_pod, container_id=op.container_id, to=of_version))
    iptables.remove_chains(at.namespaces, "nat", op.chains)


def _of_pod(found: list[Found], container_id: str, to: list[Address]) -> list[Found]:
    """Return the rules with the container's comment that name one of its addresses: other networks have others."""
    return [
        one
        for one in found
        if one.comment == container_id and (not to or any(address.packed in one.expressions for address in to))
    ]


def _forbid(at: Ground, op: ops.AdoptForwarding) -> None:
    from podberth.linux import iptables

    iptables.remove_rules(at.namespaces, "filter", _FORWARD, lambda _, words: _forwards(words, op.addresses))


def _forwards(words: Words, addresses: tuple[Address, ...]) -> bool:
    """Say whether a rule is one of those two that the plugin makes for an address."""
    return any(words[2:] in each for each in map(_forwarding, addresses))


def _forwarding(address: Address) -> tuple[Words, ...]:
    whole = f"{address}/{address.max_prefixlen}"
    known = ["-d", whole, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"]
    return known, ["-s", whole, "-j", "ACCEPT"]


def _unlimit(at: Ground, op: ops.AdoptLimits) -> None:
    found = at.namespaces.link(None, op.ifb)
    if found is not None and found.kind == "ifb":
        _do(at, None, links.DEL, links.delete(found.index))
        at.namespaces.changed()


def _check_link(at: Ground, op: ops.AdoptLink) -> Iterator[Drift]:
    found = at.namespaces.link(op.netns, op.ifname)
    if found is None:
        yield Drift(what=op.ifname, field="link", wanted="there", found="gone")
        return
    if found.kind != op.kind:
        yield Drift(what=op.ifname, field="kind", wanted=op.kind, found=found.kind or "physical")
        return
    if op.mac and found.mac != op.mac.lower():
        yield Drift(what=op.ifname, field="mac", wanted=op.mac, found=found.mac)
    if op.mode and op.mode != _mode(found):
        yield Drift(what=op.ifname, field="mode", wanted=op.mode, found=_mode(found))
    if op.host:
        yield from _check_host_end(at, op, found)


def _check_host_end(at: Ground, op: ops.AdoptLink, found: LinkInfo) -> Iterator[Drift]:
    peer = at.namespaces.peer(op.netns, found.index)
    if peer is None or peer.name != op.host:
        yield Drift(what=op.host, field="link", wanted=f"the other end of {op.ifname}", found="gone")
        return
    bridge = at.namespaces.link(None, op.bridge) if op.bridge else None
    if op.bridge and (bridge is None or peer.master != bridge.index):
        yield Drift(what=op.host, field="master", wanted=op.bridge, found="another, or none")


def _mode(found: LinkInfo) -> str:
    if found.kind == "vlan":
        return str(found.tag)
    modes = links.MACVLAN_MODES if found.kind == "macvlan" else links.IPVLAN_MODES
    return next((name for name, code in modes.items() if code == found.mode), "")


def _check_device(at: Ground, op: ops.AdoptDevice) -> Iterator[Drift]:
    found = at.namespaces.link(op.netns, op.ifname)
    if found is None:
        yield Drift(what=op.ifname, field="link", wanted="there", found="gone")
    elif op.mac and found.mac != op.mac.lower():
        yield Drift(what=op.ifname, field="mac", wanted=op.mac, found=found.mac)


def _check_vrf(at: Ground, op: ops.AdoptVrf) -> Iterator[Drift]:
    link, vrf = at.namespaces.link(op.netns, op.ifname), at.namespaces.link(op.netns, op.vrf)
    if link is None or vrf is None or vrf.kind != "vrf" or link.master != vrf.index:
        yield Drift(what=op.ifname, field="master", wanted=op.vrf, found="another, or none")


def _check_ports(at: Ground, op: ops.AdoptPorts) -> Iterator[Drift]:
    """Count rules, in either backend, as the CNI project's plugin does: it is not known which one has made them."""
    from podberth.linux import iptables

    dnat = [(version, words) for chain in op.chains for version, words in iptables.rules(at.namespaces, "nat", chain)]
    for address in op.addresses:
        wanted = sum(_is_for(port, address) for port in op.ports)
        by_iptables = sum(version == address.version and "DNAT" in words for version, words in dnat)
        if by_iptables >= wanted and (by_iptables or not wanted):
            continue
        mine = _of_pod(theirs.rules_of(at.namespaces, theirs.PORTS[address.version]), op.container_id, [address])
        mapped = sum(one.chain in (theirs.HOSTPORTS, theirs.HOSTIP_HOSTPORTS) for one in mine)
        answered = any(one.chain == theirs.MASQUERADING for one in mine)
        if mapped < wanted or (op.masqueraded and not answered):
            shown = f"{max(mapped, by_iptables)} rules" + ("" if answered or not op.masqueraded else ", no masquerade")
            yield Drift(what=str(address), field="port mappings", wanted=str(wanted), found=shown)


def _is_for(port: str, address: Address) -> bool:
    host = parsed(port)[1]
    return host is None or host.version == address.version


def _check_forwarding(at: Ground, op: ops.AdoptForwarding) -> Iterator[Drift]:
    from podberth.linux import iptables

    found = [words[2:] for _, words in iptables.rules(at.namespaces, "filter", _FORWARD)]
    for address in op.addresses:
        if not all(rule in found for rule in _forwarding(address)):
            yield Drift(what=str(address), field=f"rules in {_FORWARD}", wanted="there", found="gone")


def _check_limits(at: Ground, op: ops.AdoptLimits) -> Iterator[Drift]:
    socket = at.namespaces.socket(None)
    every = [tc.parse_qdisc(body) for body in socket.dump(tc.GET_QDISC, tc.qdiscs())]
    named = (at.namespaces.link(None, name) for name in op.hosts)
    hosts = [found for found in named if found is not None and found.kind == "veth"]
    ifb = at.namespaces.link(None, op.ifb)
    for places, what, rate, burst in (
        ([one.index for one in hosts], "what the pod receives", op.receive_rate, op.receive_burst),
        ([ifb.index] if ifb is not None else [], f"what the pod sends ({op.ifb})", op.send_rate, op.send_burst),
    ):
        wanted = tc.exact(rate, burst).rate if rate else 0
        live = [one.tbf.rate for one in every if one.index in places and one.is_root and one.tbf is not None]
        if rate and wanted not in live:
            shown = ", ".join(map(str, live)) or "none"
            yield Drift(what=what, field="rate in bytes/s", wanted=str(wanted), found=shown)


def _do(at: Ground, netns: str | None, kind: int, body: bytes) -> None:
    try:
        at.namespaces.socket(netns).do(kind, body)
    except NetlinkError as refused:
        if refused.errno not in GONE:
            raise


_INSIDE: dict[type, Callable[[Ground, Any], None]] = {
    ops.AdoptLink: _delete_link,
    ops.AdoptRules: _delete_rules,
    ops.AdoptVrf: _leave_vrf,
}
_ON_NODE: dict[type, Callable[[Ground, Any], None]] = {
    ops.AdoptMasquerade: _stop_masquerading,
    ops.AdoptSpoofCheck: _stop_checking,
    ops.AdoptPorts: _unmap,
    ops.AdoptForwarding: _forbid,
    ops.AdoptLimits: _unlimit,
}
_COMPARED: dict[type, Callable[[Ground, Any], Iterator[Drift]]] = {
    ops.AdoptLink: _check_link,
    ops.AdoptDevice: _check_device,
    ops.AdoptVrf: _check_vrf,
    ops.AdoptPorts: _check_ports,
    ops.AdoptForwarding: _check_forwarding,
    ops.AdoptLimits: _check_limits,
}
