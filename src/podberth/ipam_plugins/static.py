"""The `static` type: the addresses that the configuration says, or the runtime. It keeps nothing.

Its keys and results are those of the plugin of that name (github.com/containernetworking/plugins, plugins/ipam/static).
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import Drifted, InvalidConfig, InvalidEnvironment
from podberth.cni.fields import Fields
from podberth.cni.keys import LIST, OBJECT, Key
from podberth.cni.result import Dns, IPConfig, Result, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call

TYPES: tuple[str, ...] = ("static",)
KEYS: tuple[Key, ...] = (
    Key(
        name="addresses",
        kind=LIST,
        read=parsers.members,
        what="Addresses: `address` with its prefix length, and `gateway`.",
    ),
    Key(
        name="routes",
        kind=LIST,
        read=parsers.members,
        what="Routes: `dst`, `gw` and the numbers of the result's routes.",
    ),
    Key(name="dns", kind=OBJECT, read=parsers.mapping, what="`nameservers`, `domain`, `search` and `options`."),
)


def add(call: Call, ipam: Fields) -> Result:
    """Return the addresses, routes and DNS that are said. InvalidConfig if no address is."""
    ips = _addresses(call, ipam)
    if not ips:
        raise InvalidConfig("ipam.addresses: required, unless the runtime says addresses", "name at least one address")
    dns = ipam.child("dns")
    return Result(
        ips=ips,
        routes=tuple(Route.parse(member) for member in ipam.children("routes")),
        dns=Dns.parse(dns) if dns is not None else Dns(),
    )


def delete(call: Call, ipam: Fields) -> None:
    """Do nothing: nothing is kept."""
    del call, ipam


def check(call: Call, ipam: Fields) -> None:
    """Raise Drifted if the result lacks an address that is said, or has it by another gateway."""
    previous = call.previous
    if previous is None:
        raise InvalidConfig("prevResult: required for CHECK", "the runtime passes the result of the ADD")
    there = {(ip.address, ip.gateway) for ip in previous.ips}
    there |= {(address, None) for address, _ in there}  # a gateway that is not said may be the caller's own
    wanted = _addresses(call, ipam)
    missing = [f"{ip.address} by {ip.gateway}" for ip in wanted if (ip.address, ip.gateway) not in there]
    if missing:
        raise Drifted(f"not in prevResult.ips: {', '.join(missing)}", "the configuration has changed: restart the pod")


def collect(call: Call, ipam: Fields) -> None:
    """Do nothing: nothing is kept."""
    del call, ipam


def status(call: Call, ipam: Fields) -> None:
    """Do nothing: what the configuration says, it says to any pod."""
    del call, ipam


def _addresses(call: Call, ipam: Fields) -> tuple[IPConfig, ...]:
    """Return what is said last: the configuration and CNI_ARGS, or args.cni.ips, or the runtime's `ips`."""
    for path, raw in (("runtimeConfig", call.conf.raw.get("runtimeConfig")), ("args.cni", _args(call))):
        said = Fields(raw, path).from_go() if isinstance(raw, dict) else None
        wished = said.each("ips", parsers.ip_interface) if said is not None else ()
        if wished:
            return tuple(IPConfig(address=address) for address in wished)
    return (*map(_address, ipam.children("addresses")), *_of_cni_args(call))


def _address(fields: Fields) -> IPConfig:
    found = fields.required("address", parsers.ip_interface)
    return IPConfig(address=found, gateway=fields.optional("gateway", parsers.ip_address))


def _args(call: Call) -> object:
    args = call.conf.raw.get("args")
    return args.get("cni") if isinstance(args, dict) else None


def _of_cni_args(call: Call) -> tuple[IPConfig, ...]:
    """Return the addresses of IP in CNI_ARGS, each with the gateway of its subnet that GATEWAY names."""
    said = {key: text.split(",") for key, text in call.args if key in ("IP", "GATEWAY") and text}
    fields = Fields(said, "CNI_ARGS", InvalidEnvironment)
    gateways = fields.each("GATEWAY", parsers.ip_address)
    return tuple(
        IPConfig(address=address, gateway=next((each for each in gateways if each in address.network), None))
        for address in fields.each("IP", parsers.ip_interface)
    )
