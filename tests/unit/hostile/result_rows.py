"""Malformed results of earlier plugins, as `prevResult` of every version."""

from __future__ import annotations

from tests.unit.hostile.row import Json, Row, previous

_IP = "10.20.0.15/24"
_BY_FAMILY: dict[str, tuple[str, object]] = {
    "a list": ("", []),
    "a string": ("", "10.20.0.15"),
    "true": ("", True),
    "ip4 a string": ("ip4", {"ip4": _IP}),
    "ip4 a list": ("ip4", {"ip4": [_IP]}),
    "ip4 without ip": ("ip4.ip", {"ip4": {}}),
    "ip without prefix": ("ip4.ip", {"ip4": {"ip": "10.20.0.15"}}),
    "ip4 of IPv6": ("ip4.ip", {"ip4": {"ip": "fd00::1/64"}}),
    "ip6 of IPv4": ("ip6.ip", {"ip6": {"ip": _IP}}),
    "gateway a network": ("ip4.gateway", {"ip4": {"ip": _IP, "gateway": "10.20.0.1/24"}}),
    "routes an object": ("ip4.routes", {"ip4": {"ip": _IP, "routes": {}}}),
    "route without dst": ("ip4.routes[0].dst", {"ip4": {"ip": _IP, "routes": [{"gw": "10.20.0.1"}]}}),
    "dns a list": ("dns", {"dns": []}),
}
_FLAT: dict[str, tuple[str, object]] = {
    "a list": ("", []),
    "a string": ("", "x"),
    "ips an object": ("ips", {"ips": {"address": _IP}}),
    "ips a string": ("ips", {"ips": _IP}),
    "ip a string": ("ips[0]", {"ips": [_IP]}),
    "ip null": ("ips[0]", {"ips": [None]}),
    "ip without address": ("ips[0].address", {"ips": [{}]}),
    "address without prefix": ("ips[0].address", {"ips": [{"address": "10.20.0.15"}]}),
    "address out of bounds": ("ips[1].address", {"ips": [{"address": _IP}, {"address": "10.20.0.300/24"}]}),
    "address a number": ("ips[0].address", {"ips": [{"address": 169082895}]}),
    "gateway a name": ("ips[0].gateway", {"ips": [{"address": _IP, "gateway": "router"}]}),
    "interface out of bounds": (
        "ips[0].interface",
        {"interfaces": [{"name": "a"}], "ips": [{"address": _IP, "interface": 1}]},
    ),
    "interface negative": ("ips[0].interface", {"ips": [{"address": _IP, "interface": -2}]}),
    "interface a string": ("ips[0].interface", {"ips": [{"address": _IP, "interface": "0"}]}),
    "interface true": (
        "ips[0].interface",
        {"interfaces": [{"name": "a"}] * 2, "ips": [{"address": _IP, "interface": True}]},
    ),
    "interfaces an object": ("interfaces", {"interfaces": {"name": "eth0"}}),
    "an interface null": ("interfaces[0]", {"interfaces": [None]}),
    "an interface without name": ("interfaces[0].name", {"interfaces": [{"mac": "02:00:00:00:00:11"}]}),
    "an interface's name a number": ("interfaces[0].name", {"interfaces": [{"name": 0}]}),
    "an interface's sandbox a list": ("interfaces[0].sandbox", {"interfaces": [{"name": "a", "sandbox": []}]}),
    "routes a string": ("routes", {"routes": "0.0.0.0/0"}),
    "a route null": ("routes[0]", {"routes": [None]}),
    "a route to nowhere": ("routes[0].dst", {"routes": [{}]}),
    "a route by another family": ("routes[0].gw", {"routes": [{"dst": "::/0", "gw": "10.20.0.1"}]}),
    "dns a string": ("dns", {"dns": "10.0.0.53"}),
    "nameservers of numbers": ("dns.nameservers[0]", {"dns": {"nameservers": [53]}}),
}
_WITH_FAMILY: dict[str, tuple[str, Json]] = {
    "a family unknown": ("ips[0].version", {"ips": [{"version": "5", "address": _IP}]}),
    "a family of a number": ("ips[0].version", {"ips": [{"version": 4, "address": _IP}]}),
    "a family that is not the address's": ("ips[0].version", {"ips": [{"version": "6", "address": _IP}]}),
}
_LATEST: dict[str, tuple[str, Json]] = {
    "an interface's MTU negative": ("interfaces[0].mtu", {"interfaces": [{"name": "a", "mtu": -1}]}),
    "an interface's MTU true": ("interfaces[0].mtu", {"interfaces": [{"name": "a", "mtu": True}]}),
    "a socket's path of 5000": ("interfaces[0].socketPath", {"interfaces": [{"name": "a", "socketPath": "s" * 5000}]}),
    "a PCI address of an object": ("interfaces[0].pciID", {"interfaces": [{"name": "a", "pciID": {}}]}),
    "a route's MTU of 2**32": ("routes[0].mtu", {"routes": [{"dst": "::/0", "mtu": 2**32}]}),
    "a route's priority a string": ("routes[0].priority", {"routes": [{"dst": "::/0", "priority": "1"}]}),
    "a route's scope 256": ("routes[0].scope", {"routes": [{"dst": "::/0", "scope": 256}]}),
}

ROWS: tuple[Row, ...] = (
    *(previous(name, at, v, result) for v in ("0.1.0", "0.2.0") for name, (at, result) in _BY_FAMILY.items()),
    *(
        previous(name, at, v, result)
        for v in ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
        for name, (at, result) in _FLAT.items()
    ),
    *(
        previous(name, at, v, result)
        for v in ("0.3.0", "0.3.1", "0.4.0")
        for name, (at, result) in _WITH_FAMILY.items()
    ),
    *(previous(name, at, "1.1.0", result) for name, (at, result) in _LATEST.items()),
    *(previous(name, at, "1.1.0", result, verb="CHECK") for name, (at, result) in _LATEST.items()),
    previous("of an unknown version", "cniVersion", "1.1.0", {"cniVersion": "9.9.9"}, code=1),
    previous("of a version of a number", "cniVersion", "1.1.0", {"cniVersion": 1.1}),
    previous("of an older version in disguise", "ip4", "1.1.0", {"cniVersion": "0.2.0", "ip4": _IP}),
    previous("of a newer version in disguise", "ips", "0.2.0", {"cniVersion": "1.1.0", "ips": _IP}),
    previous("a string", "", "0.4.0", "x", verb="CHECK"),
)
