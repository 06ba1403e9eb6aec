"""What can be asked of one interface besides its addresses; pools, networks and PodNetworks all speak of it."""

from __future__ import annotations

from podberth.cni.result import Dns, Route
from podberth.cni.value import value

__all__ = ["LINK_STATES", "VLAN_PROTOCOLS", "Dns", "Rates", "Route", "Settings", "Standalone", "Vlan"]

VLAN_PROTOCOLS = ("802.1q", "802.1ad")
LINK_STATES = ("auto", "enable", "disable")


@value
class Vlan:
    """A VLAN tag: `id` 1-4094 (0 is 'untagged'), `priority` 0-7 (PCP), `proto` '802.1q' or '802.1ad'."""

    id: int
    priority: int = 0
    proto: str = "802.1q"


@value
class Rates:
    """Transmit rates in Mbit/s as the pod sees them: `egress` leaves it, `ingress` enters it; None and 0 are unlimited.

    `min_egress` is what a virtual function is guaranteed. On one, 0 takes away what is set, None leaves it.
    """

    egress: int | None = None
    ingress: int | None = None
    min_egress: int | None = None


@value
class Settings:
    """One interface's settings; None everywhere means 'not said here', so that layers of them can be merged.

    `anti_spoofing`: what the interface sends has its own MAC and addresses as the sender's.
    Of a virtual function only: `spoofchk`, `trust` and `link_state` ('auto', 'enable', 'disable'), as in ip-link(8).
    """

    mac: str | None = None
    mtu: int | None = None
    vlan: Vlan | None = None
    rates: Rates | None = None
    routes: tuple[Route, ...] | None = None
    dns: Dns | None = None
    sysctls: tuple[tuple[str, str], ...] | None = None
    spoofchk: bool | None = None
    trust: bool | None = None
    link_state: str | None = None
    anti_spoofing: bool | None = None


class Standalone:
    """What the configuration of a plugin has whose interface stands on no link of the node, and that has no settings.

    One that has says its own.
    """

    __slots__ = ()
    parent = ""
    vf = None
    members = 1
    stands_on: tuple[str, ...] = ()
    settings = Settings()
