"""Rate limits on one link, made, unmade and checked: a token bucket as its root, and an ifb for what comes in.

`sock` is the rtnetlink socket of the namespace that the link is in. Errors of the kernel leave as OSError. Nothing that
podberth did not make is replaced or removed: its marks are a root qdisc's handle, a filter's priority, a link's group.
"""

from __future__ import annotations

import errno
import os

from podberth.linux.ground import made_anew
from podberth.linux.netlink import links, tc
from podberth.linux.netlink.codec import CREATE, EXCL
from podberth.linux.patience import again
from podberth.net.ops import LimitTransmit
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.linux.namespaces import Namespaces
    from podberth.linux.netlink.links import LinkInfo
    from podberth.linux.netlink.socket import Rtnl
    from podberth.net.facts import NetnsId
    from podberth.net.ops.shaping import Op
    from podberth.net.step import Step


_BUSY_SECONDS, _PAUSE = 2.0, 0.005
# What the kernel says of a qdisc or filter that is not there, or is another's: of another handle or kind.
_NOT_THERE = (errno.ENOENT, errno.EINVAL, errno.ENODEV)


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield whether podberth limits the link in this direction already."""
    if _present(at.namespaces, op):
        yield "existed", "yes"


def do(at: Ground, op: Op) -> None:
    """Set the limit."""
    if isinstance(op, LimitTransmit):
        limit_transmit(at.namespaces.socket(op.netns), op.ifname, _bucket(op))
    else:
        limit_receive(at.namespaces.socket(op.netns), op.ifname, op.ifb, _bucket(op), op.mtu)


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Take the limit away."""
    if not at.alive(step, netns):
        return
    if isinstance(op, LimitTransmit):
        unlimit_transmit(at.namespaces.socket(op.netns), op.ifname)
    else:
        unlimit_receive(at.namespaces.socket(op.netns), op.ifname, op.ifb)


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare the limit with the op's."""
    del step
    if isinstance(op, LimitTransmit):
        return check_transmit(at.namespaces.socket(op.netns), op.ifname, _bucket(op))
    return check_receive(at.namespaces.socket(op.netns), op.ifname, op.ifb, _bucket(op))


repair = made_anew(undo, do)


def limit_transmit(sock: Rtnl, ifname: str, limit: int | tc.Tbf) -> None:
    """Let the link send at most `limit`, Mbit/s or a bucket; a limit set here before is changed.

    Raises OSError: ENODEV without such a link, EEXIST if it has a root qdisc that somebody else set.
    """
    # Neither EXCL nor REPLACE: the kernel puts it over a default root, changes one with our handle, refuses any other.
    sock.do(tc.NEW_QDISC, tc.tbf(_required(sock, ifname).index, _as_bucket(limit)), CREATE)


def unlimit_transmit(sock: Rtnl, ifname: str) -> None:
    """Take the limit away; nothing happens if there is none of podberth's, or no link."""
    found = _link(sock, ifname)
    if found is not None:
        _drop(sock, tc.DEL_QDISC, tc.delete_tbf(found.index))


def limit_receive(sock: Rtnl, ifname: str, ifb: str, limit: int | tc.Tbf, mtu: int | None = None) -> None:
    """Let the link receive at most `limit`, Mbit/s or a bucket: all goes through a link `ifb`, made for that.

    All, or nothing is left. Raises OSError: ENODEV without such a link, EEXIST if there is an `ifb` already or if the
    link has an ingress (or clsact) qdisc that somebody else set, EOPNOTSUPP if the kernel has no ifb.
    """
    index = _required(sock, ifname).index
    sock.do(links.NEW, links.ifb(ifb, mtu), CREATE | EXCL)
    undo = []
    try:
        through = _required(sock, ifb).index
        undo.append((links.DEL, links.delete(through)))
        # While it is down: another root for a link that is up waits for an RCU period.
        sock.do(tc.NEW_QDISC, tc.tbf(through, _as_bucket(limit)), CREATE)
        sock.do(links.NEW, links.set_up(through))
        sock.do(tc.NEW_QDISC, tc.ingress(index), CREATE | EXCL)
        undo.append((tc.DEL_QDISC, tc.ingress(index)))
        sock.do(tc.NEW_FILTER, tc.redirect(index, through), CREATE | EXCL)
    except BaseException:
        for kind, body in reversed(undo):
            _drop(sock, kind, body)
        raise


def unlimit_receive(sock: Rtnl, ifname: str, ifb: str) -> None:
    """Take the limit away, also a half-made one; nothing happens if there is none of podberth's.

    The ifb goes last: as long as it is there, an ingress qdisc without filters is podberth's too.
    """
    link, through = _link(sock, ifname), _link(sock, ifb)
    ours = through is not None and through.kind == "ifb" and through.ours
    if link is not None:
        redirected = any(found.ours for found in _filters(sock, link.index))
        if redirected:
            _drop(sock, tc.DEL_FILTER, tc.delete_redirect(link.index))
        if (redirected or ours) and not _filters(sock, link.index):
            _drop(sock, tc.DEL_QDISC, tc.ingress(link.index))
    if through is not None and ours:
        _drop(sock, links.DEL, links.delete(through.index))


def check_transmit(sock: Rtnl, ifname: str, limit: int | tc.Tbf) -> tuple[Drift, ...]:
    """Return how the link's limit on sending differs from `limit`, Mbit/s or a bucket; empty if it does not."""
    link = _link(sock, ifname)
    return _root_drift(sock, link, _as_bucket(limit)) if link is not None else (_absent(ifname),)


def check_receive(sock: Rtnl, ifname: str, ifb: str, limit: int | tc.Tbf) -> tuple[Drift, ...]:
    """Return how the link's limit on receiving differs from `limit`, Mbit/s or a bucket; empty if it does not."""
    link, through = _link(sock, ifname), _link(sock, ifb)
    if link is None or through is None:
        return tuple(_absent(name) for name, found in ((ifname, link), (ifb, through)) if found is None)
    drifts = list(_root_drift(sock, through, _as_bucket(limit)))
    if not through.up:
        drifts.append(Drift(what=ifb, field="state", wanted="up", found="down"))
    targets = [found.redirect for found in _filters(sock, link.index) if found.ours and found.redirect is not None]
    if targets != [through.index]:
        shown = ", ".join(f"to link {target}" for target in targets) or "none"
        wanted = f"to link {through.index} ({ifb})"
        drifts.append(Drift(what=f"ingress of {ifname}", field="redirection", wanted=wanted, found=shown))
    return tuple(drifts)


def _bucket(op: Op) -> tc.Tbf:
    return tc.exact(op.rate, op.burst) if op.rate else tc.bucket(op.mbit)


def _as_bucket(limit: int | tc.Tbf) -> tc.Tbf:
    return tc.bucket(limit) if isinstance(limit, int) else limit


def _link(sock: Rtnl, name: str) -> LinkInfo | None:
    body = sock.get(links.GET, links.by_name(name))
    return links.parse(body) if body is not None else None


def _required(sock: Rtnl, name: str) -> LinkInfo:
    found = _link(sock, name)
    if found is None:
        raise OSError(errno.ENODEV, f"{os.strerror(errno.ENODEV)}: {name}")
    return found


def _filters(sock: Rtnl, index: int) -> list[tc.Filter]:
    return [tc.parse_filter(body) for body in sock.dump(tc.GET_FILTER, tc.ingress_filters(index))]


def _drop(sock: Rtnl, kind: int, body: bytes) -> None:
    """Delete a qdisc, a filter or a link; nothing happens if it is not there.

    The kernel does not delete an ingress qdisc while somebody reads or changes its filters, which needs no lock there
    (net/sched/sch_api.c, qdisc_graft): that is over in a moment.
    """
    try:
        again(lambda: sock.do(kind, body), (errno.EBUSY,), _BUSY_SECONDS, _PAUSE)
    except OSError as refused:
        if refused.errno not in _NOT_THERE:
            raise


def _root_drift(sock: Rtnl, link: LinkInfo, wanted: tc.Tbf) -> tuple[Drift, ...]:
    what = f"root qdisc of {link.name}"
    found = [tc.parse_qdisc(body) for body in sock.dump(tc.GET_QDISC, tc.qdiscs()) if tc.index_of(body) == link.index]
    root = next((qdisc for qdisc in found if qdisc.is_root), None)
    if root is None or not root.ours or root.tbf is None:
        shown = f"{root.kind} {root.handle >> 16:x}:" if root is not None else "none"
        return (Drift(what=what, field="kind", wanted=f"tbf {tc.MARK:x}:", found=shown),)
    compared = (
        ("rate in bytes/s", wanted.rate, root.tbf.rate),
        ("limit in bytes", wanted.limit, root.tbf.limit),
        ("bucket in ticks", wanted.buffer, root.tbf.buffer),
    )
    return tuple(Drift(what=what, field=name, wanted=str(w), found=str(f)) for name, w, f in compared if w != f)


def _absent(name: str) -> Drift:
    return Drift(what=name, field="link", wanted="present", found="absent")


def _present(namespaces: Namespaces, op: Op) -> bool:
    """Say whether podberth limits the link in this direction now, whatever the rate, or has an ifb of that name."""
    link, socket = namespaces.link(op.netns, op.ifname), namespaces.socket(op.netns)
    if not isinstance(op, LimitTransmit) and namespaces.link(op.netns, op.ifb) is not None:
        return True
    if link is None:
        return False
    if isinstance(op, LimitTransmit):
        bodies = (body for body in socket.dump(tc.GET_QDISC, tc.qdiscs()) if tc.index_of(body) == link.index)
        return any(found.ours and found.is_root for found in map(tc.parse_qdisc, bodies))
    return any(tc.parse_filter(body).ours for body in socket.dump(tc.GET_FILTER, tc.ingress_filters(link.index)))
