"""From what was declared to what is asked of ledger and kernel: the addresses wanted, and the endpoint around them. Pure."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network

from podberth.cni.errors import Refused
from podberth.cni.result import Route
from podberth.cni.value import replace, value
from podberth.ipam.lease import Wanted
from podberth.net.endpoint import Endpoint, Probing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cni.pod import Attachment
    from podberth.ipam.lease import Lease
    from podberth.ipam.pool import Pool, Subnet
    from podberth.net.ops import Address
    from podberth.net.settings import Settings

MAC_FROM_ADDRESS = "fromAddress"


@value
class Wish:
    """What an interface is to have. `addresses` are those named for it; the pool gives one of each family not named."""

    pool: Pool
    addresses: tuple[Address, ...]
    sticky: bool
    settings: Settings
    device: str | None = None

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """The claim's part: every named address, and any of the pool for the families without one."""
        named = {address.version for address in self.addresses}
        exact = tuple(Wanted(pool=self.pool.name, family=a.version, address=a) for a in self.addresses)
        return exact + tuple(Wanted(pool=self.pool.name, family=f) for f in self.pool.families if f not in named)

    def may_take_another(self, address: Address) -> bool:
        """Say whether an address that a host answers for may be replaced by another of the pool."""
        detection = self.pool.conflict_detection
        return detection is not None and detection.on_conflict == "next" and address not in self.addresses


def endpoint(wish: Wish, attachment: Attachment, netns: str, leases: Sequence[Lease]) -> Endpoint:
    """Return the pod's end with its leased addresses, their prefixes and the routes that follow from their subnets."""
    addresses = tuple(lease.address for lease in leases)
    detection = wish.pool.conflict_detection
    return Endpoint(
        attachment=attachment,
        netns=netns,
        addresses=tuple(ip_interface(f"{a}/{_subnet(wish.pool, a).network.prefixlen}") for a in addresses),
        settings=replace(wish.settings, mac=_mac(wish.settings.mac, addresses), routes=routes(wish, addresses)),
        device=wish.device,
        probing=Probing(probes=detection.probes, interval_ms=detection.interval_ms) if detection else None,
    )


def routes(wish: Wish, addresses: Sequence[Address]) -> tuple[Route, ...]:
    """Return the routes said somewhere, or else a default route by each address's gateway."""
    if wish.settings.routes is not None:
        return tuple(_with_gateway(wish.pool, route, addresses) for route in wish.settings.routes)
    gateways = {a.version: _subnet(wish.pool, a).gateway for a in addresses}
    everything = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
    return tuple(Route(dst=everything[version], gw=gw) for version, gw in gateways.items() if gw is not None)


def gateway(pool: Pool, address: Address) -> Address | None:
    """Return the gateway of the address's subnet."""
    return _subnet(pool, address).gateway


def _with_gateway(pool: Pool, route: Route, addresses: Sequence[Address]) -> Route:
    """Fill a route's missing gateway with the subnet's, as the specification lets a runtime do with `ips[].gateway`."""
    if route.gw is not None:
        return route
    own = next((address for address in addresses if address.version == route.dst.version), None)
    return replace(route, gw=gateway(pool, own)) if own is not None else route


def _subnet(pool: Pool, address: Address) -> Subnet:
    subnet = pool.subnet_of(address)
    if subnet is None:
        raise Refused(f"{address} is in no subnet of the pool {pool.name}", "name an address of the pool, or extend it")
    return subnet


def _mac(mac: str | None, addresses: Sequence[Address]) -> str | None:
    """Turn 'fromAddress' into 02:50 (locally administered) and the last four bytes of the first address."""
    if mac != MAC_FROM_ADDRESS or not addresses:
        return None if mac == MAC_FROM_ADDRESS else mac
    return "02:50:" + addresses[0].packed[-4:].hex(":")
