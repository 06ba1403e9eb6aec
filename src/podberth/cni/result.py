"""The result of an ADD as a value, read from and written in the words of every released version (SPEC.md section 5).

The value has everything that 1.1.0 can say. Results are read as programs in Go write them (`fields.GoFields`), with
host bits in a route's destination and an index where there are no interfaces; writing leaves out whatever the version
does not know.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from podberth.cni import parsers
from podberth.cni import version as versions
from podberth.cni.errors import IncompatibleVersion
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

    from podberth.cni.fields import Fields

MAX_UINT = 2**32 - 1
# The destination of default routes, by IP version.
EVERYTHING: Mapping[int, IPv4Network | IPv6Network] = {4: IPv4Network((0, 0)), 6: IPv6Network((0, 0))}
_FAMILY_KEYS = ((4, "ip4"), (6, "ip6"))  # of 0.1.0 and 0.2.0
_NO_INTERFACE = -1  # as Go's library wrote it, of 0.3.0 (types/current of containernetworking/cni v0.5)
_ROUTE_NUMBERS = ("mtu", "advmss", "priority", "table", "scope")  # of 1.1.0


@value
class Interface:
    """A link of the attachment; `sandbox` is its network namespace's path, "" the node's own. `mtu` in bytes."""

    name: str
    mac: str = ""
    mtu: int | None = None
    sandbox: str = ""
    socket_path: str = ""
    pci_id: str = ""

    @classmethod
    def parse(cls, fields: Fields) -> Interface:
        """Read a member of `interfaces`."""
        return cls(
            name=fields.required("name", parsers.string(min=0, max=255)),
            mac=fields.get("mac", parsers.string(min=0, max=64), ""),
            mtu=fields.optional("mtu", _uint),
            sandbox=fields.get("sandbox", _path, ""),
            socket_path=fields.get("socketPath", _path, ""),
            pci_id=fields.get("pciID", parsers.string(min=0), ""),
        )


@value
class IPConfig:
    """An address of the attachment; `interface` is an index into the result's interfaces."""

    address: IPv4Interface | IPv6Interface
    gateway: IPv4Address | IPv6Address | None = None
    interface: int | None = None


@value
class Route:
    """A route in the pod (SPEC.md 1.1.0, "Add Success", routes); mtu and advmss in bytes."""

    dst: IPv4Network | IPv6Network
    gw: IPv4Address | IPv6Address | None = None
    mtu: int | None = None
    advmss: int | None = None
    priority: int | None = None
    table: int | None = None
    scope: int | None = None

    @classmethod
    def parse(cls, fields: Fields) -> Route:
        """Read a member of `routes`, of a result or of a document; in both an empty `gw` is none."""
        fields = fields.from_go()
        dst = fields.required("dst", parsers.ip_prefix)
        gw = fields.optional("gw", parsers.ip_address)
        if gw is not None and gw.version != dst.version:
            raise fields.fail("gw", f"expected an IPv{dst.version} address, got {str(gw)!r}")
        return cls(
            dst=dst,
            gw=gw,
            mtu=fields.optional("mtu", _uint),
            advmss=fields.optional("advmss", _uint),
            priority=fields.optional("priority", _uint),
            table=fields.optional("table", _uint),
            scope=fields.optional("scope", parsers.integer(0, 255)),
        )


@value
class Dns:
    """Resolver settings as a result carries them; the runtime writes resolv.conf, not podberth."""

    nameservers: tuple[str, ...] = ()
    domain: str = ""
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @classmethod
    def parse(cls, fields: Fields) -> Dns:
        """Read a `dns` object."""
        entry = parsers.string(max=256)
        return cls(
            nameservers=fields.each("nameservers", entry),
            domain=fields.get("domain", parsers.string(min=0, max=256), ""),
            search=fields.each("search", entry),
            options=fields.each("options", entry),
        )


@value
class Result:
    """What an ADD achieved, its own and what earlier plugins of the chain did."""

    interfaces: tuple[Interface, ...] = ()
    ips: tuple[IPConfig, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Dns = Dns()

    @classmethod
    def parse(cls, fields: Fields, version: str) -> Result:
        """Read a result; one that names no version is of `version`, the configuration's.

        Raises IncompatibleVersion for a version unknown here, and the document's error for anything malformed.
        """
        fields = fields.from_go()
        own = fields.get("cniVersion", parsers.string(min=0), "") or version
        own = versions.check(own, fields.at("cniVersion"))
        dns = fields.child("dns")
        flat = versions.at_least(own, "0.3.0")
        interfaces = tuple(Interface.parse(member) for member in fields.children("interfaces")) if flat else ()
        ips, routes = _flat(fields, len(interfaces)) if flat else _by_family(fields)
        return cls(interfaces=interfaces, ips=ips, routes=routes, dns=Dns.parse(dns) if dns is not None else Dns())


def encode(result: Result, version: str) -> dict[str, object]:
    """Return the result as JSON has it in `version`; IncompatibleVersion if it can't be said in that version."""
    version = versions.check(version)
    body: dict[str, object] = {"cniVersion": version}
    if versions.at_least(version, "0.3.0"):
        latest = versions.at_least(version, "1.1.0")
        with_family = not versions.at_least(version, "1.0.0")
        lists = {
            "interfaces": [_encode_interface(member, latest=latest) for member in result.interfaces],
            "ips": [_encode_ip(member, with_family=with_family) for member in result.ips],
            "routes": [_encode_route(member, latest=latest) for member in result.routes],
        }
        body.update({key: members for key, members in lists.items() if members})
    else:
        body.update(_encode_by_family(result, version))
    if result.dns != Dns():
        body["dns"] = encode_dns(result.dns)
    return body


def encode_dns(dns: Dns) -> dict[str, object]:
    """Return a `dns` object without what is empty."""
    return _present(
        nameservers=list(dns.nameservers), domain=dns.domain, search=list(dns.search), options=list(dns.options)
    )


def _flat(fields: Fields, interfaces: int) -> tuple[tuple[IPConfig, ...], tuple[Route, ...]]:
    """Read `ips` and `routes` of 0.3.0 and later, beside that many interfaces."""
    ips = tuple(_ip(member, interfaces) for member in fields.children("ips"))
    return ips, tuple(Route.parse(member) for member in fields.children("routes"))


def _ip(fields: Fields, many: int) -> IPConfig:
    address = fields.required("address", parsers.ip_interface)
    family = fields.optional("version", parsers.choice("4", "6"))
    if family is not None and int(family) != address.version:
        raise fields.fail("version", f"expected '{address.version}' beside {str(address)!r}, got {family!r}")
    index = fields.optional("interface", _index)
    if index == _NO_INTERFACE or not many:
        index = None  # an IPAM plugin has made none: the plugin that called it sets the index
    if index is not None and index >= many:
        raise fields.fail("interface", f"expected an index into the {many} interfaces, got {index}")
    return IPConfig(address=address, gateway=fields.optional("gateway", parsers.ip_address), interface=index)


def _by_family(fields: Fields) -> tuple[tuple[IPConfig, ...], tuple[Route, ...]]:
    """Read `ip4` and `ip6` of 0.1.0 and 0.2.0, which have the routes inside."""
    ips: list[IPConfig] = []
    routes: list[Route] = []
    for family, key in _FAMILY_KEYS:
        member = fields.child(key)
        if member is None:
            continue
        address = member.required("ip", parsers.ip_interface)
        if address.version != family:
            raise member.fail("ip", f"expected an IPv{family} address, got {str(address)!r}")
        ips.append(IPConfig(address=address, gateway=member.optional("gateway", parsers.ip_address)))
        routes += (Route.parse(route) for route in member.children("routes"))
    return tuple(ips), tuple(routes)


def _encode_interface(interface: Interface, *, latest: bool) -> dict[str, object]:
    body = {"name": interface.name, **_present(mac=interface.mac, sandbox=interface.sandbox)}
    if latest:
        body |= _present(mtu=interface.mtu, socketPath=interface.socket_path, pciID=interface.pci_id)
    return body


def _encode_ip(ip: IPConfig, *, with_family: bool) -> dict[str, object]:
    family = str(ip.address.version) if with_family else None
    return _present(version=family, interface=ip.interface, address=str(ip.address), gateway=_text(ip.gateway))


def _encode_route(route: Route, *, latest: bool) -> dict[str, object]:
    body = _present(dst=str(route.dst), gw=_text(route.gw))
    if latest:
        body |= _present(**{key: getattr(route, key) for key in _ROUTE_NUMBERS})
    return body


def _encode_by_family(result: Result, version: str) -> dict[str, object]:
    """Write the first address of each family, and the routes of the families that have one."""
    body: dict[str, object] = {}
    for family, key in _FAMILY_KEYS:
        first = next((ip for ip in result.ips if ip.address.version == family), None)
        if first is not None:
            routes = [_encode_route(route, latest=False) for route in result.routes if route.dst.version == family]
            body[key] = _present(ip=str(first.address), gateway=_text(first.gateway), routes=routes)
    if not body:
        raise IncompatibleVersion(
            f"cniVersion: a result without addresses can't be told in {version}",
            "configure cniVersion 0.3.0 or later",
        )
    return body


def _present(**members: object) -> dict[str, object]:
    """Return the members that are neither None nor empty; 0 is a value."""
    return {key: member for key, member in members.items() if member is not None and member not in ("", [])}


def _text(address: IPv4Address | IPv6Address | None) -> str | None:
    return None if address is None else str(address)


_uint: Callable[[object], int] = parsers.integer(0, MAX_UINT)
_index: Callable[[object], int] = parsers.integer(_NO_INTERFACE, MAX_UINT)
_path: Callable[[object], str] = parsers.string(min=0, max=parsers.MAX_PATH)
