"""The `tap` type: a link whose other end a process of the pod opens, as a virtual machine does. Pure.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins, plugins/main/tap).
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import UnsupportedField
from podberth.cni.keys import BOOLEAN, NUMBER, TEXT, Key
from podberth.cni.value import value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.keys import MTU
from podberth.net.plan import Made, Plan
from podberth.net.pod_side import inside, limits, refuse
from podberth.net.settings import Settings, Standalone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Op
    from podberth.net.seen import Query, Seen
    from podberth.net.step import Step

TYPES: tuple[str, ...] = ("tap",)
_ID = parsers.integer(0, 2**32 - 2)  # the highest of 32 bits is nobody
MULTI_QUEUE = Key(
    name="multiQueue", kind=BOOLEAN, read=parsers.boolean, default=False, what="It may be opened more than once."
)
MAC_KEY = Key(name="mac", kind=TEXT, read=parsers.mac, what="The MAC, unless the runtime wishes another.")
OWNER = Key(name="owner", kind=NUMBER, read=_ID, what="The number of the user who may open it.")
GROUP = Key(name="group", kind=NUMBER, read=_ID, what="The number of the group whose members may open it.")
BRIDGE = Key(
    name="bridge", kind=TEXT, read=parsers.ifname, what="A bridge in the pod's namespace that it is a port of."
)
CONTEXT = Key(
    name="selinuxContext", kind=TEXT, read=parsers.string(), what="Refused: only a process of that context can make it."
)
KEYS: tuple[Key, ...] = (MULTI_QUEUE, MTU, MAC_KEY, OWNER, GROUP, BRIDGE, CONTEXT)
ADDRESSES = Addresses.IPAM
SETTINGS = False
MAC = True


@value
class Conf(Standalone):
    """`owner`, `group`: numbers of who may open it, None for root alone. `bridge`: in the pod's namespace."""

    owner: int | None
    group: int | None
    multi_queue: bool
    bridge: str | None
    settings: Settings


def configure(fields: Fields) -> Conf:
    """Read the configuration. InvalidConfig names the key at fault; UnsupportedField the context of SELinux."""
    if CONTEXT.of(fields) is not None:
        raise UnsupportedField(
            "selinuxContext: podberth makes the tap itself, in its own context",
            "leave it out, and allow tun_socket relabelfrom and relabelto in the policy",
        )
    return Conf(
        owner=OWNER.of(fields),
        group=GROUP.of(fields),
        multi_queue=MULTI_QUEUE.of(fields),
        bridge=BRIDGE.of(fields),
        settings=Settings(mac=MAC_KEY.of(fields), mtu=MTU.of(fields)),
    )


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return nothing: a tap depends on nothing."""
    del conf, call, endpoint, seen
    return ()


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the endpoint."""
    del call, seen
    refuse(endpoint.settings, "tap")
    made = Made(name=endpoint.attachment.ifname, netns=endpoint.netns)
    return Plan(ops=tuple(_ops(conf, endpoint)), interfaces=(made,))


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did."""
    return tuple(theirs.link(call, "tun"))


def _ops(conf: Conf, endpoint: Endpoint) -> Iterator[Op]:
    ifname, netns, settings = endpoint.attachment.ifname, endpoint.netns, endpoint.settings
    yield ops.CreateTap(
        netns=netns,
        ifname=ifname,
        owner=conf.owner,
        group=conf.group,
        multi_queue=conf.multi_queue,
        mac=settings.mac,
        mtu=settings.mtu,
        bridge=conf.bridge,
    )
    if endpoint.addresses:
        # Nobody hears of the addresses before somebody opens it: the kernel tells them then.
        for key in (f"ipv4/conf/{ifname}/arp_notify", f"ipv6/conf/{ifname}/ndisc_notify"):
            yield ops.WriteSysctl(netns=netns, key=f"net/{key}", value="1", optional=True)
    yield from inside(endpoint)
    yield from limits(endpoint)
