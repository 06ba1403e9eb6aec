"""The `macvlan` type: a link with a MAC of its own on a link of the node, or of the pod. Pure.

Its keys and results are those of the plugin of that name: github.com/containernetworking/plugins, plugins/main/macvlan.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.keys import NUMBER, TEXT, Key
from podberth.cni.value import value
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

TYPES: tuple[str, ...] = ("macvlan",)
MODES = ("bridge", "private", "vepa", "passthru")
MODE = Key(
    name="mode", kind=TEXT, read=parsers.choice(*MODES), default=MODES[0],
    what="What macvlans on one link see of each other.",
)  # fmt: skip
MAC_KEY = Key(name="mac", kind=TEXT, read=parsers.mac, what="The MAC, unless the runtime wishes another.")
BCQUEUELEN = Key(
    name="bcqueuelen", kind=NUMBER, read=parsers.integer(1, 2**32 - 1),
    what="How many broadcasts the link below keeps for its macvlans.",
)  # fmt: skip
KEYS: tuple[Key, ...] = (MASTER, MODE, MTU, MAC_KEY, IN_POD, BCQUEUELEN)
ADDRESSES = Addresses.IPAM
SETTINGS = False
MAC = True


@value
class Conf(OnMaster):
    """`master`: the link below. `bcqueuelen` None is the kernel's choice."""

    master: Master
    mode: str
    bcqueuelen: int | None
    settings: Settings


def configure(fields: Fields) -> Conf:
    """Read the configuration. InvalidConfig names the key at fault."""
    return Conf(
        master=Master(name=MASTER.of(fields), in_pod=IN_POD.of(fields)),
        mode=MODE.of(fields),
        bcqueuelen=BCQUEUELEN.of(fields),
        settings=Settings(mac=MAC_KEY.of(fields), mtu=MTU.of(fields)),
    )


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return what the plan depends on: the link below."""
    del call
    return conf.master.asks(endpoint, seen)


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint. Unfit or InvalidConfig for what is below."""
    del call
    refuse(endpoint.settings, "macvlan")
    ifname, netns, settings = endpoint.attachment.ifname, endpoint.netns, endpoint.settings
    made = ops.CreateMacvlan(
        parent=conf.master.found(endpoint, seen).name,
        mode=conf.mode,
        netns=netns,
        ifname=ifname,
        mac=settings.mac,
        mtu=settings.mtu,
        in_pod=conf.master.in_pod,
        bcqueuelen=conf.bcqueuelen,
    )
    return Plan(
        ops=(made, *inside(endpoint), *limits(endpoint), *announcement(endpoint)),
        interfaces=(Made(name=ifname, netns=netns),),
    )


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did."""
    mode = call.conf.raw.get("mode") or "bridge"
    return tuple(theirs.link(call, "macvlan", mode=str(mode)))
