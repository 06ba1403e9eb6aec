"""What comes through the runtime: capability arguments, the pod's annotations, and what only operators may say."""

from __future__ import annotations

import json

from tests.unit.hostile.row import ANNOTATIONS, ENV, Json, Row, annotation, conf, env_of, network, runtime
from tests.unit.hostile.settings_rows import WRONG

_TOO_LONG = ("routes of 1025",)  # for an annotation
_ASK = "podberth.io/network"
_POD = ENV["CNI_ARGS"]
_SHOP = _POD.replace("=bank;", "=shop;")  # the namespace whose pods may ask, within bounds
_MYSQL = _POD.replace("web-0", "mysql-0")  # a pod that is declared
_KAFKA = "IgnoreUnknown=1;K8S_POD_NAMESPACE=bank;K8S_POD_NAME=kafka"  # a StatefulSet that is declared

_ATTACHMENTS: dict[str, tuple[str, object]] = {
    "a number": ("attachments[0]", [5]),
    "null": ("attachments[0]", [None]),
    "a list of lists": ("attachments[0]", [[{}]]),
    "17 attachments": ("attachments", [{"ifname": f"net{i}"} for i in range(17)]),
    "an unknown field": ("attachments[0].adresses", [{"adresses": ["10.20.0.15"]}]),
    "a field of a NUL": ("attachments[0]['\\x00']", [{"\0": 1}]),
    "ifname of 16": ("attachments[0].ifname", [{"ifname": "a" * 16}]),
    "ifname with a slash": ("attachments[1].ifname", [{"ifname": "eth0"}, {"ifname": "../b"}]),
    "ifname twice": ("attachments[1].ifname", [{"ifname": "eth0"}, {"ifname": "eth0"}]),
    "ifname by default, twice": ("attachments[1].ifname", [{}, {}]),
    "network with a slash": ("attachments[0].network", [{"network": "../x"}]),
    "pool with a slash": ("attachments[0].pool", [{"pool": "../x"}]),
    "pool a list": ("attachments[0].pool", [{"pool": ["db"]}]),
    "addresses a string": ("attachments[0].addresses", [{"addresses": "10.20.0.15"}]),
    "address out of bounds": ("attachments[0].addresses[0]", [{"addresses": ["10.20.0.256"]}]),
    "address with a prefix": ("attachments[0].addresses[0]", [{"addresses": ["10.20.0.15/24"]}]),
    "two addresses of a family": ("attachments[0].addresses", [{"addresses": ["10.20.0.15", "10.20.0.16"]}]),
    "three addresses": ("attachments[0].addresses", [{"addresses": ["10.20.0.15", "fd00::1", "fd00::2"]}]),
    "ordinals": ("attachments[0].ordinals", [{"ordinals": [{"base": "10.20.0.15"}]}]),
    "sticky of a word": ("attachments[0].sticky", [{"sticky": "yes"}]),
    "device with a slash": ("attachments[0].device", [{"device": "../../eth0"}]),
    **{name: (f"attachments[0].{at}", [settings]) for name, (at, settings) in WRONG.items()},
}
_TEXTS: dict[str, tuple[str, str]] = {
    "empty": ("expected JSON", ""),
    "no JSON": ("not valid JSON", "pool: db"),
    "half a document": ("not valid JSON", '[{"pool": "db"'),
    "an object": ("expected a list of attachments", '{"pool": "db"}'),
    "a word": ("expected a list of attachments", '"db"'),
    "null for a list": ("expected a list of attachments", "null"),
    "not a number": ("not valid JSON", '[{"mtu": NaN}]'),
    "a key twice": ("is there twice", '[{"pool": "db", "pool": "dual"}]'),
    "more than 16 KiB": ("at most 16384 bytes", json.dumps([{"pool": "x" * 16384}])),
    "9 levels deep": ("levels of nesting", "[" * 9 + "]" * 9),
    "8000 levels deep": ("levels of nesting", "[" * 8000 + "]" * 8000),
    "half a surrogate": ("attachments[0].pool", '[{"pool": "\\ud800"}]'),
    "a raw surrogate": ("", '[{"pool": "\ud800"}]'),
    "a number of 5000 digits": ("5000 digits", f'[{{"mtu": {"9" * 5000}}}]'),
}
_BEYOND: dict[str, tuple[str, Json]] = {
    "another pool": ("pool dual does not let pod bank/web-0 choose", {"pool": "dual"}),
    "an address": ("pool db does not let pod bank/web-0 choose", {"addresses": ["10.20.0.15"]}),
    "a MAC": ("pool db does not let pod bank/web-0 choose mac", {"mac": "02:00:00:00:00:99"}),
    "another VLAN": ("pool db does not let pod bank/web-0 choose vlan", {"vlan": {"id": 200}}),
    "a higher rate": ("pool db does not let pod bank/web-0 choose rates", {"rates": {"egress": 1000}}),
    "another device": ("device: pod bank/web-0 asks for eth1", {"device": "eth1"}),
    "a virtual function": ("vf: pod bank/web-0 asks for", {"vf": {"pf": "eth1"}}),
    "to be trusted": ("trust: pod bank/web-0 asks for", {"trust": "on"}),
    "no check of its senders": ("spoofchk: pod bank/web-0 asks for", {"spoofchk": "off"}),
    "to be sticky": ("pool db does not let pod bank/web-0 choose sticky", {"sticky": True}),
    "a route": ("pool db does not let pod bank/web-0 choose routes", {"routes": []}),
}


def _asked(name: str, changes: Json | None = None, /, *, says: str, **env: str) -> Row:
    """Write a row about what the operator has not allowed."""
    return Row(name=f"refused: {name}", code=102, env=env_of("ADD", **env), stdin=conf(changes), says=says)


_LISTS: Json = {"a string": "10.20.0.15", "an object": {"0": "10.20.0.15"}, "a number": 1}
_IPS: Json = {
    "null": None,
    "a number": 1,
    "a list": [],
    "out of bounds": "10.20.0.256",
    "with /33": "10.20.0.15/33",
    "with a negative prefix": "10.20.0.15/-1",
    "with a prefix of other digits": "10.20.0.15/\u0662",
    "with a zone": "fd00::1%eth0",
    "mapped into IPv6": "::ffff:10.20.0.15",
    "of a surrogate": "\ud800",
    "with a NUL": "10.20.0.15\0",
    "with a space": " 10.20.0.15",
    "a name": "db.bank.example",
}
_MACS: Json = {
    "a list": [],
    "a number": 1,
    "a space": " ",
    "multicast": "33:33:00:00:00:01",
    "a word": "fromAddress",
    "of a surrogate": "\ud800:00:00:00:00:11",
}
_NOT_ANNOTATIONS: Json = {
    "a list": [],
    "a string": "x",
    "true": True,
    "of 5000": {f"k{i}": "" for i in range(5000)},
}
_NOT_AN_ANNOTATION: Json = {
    "an object": {},
    "a list": [{}],
    "a number": 1,
    "true": True,
}

ROWS: tuple[Row, ...] = (
    *(runtime(f"ips {how}", "ips", {"ips": x}) for how, x in _LISTS.items()),
    runtime("ips of 65", "ips", {"ips": ["10.20.0.15"] * 65}, says="at most 64"),
    *(runtime(f"ip {how}", "ips[0]", {"ips": [x]}) for how, x in _IPS.items()),
    *(runtime(f"MAC {how}", "mac", {"mac": x}) for how, x in _MACS.items()),
    *(runtime(f"annotations {how}", f"['{ANNOTATIONS}']", {ANNOTATIONS: x}) for how, x in _NOT_ANNOTATIONS.items()),
    *(
        runtime(f"an annotation {how}", f"['{ANNOTATIONS}']['{_ASK}']", {ANNOTATIONS: {_ASK: x}})
        for how, x in _NOT_AN_ANNOTATION.items()
    ),
    *(annotation(name, at, asked) for name, (at, asked) in _ATTACHMENTS.items() if name not in _TOO_LONG),
    *(annotation(name, "", text, says=says) for name, (says, text) in _TEXTS.items()),
    *(annotation(f"asks for {name}", "", [asked], code=102, says=says) for name, (says, asked) in _BEYOND.items()),
    network(
        "ips of a pool that lets pods ask for nothing",
        "",
        runtimeConfig={"ips": ["10.20.0.15"]},
        code=102,
        says="ipv4 (by runtime request)",
    ),
    network(
        "args.cni.ips of such a pool",
        "",
        args={"cni": {"ips": ["10.20.0.15"]}},
        code=102,
        says="ipv4 (by runtime request)",
    ),
    network(
        "a MAC of such a pool",
        "",
        runtimeConfig={"mac": "02:00:00:00:00:99"},
        code=102,
        says="choose mac (by runtime request)",
    ),
    _asked("IP in CNI_ARGS of such a pool", CNI_ARGS=f"{_POD};IP=10.20.0.15", says="ipv4 (by runtime request)"),
    _asked(
        "MAC in CNI_ARGS of such a pool",
        CNI_ARGS=f"{_POD};MAC=02:00:00:00:00:99",
        says="choose mac (by runtime request)",
    ),
    _asked(
        "no pod's name on a network for declared pods",
        {"undeclared": "refuse"},
        CNI_ARGS="IgnoreUnknown=1",
        says="caller named no pod",
    ),
    _asked(
        "a pod not declared on a network for declared pods",
        {"undeclared": "refuse"},
        says="no PodNetwork declares eth0 of bank/web-0",
    ),
    _asked(
        "an interface not declared on such a network",
        {"undeclared": "refuse"},
        CNI_ARGS=_MYSQL,
        CNI_IFNAME="net9",
        says="declares other interfaces",
    ),
    _asked(
        "a namespace that may not use the pool", {"pool": "shop"}, says="its `allow` rules name the namespaces shop"
    ),
    _asked("no namespace at all in a pool with rules", {"pool": "shop"}, CNI_ARGS="IgnoreUnknown=1", says="not '*'"),
    _asked(
        "an IP beyond a pool's rule",
        {"pool": "shop"},
        CNI_ARGS=f"{_SHOP};IP=10.30.0.99",
        says="lets addresses 10.30.0.10-10.30.0.19 be named",
    ),
    _asked(
        "a VLAN beyond a pool's rule",
        {"pool": "shop", "runtimeConfig": {ANNOTATIONS: {_ASK: '[{"vlan": {"id": 666}}]'}}},
        CNI_ARGS=_SHOP,
        says="lets VLANs 100-109 be used, not 666",
    ),
    _asked("a replica beyond those declared", CNI_ARGS=f"{_KAFKA}-7", says="none for bank/kafka-7"),
    network("an ip outside every pool", "pool", runtimeConfig={"ips": ["10.99.0.1"]}, says="10.99.0.1"),
    network(
        "an ip of another pool than the first",
        "addresses",
        runtimeConfig={"ips": ["10.20.0.15", "fd70::5"]},
        says="fd70::5",
    ),
    network(
        "a pool of the pod's that there is not",
        "pool",
        runtimeConfig={ANNOTATIONS: {_ASK: '[{"pool": "nowhere"}]'}},
        says="there is no pool 'nowhere', which the pod annotation bank/web-0 names",
    ),
)
