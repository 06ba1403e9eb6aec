"""The standard types that the suite is put to, each with a configuration that does something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.netns.conformance.plugins import Subject
from tests.netns.standard.twins import OURS

if TYPE_CHECKING:
    from pathlib import Path

UP = "up0"  # what devices stand on
GIVEN = "given0"  # what is moved to a container
MAPPED = [{"hostPort": 18081, "containerPort": 80, "protocol": "tcp"}]
SUBNET = "10.94.0.0/16"
INTERFACES: dict[str, dict[str, object]] = {
    "bridge": {"bridge": "cnf0", "isGateway": True, "ipMasq": True},
    "ptp": {"ipMasq": True},
    "macvlan": {"master": UP, "mode": "bridge"},
    "host-device": {"device": GIVEN},
    "tap": {"multiQueue": True},
    "dummy": {},
    "vlan": {"master": UP, "vlanId": 7},
    "ipvlan": {"master": UP, "mode": "l2"},
}
CHAINED: dict[str, dict[str, object]] = {
    "portmap": {"capabilities": {"portMappings": True}, "runtimeConfig": {"portMappings": MAPPED}},
    "bandwidth": {"ingressRate": 10**6, "ingressBurst": 10**5, "egressRate": 10**6, "egressBurst": 10**5},
    "tuning": {"sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}, "mtu": 1400, "promisc": True},
    "firewall": {},
    "sbr": {},
    "vrf": {"vrfname": "blue"},
}
IPAM: dict[str, dict[str, object]] = {
    "host-local": {"ranges": [[{"subnet": SUBNET}]]},
    "static": {"addresses": [{"address": "10.94.0.7/16", "gateway": "10.94.0.1"}]},
}
KINDS = {
    **dict.fromkeys(INTERFACES, "interface"),
    **dict.fromkeys(CHAINED, "chained"),
    **dict.fromkeys(IPAM, "ipam"),
    "loopback": "loopback",
}
VM = ("dummy", "vlan", "ipvlan", "vrf")  # not every kernel has these
ONE_AT_A_TIME = frozenset(
    {
        "add-two-interfaces",
        "add-two-containers",
        "del-keeps-the-other-interface",
        "del-keeps-the-other-container",
        "at-once-succeeds",
        "at-once-distinct-addresses",
        "at-once-distinct-macs",
        "at-once-del",
        "two-networks",
    }
)
# What no plugin of that kind can do: there is one device to move, or one link of a tag on another, or one address to
# give, and its type keeps nothing; all links on one have its MAC; one link alone of a pod leads to a gateway.
BY_NATURE: dict[str, frozenset[str]] = {
    "host-device": ONE_AT_A_TIME,
    "vlan": ONE_AT_A_TIME,
    "ipvlan": frozenset({"at-once-distinct-macs"}),
    "ptp": frozenset({"add-two-interfaces", "del-keeps-the-other-interface", "two-networks"}),
    "static": frozenset({"at-once-distinct-addresses", "check-after-del"}),
}
# Checks that take the device away with the pod, or the pod's interface: a pair that goes so is gone for all later ones.
TAKE_AWAY = {"host-device": ("*-gone*", "*namespace*", "check-finds-another-*", "add-at-another-path")}


def standard(name: str, folder: Path, plugins: Path = OURS, **keys: object) -> Subject:
    """Return a standard type, ours unless `plugins` is another folder, with what it keeps in a folder.

    An interface has its address of host-local. `keys` take the place of those of `INTERFACES`.
    """
    kind = KINDS.get(name, "interface")
    conf: dict[str, object] = {"cniVersion": "1.1.0", "name": f"std-{name}", "type": name}
    conf["stateDir"] = str(folder / "standard")
    conf |= keys or INTERFACES.get(name, {}) | CHAINED.get(name, {})
    if kind in ("interface", "ipam"):
        giver = name if name in IPAM else "host-local"
        conf["ipam"] = {"type": giver, "dataDir": str(folder / "addresses"), **IPAM[giver]}
        if giver == "static":
            conf["ipam"] = {"type": giver, **IPAM[giver]}
    return Subject(plugin=plugins / name, kind=kind, conf=conf)
