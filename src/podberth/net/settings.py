"""What can be asked of one interface besides its addresses; pools, networks and PodNetworks all speak of it."""

from __future__ import annotations

from podberth.cni.result import Dns, Route
from podberth.cni.value import value

__all__ = ["Dns", "Rates", "Route", "Settings", "Vlan"]


@value
class Vlan:
    """An 802.1Q tag: `id` 1-4094 (0 is 'untagged'), `priority` 0-7 (PCP)."""

    id: int
    priority: int = 0


@value
class Rates:
    """Transmit limits in Mbit/s as the pod sees them: `egress` leaves it, `ingress` enters it; None is unlimited."""

    egress: int | None = None
    ingress: int | None = None


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
