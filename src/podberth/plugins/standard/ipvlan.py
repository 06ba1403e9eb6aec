"""The `ipvlan` type: a link with addresses of its own, and the MAC of the link of the node, or the pod, below. Pure.

Its keys and results are those of the plugin of that name: github.com/containernetworking/plugins, plugins/main/ipvlan.
Behind another plugin it may stand on that one's only interface, and take over its addresses.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig
from podberth.cni.keys import TEXT, Key
from podberth.cni.value import replace, value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.endpoint import by_gateways, first_gateways
from podberth.net.master import IN_POD, MASTER, MTU, Master, OnMaster
from podberth.net.plan import Made, Plan
from podberth.net.pod_side import announcement, inside, limits, refuse
from podberth.net.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Op
    from podberth.net.seen import Query, Seen
    from podberth.net.step import Step

TYPES: tuple[str, ...] = ("ipvlan",)
MODES = ("l2", "l3", "l3s")
MODE = Key(
    name="mode", kind=TEXT, read=parsers.choice(*MODES), default=MODES[0],
    what="l2: it speaks ARP and NDP. l3, l3s: the node routes for it.",
)  # fmt: skip
KEYS: tuple[Key, ...] = (MASTER, MODE, MTU, IN_POD)
ADDRESSES = Addresses.IPAM
SETTINGS = MAC = False


@value
class Conf(OnMaster):
    """`master`: the link below. `alone`: no IPAM plugin is named."""

    master: Master
    mode: str
    alone: bool
    settings: Settings


def configure(fields: Fields) -> Conf:
    """Read the configuration. InvalidConfig names the key at fault."""
    ipam = fields.child("ipam")
    return Conf(
        master=Master(name=MASTER.of(fields), in_pod=IN_POD.of(fields)),
        mode=MODE.of(fields),
        alone=ipam is None or not ipam.said("type"),
        settings=Settings(mtu=MTU.of(fields)),
    )


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return what the plan depends on: the link below."""
    return _master(conf, call).asks(endpoint, seen)


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint. Unfit or InvalidConfig for what is below."""
    refuse(endpoint.settings, "ipvlan", "mac")
    ifname, netns = endpoint.attachment.ifname, endpoint.netns
    made = ops.CreateIpvlan(
        parent=_master(conf, call).found(endpoint, seen).name,
        mode=conf.mode,
        netns=netns,
        ifname=ifname,
        mtu=endpoint.settings.mtu,
        in_pod=conf.master.in_pod,
    )
    inherits = conf.alone and call.previous is not None and not endpoint.addresses
    end = _inherited(endpoint, call) if inherits else endpoint
    return Plan(
        ops=(made, *_inside(conf, end)),
        interfaces=(Made(name=ifname, netns=netns),),
        inherits=inherits,
    )


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did."""
    mode = call.conf.raw.get("mode") or "l2"
    return tuple(theirs.link(call, "ipvlan", mode=str(mode)))


def _inside(conf: Conf, endpoint: Endpoint) -> Iterator[Op]:
    layer_2 = conf.mode == "l2"
    yield from inside(endpoint, neighbours=layer_2 or endpoint.probing is None)
    yield from limits(endpoint)
    if layer_2:
        yield from announcement(endpoint)


def _master(conf: Conf, call: Call) -> Master:
    """Return what is said of the link below; behind another plugin it is that one's only interface."""
    if conf.master.name or call.previous is None:
        return conf.master
    names = [link.name for link in call.previous.interfaces]
    if len(names) != 1 or not names[0]:
        raise InvalidConfig(
            f"master: required, since prevResult has {len(names)} interfaces and not one", "name the link below"
        )
    return replace(conf.master, name=names[0])


def _inherited(endpoint: Endpoint, call: Call) -> Endpoint:
    """Return the pod's end with the addresses that the plugin before has given. A route's gateway may be left out."""
    before = call.previous
    assert before is not None
    gateways = tuple(ip.gateway for ip in before.ips)
    return replace(
        endpoint,
        addresses=tuple(ip.address for ip in before.ips),
        gateways=gateways,
        settings=replace(endpoint.settings, routes=by_gateways(before.routes, first_gateways(gateways))),
    )
