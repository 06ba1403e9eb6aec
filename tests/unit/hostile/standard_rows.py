"""Keys of the standard types, each with values of the wrong kind and out of all bounds: written from their tables."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import podberth
from podberth.cni.keys import ANY, BOOLEAN, LIST, NUMBER, OBJECT, TEXT
from tests.unit.hostile.row import NETNS, STATE, Json, Row, env_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podberth.cni.keys import Key

SOURCE = Path(podberth.__file__).parent
_LONG = "x" * 70_000
_WRONG: Mapping[str, Json] = {
    TEXT: {"a number": 5, "true": True, "a list": ["x"], "an object": {"x": 1}, "of 70,000 characters": _LONG},
    NUMBER: {"text": "many", "a fraction": 1.5, "true": True, "a list": [1], "below 2^64": -(2**70), "above": 2**70},
    BOOLEAN: {"text": "perhaps", "a number": 7, "a list": [True], "an object": {"x": True}},
    OBJECT: {"text": "x", "a number": 5, "true": True, "a list": ["x"]},
    LIST: {"text": "x", "a number": 5, "true": True, "an object": {"x": 1}},
    ANY: {},
}
_ADDRESS = {"address": "10.20.0.9/24", "gateway": "10.20.0.1"}
# What a configuration of the type has besides, to be a right one.
_BASE: Mapping[str, Json] = {
    "ptp": {"ipam": {"type": "static", "addresses": [_ADDRESS]}},
    "dummy": {"ipam": {"type": "static", "addresses": [_ADDRESS]}},
    "macvlan": {"master": "up0"},
    "ipvlan": {"master": "up0"},
    "vlan": {"master": "up0", "vlanId": 7},
    "host-device": {"device": "up0"},
    "vrf": {"vrfname": "red"},
    "bond": {"mode": "active-backup", "links": [{"name": "up0"}, {"name": "up1"}], "linksInContainer": True},
    "bandwidth": {"ingressRate": 10**6, "ingressBurst": 10**5},
    "multus": {"clusterNetwork": "cluster"},
    "multus-shim": {"clusterNetwork": "cluster", "kubeconfig": "/etc/podberth/kubeconfig"},
}
_IPAM: Mapping[str, Json] = {
    "host-local": {"dataDir": f"{STATE}/networks", "subnet": "10.20.0.0/24"},
    "static": {"addresses": [_ADDRESS]},
}
_PREVIOUS: Json = {
    "cniVersion": "1.1.0",
    "interfaces": [{"name": "veth1"}, {"name": "eth0", "sandbox": NETNS}],
    "ips": [{**_ADDRESS, "interface": 1}],
}
_USELESS = ("iptablesAdminChainName", "firewalldZone", "externalSetMarkChain", "conditionsV4", "conditionsV6")  # code 2
BEHIND = ("bandwidth", "firewall", "portmap", "sbr", "tuning", "vrf")


def modules(room: str) -> Iterator[Any]:
    """Yield the modules of a room, which have a type each."""
    for path in sorted((SOURCE / room).glob("*.py")):
        if not path.stem.startswith("_"):
            yield importlib.import_module(f"podberth.{room.replace('/', '.')}.{path.stem}")


def _row(type_: str, key: Key, kind: str, said: object, path: str, network: Json) -> Row:
    stdin = json.dumps({"cniVersion": "1.1.0", "name": "net", **network}).encode()
    code = 2 if key.name in _USELESS else 7
    return Row(name=f"{type_}: {path} is {kind} ({said!s:.20})", code=code, env=env_of("ADD"), stdin=stdin, at=path)


def _rows() -> Iterator[tuple[str, Row]]:
    for module in modules("plugins/standard"):
        type_ = module.TYPES[0]
        base = {"type": type_, **_BASE.get(type_, {}), **({"prevResult": _PREVIOUS} if type_ in BEHIND else {})}
        for key in module.KEYS:
            for kind, said in _WRONG[key.kind].items():
                yield type_, _row(type_, key, kind, said, key.name, {**base, key.name: said})
    for module in modules("ipam_plugins"):
        type_ = module.TYPES[0]
        for key in module.KEYS:
            for kind, said in _WRONG[key.kind].items():
                section = {"type": type_, **_IPAM.get(type_, {}), key.name: said}
                yield type_, _row(type_, key, kind, said, f"ipam.{key.name}", {"type": "bridge", "ipam": section})


ROWS: tuple[tuple[str, Row], ...] = tuple(_rows())
