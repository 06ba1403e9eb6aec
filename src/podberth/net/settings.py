"""What can be asked of one interface besides its addresses; pools, networks and PodNetworks all speak of it."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network


@value
class Vlan:
    """An 802.1Q tag: `id` 1-4094 (0 is 'untagged'), `priority` 0-7 (PCP)."""

    id: int
    priority: int = 0


@value
class Rates:
    """Transmit limits in Mbit/s as the pod sees them: `egress` leaves the pod, `ingress` enters it; None is unlimited."""

    egress: int | None = None
    ingress: int | None = None


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


@value
class Dns:
    """Resolver settings as a result carries them; the runtime writes resolv.conf, not podberth."""

    nameservers: tuple[str, ...] = ()
    domain: str = ""
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@value
class Settings:
    """One interface's settings; None everywhere means 'not said here', so that layers of them can be merged."""

    mac: str | None = None
    mtu: int | None = None
    vlan: Vlan | None = None
    rates: Rates | None = None
    routes: tuple[Route, ...] | None = None
    dns: Dns | None = None
    sysctls: tuple[tuple[str, str], ...] | None = None
