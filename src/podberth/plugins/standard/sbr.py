"""The `sbr` type: packets from an interface's addresses go out by that interface, behind the plugin that made it.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins, plugins/meta/sbr).
Pure.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig
from podberth.cni.keys import NUMBER, Key
from podberth.cni.value import value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.plan import Plan
from podberth.net.settings import Standalone
from podberth.net.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.cni.result import IPConfig
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Op
    from podberth.net.seen import Query, Seen

TYPES: tuple[str, ...] = ("sbr",)
TABLE = Key(
    name="table", kind=NUMBER, read=parsers.integer(1, 2**32 - 1),
    what="The table for packets from the addresses. Its routes are somebody else's business.",
)  # fmt: skip
KEYS: tuple[Key, ...] = (TABLE,)
ADDRESSES = Addresses.PREVIOUS
SETTINGS = MAC = False


@value
class Conf(Standalone):
    """`table` None: each address has one of its own, the first that is free."""

    table: int | None = None


def configure(fields: Fields) -> Conf:
    """Return the configuration."""
    return Conf(table=TABLE.of(fields))


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return nothing: which tables are free is looked up when they are used."""
    del conf, call, endpoint, seen
    return ()


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done for the addresses of the interface. InvalidConfig if the result before has none."""
    del seen
    assert call.previous is not None  # or the call has been refused
    if not call.previous.ips:
        raise InvalidConfig(
            f"prevResult.ips: required, since packets from the addresses of {call.ifname} are to go by it",
            "put it behind a plugin that gives addresses",
        )
    return Plan(ops=tuple(_sourced(conf, endpoint, _of_interface(call))))


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did."""
    addresses = theirs.pods_addresses(call)
    if not call.netns or not addresses:
        return ()
    table = call.conf.raw.get("table")
    known = table if isinstance(table, int) and not isinstance(table, bool) else None
    return (Step(op=ops.AdoptRules(netns=call.netns, addresses=addresses, table=known)),)


def _of_interface(call: Call) -> tuple[IPConfig, ...]:
    """Return the addresses of the interface, and those of which nobody says whose they are."""
    before = call.previous
    assert before is not None
    return tuple(ip for ip in before.ips if ip.interface is None or before.interfaces[ip.interface].name == call.ifname)


def _sourced(conf: Conf, endpoint: Endpoint, ips: tuple[IPConfig, ...]) -> Iterator[Op]:
    netns, ifname = endpoint.netns, endpoint.attachment.ifname
    for ip in ips:
        yield ops.RouteBySource(
            netns=netns,
            ifname=ifname,
            address=ip.address,
            gateway=ip.gateway if conf.table is None else None,
            table=conf.table,
        )
    if conf.table is None:
        # Only when all have what they need of it: one may be reached by way of what the next one copies.
        for version in dict.fromkeys(ip.address.version for ip in ips):
            yield ops.LeaveMainTable(netns=netns, ifname=ifname, version=version)
