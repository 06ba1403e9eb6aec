"""Pool documents with each field wrong in turn."""

from __future__ import annotations

from tests.unit.hostile.declaration import Declaration, pool, wrong_pool
from tests.unit.hostile.row import ABSENT, Json
from tests.unit.hostile.settings_rows import WRONG

_NAMES: Json = {
    "missing": ABSENT,
    "null": None,
    "empty": "",
    "a number": 5,
    "a list": ["x"],
    "in capitals": "DB",
    "with a slash": "../db",
    "with an underscore": "my_db",
    "ending in a dash": "db-",
    "of 254 characters": "d" * 254,
    "with a NUL": "d\0b",
    "of a surrogate": "\ud800",
    "two dots": "..",
}
_SUBNETS: dict[str, tuple[str, object]] = {
    "missing": ("", ABSENT),
    "null": ("", None),
    "empty": ("", []),
    "an object": ("", {"subnet": "10.60.0.0/24"}),
    "a string": ("", "10.60.0.0/24"),
    "a list of strings": ("[0]", ["10.60.0.0/24"]),
    "a list of null": ("[0]", [None]),
    "without subnet": ("[0].subnet", [{}]),
    "257 of them": ("", [{"subnet": "10.60.0.0/24"}] * 257),
    "overlapping": ("[1].subnet", [{"subnet": "10.60.0.0/24"}, {"subnet": "10.60.0.128/25"}]),
    "twice": ("[1].subnet", [{"subnet": "fd60::/64"}, {"subnet": "fd60::/64"}]),
    "with an unknown field": ("[0].gatway", [{"subnet": "10.60.0.0/24", "gatway": "10.60.0.1"}]),
}
_SUBNET: Json = {
    "a number": 10,
    "an address": "10.60.0.0",
    "with host bits": "10.60.0.1/24",
    "with a mask": "10.60.0.0/255.255.255.0",
    "out of bounds": "10.60.0.0/33",
    "larger than /8": "8.0.0.0/7",
    "everything": "0.0.0.0/0",
    "larger than /64": "fd60::/63",
    "all of IPv6": "::/0",
    "multicast": "224.1.0.0/24",
    "IPv6 multicast": "ff05::/64",
    "loopback": "127.0.0.0/8",
    "IPv6 loopback": "::1/128",
    "IPv6 link-local": "fe80::/64",
    "of this network": "0.0.0.0/8",
    "of the broadcast address": "255.255.255.0/24",
    "mapped into IPv6": "::ffff:10.60.0.0/120",
}
_GATEWAYS: Json = {
    "a number": 1,
    "a list": ["10.60.0.1"],
    "with a prefix": "10.60.0.1/24",
    "outside the subnet": "10.61.0.1",
    "of the other family": "fd60::1",
    "the network address": "10.60.0.0",
    "the broadcast address": "10.60.0.255",
    "a name": "router",
}
_SPANS: Json = {
    "backwards": "10.60.0.20-10.60.0.10",
    "of two families": "10.60.0.10-fd60::10",
    "outside the subnet": "10.61.0.10-10.61.0.20",
    "half outside the subnet": "10.60.0.250-10.60.1.5",
    "of the other family": "fd60::10-fd60::20",
    "without an end": "10.60.0.10-",
    "of three ends": "10.60.0.10-10.60.0.20-10.60.0.30",
    "by a last number": "10.60.0.10-20",
    "a block with host bits": "10.60.0.10/28",
    "a number": 10,
    "null": None,
    "an object": {"first": "10.60.0.10", "last": "10.60.0.20"},
    "of a megabyte of dashes": "-" * 1_000_000,
}
_FIELDS: dict[str, tuple[str, Json]] = {
    "ranges a string": ("subnets[0].ranges", {"ranges": "10.60.0.10-10.60.0.20"}),
    "ranges overlapping": ("subnets[0].ranges[1]", {"ranges": ["10.60.0.10-10.60.0.20", "10.60.0.20"]}),
    "ranges with the network address": ("subnets[0].ranges[0]", {"ranges": ["10.60.0.0-10.60.0.20"]}),
    "ranges with the broadcast address": ("subnets[0].ranges[0]", {"ranges": ["10.60.0.128/25"]}),
    "ranges of 5000": ("subnets[0].ranges", {"ranges": ["10.60.0.10"] * 5000}),
    "exclude an object": ("subnets[0].exclude", {"exclude": {}}),
    "hold true": ("subnets[0].hold", {"hold": True}),
    **{
        f"{key} {how}": (f"subnets[0].{key}[0]", {key: [x]})
        for key in ("ranges", "exclude", "hold")
        for how, x in _SPANS.items()
    },
    **{f"gateway {how}": ("subnets[0].gateway", {"gateway": x}) for how, x in _GATEWAYS.items()},
}
_SPECS: dict[str, tuple[str, Json]] = {
    "allocation unknown": ("allocation", {"allocation": "random"}),
    "allocation in another spelling": ("allocation", {"allocation": "LeastRecentlyUsed"}),
    "allocation a list": ("allocation", {"allocation": ["lowest"]}),
    "quarantine negative": ("quarantine", {"quarantine": -1}),
    "quarantine true": ("quarantine", {"quarantine": True}),
    "quarantine a fraction": ("quarantine", {"quarantine": 1.5}),
    "quarantine with an unknown unit": ("quarantine", {"quarantine": "10y"}),
    "quarantine without a number": ("quarantine", {"quarantine": "m"}),
    "quarantine empty": ("quarantine", {"quarantine": ""}),
    "quarantine of other digits": ("quarantine", {"quarantine": "\u0661\u0660m"}),
    "quarantine with a sign": ("quarantine", {"quarantine": "-10m"}),
    "quarantine of two years": ("quarantine", {"quarantine": "730d"}),
    "quarantine of 2**80": ("quarantine", {"quarantine": 2**80}),
    "quarantine a list": ("quarantine", {"quarantine": [10]}),
    "conflictDetection a word": ("conflictDetection", {"conflictDetection": "refuse"}),
    "conflictDetection true": ("conflictDetection", {"conflictDetection": True}),
    "onConflict unknown": ("conflictDetection.onConflict", {"conflictDetection": {"onConflict": "ignore"}}),
    "probes zero": ("conflictDetection.probes", {"conflictDetection": {"probes": 0}}),
    "probes a thousand": ("conflictDetection.probes", {"conflictDetection": {"probes": 1000}}),
    "probes a string": ("conflictDetection.probes", {"conflictDetection": {"probes": "3"}}),
    "an interval of an hour": (
        "conflictDetection.intervalMilliseconds",
        {"conflictDetection": {"intervalMilliseconds": 3_600_000}},
    ),
    "an interval negative": (
        "conflictDetection.intervalMilliseconds",
        {"conflictDetection": {"intervalMilliseconds": -1}},
    ),
    "conflictDetection with an unknown field": ("conflictDetection.interval", {"conflictDetection": {"interval": 200}}),
    "madeFor a name": ("madeFor", {"madeFor": "db/reports"}),
    "madeFor nobody": ("madeFor.namespace", {"madeFor": {"pool": "db", "podNetwork": "x"}}),
    "madeFor with a path": (
        "madeFor.podNetwork",
        {"madeFor": {"pool": "db", "namespace": "db", "podNetwork": "../x"}},
    ),
    "gatewayCheck without a gateway": ("gatewayCheck", {"gatewayCheck": {}}),
    "gatewayCheck a word": ("gatewayCheck", {"gatewayCheck": "yes"}),
    "gatewayCheck true": ("gatewayCheck", {"gatewayCheck": True}),
    "gatewayCheck with an unknown field": ("gatewayCheck.timeout", {"gatewayCheck": {"timeout": 1}}),
    "gatewayCheck that never asks": ("gatewayCheck.probes", {"gatewayCheck": {"probes": 0}}),
    "gatewayCheck of an hour": (
        "gatewayCheck.intervalMilliseconds",
        {"gatewayCheck": {"intervalMilliseconds": 3_600_000}},
    ),
    "affinity a string": ("affinity", {"affinity": "zone=a"}),
    "affinity empty": ("affinity", {"affinity": {}}),
    "affinity with an unknown field": ("affinity.nodeSelectors", {"affinity": {"nodeSelectors": {}}}),
    "affinity for no node": ("affinity.nodes", {"affinity": {"nodes": []}}),
    "affinity's nodes a string": ("affinity.nodes", {"affinity": {"nodes": "worker-1"}}),
    "affinity's namespace with a class": ("affinity.namespaces[0]", {"affinity": {"namespaces": ["[a-z]*"]}}),
    "affinity's network with a slash": ("affinity.networks[0]", {"affinity": {"networks": ["a/b"]}}),
    "a selector of everything": ("affinity.nodeSelector", {"affinity": {"nodeSelector": {}}}),
    "a selector a list": ("affinity.podSelector", {"affinity": {"podSelector": [{"app": "x"}]}}),
    "a selector of bare labels": ("affinity.podSelector.app", {"affinity": {"podSelector": {"app": "x"}}}),
    "a label's key without a name": (
        "affinity.podSelector.matchLabels",
        {"affinity": {"podSelector": {"matchLabels": {"example.com/": "x"}}}},
    ),
    "a label's key of 64 characters": (
        "affinity.podSelector.matchLabels",
        {"affinity": {"podSelector": {"matchLabels": {"a" * 64: "x"}}}},
    ),
    "a label's key with a path": (
        "affinity.podSelector.matchLabels",
        {"affinity": {"podSelector": {"matchLabels": {"../../etc": "x"}}}},
    ),
    "a label's value a number": (
        "affinity.podSelector.matchLabels.app",
        {"affinity": {"podSelector": {"matchLabels": {"app": 1}}}},
    ),
    "a label's value a list": (
        "affinity.podSelector.matchLabels.app",
        {"affinity": {"podSelector": {"matchLabels": {"app": ["x"]}}}},
    ),
    "257 labels": (
        "affinity.podSelector.matchLabels",
        {"affinity": {"podSelector": {"matchLabels": {f"a{n}": "x" for n in range(257)}}}},
    ),
    "an operator of no kind": (
        "affinity.podSelector.matchExpressions[0].operator",
        {"affinity": {"podSelector": {"matchExpressions": [{"key": "app", "operator": "Gt", "values": ["1"]}]}}},
    ),
    "In without values": (
        "affinity.podSelector.matchExpressions[0].values",
        {"affinity": {"podSelector": {"matchExpressions": [{"key": "app", "operator": "In"}]}}},
    ),
    "Exists with values": (
        "affinity.podSelector.matchExpressions[0].values",
        {"affinity": {"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["x"]}]}}},
    ),
    "allow an object": ("allow", {"allow": {"namespaces": ["bank"]}}),
    "allow a string": ("allow", {"allow": "*"}),
    "allow a list of strings": ("allow[0]", {"allow": ["bank"]}),
    "a rule without namespaces": ("allow[0].namespaces", {"allow": [{"vlans": [100]}]}),
    "a rule with no namespace": ("allow[0].namespaces", {"allow": [{"namespaces": []}]}),
    "a rule's namespaces a string": ("allow[0].namespaces", {"allow": [{"namespaces": "bank"}]}),
    "a rule's namespace in capitals": ("allow[0].namespaces[0]", {"allow": [{"namespaces": ["Bank"]}]}),
    "a rule's namespace with a slash": ("allow[0].namespaces[0]", {"allow": [{"namespaces": ["bank/web"]}]}),
    "a rule's namespace with a class": ("allow[0].namespaces[1]", {"allow": [{"namespaces": ["bank", "[a-z]*"]}]}),
    "a rule's namespace empty": ("allow[0].namespaces[0]", {"allow": [{"namespaces": [""]}]}),
    "a rule's namespace null": ("allow[0].namespaces[0]", {"allow": [{"namespaces": [None]}]}),
    "a rule's vlans a number": ("allow[0].vlans", {"allow": [{"namespaces": ["a"], "vlans": 100}]}),
    "a rule's vlan 4095": ("allow[0].vlans[0]", {"allow": [{"namespaces": ["a"], "vlans": [4095]}]}),
    "a rule's vlan true": ("allow[0].vlans[0]", {"allow": [{"namespaces": ["a"], "vlans": [True]}]}),
    "a rule's vlans backwards": ("allow[0].vlans[0]", {"allow": [{"namespaces": ["a"], "vlans": ["200-100"]}]}),
    "a rule's vlans beyond": ("allow[0].vlans[0]", {"allow": [{"namespaces": ["a"], "vlans": ["4000-5000"]}]}),
    "a rule's vlans open": ("allow[0].vlans[0]", {"allow": [{"namespaces": ["a"], "vlans": ["100-"]}]}),
    "a rule's address outside a family": (
        "allow[0].addresses[0]",
        {"allow": [{"namespaces": ["a"], "addresses": ["10.60.0.9-fd60::1"]}]},
    ),
    "a rule's addresses a string": ("allow[0].addresses", {"allow": [{"namespaces": ["a"], "addresses": "10.60.0.9"}]}),
    "a rule's podRequests a word": ("allow[0].podRequests", {"allow": [{"namespaces": ["a"], "podRequests": "yes"}]}),
    "a rule's podRequests a number": ("allow[0].podRequests", {"allow": [{"namespaces": ["a"], "podRequests": 1}]}),
    "a rule's ownPools a word": ("allow[0].ownPools", {"allow": [{"namespaces": ["a"], "ownPools": "many"}]}),
    "a rule's ownPools below none": ("allow[0].ownPools", {"allow": [{"namespaces": ["a"], "ownPools": -1}]}),
    "a rule with an unknown field": ("allow[0].namespace", {"allow": [{"namespace": "a"}]}),
    "a MAC for every pod": ("mac", {"mac": "02:00:00:00:00:11"}),
    "an unknown field": ("subnet", {"subnet": "10.60.0.0/24"}),
    "a field of a surrogate": ("['\\ud800']", {"\ud800": 1}),
    "DNS with an unknown field": ("dns.nameserver", {"dns": {"nameserver": ["10.0.0.53"]}}),
}

ROWS: tuple[Declaration, ...] = (
    *(
        wrong_pool(f"name {how}", "metadata.name", metadata=changed)
        for how, changed in ((h, {"name": x}) for h, x in _NAMES.items())
    ),
    *(wrong_pool(f"subnets {how}", f"spec.subnets{at}", spec={"subnets": x}) for how, (at, x) in _SUBNETS.items()),
    *(
        wrong_pool(f"subnet {how}", "spec.subnets[0].subnet", spec={"subnets": [{"subnet": x}]})
        for how, x in _SUBNET.items()
    ),
    *(
        wrong_pool(how, f"spec.{at}", spec={"subnets": [{"subnet": "10.60.0.0/24", **changes}]})
        for how, (at, changes) in _FIELDS.items()
    ),
    *(
        wrong_pool(how, f"spec{'' if at.startswith('[') else '.'}{at}", spec=changes)
        for how, (at, changes) in _SPECS.items()
    ),
    *(wrong_pool(how, f"spec.{at}", spec=settings) for how, (at, settings) in WRONG.items()),
    *(
        wrong_pool(f"metadata {how}", "metadata", metadata=x)
        for how, x in {"a list": [], "a string": "db", "missing": ABSENT, "null": None}.items()
    ),
    *(
        wrong_pool(f"spec {how}", "spec", spec=x)
        for how, x in {"a list": [], "a string": "db", "missing": ABSENT, "null": None}.items()
    ),
    wrong_pool("namespace of a pool", "metadata.namespace", metadata={"name": "new", "namespace": "bank"}),
    Declaration(name="Pool: an unknown field beside the spec", at="subnets", documents=(pool() | {"subnets": []},)),
)
