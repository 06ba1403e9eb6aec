"""PodNetwork documents with each field wrong in turn, and documents that are neither a Pool nor a PodNetwork."""

from __future__ import annotations

from tests.unit.hostile.declaration import (
    ATTACHMENT,
    Declaration,
    podnetwork,
    pool,
    stateful,
    wrong_attachment,
    wrong_ordinals,
    wrong_podnetwork,
)
from tests.unit.hostile.row import ABSENT, Json, changed
from tests.unit.hostile.settings_rows import WRONG

_NAMES: Json = {
    "missing": ABSENT,
    "null": None,
    "empty": "",
    "a number": 5,
    "a list": ["x"],
    "true": True,
    "in capitals": "Web",
    "with a slash": "../../web",
    "two dots": "..",
    "of 254 characters": "w" * 254,
    "with a NUL": "w\0",
    "with a line break": "w\nb",
    "of a surrogate": "\udc80",
    "not of ASCII": "w\u00e9b",
}
_KINDS: dict[str, tuple[str, object]] = {
    "an unknown kind": ("kind", podnetwork() | {"kind": "PodNet"}),
    "a kind in lower case": ("kind", podnetwork() | {"kind": "podnetwork"}),
    "a kind of a list": ("kind", podnetwork() | {"kind": ["Pool"]}),
    "no kind": ("kind", changed(podnetwork(), {"kind": ABSENT})),
    "a kind of Kubernetes": ("kind", podnetwork() | {"kind": "Deployment"}),
    "an unknown apiVersion": ("apiVersion", podnetwork() | {"apiVersion": "podberth.io/v2"}),
    "an apiVersion of another group": ("apiVersion", podnetwork() | {"apiVersion": "v1"}),
    "an apiVersion of a number": ("apiVersion", podnetwork() | {"apiVersion": 1}),
    "no apiVersion": ("apiVersion", changed(podnetwork(), {"apiVersion": ABSENT})),
    "an unknown field": ("specs", podnetwork() | {"specs": {}}),
    "metadata with an unknown field": ("metadata.nmae", podnetwork(metadata={"nmae": "x"})),
    "spec with an unknown field": ("spec.attachment", podnetwork(spec={"attachment": {}})),
    "a Pool's spec in a PodNetwork": ("spec.subnets", pool() | {"kind": "PodNetwork"}),
    "no object": ("document", "PodNetwork"),
    "a number": ("document", 7),
    "true": ("document", True),
    "an empty object": ("apiVersion", {}),
}
_ATTACHMENTS: dict[str, tuple[str, object]] = {
    "missing": ("", ABSENT),
    "null": ("", None),
    "empty": ("", []),
    "an object": ("", ATTACHMENT),
    "a string": ("", "eth0"),
    "a list of strings": ("[0]", ["eth0"]),
    "a list of null": ("[1]", [ATTACHMENT, None]),
    "65 of them": ("", [{"ifname": f"net{i}"} for i in range(65)]),
    "two for an interface": ("[1].ifname", [ATTACHMENT, ATTACHMENT]),
    "an unknown field": ("[0].adresses", [{"adresses": []}]),
}
_ATTACHMENT: dict[str, tuple[str, Json]] = {
    "ifname of 16": (".ifname", {"ifname": "a" * 16}),
    "ifname with a slash": (".ifname", {"ifname": "../a"}),
    "ifname two dots": (".ifname", {"ifname": ".."}),
    "ifname a number": (".ifname", {"ifname": 0}),
    "ifname empty": (".ifname", {"ifname": ""}),
    "network with a slash": (".network", {"network": "a/b"}),
    "network a list": (".network", {"network": ["banknet"]}),
    "pool in capitals": (".pool", {"pool": "DB"}),
    "pool a number": (".pool", {"pool": 1}),
    "addresses a string": (".addresses", {"addresses": "10.20.0.30"}),
    "addresses an object": (".addresses", {"addresses": {"ipv4": "10.20.0.30"}}),
    "address a number": (".addresses[0]", {"addresses": [169082910]}),
    "address null": (".addresses[0]", {"addresses": [None]}),
    "address true": (".addresses[0]", {"addresses": [True]}),
    "address with a prefix": (".addresses[0]", {"addresses": ["10.20.0.30/24"]}),
    "address out of bounds": (".addresses[0]", {"addresses": ["10.20.0.256"]}),
    "address with a zone": (".addresses[0]", {"addresses": ["fe80::1%eth0"]}),
    "address mapped into IPv6": (".addresses[0]", {"addresses": ["::ffff:10.20.0.30"]}),
    "address a name": (".addresses[1]", {"addresses": ["10.20.0.30", "mysql-0.bank.svc"]}),
    "two addresses of IPv4": (".addresses", {"addresses": ["10.20.0.30", "10.20.0.31"]}),
    "the same address twice": (".addresses", {"addresses": ["10.20.0.30", "10.20.0.30"]}),
    "three addresses": (".addresses", {"addresses": ["10.20.0.30", "fd00::1", "fd00::2"]}),
    "ordinals of a pod": (".ordinals", {"ordinals": [{"list": ["10.20.0.30"]}]}),
    "pools beside pool": (".pools", {"pools": ["db"]}),
    "pools a string": (".pools", {"pool": ABSENT, "addresses": ABSENT, "pools": "db"}),
    "no pools": (".pools", {"pool": ABSENT, "addresses": ABSENT, "pools": []}),
    "pools beside addresses": (".pools", {"pool": ABSENT, "pools": ["db"]}),
    "pools with one twice": (".pools", {"pool": ABSENT, "addresses": ABSENT, "pools": ["db", "db"]}),
    "pools with a path": (".pools", {"pool": ABSENT, "addresses": ABSENT, "pools": ["../db"]}),
    "17 pools": (".pools", {"pool": ABSENT, "addresses": ABSENT, "pools": [f"db{n}" for n in range(17)]}),
    "ownPool beside pool": (".ownPool", {"addresses": ABSENT, "ownPool": {"from": "db", "addresses": 2}}),
    "ownPool beside addresses": (".ownPool", {"pool": ABSENT, "ownPool": {"from": "db", "addresses": 2}}),
    "ownPool a name": (".ownPool", {"pool": ABSENT, "addresses": ABSENT, "ownPool": "db"}),
    "ownPool of nothing": (
        ".ownPool.from",
        {"pool": ABSENT, "addresses": ABSENT, "ownPool": {"addresses": 2}},
    ),
    "ownPool of no address": (
        ".ownPool.addresses",
        {"pool": ABSENT, "addresses": ABSENT, "ownPool": {"from": "db", "addresses": 0}},
    ),
    "ownPool of all addresses": (
        ".ownPool.addresses",
        {"pool": ABSENT, "addresses": ABSENT, "ownPool": {"from": "db", "addresses": 2**32}},
    ),
    "ownPool with an unknown field": (
        ".ownPool.most",
        {"pool": ABSENT, "addresses": ABSENT, "ownPool": {"from": "db", "addresses": 2, "most": 4}},
    ),
    "sticky of a word": (".sticky", {"sticky": "yes"}),
    "sticky of a number": (".sticky", {"sticky": 1}),
    "device of 16": (".device", {"device": "a" * 16}),
    "device with a slash": (".device", {"device": "../eth0"}),
    "device a number": (".device", {"device": 1}),
    **{name: (f".{at}", settings) for name, (at, settings) in WRONG.items()},
}
_ORDINALS: dict[str, tuple[str, object]] = {
    "a string": ("", "10.20.0.30-10.20.0.32"),
    "an object": ("", {"range": "10.20.0.30-10.20.0.32"}),
    "of strings": ("[0]", ["10.20.0.30-10.20.0.32"]),
    "empty inside": ("[0]", [{}]),
    "of two forms": ("[0]", [{"base": "10.20.0.30", "range": "10.20.0.30-10.20.0.32"}]),
    "of an unknown form": ("[0].from", [{"from": "10.20.0.30"}]),
    "of three families": ("", [{"base": "10.20.0.30"}, {"base": "fd00::1"}, {"base": "fd00::2"}]),
    "of one family twice": ("", [{"base": "10.20.0.30"}, {"base": "10.20.0.40"}]),
    "list a string": ("[0].list", [{"list": "10.20.0.30"}]),
    "list empty": ("[0].list", [{"list": []}]),
    "list of null": ("[0].list[0]", [{"list": [None]}]),
    "list of a wrong address": ("[0].list[1]", [{"list": ["10.20.0.30", "10.20.0.300", "10.20.0.32"]}]),
    "list of two families": ("[0].list", [{"list": ["10.20.0.30", "fd00::1", "fd00::2"]}]),
    "list with an address twice": ("[0].list", [{"list": ["10.20.0.30", "10.20.0.31", "10.20.0.30"]}]),
    "list too short": ("[0].list", [{"list": ["10.20.0.30", "10.20.0.31"]}]),
    "range backwards": ("[0].range", [{"range": "10.20.0.32-10.20.0.30"}]),
    "range without an end": ("[0].range", [{"range": "10.20.0.30-"}]),
    "range of a network": ("[0].range", [{"range": "10.20.0.0/24"}]),
    "range of two families": ("[0].range", [{"range": "10.20.0.30-fd00::1"}]),
    "range a number": ("[0].range", [{"range": 10}]),
    "range too short": ("[0].range", [{"range": "10.20.0.30-10.20.0.31"}]),
    "range of a /64": ("[0].range", [{"range": "fd00::-fd00::ffff:ffff:ffff:ffff"}]),
    "base with a prefix": ("[0].base", [{"base": "10.20.0.30/24"}]),
    "base a list": ("[0].base", [{"base": ["10.20.0.30"]}]),
    "base beyond the last address": ("[0].base", [{"base": "255.255.255.254"}]),
    "base beyond IPv6's last": ("[0].base", [{"base": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"}]),
}
_TARGETS: dict[str, tuple[str, Json]] = {
    "replicas zero": ("replicas", {"replicas": 0}),
    "replicas negative": ("replicas", {"replicas": -3}),
    "replicas true": ("replicas", {"replicas": True}),
    "replicas a string": ("replicas", {"replicas": "3"}),
    "replicas a fraction": ("replicas", {"replicas": 3.0}),
    "replicas a billion": ("replicas", {"replicas": 10**9}),
    "replicas of 300 digits": ("replicas", {"replicas": 10**300}),
    "start negative": ("start", {"start": -1}),
    "start a string": ("start", {"start": "0"}),
    "start of 2**64": ("start", {"start": 2**64}),
    "an unknown field": ("replica", {"replica": 3}),
    **{f"name {how}": ("name", {"name": x}) for how, x in _NAMES.items()},
}


def _millions() -> Json:
    """Return a document whose 64 interfaces of 65,536 replicas each have an address."""
    interfaces = [{"ifname": f"net{i}", "pool": "dual", "ordinals": [{"base": f"fd70::{i:x}:0:0"}]} for i in range(64)]
    return podnetwork(
        spec={"pod": ABSENT, "statefulSet": {"name": "new", "replicas": 65536}, "attachments": interfaces}
    )


ROWS: tuple[Declaration, ...] = (
    *(
        Declaration(name=f"document: {how}", at=at, documents=(document,), ending="json")
        for how, (at, document) in _KINDS.items()
    ),
    *(wrong_podnetwork(f"name {how}", "metadata.name", metadata={"name": x}) for how, x in _NAMES.items()),
    *(
        wrong_podnetwork(f"namespace {how}", "metadata.namespace", metadata={"namespace": x})
        for how, x in _NAMES.items()
    ),
    wrong_podnetwork("namespace with a dot", "metadata.namespace", metadata={"namespace": "a.b"}),
    *(
        wrong_podnetwork(f"pod {how}", "spec.pod", spec={"pod": x})
        for how, x in _NAMES.items()
        if x not in (None, ABSENT)
    ),
    *(
        wrong_podnetwork(f"metadata {how}", "metadata", metadata=x)
        for how, x in {"a list": [], "missing": ABSENT, "null": None}.items()
    ),
    *(
        wrong_podnetwork(f"spec {how}", "spec", spec=x)
        for how, x in {"a list": [], "a string": "x", "missing": ABSENT, "null": None}.items()
    ),
    wrong_podnetwork("neither pod nor statefulSet", "spec", spec={"pod": ABSENT}, says="exactly one of"),
    wrong_podnetwork("both pod and statefulSet", "spec", spec={"statefulSet": {"name": "a"}}, says="exactly one of"),
    wrong_podnetwork("statefulSet a string", "spec.statefulSet", spec={"pod": ABSENT, "statefulSet": "mysql"}),
    wrong_podnetwork("statefulSet a list", "spec.statefulSet", spec={"pod": ABSENT, "statefulSet": []}),
    *(
        wrong_podnetwork(f"attachments {how}", f"spec.attachments{at}", spec={"attachments": x})
        for how, (at, x) in _ATTACHMENTS.items()
    ),
    *(wrong_attachment(how, at, **changes) for how, (at, changes) in _ATTACHMENT.items()),
    *(wrong_ordinals(f"ordinals {how}", at, x) for how, (at, x) in _ORDINALS.items()),
    wrong_ordinals("base without replicas", "[0].base", [{"base": "10.20.0.30"}], replicas=ABSENT),
    wrong_ordinals("base beyond by its start", "[0].base", [{"base": "250.0.0.1"}], start=999_999_999, replicas=65536),
    *(
        Declaration(
            name=f"statefulSet: {how}", at=f"spec.statefulSet.{at}", documents=(stateful(**target),), ending="json"
        )
        for how, (at, target) in _TARGETS.items()
    ),
    *(
        Declaration(name=f"statefulSet: {how}", at=f"spec.attachments[0].{at}", documents=(stateful(changes),))
        for how, at, changes in (
            ("addresses", "addresses", {"addresses": ["10.20.0.30"]}),
            ("a MAC for all replicas", "mac", {"mac": "02:00:00:00:00:11"}),
            ("an unknown field in an attachment", "ordinal", {"ordinal": []}),
        )
    ),
    Declaration(
        name="statefulSet: start without ordinals",
        at="spec.statefulSet.start",
        documents=(stateful({"ordinals": ABSENT, "sticky": True}, start=2),),
    ),
    Declaration(
        name="statefulSet: millions of addresses in a few lines",
        at="spec.attachments[2].ordinals",
        documents=(_millions(),),
    ),
    Declaration(
        name="document: the second is wrong",
        at="kind",
        index=1,
        documents=(podnetwork(), {"apiVersion": "podberth.io/v1alpha1"}),
    ),
)
