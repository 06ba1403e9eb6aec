"""Requests about traffic control, and what the kernel says of it (linux/pkt_sched.h, linux/pkt_cls.h). No I/O.

Token bucket filters, the ingress qdisc, and the filter that redirects what comes in. Rates are bytes/s, sizes bytes.
"""

from __future__ import annotations

from struct import Struct

from podberth.cni.value import value
from podberth.linux.netlink import codec
from podberth.linux.netlink.codec import attribute, nested, text

NEW_QDISC, DEL_QDISC, GET_QDISC = 36, 37, 38  # RTM_NEWQDISC and on
NEW_FILTER, DEL_FILTER, GET_FILTER = 44, 45, 46  # RTM_NEWTFILTER and on

# "pb": the mark of what podberth made, as a root qdisc's handle, 7062:, and as a filter's priority, 28770. An ingress
# qdisc always has the handle ffff: and can carry no mark.
MARK = 0x7062
HANDLE = MARK << 16

# A tick of traffic control: 1 << PSCHED_SHIFT nanoseconds (include/net/pkt_sched.h), what /proc/net/psched shows as
# 00000040. It has been that since Linux 2.6.31, so no file is read for it.
TICK_NS = 64

# Milliseconds that a frame waits in the queue at most; what does not fit is dropped.
LATENCY_MS = 50

EXACT_LATENCY_MS = 25  # the same, where a rate and a bucket are said to the bit

# A bucket must hold what the rate brings between two looks at it, or the rate is never reached: rate / HZ (tc-tbf(8),
# "burst"). 100 is the smallest HZ that kernels are built with.
_HZ = 100
# It must also hold a whole frame of 64 KiB as segmentation offload hands it down, counted with the headers of each of
# its segments (net/core/dev.c, qdisc_pkt_len_init); else the kernel cuts each one up (sch_tbf.c, tbf_segment).
_LARGEST_FRAME = 80 * 1024

_TCMSG = Struct("=BxxxiIII")  # struct tcmsg: family, index, handle, parent, info
_KIND, _OPTIONS = 1, 2
_ROOT = 0xFFFFFFFF  # TC_H_ROOT
_INGRESS, _INGRESS_HANDLE = 0xFFFFFFF1, 0xFFFF0000  # TC_H_INGRESS
_MAX_U32 = 2**32 - 1

_TBF_PARMS, _TBF_RATE64 = 1, 4
_TBF = Struct("=BBHhHIBBHhHIIII")  # struct tc_tbf_qopt: two of struct tc_ratespec (rate and peak), limit, buffer, mtu
# Frames count with their length. No rate table is needed then: sch_tbf.c looks into TCA_TBF_RTAB only to guess at the
# link layer where it is 0, "unaware".
_LINKLAYER_ETHERNET = 1

_ETH_P_ALL = 0x0300  # in network byte order
_U32_SEL, _U32_ACT = 5, 7
_SELECTOR = Struct("=BBBxHHhhIIIii")  # struct tc_u32_sel with one struct tc_u32_key
_TERMINAL = 1
_ACT_KIND, _ACT_OPTIONS = 1, 2
_MIRRED_PARMS = 2
_MIRRED = Struct("=IIiiiiI")  # struct tc_mirred: index, capabilities, action, references, bindings, what to do, to
_STOLEN = 4  # TC_ACT_STOLEN
_EGRESS_REDIRECT = 1  # TCA_EGRESS_REDIR


@value
class Tbf:
    """A token bucket filter: bytes/s, the queue's bytes, and the bucket in ticks of time at that rate."""

    rate: int
    limit: int
    buffer: int


@value
class Qdisc:
    """A queueing discipline as the kernel shows it, with its parameters if it is a token bucket filter."""

    index: int
    handle: int
    parent: int
    kind: str
    tbf: Tbf | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is its link's root."""
        return self.parent == _ROOT

    @property
    def ours(self) -> bool:
        """Whether podberth made it."""
        return self.kind == "tbf" and self.handle == HANDLE


@value
class Filter:
    """A filter as the kernel shows it; `redirect` is the index of the link that all it matches goes to, if it does."""

    index: int
    priority: int
    kind: str
    redirect: int | None = None

    @property
    def ours(self) -> bool:
        """Whether podberth made it."""
        return self.kind == "u32" and self.priority == MARK


def bucket(mbit: int) -> Tbf:
    """Return the bucket that lets `mbit` Mbit/s through (1 to 1,000,000)."""
    rate = mbit * 125_000
    burst = max(rate // _HZ, _LARGEST_FRAME)
    limit = min(rate * LATENCY_MS // 1000 + burst, _MAX_U32)  # tc-tbf(8), "latency"
    # In ticks rather than in bytes (TCA_TBF_BURST): so the kernel gives back exactly what it was told.
    return Tbf(rate=rate, limit=limit, buffer=-(-burst * 1_000_000_000 // (rate * TICK_NS)))


def exact(rate: int, burst: int) -> Tbf:
    """Return the bucket of `burst` bits that lets `rate` bit/s through, at least 8 of each.

    One that would last for more than 274 seconds is as large as that: the kernel is told its ticks in 32 bits. So is
    the queue, which is as long as the bucket and 25 ms more.
    """
    rate, burst = rate // 8, burst // 8
    buffer = min(-(-burst * 1_000_000_000 // (rate * TICK_NS)), _MAX_U32)
    if buffer == _MAX_U32:
        burst = buffer * TICK_NS * rate // 1_000_000_000
    return Tbf(rate=rate, limit=min(rate * EXACT_LATENCY_MS // 1000 + burst, _MAX_U32), buffer=buffer)


def coarse(rate: int, burst: int) -> Tbf:
    """Return the same bucket as `exact`, its time counted in microseconds: as the CNI project's plugin makes it."""
    fine = exact(rate, burst)
    ticks = int((burst // 8 * 1_000_000 // (rate // 8)) * (1000 / TICK_NS))
    return Tbf(rate=fine.rate, limit=fine.limit, buffer=min(ticks, _MAX_U32))


def tbf(index: int, bucket: Tbf) -> bytes:
    """tc qdisc add dev INDEX root handle 7062: tbf rate RATE burst BURST limit LIMIT."""
    rate = (0, _LINKLAYER_ETHERNET, 0, 0, 0, min(bucket.rate, _MAX_U32))
    peak = (0, 0, 0, 0, 0, 0)
    options = attribute(_TBF_PARMS, _TBF.pack(*rate, *peak, bucket.limit, bucket.buffer, 0))
    if bucket.rate > _MAX_U32:
        options += attribute(_TBF_RATE64, bucket.rate.to_bytes(8, "little"))
    return delete_tbf(index) + nested(_OPTIONS, options)


def delete_tbf(index: int) -> bytes:
    """tc qdisc del dev INDEX root handle 7062: tbf; the kernel refuses it (EINVAL, ENOENT) if that is not the root."""
    return _TCMSG.pack(0, index, HANDLE, _ROOT, 0) + text(_KIND, "tbf")


def ingress(index: int) -> bytes:
    """tc qdisc add (or del) dev INDEX ingress."""
    return _TCMSG.pack(0, index, _INGRESS_HANDLE, _INGRESS, 0) + text(_KIND, "ingress")


def redirect(index: int, to: int) -> bytes:
    """tc filter add dev INDEX ingress pref 28770 u32 match u32 0 0 action mirred egress redirect dev TO."""
    selector = _SELECTOR.pack(_TERMINAL, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    parameters = attribute(_MIRRED_PARMS, _MIRRED.pack(0, 0, _STOLEN, 0, 0, _EGRESS_REDIRECT, to))
    action = nested(1, text(_ACT_KIND, "mirred"), nested(_ACT_OPTIONS, parameters))
    return delete_redirect(index) + nested(_OPTIONS, attribute(_U32_SEL, selector), nested(_U32_ACT, action))


def delete_redirect(index: int) -> bytes:
    """tc filter del dev INDEX ingress pref 28770 u32."""
    return _TCMSG.pack(0, index, 0, _INGRESS_HANDLE, MARK << 16 | _ETH_P_ALL) + text(_KIND, "u32")


def qdiscs() -> bytes:
    """tc qdisc show (a dump, of all links: the kernel narrows it down to none)."""
    return _TCMSG.pack(0, 0, 0, 0, 0)


def ingress_filters(index: int) -> bytes:
    """tc filter show dev INDEX ingress (a dump)."""
    return _TCMSG.pack(0, index, 0, _INGRESS_HANDLE, 0)


def index_of(body: bytes) -> int:
    """Return only the link's index of what follows the header of an RTM_NEWQDISC."""
    index: int = _TCMSG.unpack_from(body)[1]
    return index


def parse_qdisc(body: bytes) -> Qdisc:
    """Read what follows the header of an RTM_NEWQDISC."""
    _, index, handle, parent, _ = _TCMSG.unpack_from(body)
    found = codec.attributes(body[_TCMSG.size :])
    kind = codec.string(found.get(_KIND))
    bucket = _bucket(codec.attributes(found.get(_OPTIONS, b""))) if kind == "tbf" else None
    return Qdisc(index=index, handle=handle, parent=parent, kind=kind, tbf=bucket)


def parse_filter(body: bytes) -> Filter:
    """Read what follows the header of an RTM_NEWTFILTER."""
    _, index, _, _, info = _TCMSG.unpack_from(body)
    found = codec.attributes(body[_TCMSG.size :])
    kind = codec.string(found.get(_KIND))
    to = _redirect(codec.attributes(found.get(_OPTIONS, b""))) if kind == "u32" else None
    return Filter(index=index, priority=info >> 16, kind=kind, redirect=to)


def _bucket(options: dict[int, bytes]) -> Tbf | None:
    if len(options.get(_TBF_PARMS, b"")) < _TBF.size:
        return None
    *rates, limit, buffer, _ = _TBF.unpack_from(options[_TBF_PARMS])
    return Tbf(rate=codec.number(options.get(_TBF_RATE64), rates[5]), limit=limit, buffer=buffer)


def _redirect(options: dict[int, bytes]) -> int | None:
    """Return the link that a u32 filter sends everything to; None if it matches some only, or does something else."""
    selector = options.get(_U32_SEL, b"")
    if len(selector) < _SELECTOR.size or _SELECTOR.unpack_from(selector)[7:10] != (0, 0, 0) or selector[2] != 1:
        return None
    action = codec.attributes(codec.attributes(options.get(_U32_ACT, b"")).get(1, b""))
    parameters = codec.attributes(action.get(_ACT_OPTIONS, b"")).get(_MIRRED_PARMS, b"")
    if codec.string(action.get(_ACT_KIND)) != "mirred" or len(parameters) < _MIRRED.size:
        return None
    *_, effect, to = _MIRRED.unpack_from(parameters)
    return to if effect == _EGRESS_REDIRECT else None
