"""The `portmap` type: ports of the node that lead to the pod of a plugin before it in the chain. Pure.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins,
plugins/meta/portmap); its rules are in a table of nf_tables of podberth's own.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import CniError, UnsupportedField
from podberth.cni.fields import shown
from podberth.cni.keys import BOOLEAN, LIST, NUMBER, TEXT, Key
from podberth.cni.value import value
from podberth.net import adopted as theirs
from podberth.net import ops
from podberth.net.addresses import Addresses
from podberth.net.masquerade import comment
from podberth.net.ops.ports import written
from podberth.net.plan import Plan
from podberth.net.seen import LinkTowards
from podberth.net.settings import Standalone
from podberth.net.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.cni.call import Call
    from podberth.cni.fields import Fields
    from podberth.cni.parsers import Address, Interface
    from podberth.cni.result import Result
    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Op
    from podberth.net.seen import Query, Seen

TYPES: tuple[str, ...] = ("portmap",)
ADDRESSES = Addresses.PREVIOUS
SETTINGS = MAC = False
PROTOCOLS = ("tcp", "udp", "sctp")
MOST = 65536  # mappings of a pod
BACKEND = Key(name="backend", kind=TEXT, read=parsers.string(), what="The kernel's side of it: nftables.")
SNAT = Key(
    name="snat", kind=BOOLEAN, read=parsers.boolean, default=True,
    what="The node itself, by 127.0.0.1, and the pod's subnet reach the port too.",
)  # fmt: skip
MASQ_ALL = Key(
    name="masqAll", kind=BOOLEAN, read=parsers.boolean, default=False,
    what="With `snat`, all packets by a mapped port have the node's address.",
)  # fmt: skip
MARK_BIT = Key(
    name="markMasqBit", kind=NUMBER, read=parsers.integer(0, 31), default=13,
    what="The bit of a packet's mark that says that it is to have the node's address.",
)  # fmt: skip
REFUSED = (
    Key(name="externalSetMarkChain", kind=TEXT, read=parsers.text, what="Refused: a chain of iptables."),
    Key(name="conditionsV4", kind=LIST, read=parsers.text, what="Refused: words of iptables or nft."),
    Key(name="conditionsV6", kind=LIST, read=parsers.text, what="Refused: words of iptables or nft."),
)
KEYS: tuple[Key, ...] = (BACKEND, SNAT, MASQ_ALL, MARK_BIT, *REFUSED)


@value
class Mapping:
    """A port of the node, of the address `host` or of all of them, and the pod's port that it leads to."""

    host_port: int
    port: int
    protocol: str
    host: Address | None

    @classmethod
    def parse(cls, fields: Fields) -> Mapping:
        """Read a member of `portMappings`."""
        return cls(
            host_port=fields.required("hostPort", _PORT),
            port=fields.required("containerPort", _PORT),
            protocol=fields.required("protocol", _protocol),
            host=fields.optional("hostIP", parsers.ip_address),
        )

    def written(self) -> str:
        """Return it as `ops.MapPorts` has it; an unspecified address stands for all of them."""
        host = None if self.host is None or self.host.is_unspecified else self.host
        return written(self.protocol, host, self.host_port, self.port)

    def of(self, address: Address) -> bool:
        """Say whether it is for a pod's address: one of a host's address is for those of the same version."""
        return self.host is None or self.host.version == address.version


@value
class Conf(Standalone):
    """`mark` is what packets are marked with that need the node's address, 0 if none is to have it."""

    mappings: tuple[Mapping, ...] = ()
    mark: int = 0
    mark_all: bool = False


def configure(fields: Fields) -> Conf:
    """Return the configuration. UnsupportedField for what only iptables has; InvalidConfig names a key at fault."""
    for key in REFUSED:
        if fields.said(key.name):
            raise UnsupportedField(
                f"{fields.at(key.name)}: podberth's portmap has rules of its own in nf_tables, and takes none from"
                " others",
                "leave it out, or use the CNI project's portmap for this network",
            )
    backend = BACKEND.of(fields)
    if backend == "iptables":
        raise UnsupportedField(
            f"{fields.at('backend')}: podberth's portmap does without iptables",
            "leave it out, or say 'nftables'; both stand beside iptables' own rules",
        )
    if backend not in (None, "nftables"):
        raise fields.fail("backend", f"expected 'nftables', got {shown(backend)}")
    bit, snat, mark_all = MARK_BIT.of(fields), SNAT.of(fields), MASQ_ALL.of(fields)
    arguments = fields.child("runtimeConfig")
    mappings = arguments.children("portMappings", most=MOST) if arguments is not None else ()
    return Conf(
        mappings=tuple(map(Mapping.parse, mappings)),
        mark=1 << bit if snat else 0,
        mark_all=mark_all,
    )


def asks(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
    """Return which link leads to the pod, if its ports are to be reached by 127.0.0.1."""
    del seen
    if not (conf.mappings and conf.mark):
        return ()
    return tuple(
        LinkTowards(address=each.ip) for each in _addresses(call, endpoint.attachment.ifname) if each.version == 4
    )


def plan(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Plan:
    """Return what has to be done: the rules of each mapping, for the pod's first address of each version."""
    return Plan(ops=tuple(_ops(conf, call, endpoint, seen)))


def adopted(call: Call) -> tuple[Step, ...]:
    """Return what the CNI project's plugin has made for the call's attachment, if it did, by either backend."""
    try:
        arguments = call.conf.fields.child("runtimeConfig")
        mappings = arguments.children("portMappings", most=MOST) if arguments is not None else ()
        ports = tuple(dict.fromkeys(mapping.written() for mapping in map(Mapping.parse, mappings)))
        snat = bool(SNAT.of(call.conf.fields))
    except CniError:
        ports, snat = (), False  # a DEL does without it
    chains = tuple(theirs.chain(call.attachment, kind) for kind in (theirs.DNAT_CHAIN, theirs.SNAT_CHAIN))
    addresses = tuple(address.ip for address in _addresses(call, call.ifname))
    made = ops.AdoptPorts(
        container_id=call.container_id,
        chains=chains,
        addresses=addresses,
        ports=ports,
        masqueraded=bool(ports) and snat,
    )
    return (Step(op=made),)


def _ops(conf: Conf, call: Call, endpoint: Endpoint, seen: Seen) -> Iterator[Op]:
    whose = comment(endpoint.attachment)
    for address in _addresses(call, endpoint.attachment.ifname) if conf.mappings else ():
        link = seen.towards(address.ip) if conf.mark and address.version == 4 else None
        if link is not None:
            yield ops.RouteLoopback(link=link)
        if conf.mark:
            yield ops.MasqueradeMapped(address=address.ip, mark=conf.mark, comment=whose)
        ports = tuple(dict.fromkeys(mapping.written() for mapping in conf.mappings if mapping.of(address.ip)))
        if ports:
            yield ops.MapPorts(address=address, ports=ports, mark=conf.mark, mark_all=conf.mark_all, comment=whose)


def _addresses(call: Call, ifname: str) -> tuple[Interface, ...]:
    """Return the pod's first address of each version; those of other interfaces are not the pod's."""
    before = call.previous
    found: dict[int, Interface] = {}
    for ip in before.ips if before is not None else ():
        if _is_pods(before, ip.interface, ifname):
            found.setdefault(ip.address.version, ip.address)
    return tuple(found[version] for version in sorted(found))


def _is_pods(before: Result | None, index: int | None, ifname: str) -> bool:
    """Say whether the interface at the index is the pod's; no index is taken for that."""
    if before is None or index is None:
        return True
    interface = before.interfaces[index]
    return interface.name == ifname and bool(interface.sandbox)


def _protocol(raw: object) -> str:
    return parsers.choice(*PROTOCOLS)(raw.lower() if isinstance(raw, str) else raw)


_PORT = parsers.integer(1, 65535)
