"""The `vlan` type: a VLAN of a link of the node, or of the pod. Pure.

Its keys and results are those of the plugin of that name: github.com/containernetworking/plugins, plugins/main/vlan.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.keys import NUMBER, Key
from podberth.cni.value import replace, value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.master import IN_POD, MASTER, MTU, Master, OnMaster
from podberth.net.plan import Made, Plan
from podberth.net.pod_side import announcement, inside, limits, refuse
from podberth.net.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.net.endpoint import Endpoint
    from podberth.net.seen import Query, Seen
    from podberth.net.step import Step

TYPES: tuple[str, ...] = ("vlan",)
NAMED_MASTER = replace(MASTER, required=True, what="The link below.")
VLAN_ID = Key(
    name="vlanId", kind=NUMBER, read=parsers.integer(0, 4094), default=0,
    what="The VLAN. 0: frames that have a priority alone.",
)  # fmt: skip
KEYS: tuple[Key, ...] = (NAMED_MASTER, VLAN_ID, MTU, IN_POD)
ADDRESSES = Addresses.IPAM
SETTINGS = MAC = False


@value
class Conf(OnMaster):
    """`master`: the link below, which is named."""

    master: Master
    tag: int
    settings: Settings


def configure(fields: Fields) -> Conf:
    """Read the configuration. InvalidConfig names the key at fault."""
    return Conf(
        master=Master(name=NAMED_MASTER.of(fields), in_pod=IN_POD.of(fields)),
        tag=VLAN_ID.of(fields),
        settings=Settings(mtu=MTU.of(fields)),
    )


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return what the plan depends on: the link below."""
    del call
    return conf.master.asks(endpoint, seen)


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint. Unfit or InvalidConfig for what is below."""
    del call
    refuse(endpoint.settings, "vlan", "mac")
    ifname, netns = endpoint.attachment.ifname, endpoint.netns
    made = ops.CreateVlan(
        parent=conf.master.found(endpoint, seen).name,
        tag=conf.tag,
        netns=netns,
        ifname=ifname,
        mtu=endpoint.settings.mtu,
        in_pod=conf.master.in_pod,
    )
    return Plan(
        ops=(made, *inside(endpoint), *limits(endpoint), *announcement(endpoint)),
        interfaces=(Made(name=ifname, netns=netns),),
    )


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did."""
    return tuple(theirs.link(call, "vlan", mode=str(call.conf.raw.get("vlanId") or 0)))
