"""A pool: the addresses an operator hands out, and what comes with them. Nothing here materialises a range."""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.value import value
from podberth.net.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

    from podberth.ipam.affinity import Affinity


FOREVER = "forever"


@value
class Span:
    """An inclusive range of addresses of one family."""

    first: IPv4Address | IPv6Address
    last: IPv4Address | IPv6Address

    def __contains__(self, address: object) -> bool:
        same = getattr(address, "version", 0) == self.first.version
        return same and int(self.first) <= int(address) <= int(self.last)  # type: ignore[call-overload]


@value
class Subnet:
    """One subnet of a pool. `ranges` empty: all its host addresses. `exclude`: never used by podberth. `hold`: only for
    explicit declarations and reservations, never handed out. `on_link`: the gateway may be outside the subnet.
    `automatic`: set aside for pools of applications (`carving`), and not of this pool."""

    network: IPv4Network | IPv6Network
    gateway: IPv4Address | IPv6Address | None = None
    on_link: bool = False
    ranges: tuple[Span, ...] = ()
    exclude: tuple[Span, ...] = ()
    hold: tuple[Span, ...] = ()
    automatic: tuple[Span, ...] = ()

    @property
    def barred(self) -> tuple[Span, ...]:
        """What the pool gives to nobody: excluded, or set aside."""
        return self.exclude + self.automatic if self.automatic else self.exclude


@value
class MadeFor:
    """Whose pool it is, where podberth has made it: of a PodNetwork, out of the pool `parent`."""

    parent: str
    namespace: str
    podnetwork: str


@value
class Grant:
    """Who may use the pool. `namespaces` are names or patterns with `*`; `vlans`, `addresses` empty: any of the pool.

    `pod_requests`: a pod may ask for what the grant allows itself (annotation, CNI args), without a PodNetwork.
    `macs`: the first octets of MACs that a namespace may choose ('02:aa:bb'). `reservations`: how many addresses of the
    pool a namespace may have reserved by its own word; None is any number. `own_pools`: how many addresses of each
    family its applications' own pools may have of the pool; None is any number by the operator's word, and none by the
    namespace's own.
    """

    namespaces: tuple[str, ...]
    vlans: tuple[tuple[int, int], ...] = ()  # inclusive ranges
    addresses: tuple[Span, ...] = ()
    pod_requests: bool = False
    macs: tuple[str, ...] = ()
    reservations: int | None = None
    own_pools: int | None = None


@value
class ConflictDetection:
    """Ask the wire before binding. `on_conflict`: 'refuse' the ADD, or take the 'next' address unless one was named."""

    on_conflict: str = "refuse"
    probes: int = 3
    interval_ms: int = 200


@value
class GatewayCheck:
    """Ask on the wire for the gateway of each address before an ADD answers: `probes` times, so far apart."""

    probes: int = 3
    interval_ms: int = 200


@value
class Pool:
    """`allocation`: 'lowest' free address, or 'leastRecentlyUsed'. `quarantine`: seconds a released address rests.
    `sticky_retention`: how long a sticky reservation stays after its pod was deleted, in seconds, or FOREVER.
    `sticky_reservations`: how many of them there may be in each family; None is any number.

    `affinity`: for which nodes, namespaces and pods it is; None for any. `gateway_check`: None to ask for no gateway.
    `made_for`: None for a pool that an operator has written.

    `grants` empty: every namespace may take addresses dynamically and have them declared by the operator; pods may
    request nothing themselves.
    """

    name: str
    subnets: tuple[Subnet, ...]
    allocation: str = "lowest"
    quarantine: int = 0
    sticky_retention: str | int = FOREVER
    sticky_reservations: int | None = None
    conflict_detection: ConflictDetection | None = None
    grants: tuple[Grant, ...] = ()
    affinity: Affinity | None = None
    gateway_check: GatewayCheck | None = None
    made_for: MadeFor | None = None
    settings: Settings = Settings()
    source: str = ""

    @property
    def families(self) -> tuple[int, ...]:
        """The IP versions it has subnets of: an attachment gets one address of each."""
        return tuple(sorted({subnet.network.version for subnet in self.subnets}))

    @property
    def told(self) -> frozenset[IPv4Address | IPv6Address]:
        """Addresses that its pods are told of: gateways, next hops of routes, DNS servers."""
        settings = self.settings
        named = [subnet.gateway for subnet in self.subnets]
        named += [route.gw for route in settings.routes or ()]
        named += map(_address, settings.dns.nameservers if settings.dns is not None else ())
        return frozenset(one for one in named if one is not None)

    def subnet_of(self, address: IPv4Address | IPv6Address) -> Subnet | None:
        """Return the subnet that contains the address."""
        return next((s for s in self.subnets if s.network.version == address.version and address in s.network), None)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a DNS server is told by; None if the text is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None
