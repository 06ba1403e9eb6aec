"""Requests about links, and what the kernel says of one, as bytes and values (linux/if_link.h). No I/O."""

from __future__ import annotations

from struct import Struct

from podberth.cni.value import value
from podberth.linux.netlink import codec
from podberth.linux.netlink.codec import nested, text, u16, u32

NEW, DEL, GET, SET = 16, 17, 18, 19  # RTM_NEWLINK and on
GET_NSID = 90  # RTM_GETNSID
NEW_NAME, DEL_NAME = 108, 109  # RTM_NEWLINKPROP, RTM_DELLINKPROP
RETUNED = 0x7063  # the mark of one of the CNI project's that has had its MAC of before back, on its way out
GROUP = 0x7062  # "pb": the mark of links that podberth made, set in the message that makes them
GOING = 0x7072  # "pr": the mark of those of them that are only waiting to be deleted
GATEWAY = 0x7067  # "pg": the mark of both ends of a pair that a bridge's VLAN has for its gateway

_INFO = Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change
_UP, _RUNNING = 0x1, 0x40
PROMISC, ALLMULTI = 0x100, 0x200  # IFF_*
STICKY = 0x80 | PROMISC | ALLMULTI  # with IFF_NOARP: what stays on a link that moves
(_ADDRESS, _IFNAME, _MTU, _LINK, _MASTER, _QUEUE) = (1, 3, 4, 5, 10, 13)
(_LINKINFO, _AF_SPEC, _GROUP, _NET_NS_FD, _EXT_MASK) = (18, 26, 27, 28, 29)
_ALIAS = 20  # IFLA_IFALIAS
(_NAMES, _ALTNAME, _DEVICE) = (52, 53, 56)  # IFLA_PROP_LIST, IFLA_ALT_IFNAME, IFLA_PARENT_DEV_NAME
_NSID, _NSID_FD, _NO_NSID = 1, 3, -1  # NETNSA_*
_KIND, _DATA, _SLAVE_KIND, _SLAVE_DATA = 1, 2, 4, 5
_VETH_PEER = 1
_BR_VLAN_FILTERING, _BR_DEFAULT_VLAN = 7, 39  # IFLA_BR_VLAN_FILTERING, IFLA_BR_VLAN_DEFAULT_PVID
_BRPORT_STATE, _BRPORT_MODE, _BRPORT_ISOLATED = 1, 4, 33  # BR_STATE_*; hairpin
# What of a link, and of the kind of link that it is, `parse` has a look at.
_SHOWN = frozenset(
    (_ADDRESS, _IFNAME, _MTU, _LINK, _MASTER, _QUEUE, _LINKINFO, _GROUP, _ALIAS, _NAMES, _DEVICE),
)
_OF_PORT = frozenset((_BRPORT_MODE, _BRPORT_ISOLATED))
_INET, _INET_CONF, _ARP_NOTIFY = 2, 1, 22  # AF_INET, IFLA_INET_CONF, IPV4_DEVCONF_ARP_NOTIFY (linux/ip.h)
_VLAN_ID, _VLAN_PROTOCOL = 1, 5
_MACVLAN_MODE, _BC_QUEUE_LEN = 1, 7  # IFLA_MACVLAN_MODE, IFLA_MACVLAN_BC_QUEUE_LEN
_8021Q = b"\x81\x00"  # in network byte order
_VRF_TABLE = 1  # IFLA_VRF_TABLE
_SKIP_STATS = 0x8  # RTEXT_FILTER_*; VF information is never asked for here
_LINK_NETNSID = 37  # of `_LINK`, as the namespace that is asked numbers it
STACKED = frozenset(("vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"))
MACVLAN_MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8}
IPVLAN_MODES = {"l2": 0, "l3": 1, "l3s": 2}


@value
class LinkInfo:
    """A link as the kernel shows it; `kind` is '' for a physical device, `master` 0 without one.

    `tag` is an 802.1Q device's VLAN, 0 for all else; `default_vlan` what a bridge that filters VLANs puts its new ports
    into, 0 for none.
    `below` is the index of the link it stands on, 0 without one. `queue` is its txqueuelen in packets, `sticky` those
    of its flags that are in STICKY, `running` whether it is up and has a carrier. `device` is the name of the device
    behind it on its bus, '' for virtual ones and before Linux 5.14.
    """

    index: int
    name: str
    kind: str
    mac: str
    mtu: int
    up: bool
    group: int
    master: int
    below: int
    mode: int
    tag: int
    vlan_filtering: bool
    default_vlan: int
    hairpin: bool
    isolated: bool
    queue: int
    sticky: int
    running: bool
    altnames: tuple[str, ...]
    device: str
    alias: str = ""

    @property
    def ours(self) -> bool:
        """Whether podberth made it."""
        return self.group in (GROUP, GOING, GATEWAY)


def veth(name: str, ifname: str, netns_fd: int, mac: str | None, mtu: int | None) -> bytes:
    """A pair: `name` here, `ifname` in the namespace; both ends in one message, so there is never half a pair."""
    peer = _INFO.pack(0, 0, 0, 0, 0) + text(_IFNAME, ifname) + u32(_NET_NS_FD, netns_fd) + _common(mac, mtu)
    return _new(text(_IFNAME, name), _common(None, mtu), _linkinfo("veth", nested(_VETH_PEER, peer)))


def gateway(name: str, port: str, mtu: int) -> bytes:
    """A pair of this namespace for a gateway: `name` is the node's own, `port` a bridge's; neither is up."""
    peer = _INFO.pack(0, 0, 0, 0, 0) + text(_IFNAME, port) + _common(None, mtu, GATEWAY)
    return _new(text(_IFNAME, name), _common(None, mtu, GATEWAY), _linkinfo("veth", nested(_VETH_PEER, peer)))


def bridge(name: str, *, vlan_filtering: bool, mtu: int | None = None) -> bytes:
    """A bridge that is up at once."""
    # Only said where it is wanted: a kernel without the feature refuses the very word.
    filtering = [codec.attribute(_BR_VLAN_FILTERING, b"\1")] if vlan_filtering else []
    return _new(text(_IFNAME, name), _common(None, mtu), _linkinfo("bridge", *filtering), up=True)


def vlan(name: str, below: int, tag: int) -> bytes:
    """An 802.1Q device on the link with index `below`, up at once."""
    data = u16(_VLAN_ID, tag)
    return _new(text(_IFNAME, name), u32(_LINK, below), _common(None, None), _linkinfo("vlan", data), up=True)


def macvlan_data(mode: str, bcqueuelen: int | None = None) -> bytes:
    """What makes a link a macvlan."""
    length = [u32(_BC_QUEUE_LEN, bcqueuelen)] if bcqueuelen is not None else []
    return _linkinfo("macvlan", u32(_MACVLAN_MODE, MACVLAN_MODES[mode]), *length)


def ipvlan_data(mode: str) -> bytes:
    """What makes a link an ipvlan."""
    return _linkinfo("ipvlan", u16(1, IPVLAN_MODES[mode]))


def vlan_data(tag: int) -> bytes:
    """What makes a link an 802.1Q device."""
    return _linkinfo("vlan", u16(_VLAN_ID, tag))


def stacked(
    name: str, below: int, netns_fd: int, data: bytes, mac: str | None, mtu: int | None, group: int = GROUP
) -> bytes:
    """A link on another, of the kind that `data` says, made right inside the namespace: it never exists outside."""
    return _new(text(_IFNAME, name), u32(_LINK, below) + u32(_NET_NS_FD, netns_fd), _common(mac, mtu, group), data)


def dummy(ifname: str) -> bytes:
    """A dummy of the namespace that is asked."""
    return _new(text(_IFNAME, ifname), _common(None, None), _linkinfo("dummy"))


def ifb(name: str, mtu: int | None = None) -> bytes:
    """An intermediate functional block, which is down yet."""
    return _new(text(_IFNAME, name), _common(None, mtu), _linkinfo("ifb"), up=False)


def vrf(name: str, table: int) -> bytes:
    """A VRF with that routing table, up at once."""
    return _new(text(_IFNAME, name), _common(None, None), _linkinfo("vrf", u32(_VRF_TABLE, table)), up=True)


def delete(index: int) -> bytes:
    """The link with that index."""
    return _INFO.pack(0, 0, index, 0, 0)


def set_group(index: int, group: int) -> bytes:
    """ip link set group GROUP."""
    return _INFO.pack(0, 0, index, 0, 0) + u32(_GROUP, group)


def delete_group(group: int) -> bytes:
    """ip link delete group GROUP: all links of the namespace that are in it."""
    return _INFO.pack(0, 0, 0, 0, 0) + u32(_GROUP, group)


def put_away(index: int, name: str, group: int) -> bytes:
    """ip link set name NAME group GROUP; a link that is up can be renamed since Linux 6.2."""
    return rename(index, name) + u32(_GROUP, group)


def disable_port(index: int, group: int) -> bytes:
    """bridge link set state 0 (disabled) and ip link set group GROUP, in one message."""
    state = nested(_LINKINFO, text(_SLAVE_KIND, "bridge"), nested(_SLAVE_DATA, codec.attribute(_BRPORT_STATE, b"\0")))
    return set_group(index, group) + state


def set_up(index: int) -> bytes:
    """ip link set up."""
    return _INFO.pack(0, 0, index, _UP, _UP)


def set_up_named(name: str) -> bytes:
    """ip link set NAME up: the kernel looks for the link by name where a message has no index."""
    return _INFO.pack(0, 0, 0, _UP, _UP) + text(_IFNAME, name)


def set_down(index: int) -> bytes:
    """ip link set down."""
    return _INFO.pack(0, 0, index, 0, _UP)


def move(index: int, netns_fd: int, name: str) -> bytes:
    """ip link set netns NETNS name NAME: in one message, so the name it has needs to be free in neither namespace."""
    return _INFO.pack(0, 0, index, 0, 0) + u32(_NET_NS_FD, netns_fd) + text(_IFNAME, name)


def rename(index: int, name: str) -> bytes:
    """ip link set name NAME."""
    return _INFO.pack(0, 0, index, 0, 0) + text(_IFNAME, name)


def altname(index: int, name: str) -> bytes:
    """ip link property add (NEW_NAME) or del (DEL_NAME) altname NAME."""
    return _INFO.pack(0, 0, index, 0, 0) + nested(_NAMES, text(_ALTNAME, name))


def set_alias(index: int, alias: str) -> bytes:
    """ip link set alias; '' takes it away."""
    return _INFO.pack(0, 0, index, 0, 0) + codec.attribute(_ALIAS, alias.encode())


def restore(index: int, mtu: int, queue: int, sticky: int) -> bytes:
    """ip link set mtu MTU txqueuelen QUEUE, with the flags among STICKY set to those in `sticky`."""
    return _INFO.pack(0, 0, index, sticky, STICKY) + u32(_MTU, mtu) + u32(_QUEUE, queue)


def set_mtu(index: int, mtu: int) -> bytes:
    """ip link set mtu MTU."""
    return _INFO.pack(0, 0, index, 0, 0) + u32(_MTU, mtu)


def set_queue(index: int, queue: int) -> bytes:
    """ip link set txqueuelen QUEUE."""
    return _INFO.pack(0, 0, index, 0, 0) + u32(_QUEUE, queue)


def set_flag(index: int, flag: int, *, on: bool) -> bytes:
    """ip link set promisc (or allmulticast) on or off."""
    return _INFO.pack(0, 0, index, flag if on else 0, flag)


def set_mac(index: int, mac: str) -> bytes:
    """ip link set address; the MAC it has already makes the kernel announce its addresses."""
    return _INFO.pack(0, 0, index, 0, 0) + codec.attribute(_ADDRESS, bytes.fromhex(mac.replace(":", "")))


def set_arp_notify(index: int) -> bytes:
    """sysctl net.ipv4.conf.IFNAME.arp_notify=1."""
    conf = nested(_INET_CONF, u32(_ARP_NOTIFY, 1))
    return _INFO.pack(0, 0, index, 0, 0) + nested(_AF_SPEC, nested(_INET, conf))


def set_master(index: int, master: int) -> bytes:
    """ip link set master; 0 is nomaster."""
    return _INFO.pack(0, 0, index, 0, 0) + u32(_MASTER, master)


def set_master_named(name: str, master: int) -> bytes:
    """ip link set NAME master."""
    return _INFO.pack(0, 0, 0, 0, 0) + text(_IFNAME, name) + u32(_MASTER, master)


def set_port(index: int, *, hairpin: bool, isolated: bool) -> bytes:
    """bridge link set hairpin on isolated on, each if it is wanted."""
    said = ((_BRPORT_MODE, hairpin), (_BRPORT_ISOLATED, isolated))
    data = nested(_SLAVE_DATA, *(codec.attribute(kind, b"\1") for kind, wanted in said if wanted))
    return _INFO.pack(0, 0, index, 0, 0) + nested(_LINKINFO, text(_SLAVE_KIND, "bridge"), data)


def set_promiscuous(index: int, *, on: bool) -> bytes:
    """ip link set promisc on, or off."""
    return _INFO.pack(0, 0, index, PROMISC if on else 0, PROMISC)


def by_name(name: str) -> bytes:
    """ip link show NAME, without statistics."""
    return _INFO.pack(0, 0, 0, 0, 0) + text(_IFNAME, name) + u32(_EXT_MASK, _SKIP_STATS)


def by_index(index: int) -> bytes:
    """ip link show, by the link's index, without statistics."""
    return _INFO.pack(0, 0, index, 0, 0) + u32(_EXT_MASK, _SKIP_STATS)


def ports(master: int) -> bytes:
    """ip link show master NAME (a dump)."""
    return _INFO.pack(0, 0, 0, 0, 0) + u32(_MASTER, master) + u32(_EXT_MASK, _SKIP_STATS)


def all_links() -> bytes:
    """ip link show (a dump)."""
    return _INFO.pack(0, 0, 0, 0, 0) + u32(_EXT_MASK, _SKIP_STATS)


def index_of(body: bytes) -> int:
    """Read only the index out of an RTM_NEWLINK."""
    return codec.header(_INFO, body)[2]


def nsid_of(netns_fd: int) -> bytes:
    """ip netns list-id, of one namespace."""
    return bytes(4) + u32(_NSID_FD, netns_fd)


def parse_nsid(body: bytes) -> int:
    """Read the number that the asked namespace has for another; -1 for none."""
    return _signed(codec.attributes(body[4:]).get(_NSID))


def below_nsid(body: bytes) -> int:
    """Read only out of an RTM_NEWLINK in which namespace the link below is, as that one's number; -1 for the same."""
    return _signed(codec.first(body[_INFO.size :], _LINK_NETNSID))


def vrf_table(body: bytes) -> int:
    """Read only a VRF's table out of an RTM_NEWLINK; 0 of any other link."""
    info = codec.attributes(codec.attributes(body[_INFO.size :]).get(_LINKINFO, b""))
    return codec.number(codec.first(info.get(_DATA, b""), _VRF_TABLE)) if codec.string(info.get(_KIND)) == "vrf" else 0


def parse(body: bytes) -> LinkInfo:
    """Read what follows the header of an RTM_NEWLINK."""
    _, _, index, flags, _ = codec.header(_INFO, body)
    found = codec.among(body[_INFO.size :], _SHOWN)
    info = codec.attributes(found.get(_LINKINFO, b""))
    port = codec.among(info.get(_SLAVE_DATA, b""), _OF_PORT)
    kind, said, names = codec.string(info.get(_KIND)), info.get(_DATA, b""), found.get(_NAMES, b"")
    # A bridge says some 45 things of itself, and an ADD looks at it more than once.
    filtering = kind == "bridge" and codec.number(codec.first(said, _BR_VLAN_FILTERING)) == 1
    data = codec.attributes(said) if filtering or kind in ("macvlan", "ipvlan", "vlan") else {}
    return LinkInfo(
        index=index,
        name=codec.string(found.get(_IFNAME)),
        kind=kind,
        mac=found.get(_ADDRESS, b"").hex(":"),
        mtu=codec.number(found.get(_MTU)),
        up=bool(flags & _UP),
        group=codec.number(found.get(_GROUP)),
        master=codec.number(found.get(_MASTER)),
        below=codec.number(found.get(_LINK)),
        mode=codec.number(data.get(1)) if kind in ("macvlan", "ipvlan") else 0,
        tag=codec.number(data.get(_VLAN_ID)) if kind == "vlan" and data.get(_VLAN_PROTOCOL) == _8021Q else 0,
        vlan_filtering=filtering,
        default_vlan=codec.number(data.get(_BR_DEFAULT_VLAN)) if filtering else 0,
        hairpin=codec.number(port.get(_BRPORT_MODE)) == 1,
        isolated=codec.number(port.get(_BRPORT_ISOLATED)) == 1,
        queue=codec.number(found.get(_QUEUE)),
        sticky=flags & STICKY,
        running=bool(flags & _RUNNING),
        altnames=tuple(codec.string(name) for kind, name in codec.each_attribute(names) if kind == _ALTNAME),
        device=codec.string(found.get(_DEVICE)),
        alias=codec.string(found.get(_ALIAS)),
    )


def stands_on(body: bytes, index: int) -> bool:
    """Say whether the link of an RTM_NEWLINK stands on the one with that index, in its own namespace.

    An index of another namespace comes with that one's number. The peer of a veth is nothing that it stands on.
    """
    found = codec.attributes(body[_INFO.size :])
    kind = codec.string(codec.attributes(found.get(_LINKINFO, b"")).get(_KIND))
    return kind in STACKED and _LINK_NETNSID not in found and codec.number(found.get(_LINK)) == index


def _new(*members: bytes, up: bool = False) -> bytes:
    return _INFO.pack(0, 0, 0, _UP if up else 0, _UP if up else 0) + b"".join(members)


def _common(mac: str | None, mtu: int | None, group: int = GROUP) -> bytes:
    address = codec.attribute(_ADDRESS, bytes.fromhex(mac.replace(":", ""))) if mac is not None else b""
    return u32(_GROUP, group) + address + (u32(_MTU, mtu) if mtu is not None else b"")


def _signed(content: bytes | None) -> int:
    return int.from_bytes(content, "little", signed=True) if content is not None else _NO_NSID


def _linkinfo(kind: str, *data: bytes) -> bytes:
    return nested(_LINKINFO, text(_KIND, kind), *([nested(_DATA, *data)] if data else []))
