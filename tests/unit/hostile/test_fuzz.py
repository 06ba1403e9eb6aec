"""Anything at all as environment and stdin: `handle` answers in the protocol's words, or with a known error.

What comes is near the real grammar: whole configurations with a few places changed, real variables with odd values.
"""

from __future__ import annotations

import copy
import json
import shutil
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from podberth.cni.errors import CniError
from podberth.entry import handle
from podberth.policy.documents import parse_document, parse_documents, raw_document
from podberth.policy.yamlfiles import load
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.unit.hostile.row import ANNOTATIONS, CONF, ENV, VALID
from tests.unit.hostile.store import ACTOR, DOCUMENTS, Grounds, Witness, furnish, refusal

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.policy.documents import Document
    from podberth.verbs.node import Node

KNOWN = {1, 2, 3, 4, 5, 6, 7, 8, 11, 50, 51, *range(100, 106)}
VERBS = ("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION")
_ANNOTATION: list[dict[str, object]] = [{"ifname": "eth0", "pool": "shop", "addresses": ["10.30.0.12"], "mtu": 1400}]
WHOLE: tuple[dict[str, Any], ...] = (
    CONF,
    {
        **CONF,
        "bridge": "br0",
        "hairpin": True,
        "sticky": True,
        "undeclared": "dynamic",
        "mtu": 1400,
        "mac": "fromAddress",
        "vlan": {"id": 100},
        "rates": {"egress": 100, "ingress": 200},
        "routes": [{"dst": "10.0.0.0/8", "gw": "10.20.0.1", "priority": 5}],
        "dns": {"nameservers": ["10.0.0.53"], "domain": "bank.example", "search": ["bank.example"]},
        "sysctls": {"net.ipv4.tcp_keepalive_time": 60},
        "ipam": {"type": "podberth"},
        "capabilities": {"ips": True, "mac": True, ANNOTATIONS: True},
    },
    {
        **CONF,
        "pool": "shop",
        "runtimeConfig": {"ips": ["10.30.0.11"], ANNOTATIONS: {"podberth.io/network": json.dumps(_ANNOTATION)}},
        "args": {"cni": {"ips": ["10.30.0.11/24"]}},
    },
    {**CONF, "device": "macvlan", "parent": "eth9", "mode": "bridge", "pool": "dual"},
    {**CONF, "type": "bridge", "ipam": {"type": "podberth", "pool": "dual"}, "cniVersion": "0.2.0"},
    {
        **CONF,
        VALID: [{"containerID": "holder", "ifname": "eth0"}, {"containerID": "filler", "ifname": "eth0"}],
        "prevResult": {
            "cniVersion": "1.1.0",
            "interfaces": [{"name": "eth0", "sandbox": "/x"}],
            "ips": [{"address": "10.20.0.10/24", "interface": 0}],
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.20.0.1"}],
        },
    },
    {**CONF, "cniVersion": "0.2.0", "prevResult": {"ip4": {"ip": "10.9.0.1/16", "routes": [{"dst": "10.0.0.0/8"}]}}},
)
_TEXT = st.text(st.characters(), max_size=20)  # lone surrogates too
_ODD: st.SearchStrategy[object] = st.one_of(
    st.sampled_from((None, True, False, 0, -1, 1, 4095, 2**63, 10**300, 1.5, -0.0, "", "x", ".", "..", "../x", "a/b")),
    st.sampled_from(("\0", "\ud800", "a" * 300, "10.20.0.30", "10.20.0.300", "fd70::9", "10.0.0.1/8", "::/0", "dual")),
    st.sampled_from(("0.2.0", "1.1.0", "full", "shop", "refuse", "macvlan", "ipvlan", "02:00:00:00:00:11", "eth1")),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    _TEXT,
)
_JSON: st.SearchStrategy[object] = st.recursive(
    _ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3), max_leaves=6
)


def places(inside: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every member, at any depth."""
    found = [at] if at else []
    members = inside.items() if isinstance(inside, dict) else enumerate(inside) if isinstance(inside, list) else ()
    for key, member in members:
        found += places(member, (*at, key))
    return found


@st.composite
def mutated(draw: st.DrawFn, whole: object) -> object:
    """Draw a copy of `whole` with up to three members replaced, renamed, removed or wrapped."""
    made = copy.deepcopy(whole)
    for _ in range(draw(st.integers(0, 3))):
        *way, key = draw(st.sampled_from(places(made) or [("x",)]))
        inside: Any = made
        for step in way:
            inside = inside[step]
        change = draw(st.sampled_from(("replace", "replace", "remove", "wrap", "add")))
        if change == "replace":
            inside[key] = draw(_JSON)
        elif change == "wrap":
            inside[key] = [inside[key]]
        elif change == "remove":
            del inside[key]
        elif isinstance(inside, dict):
            inside[draw(_TEXT)] = draw(_JSON)
        if not places(made):
            break
    return made


_CONFIGURATIONS = st.sampled_from(WHOLE).flatmap(mutated)
_STDIN = st.one_of(
    *[_CONFIGURATIONS.map(lambda made: json.dumps(made).encode())] * 4,
    _JSON.map(lambda made: json.dumps(made).encode()),
    st.binary(max_size=60),
    st.tuples(_CONFIGURATIONS, st.integers(0, 400), st.binary(max_size=2)).map(
        lambda t: json.dumps(t[0]).encode()[: t[1]] + t[2] + json.dumps(t[0]).encode()[t[1] + 1 :]
    ),
)
_POD = st.sampled_from(("web-0", "mysql-0", "kafka-1", "kafka-9", "holder-0", "filler-0", "..", "a/b", ""))
_ARGS = st.one_of(
    st.builds(
        "K8S_POD_NAMESPACE={};K8S_POD_NAME={};IgnoreUnknown=1{}".format,
        st.sampled_from(("bank", "shop", "../x")),
        _POD,
        st.sampled_from(("", ";IP=10.30.0.12", ";MAC=02:00:00:00:00:07", ";K8S_POD_UID=5f3c")),
    ),
    _TEXT,
)
_GOOD = st.fixed_dictionaries(
    {
        "CNI_COMMAND": st.sampled_from((*VERBS, "ADD", "ADD", "ADD")),
        "CNI_CONTAINERID": st.sampled_from(("c0ffee", "holder", "filler")),
        "CNI_ARGS": _ARGS,
        **{key: st.just(ENV[key]) for key in ("CNI_NETNS", "CNI_IFNAME", "CNI_PATH")},
    }
)
_NAMES = ("CNI_COMMAND", *ENV, "CNI_NETNS_OVERRIDE")
_ENVS = st.one_of(
    *[_GOOD] * 3,
    st.tuples(_GOOD, st.dictionaries(st.sampled_from(_NAMES), _TEXT, max_size=2)).map(lambda t: {**t[0], **t[1]}),
    st.dictionaries(st.one_of(st.sampled_from(_NAMES), _TEXT), _TEXT),
)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("fuzz") / "state"
    furnish(state)
    return state


def renewed(furnished: Path) -> Path:
    """Return a directory with the store as it was furnished."""
    state = furnished.parent / "copy"
    state.mkdir(exist_ok=True)
    for left in state.iterdir():
        left.unlink()
    shutil.copy(furnished / "podberth.db", state)
    return state


@settings(max_examples=120, deadline=None)
@given(env=_ENVS, stdin=_STDIN)
@example(env={}, stdin=b"")
@example(env={"CNI_COMMAND": "VERSION"}, stdin=b"\xff")
def test_whatever_comes_is_answered_in_the_protocols_words(furnished: Path, env: dict[str, str], stdin: bytes) -> None:
    state, grounds = renewed(furnished), Grounds()

    def connect(_: str) -> Node:
        return grounds.connect(str(state))

    with Witness(state) as witness:
        before = witness.sees()
        exit_code, stdout = handle(env, stdin, connect=connect)
        after = witness.sees()
    for database in grounds.databases:
        database.close()
    if exit_code:
        code, _ = refusal(stdout)
        assert (exit_code, code) == (1, code)
        assert code in KNOWN
        assert grounds.host.effects == []
        assert after == before
    elif env.get("CNI_COMMAND") in ("ADD", "VERSION"):
        assert json.loads(stdout)["cniVersion"]
    else:
        assert stdout == ""


@settings(max_examples=60, deadline=None)
@given(documents=mutated(list(DOCUMENTS)))
def test_whatever_is_declared_is_refused_by_a_known_error_or_means_what_it_says(
    furnished: Path, documents: list[object]
) -> None:
    database, code = Database(str(renewed(furnished))), 0
    found: tuple[Document, ...] = ()
    try:
        found = parse_documents(load(BytesIO(json.dumps(documents).encode()), "hostile.json"), "hostile.json")
        SqlitePolicies(database).apply(found, ACTOR, source="hostile.json")
    except CniError as refused:
        code = refused.code
    finally:
        database.close()
    assert code in (0, 7, 102)
    assert [parse_document(raw_document(document), document.source) for document in found] == list(found)
