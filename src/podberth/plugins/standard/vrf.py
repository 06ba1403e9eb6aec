"""The `vrf` type: a pod's interface with a routing table of its own, behind the plugin that made it.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins, plugins/meta/vrf).
Pure.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.keys import NUMBER, TEXT, Key
from podberth.cni.value import value
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.plan import Plan
from podberth.net.settings import Standalone
from podberth.net.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.net.endpoint import Endpoint
    from podberth.net.seen import Query, Seen

TYPES: tuple[str, ...] = ("vrf",)
NAME = Key(
    name="vrfname", kind=TEXT, read=parsers.ifname, required=True,
    what="The VRF in the pod that the interface joins. It is made if it is missing.",
)  # fmt: skip
TABLE = Key(
    name="table", kind=NUMBER, read=parsers.integer(1, 2**32 - 1),
    what="The VRF's routing table; the first free one if it is not said.",
)  # fmt: skip
KEYS: tuple[Key, ...] = (NAME, TABLE)
ADDRESSES = Addresses.PREVIOUS
SETTINGS = MAC = False


@value
class Conf(Standalone):
    """`table` None: that of the VRF that is there, or else the first free one."""

    name: str
    table: int | None = None


def configure(fields: Fields) -> Conf:
    """Return the configuration. InvalidConfig without the name of a VRF."""
    return Conf(name=NAME.of(fields), table=TABLE.of(fields))


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return nothing: which table is free is looked up when the VRF is made."""
    del conf, call, endpoint, seen
    return ()


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the interface. InvalidConfig if the VRF is to be the interface itself."""
    del seen
    if conf.name == endpoint.attachment.ifname:
        raise call.conf.fields.fail(NAME.name, f"{conf.name} is the interface itself", "name the VRF otherwise")
    return Plan(
        ops=(ops.JoinVrf(netns=endpoint.netns, ifname=endpoint.attachment.ifname, vrf=conf.name, table=conf.table),)
    )


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did."""
    name = call.conf.raw.get("vrfname")
    if not call.netns or call.previous is None or not isinstance(name, str):
        return ()
    return (Step(op=ops.AdoptVrf(netns=call.netns, ifname=call.ifname, vrf=name)),)
