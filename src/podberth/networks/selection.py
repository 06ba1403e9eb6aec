"""What a pod's annotation selects: `k8s.v1.cni.cncf.io/networks`, short or JSON (multi-net-spec 1.3, section 3)."""

from __future__ import annotations

from podberth.cni import parsers, strictjson
from podberth.cni.errors import InvalidConfig
from podberth.cni.fields import Fields, shown
from podberth.cni.value import value
from podberth.networks.spelling import spelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.parsers import Address

NETWORKS = "k8s.v1.cni.cncf.io/networks"
DEFAULT_NETWORK = "v1.multus-cni.io/default-network"
MOST = 64  # networks of one pod
_CAPABILITIES = {"infiniband-guid": "infinibandGUID", "deviceID": "deviceID"}  # of the keys that have a text
# The keys by which a pod asks for more than a network and an interface's name.
REQUESTS = (
    *("ips", "mac", "infiniband-guid", "portMappings", "bandwidth", "deviceID", "cni-args", "default-route"),
    "ipam-claim-reference",
)
_KEYS = ("name", "namespace", "interface", "interfaceRequest", *REQUESTS)


@value
class Selection:
    """One network that a pod selects, and what it wants of it.

    `ips` are addresses, with a prefix length or without, as they stand there. `capabilities` are what else the plugins
    are told if they declare it: portMappings, bandwidth, infinibandGUID, deviceID, as JSON has them. `cni_args` goes
    into each plugin's `args.cni`. `default_route`: the gateways of the default route; empty for the network's own, None
    if it is not to be here. `claim` names an IPAMClaim.
    """

    namespace: str
    name: str
    interface: str = ""
    ips: tuple[str, ...] = ()
    mac: str = ""
    capabilities: tuple[tuple[str, object], ...] = ()
    cni_args: tuple[tuple[str, object], ...] = ()
    default_route: tuple[Address, ...] | None = None
    claim: str = ""

    @property
    def requests(self) -> tuple[str, ...]:
        """The keys of REQUESTS by which the pod asks for something."""
        said = dict(self.capabilities)
        asked = {
            "ips": self.ips,
            "mac": self.mac,
            "cni-args": self.cni_args,
            "default-route": self.default_route is not None,
            "ipam-claim-reference": self.claim,
        }
        return tuple(key for key in REQUESTS if asked.get(key, _CAPABILITIES.get(key, key) in said))

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def parse(annotation: str, namespace: str, what: str = NETWORKS) -> tuple[Selection, ...]:
    """Return what the annotation of a pod in the namespace selects, in order. InvalidConfig names the place at fault.

    It is JSON if it has any of the signs that JSON objects and lists have, as Multus tells the two forms apart.
    """
    if not annotation.strip():
        return ()
    found = _long(annotation, namespace, what) if set(annotation) & set('[{"') else _short(annotation, namespace, what)
    if len(found) > MOST:
        raise InvalidConfig(f"{what}: expected at most {MOST} networks, got {len(found)}")
    return found


def _short(annotation: str, namespace: str, what: str) -> tuple[Selection, ...]:
    return tuple(_one(part.strip(), namespace, what) for part in annotation.split(",", MOST + 1))


def _one(text: str, namespace: str, what: str) -> Selection:
    """Read NAMESPACE/NAME@INTERFACE: there may be white space around each, and nothing stands for nothing said."""
    before, _, rest = text.rpartition("/")
    name, _, interface = (part.strip() for part in rest.partition("@"))
    if "@" in interface:
        raise InvalidConfig(f"{what}: {shown(text)}: expected NAMESPACE/NAME@INTERFACE, got more than one '@'")
    said = {"namespace": before.strip() or namespace, "name": name, "interface": interface or None}
    fields = Fields(said, f"{what}: {shown(text)}")
    return Selection(
        namespace=fields.required("namespace", parsers.label),
        name=fields.required("name", parsers.label),
        interface=fields.get("interface", parsers.ifname, ""),
    )


def _long(annotation: str, namespace: str, what: str) -> tuple[Selection, ...]:
    # Keys that are not known are passed over, as Multus does: a pod that ran before runs on.
    document = strictjson.loads(annotation.encode("utf-8", "surrogatepass"), what, InvalidConfig)
    listed = document if isinstance(document, list) else [document]
    every = (Fields(one, f"{what}[{i}]").from_go() for i, one in enumerate(listed[: MOST + 1]))
    return tuple(_read(spelled(one, _KEYS), namespace) for one in every)


def _read(fields: Fields, namespace: str) -> Selection:
    interface = fields.get("interface", parsers.ifname, "") or fields.get("interfaceRequest", parsers.ifname, "")
    ips, claim = fields.each("ips", _address, most=MOST), fields.get("ipam-claim-reference", parsers.name, "")
    if ips and claim:
        raise fields.fail("ips", "can't be asked for beside `ipam-claim-reference`: the claim has the addresses")
    args = fields.child("cni-args")
    return Selection(
        namespace=fields.get("namespace", parsers.label, namespace),
        name=fields.required("name", parsers.name),
        interface=interface,
        ips=ips,
        mac=fields.get("mac", _mac, ""),
        capabilities=_capabilities(fields),
        cni_args=tuple(args.raw.items()) if args is not None else (),
        default_route=_gateways(fields) if fields.raw.get("default-route") is not None else None,
        claim=claim,
    )


def _gateways(fields: Fields) -> tuple[Address, ...]:
    """Return the gateways of the default route: one of each IP version, as a link has no two default routes."""
    found = fields.each("default-route", parsers.ip_address, most=MOST)
    for place, gateway in enumerate(found):
        if any(gateway.version == other.version for other in found[:place]):
            at = f"{fields.at('default-route')}[{place}]"
            raise fields.error(f"{at}: expected one gateway of each IP version, got {gateway} beside another")
    return found


def _capabilities(fields: Fields) -> tuple[tuple[str, object], ...]:
    ports, bandwidth = fields.children("portMappings", most=MOST), fields.child("bandwidth")
    said: dict[str, object] = {}
    if ports:
        said["portMappings"] = [dict(port.raw) for port in ports]
    if bandwidth is not None and bandwidth.raw:
        said["bandwidth"] = dict(bandwidth.raw)
    for key, name in _CAPABILITIES.items():
        found = fields.get(key, parsers.string(max=256), "")
        if found:
            said[name] = found
    return tuple(said.items())


def _mac(raw: object) -> str:
    """Return a MAC; dots between groups of four are taken too, as Go's programs do."""
    groups = raw.split(".") if isinstance(raw, str) else []
    if len(groups) == 3 and all(len(group) == 4 for group in groups):
        raw = ":".join(f"{group[:2]}:{group[2:]}" for group in groups)
    return parsers.mac(raw)


def _address(raw: object) -> str:
    """Return an address as it stands there, which may have a prefix length."""
    text = parsers.text(raw, "an address")
    if "/" in text:
        parsers.ip_interface(text)
    else:
        parsers.ip_address(text)
    return text
