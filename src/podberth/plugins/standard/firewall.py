"""The `firewall` type: what the pod of a plugin before it in the chain sends and gets by way of the node. Pure.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins,
plugins/meta/firewall); its rules are in tables of nf_tables of podberth's own.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig, UnsupportedField
from podberth.cni.fields import shown
from podberth.cni.keys import TEXT, Key
from podberth.cni.value import value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.masquerade import comment
from podberth.net.plan import Plan
from podberth.net.settings import Standalone
from podberth.net.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.cni.result import Result
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Op
    from podberth.net.seen import Query, Seen

TYPES: tuple[str, ...] = ("firewall",)
ADDRESSES = Addresses.PREVIOUS
SETTINGS = MAC = False
OPEN, SAME_BRIDGE, ISOLATED = "open", "same-bridge", "isolated"
BACKEND = Key(name="backend", kind=TEXT, read=parsers.string(), what="The kernel's side of it: nftables.")
INGRESS = Key(
    name="ingressPolicy", kind=TEXT, read=parsers.choice(OPEN, SAME_BRIDGE, ISOLATED), default=OPEN,
    what="From where a connection to the pod may come: open, same-bridge or isolated.",
)  # fmt: skip
REFUSED = (
    Key(name="iptablesAdminChainName", kind=TEXT, read=parsers.text, what="Refused: a chain of iptables."),
    Key(name="firewalldZone", kind=TEXT, read=parsers.text, what="Refused: a zone of firewalld."),
)
KEYS: tuple[Key, ...] = (BACKEND, INGRESS, *REFUSED)


@value
class Conf(Standalone):
    """`ingress`: OPEN, SAME_BRIDGE or ISOLATED."""

    ingress: str = OPEN


def configure(fields: Fields) -> Conf:
    """Return the configuration. UnsupportedField for what other firewalls have; InvalidConfig names a key at fault."""
    for key in REFUSED:
        if fields.said(key.name):
            raise UnsupportedField(
                f"{fields.at(key.name)}: podberth's firewall has rules of its own in nf_tables, and none elsewhere",
                "leave it out, or use the CNI project's firewall for this network",
            )
    backend = BACKEND.of(fields)
    if backend in ("iptables", "firewalld"):
        raise UnsupportedField(
            f"{fields.at('backend')}: podberth's firewall does without {backend}",
            "leave it out, or say 'nftables', where nothing of the node's own drops what is forwarded",
        )
    if backend not in (None, "nftables"):
        raise fields.fail("backend", f"expected 'nftables', got {shown(backend)}")
    return Conf(ingress=INGRESS.of(fields))


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return nothing: what the rules name is in the result of before."""
    del conf, call, endpoint, seen
    return ()


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done: what keeps the pod apart comes before what lets it through."""
    del seen
    return Plan(ops=tuple(_ops(conf, call.previous, endpoint)))


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did."""
    addresses = theirs.pods_addresses(call)
    return (Step(op=ops.AdoptForwarding(addresses=addresses)),) if addresses else ()


def _ops(conf: Conf, before: Result | None, endpoint: Endpoint) -> Iterator[Op]:
    whose = comment(endpoint.attachment)
    if conf.ingress != OPEN:
        bridge, ports = _nodes(conf, before)
        yield ops.KeepApart(link=bridge, alone=conf.ingress == ISOLATED, comment=whose)
        if conf.ingress == ISOLATED:
            for port in ports:
                yield ops.IsolatePort(port=port, comment=whose)
    for address in dict.fromkeys(each.ip for each in endpoint.addresses):
        yield ops.AllowForwarding(address=address, comment=whose)


def _nodes(conf: Conf, before: Result | None) -> tuple[str, tuple[str, ...]]:
    """Return the pod's bridge, and what connects the pod to it. InvalidConfig if there is no link of the node's."""
    interfaces = before.interfaces if before is not None else ()
    if not interfaces or interfaces[0].sandbox or not interfaces[0].name:
        raise InvalidConfig(
            f"ingressPolicy: {conf.ingress} is about the pod's bridge, and the first interface of prevResult is none of"
            " the node's links",
            "put it behind a plugin that puts the pod on a bridge, or leave ingressPolicy out",
        )
    return interfaces[0].name, tuple(each.name for each in interfaces[1:] if not each.sandbox)
