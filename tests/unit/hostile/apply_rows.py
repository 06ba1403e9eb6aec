"""Declarations that are right each by itself but conflict with each other or with what is in force; and broken files.

What is in force is told in `store.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.hostile.declaration import ATTACHMENT, Declaration, conflict, podnetwork, pool, stateful, written

if TYPE_CHECKING:
    from tests.unit.hostile.row import Json


def _pod(name: str, *, pod: str = "", namespace: str = "bank", **attachment: object) -> Json:
    made = {"ifname": "eth0", **attachment}
    return podnetwork(metadata={"name": name, "namespace": namespace}, spec={"pod": pod or name, "attachments": [made]})


def _pool(name: str, *subnets: Json, **spec: object) -> Json:
    return pool(metadata={"name": name}, spec={"subnets": list(subnets), **spec})


_DB: Json = {
    "subnet": "10.20.0.0/24",
    "gateway": "10.20.0.1",
    "ranges": ["10.20.0.10-10.20.0.200"],
    "exclude": ["10.20.0.50"],
}
_NEW = "PodNetwork bank/new"

CONFLICTS: tuple[Declaration, ...] = (
    conflict(
        "an address outside the pool",
        f"{_NEW}: attachments[0]: 10.99.0.1 is outside the subnets of pool db",
        _pod("new", pool="db", addresses=["10.99.0.1"]),
    ),
    conflict(
        "an address outside the ranges",
        "10.20.0.9 is outside the ranges of pool db",
        _pod("new", pool="db", addresses=["10.20.0.9"]),
    ),
    conflict(
        "an excluded address", "10.20.0.50 is excluded in pool db", _pod("new", pool="db", addresses=["10.20.0.50"])
    ),
    conflict(
        "the gateway", "10.20.0.1 is the gateway of 10.20.0.0/24", _pod("new", pool="db", addresses=["10.20.0.1"])
    ),
    conflict(
        "the network address", "10.20.0.0 is the network address", _pod("new", pool="db", addresses=["10.20.0.0"])
    ),
    conflict(
        "the broadcast address",
        "10.20.0.255 is the broadcast address",
        _pod("new", pool="db", addresses=["10.20.0.255"]),
    ),
    conflict("IPv6's network address", "fd70:: is the network address", _pod("new", pool="dual", addresses=["fd70::"])),
    conflict(
        "an address of a family that the pool has not",
        "fd70::5 is outside the subnets of pool db",
        _pod("new", pool="db", addresses=["fd70::5"]),
    ),
    conflict(
        "an address of another pod",
        "10.20.0.11, declared for bank/new eth0, is reserved for bank/mysql-0 eth0 (declared by PodNetwork bank/mysql)",
        _pod("new", addresses=["10.20.0.11"]),
    ),
    conflict(
        "an address of the same pod's other interface",
        "is reserved for bank/mysql-0 eth0",
        _pod("new", pod="mysql-0", ifname="net1", addresses=["10.20.0.11"]),
    ),
    conflict(
        "an address reserved by hand",
        "is reserved for bank/legacy-0 eth0 (manual)",
        _pod("new", addresses=["10.20.0.40"]),
    ),
    conflict(
        "an address that another pod has now",
        "is leased by bank/holder-0 eth0 (container holder",
        _pod("new", addresses=["10.20.0.10"]),
    ),
    conflict(
        "an address declared twice",
        "10.20.0.30 is declared twice: by PodNetwork bank/a for bank/a eth0, and by PodNetwork bank/b",
        _pod("a", addresses=["10.20.0.30"]),
        _pod("b", addresses=["10.20.0.30"]),
    ),
    conflict(
        "an address declared twice in one document",
        "10.20.0.30 is declared twice",
        podnetwork(spec={"attachments": [ATTACHMENT, ATTACHMENT | {"ifname": "net1"}]}),
    ),
    conflict(
        "an address of a replica and of a pod",
        "10.20.0.31 is declared twice",
        stateful(),
        _pod("b", addresses=["10.20.0.31"]),
    ),
    conflict(
        "replicas that run into an excluded address",
        "10.20.0.50 is excluded",
        stateful({"ordinals": [{"range": "10.20.0.48-10.20.0.52"}]}),
    ),
    conflict(
        "replicas that run out of the ranges",
        "10.20.0.201 is outside the ranges",
        stateful({"ordinals": [{"base": "10.20.0.199"}]}),
    ),
    conflict(
        "replicas that run over another pod's address",
        "is reserved for bank/mysql-0",
        stateful({"ordinals": [{"base": "10.20.0.11"}]}),
    ),
    conflict(
        "a MAC in force",
        "the MAC 02:00:00:00:00:11 is declared by both PodNetwork bank/new and PodNetwork bank/mysql",
        _pod("new", pool="db", mac="02:00:00:00:00:11"),
    ),
    conflict(
        "a MAC in force, in capitals with dashes",
        "the MAC 02:00:00:00:00:aa is declared by both",
        _pod("a", pool="db", mac="02-00-00-00-00-AA"),
        _pod("b", pool="db", mac="02:00:00:00:00:aa"),
    ),
    conflict(
        "a MAC twice",
        "the MAC 02:00:00:00:00:22 is declared by both PodNetwork bank/a and PodNetwork bank/b",
        _pod("a", pool="db", mac="02:00:00:00:00:22"),
        _pod("b", pool="db", mac="02:00:00:00:00:22"),
    ),
    conflict(
        "a MAC twice in one document",
        "is declared by PodNetwork bank/new twice",
        podnetwork(
            spec={
                "attachments": [
                    {"pool": "db", "mac": "02:00:00:00:00:22"},
                    {"pool": "db", "ifname": "net1", "mac": "02:00:00:00:00:22"},
                ]
            }
        ),
    ),
    conflict(
        "two documents for a pod",
        "both declare eth0 of pod new-0 in namespace bank",
        _pod("a", pod="new-0", pool="db"),
        _pod("b", pod="new-0", pool="db"),
    ),
    conflict(
        "a second document for a pod",
        "PodNetwork bank/new and PodNetwork bank/mysql both declare eth0 of pod mysql-0",
        _pod("new", pod="mysql-0", pool="db"),
    ),
    conflict(
        "a second document for a StatefulSet",
        "both declare eth0 of StatefulSet kafka",
        stateful({"ordinals": [{"base": "10.20.0.70"}]}, name="kafka"),
    ),
    conflict("a document twice", "PodNetwork bank/new is there twice", _pod("new", pool="db"), _pod("new", pool="db")),
    conflict("a pool twice", "Pool new is there twice", pool(), pool()),
    conflict("no such pool", f"{_NEW}: attachments[0]: there is no pool 'nowhere'", _pod("new", pool="nowhere")),
    conflict("no pool around the address", "no pool contains 10.99.0.1", _pod("new", addresses=["10.99.0.1"])),
    conflict(
        "a namespace that may not use the pool",
        "its `allow` rules name the namespaces shop, not 'bank'",
        _pod("new", pool="shop"),
    ),
    conflict(
        "an address that the namespace may not name",
        "lets addresses 10.30.0.10-10.30.0.19 be named, not 10.30.0.99",
        _pod("new", namespace="shop", pool="shop", addresses=["10.30.0.99"]),
    ),
    conflict(
        "a VLAN that the namespace may not use",
        "lets VLANs 100-109 be used, not 666",
        _pod("new", namespace="shop", pool="shop", vlan={"id": 666}),
    ),
    conflict(
        "untagged where only VLANs are allowed",
        "not untagged",
        _pod("new", namespace="shop", pool="shop", vlan={"id": 0}),
    ),
    conflict("a pool over another", "pools new and db overlap", _pool("new", {"subnet": "10.20.0.0/24"})),
    conflict("a pool around another", "overlap", _pool("new", {"subnet": "10.0.0.0/8"})),
    conflict(
        "two new pools that overlap",
        "pools a and b overlap",
        _pool("a", {"subnet": "10.61.0.0/24"}),
        _pool("b", {"subnet": "10.61.0.128/25"}),
    ),
    conflict(
        "a pool that shrinks below a declared address",
        "Pool db as changed: 10.20.0.11 of bank/mysql-0 eth0 (reserved, declared)",
        _pool("db", _DB | {"ranges": ["10.20.0.100-10.20.0.200"]}),
    ),
    conflict(
        "a pool that shrinks below a lease",
        "Pool db as changed: 10.20.0.10 of bank/holder-0 (leased",
        _pool("db", _DB | {"exclude": ["10.20.0.10"]}),
    ),
    conflict(
        "a pool whose gateway becomes a pod's address",
        "10.20.0.11 of bank/mysql-0 eth0 (reserved, declared) is the gateway",
        _pool("db", _DB | {"gateway": "10.20.0.11"}),
    ),
    conflict("a pool that moves away", "10.20.0.11 of bank/mysql-0 eth0", _pool("db", {"subnet": "10.62.0.0/24"})),
    conflict(
        "good documents beside one in conflict",
        "10.99.0.1 is outside the subnets",
        pool(),
        _pod("fine", pool="db"),
        _pod("new", pool="db", addresses=["10.99.0.1"]),
    ),
)

_TOP = "apiVersion: podberth.io/v1alpha1\nkind: Pool\nmetadata: {name: new}\n"
_SPEC = "spec:\n  subnets: [{subnet: 10.60.0.0/24}]\n"
_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(i + 1)}: &{chr(i + 1)} [{','.join([f'*{chr(i)}'] * 9)}]\n" for i in range(ord("a"), ord("z"))
)
_CYCLE = "&a [*a]\n"
_JSON = '{"apiVersion": "podberth.io/v1alpha1", "kind": "Pool", "metadata": {"name": "new"}, "spec": {"subnets": []}'

FILES: tuple[Declaration, ...] = (
    written("a bomb of aliases", _BOMB, says="more than 400000 values"),
    written("an alias inside itself", _CYCLE, says="the alias *a stands for nothing yet"),
    written("an alias of nothing", _TOP + "spec: *nothing\n", says="the alias *nothing"),
    written("an alias of a megabyte", _TOP + f"spec: *{'a' * 1_000_000}\n", says="the alias *aaaa"),
    written("a key twice", _TOP + "kind: PodNetwork\n" + _SPEC, says="duplicate key 'kind'"),
    written(
        "a key twice, further in",
        _TOP + "spec:\n  subnets: [{subnet: 10.60.0.0/24, subnet: 10.61.0.0/24}]\n",
        says="duplicate key 'subnet'",
    ),
    written("a key twice, once quoted", _TOP + '"kind": Pool\n' + _SPEC, says="duplicate key 'kind'"),
    written("a merge key", _TOP + "spec:\n  <<: {subnets: [{subnet: 10.60.0.0/24}]}\n", says="spec['<<']"),
    written("an object of Python", "!!python/object/apply:os.system ['true']\n", says="is not allowed"),
    written("a tag of its own", _TOP + "spec: !vault abc\n", says="is not allowed"),
    written("a binary", _TOP + "spec: !!binary aGVsbG8=\n", says="is not allowed"),
    written("a set", _TOP + "spec: !!set {a, b}\n", says="is not allowed"),
    written("a list as key", _TOP + "? [a, b]\n: c\n", says="expected a plain string as key"),
    written("lists 65 deep", _TOP + "spec: " + "[" * 65 + "]" * 65 + "\n", says="nested deeper than 64"),
    written("lists 100,000 deep", "[" * 100_000, says="nested deeper than 64"),
    written("objects 20,000 deep", "{a: " * 20_000, says="nested deeper than 64"),
    written("never closed", _TOP + "spec: {subnets: [\n", says="not valid YAML"),
    written("a tab for a space", _TOP + "spec:\n\tsubnets: []\n", says="not valid YAML"),
    written("a NUL", _TOP + "x: \0\n", says="not valid YAML"),
    written("a control character", _TOP + "x: \x1b[31m\n", says="not valid YAML"),
    written("Latin-1", (_TOP + "# caf").encode() + b"\xe9\n", says="not UTF-8"),
    written("UTF-16", (_TOP + _SPEC).encode("utf-16"), says="not UTF-8"),
    written("an encoded surrogate", _TOP + "x: '\ud800'\n", says="not UTF-8"),
    written("an escaped surrogate", _TOP + 'x: "\\ud800"\n', says=":4"),
    written("half a document", "apiVersion: podberth.io/v1alpha1\nkind", says="not valid YAML"),
    written("prose", "Dear network team,\nplease give mysql a fixed address.\n", at="document"),
    written("a number", "42\n", at="document"),
    written("the second document broken", _TOP + _SPEC + "---\nkind: [\n", says="not valid YAML"),
    written("the second document no object", _TOP + _SPEC + "---\njust words\n", at="document", index=1),
    written("a member of a List no object", "kind: List\nitems: [5]\n", at="document"),
    written("a date for a name", _TOP.replace("new", "2026-11-23T10:00:00Z") + _SPEC, at="metadata.name"),
    written("a number for a name", _TOP.replace("new", "123") + _SPEC, at="metadata.name"),
    written(
        "yes for a boolean",
        _TOP + _SPEC + "  allow: [{namespaces: [a], podRequests: yes}]\n",
        at="spec.allow[0].podRequests",
    ),
    written("an octal for a number", _TOP + _SPEC + "  mtu: 02734\n", at="spec.mtu"),
    written("base 16 for a number", _TOP + _SPEC + "  mtu: 0x5dc\n", at="spec.mtu"),
    written("base 60 for a number", _TOP + _SPEC + "  mtu: 25:00\n", at="spec.mtu"),
    written("infinity", _TOP + _SPEC + "  mtu: .inf\n", at="spec.mtu"),
    written("a number of 5000 digits", _TOP + _SPEC + f"  mtu: {'9' * 5000}\n", at="spec.mtu"),
    written("more than 8 MiB", _TOP + "#" * (8 << 20), says="larger than 8 MiB"),
    written("nothing", "", says="expected JSON, got nothing", ending="json"),
    written("half a document", _JSON, ending="json", says="not valid JSON"),
    written("a key twice", _JSON + ', "kind": "Pool"}', ending="json", says="'kind' is there twice"),
    written("not a number", _JSON + ', "x": NaN}', ending="json", says="not valid JSON"),
    written("lists 100,000 deep", "[" * 100_000 + "]" * 100_000, ending="json", says="levels of nesting"),
    written("Latin-1", b'{"caf\xe9": 1}', ending="json", says="not UTF-8"),
    written("a number", "42", ending="json", at="document"),
    written("YAML", _TOP + _SPEC, ending="json", says="not valid JSON"),
)
