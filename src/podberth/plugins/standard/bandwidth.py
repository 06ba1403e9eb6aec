"""The `bandwidth` type: how much a pod's interface may send and receive, behind the plugin that made it.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins,
plugins/meta/bandwidth). The limits are on the node's end of a veth pair, out of the pod's reach. An interface of any
other kind has no end of its own on the node: its limits are inside the pod. Pure.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import CniError, UnsupportedField
from podberth.cni.keys import NUMBER, Key
from podberth.cni.value import value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.plan import Made, Plan
from podberth.net.pod_side import link_name
from podberth.net.seen import PeerOf
from podberth.net.settings import Standalone
from podberth.net.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.net.endpoint import Endpoint
    from podberth.net.facts import Link
    from podberth.net.ops import Op
    from podberth.net.seen import Query, Seen

TYPES: tuple[str, ...] = ("bandwidth",)
MAX_RATE = 2**64 - 1  # bit/s
MAX_BURST = (2**32 - 1) * 8 - 1  # bits: the kernel counts a bucket's bytes in 32 bits
LEAST = 8  # bits: the kernel counts in bytes
INGRESS_RATE = Key(
    name="ingressRate", kind=NUMBER, read=parsers.integer(0, MAX_RATE), default=0,
    what="What the pod may receive, in bit/s; 0 for no limit.",
)  # fmt: skip
INGRESS_BURST = Key(
    name="ingressBurst", kind=NUMBER, read=parsers.integer(0, MAX_BURST), default=0,
    what="How many bits the pod may receive at once.",
)  # fmt: skip
EGRESS_RATE = Key(
    name="egressRate", kind=NUMBER, read=parsers.integer(0, MAX_RATE), default=0,
    what="What the pod may send, in bit/s; 0 for no limit.",
)  # fmt: skip
EGRESS_BURST = Key(
    name="egressBurst", kind=NUMBER, read=parsers.integer(0, MAX_BURST), default=0,
    what="How many bits the pod may send at once.",
)  # fmt: skip
KEYS: tuple[Key, ...] = (INGRESS_RATE, INGRESS_BURST, EGRESS_RATE, EGRESS_BURST)
ADDRESSES = Addresses.PREVIOUS
SETTINGS = MAC = False
_WITHDRAWN = ("shapedSubnets", "unshapedSubnets")  # of the versions 1.5.0 and 1.5.1 alone


@value
class Limit:
    """A rate in bit/s, and how many bits may come at once."""

    rate: int
    burst: int


@value
class Conf(Standalone):
    """Limits of what the pod may receive (`ingress`) and send (`egress`); None without one."""

    ingress: Limit | None = None
    egress: Limit | None = None


def configure(fields: Fields) -> Conf:
    """Return the configuration: what it says itself, or else what the runtime says."""
    for name in _WITHDRAWN:
        if fields.said(name):
            raise UnsupportedField(
                f"{fields.at(name)}: limits for some subnets alone are not supported",
                "leave it out: the CNI project's plugin has it in 1.5.0 and 1.5.1 alone",
            )
    if not any(fields.raw.get(key.name) is not None for key in KEYS):
        runtime = fields.child("runtimeConfig")
        said = runtime.child("bandwidth") if runtime is not None else None
        if said is None:
            return Conf()
        fields = said
    return Conf(ingress=_limit(fields, INGRESS_RATE, INGRESS_BURST), egress=_limit(fields, EGRESS_RATE, EGRESS_BURST))


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return which link of the node is the other end of the pod's, where there is anything to limit."""
    del call, seen
    return (_other_end(endpoint),) if conf.ingress or conf.egress else ()


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint; an ifb that is made for it is in the result."""
    del call
    if not (conf.ingress or conf.egress):
        return Plan(ops=())
    other = _other_end(endpoint)
    host = seen.peer(other.netns, other.ifname)
    ifb = link_name("bwp", endpoint.attachment)
    made = tuple(_outside(conf, host, ifb) if host is not None else _inside(conf, endpoint, ifb))
    netns = endpoint.netns if host is None else None
    received = any(isinstance(op, ops.LimitReceive) for op in made)
    return Plan(ops=made, interfaces=(Made(name=ifb, netns=netns),) if received else ())


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did: its ifb is of this name."""
    try:
        conf = configure(call.conf.fields)
    except CniError:
        conf = Conf()  # a DEL does without it
    receive, send = conf.ingress or Limit(rate=0, burst=0), conf.egress or Limit(rate=0, burst=0)
    made = ops.AdoptLimits(
        ifb=theirs.ifb(call.attachment),
        hosts=tuple(link.name for link in theirs.nodes_links(call)),
        receive_rate=receive.rate, receive_burst=receive.burst, send_rate=send.rate, send_burst=send.burst,
    )  # fmt: skip
    return (Step(op=made),)


def _other_end(endpoint: Endpoint) -> PeerOf:
    return PeerOf(netns=endpoint.netns, ifname=endpoint.attachment.ifname)


def _outside(conf: Conf, host: Link, ifb: str) -> Iterator[Op]:
    """Plan limits on the node: what its end sends is what the pod receives."""
    if conf.ingress:
        yield ops.LimitTransmit(netns=None, ifname=host.name, rate=conf.ingress.rate, burst=conf.ingress.burst)
    if conf.egress:
        yield ops.LimitReceive(
            netns=None, ifname=host.name, ifb=ifb, rate=conf.egress.rate, burst=conf.egress.burst, mtu=host.mtu
        )


def _inside(conf: Conf, endpoint: Endpoint, ifb: str) -> Iterator[Op]:
    netns, ifname = endpoint.netns, endpoint.attachment.ifname
    if conf.ingress:
        yield ops.LimitReceive(netns=netns, ifname=ifname, ifb=ifb, rate=conf.ingress.rate, burst=conf.ingress.burst)
    if conf.egress:
        yield ops.LimitTransmit(netns=netns, ifname=ifname, rate=conf.egress.rate, burst=conf.egress.burst)


def _limit(fields: Fields, rate: Key, burst: Key) -> Limit | None:
    """Return a limit, None without one. InvalidConfig if one of its two numbers is missing, or too small to count."""
    found = Limit(rate=rate.of(fields), burst=burst.of(fields))
    if not found.rate and not found.burst:
        return None
    for key, number, other in ((rate, found.rate, burst), (burst, found.burst, rate)):
        if not number:
            raise fields.fail(key.name, f"required beside {other.name}", "say both, or neither")
        if number < LEAST:
            raise fields.fail(key.name, f"expected at least {LEAST} bits, got {number}", "the kernel counts in bytes")
    return found
