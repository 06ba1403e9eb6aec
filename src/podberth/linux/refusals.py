"""What the kernel refused, as an error that a runtime gets: with the errno's name, and what can be done about it."""

from __future__ import annotations

import errno

from podberth.cni.errors import KernelRefused
from podberth.net import ops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.ops import Op

_HINTS = {
    errno.EEXIST: "something of that name is there already; podberth does not touch what it has not made",
    errno.EPERM: "podberth needs root, or CAP_NET_ADMIN and CAP_SYS_ADMIN",
    errno.EOPNOTSUPP: "this node's kernel lacks the feature: `podberth doctor` lists what is missing",
    errno.ENODEV: "`ip link` lists the links there are",
    errno.ENETDOWN: "the link below, the parent, is down: `ip link set PARENT up`",
    errno.ENETUNREACH: "a route's gateway has to be in a subnet of the interface, or `onLink: true` of its pool",
}
# Where the kernel says only that it will not: what it is about, by what was to be made.
_BELOW = (
    "the link below is a port of a bridge or a bond, or a macvlan or ipvlan stands on it already that takes all of it:"
    " `ip -d link show PARENT` says which; name another parent"
)
_NO_MEMBER = (
    "a member has to take the bond's MAC, and its driver refuses: use mode active-backup with failOverMac `active`,"
    " where each keeps its own"
)
_ROUTE_THERE = "another interface of the pod has that route: `routes: []` in its pool or PodNetwork leaves it out"
_HINTS_OF: dict[tuple[type[object], int], str] = {
    **{(kind, code): _BELOW for kind in (ops.CreateMacvlan, ops.CreateIpvlan) for code in (errno.EBUSY, errno.EINVAL)},
    (ops.CreateBond, errno.EOPNOTSUPP): "this kernel has no bonding driver: `modprobe bonding max_bonds=0` loads it",
    **{(ops.JoinBond, code): _NO_MEMBER for code in (errno.EADDRNOTAVAIL, errno.EOPNOTSUPP, errno.EPERM)},
    (ops.JoinBond, errno.EBUSY): "the link is a member of another bond or bridge: `ip link` shows its master",
    (ops.CreateVlan, errno.EINVAL): "the link below takes no VLAN: a loopback, or a link of no Ethernet; name another",
    (ops.JoinBridge, errno.EINVAL): "a loopback, another bridge or a link that refuses bridges can be no port",
    (ops.JoinBridge, errno.EBUSY): "the link is a port of another bridge or bond already: `ip link` shows its master",
    (ops.AddRoute, errno.EEXIST): _ROUTE_THERE,
    (ops.CallPlugins, errno.EEXIST): "the pod has a link of that name: name another in its annotation, behind `@`",
    (ops.AddRoute, errno.EINVAL): "a gateway has to be on the link: name one in the subnet, or say `onLink: true`",
    (ops.MoveLink, errno.EINVAL): "the kernel keeps that link where it is, as it does a loopback: name another device",
    (ops.SetAttribute, errno.EINVAL): "`ip -d link show` says which MTUs the link takes: minmtu to maxmtu",
    (ops.WriteSysctl, errno.ENOENT): "this kernel has no such sysctl: `sysctl -a` lists those that there are",
    (
        ops.WriteSysctl,
        errno.EINVAL,
    ): "the sysctl takes no such value: Documentation/networking/ip-sysctl.rst names them",
    (ops.AddAddress, errno.EACCES): "IPv6 is switched off there: `sysctl -w net.ipv6.conf.all.disable_ipv6=0`",
}


def translated(doing: str, refused: OSError, op: Op | None = None) -> KernelRefused:
    """Return what a runtime is told of a refusal, while `doing` what; `op` is the op that was to be brought about."""
    code = refused.errno or 0
    name = errno.errorcode.get(code, "no errno")
    hint = "" if getattr(op, "netns", "") is None else _HINTS_OF.get((type(op), code), "")
    hint = hint or _HINTS.get(code, "`podberth doctor` says whether this node is fit")
    return KernelRefused(f"{doing}: {refused.strerror or refused} ({name})", hint)
