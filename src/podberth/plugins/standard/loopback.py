"""The `loopback` type: a pod's own `lo` is set up, whatever interface is asked for. Pure.

Its results are those of the plugin of that name (github.com/containernetworking/plugins, plugins/main/loopback).
"""

from __future__ import annotations

from podberth.cni.errors import InvalidConfig
from podberth.cni.value import value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.plan import Made, Plan
from podberth.net.seen import AddressesOf
from podberth.net.settings import Standalone
from podberth.net.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.cni.keys import Key
    from podberth.net.endpoint import Endpoint
    from podberth.net.seen import Query, Seen

TYPES: tuple[str, ...] = ("loopback",)
KEYS: tuple[Key, ...] = ()
ADDRESSES = Addresses.KERNEL
SETTINGS = MAC = False
NAME = "lo"


@value
class Conf(Standalone):
    """There is nothing to say of it."""


def configure(fields: Fields) -> Conf:
    """Return the configuration."""
    del fields
    return Conf()


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return a question for the addresses that are there already."""
    del conf, call, seen
    return (_addresses(endpoint),)


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done. The result of before is passed on; without one, `lo` is the result.

    InvalidConfig if `lo` has an address of another network, which would be taken for the pod's.
    """
    del conf
    strange = [str(address) for address in seen.addresses(_addresses(endpoint)) if not address.ip.is_loopback]
    if strange:
        raise InvalidConfig(
            f"lo has {', '.join(strange)}, which is no loopback address", "put it on another interface, as a dummy"
        )
    lo = Made(name=NAME, netns=endpoint.netns)
    return Plan(ops=(ops.SetLoopbackUp(netns=endpoint.netns),), interfaces=(lo,) if call.previous is None else ())


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call. It stays up: others may use it."""
    if not call.netns or call.previous is None:
        return ()
    return (Step(op=ops.SetLoopbackUp(netns=call.netns), before=theirs.KEPT),)


def _addresses(endpoint: Endpoint) -> AddressesOf:
    return AddressesOf(netns=endpoint.netns, ifname=NAME)
