"""The `dummy` type: a link that throws away whatever is sent to it, for addresses that only the pod itself uses. Pure.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins, plugins/main/dummy).
"""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig
from podberth.cni.value import value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.plan import Made, Plan
from podberth.net.pod_side import inside
from podberth.net.settings import Standalone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.cni.keys import Key
    from podberth.net.endpoint import Endpoint
    from podberth.net.seen import Query, Seen
    from podberth.net.step import Step

TYPES: tuple[str, ...] = ("dummy",)
KEYS: tuple[Key, ...] = ()
ADDRESSES = Addresses.IPAM
SETTINGS = MAC = False


@value
class Conf(Standalone):
    """There is nothing to say of it but where its addresses come from."""


def configure(fields: Fields) -> Conf:
    """Return the configuration. InvalidConfig without an IPAM plugin: a dummy is there for its addresses."""
    ipam = fields.child("ipam")
    if ipam is None or not ipam.said("type"):
        raise InvalidConfig("ipam.type: required: a dummy interface is there for its addresses", "name an IPAM plugin")
    return Conf()


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return nothing: a dummy depends on nothing."""
    del conf, call, endpoint, seen
    return ()


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint."""
    del conf, call, seen
    ifname, netns = endpoint.attachment.ifname, endpoint.netns
    return Plan(
        ops=(ops.CreateDummy(netns=netns, ifname=ifname), *inside(endpoint, neighbours=False)),
        interfaces=(Made(name=ifname, netns=netns),),
    )


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did."""
    return tuple(theirs.link(call, "dummy"))
