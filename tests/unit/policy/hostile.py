"""Documents that no operator writes: for every source that reads some."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

GOOD: dict[str, Any] = {
    "apiVersion": "podberth.io/v1alpha1",
    "kind": "PodNetwork",
    "metadata": {"name": "bad"},
    "spec": {"pod": "bad", "attachments": [{"pool": "db", "addresses": ["10.20.0.200"]}]},
}
_PLACES = (
    ("kind",), ("apiVersion",), ("metadata",), ("metadata", "name"), ("metadata", "namespace"), ("spec",),
    ("spec", "pod"), ("spec", "statefulSet"), ("spec", "attachments"), ("spec", "attachments", 0),
    ("spec", "attachments", 0, "addresses"), ("spec", "attachments", 0, "pool"), ("spec", "attachments", 0, "vlan"),
    ("spec", "attachments", 0, "mac"), ("spec", "attachments", 0, "routes"), ("spec", "attachments", 0, "trust"),
    ("spec", "attachments", 0, "sysctls"), ("spec", "attachments", 0, "vf"), ("spec", "retention"),
)  # fmt: skip
NO_KIND = "kind: []\nmetadata: {name: bad}\n"  # ended the feeds of 0.1.0
TEXTS = (
    NO_KIND, "kind: []", "kind: {}", "kind: null", "[]", "[[]]", "- kind: []", "null", "~", "42", "1e400", "true", "''",
    '"',
    "kind: List\nitems: {}", "kind: List\nitems: [[], null, 3, {kind: []}]", "a: &a [*a]", "&a {b: *a}", "? [a]\n: b",
    "? {}\n: 1", "1: 2", "kind: PodNetwork\nmetadata: []", "kind: PodNetwork\nmetadata: {name: []}", "%YAML 9.9\n---\n",
    "kind: PodNetwork\nmetadata: 7\nspec: x", "---\n---\n...\n---\n", "!!python/object:os.system {}", "\t- a",
    'kind: PodNetwork\nmetadata: {name: "\\ud800"}', 'a: "\\u0000"', "{", "a: b: c", "\ufeffkind: []", "a: \x85b",
    "x: y\nx: z",
    "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]",
)  # fmt: skip
HUGE = {
    "deep lists": "[" * 5000, "deep objects": "{a: " * 500, "deep items": "- " * 2000, "many digits": "9" * 5000,
    "a long number": "a: " + "9" * 5000, "a long kind": "kind: " + "x" * 200_000,
    "many documents": "---\nkind: []\n" * 500,
}  # fmt: skip
HEAD = "apiVersion: podberth.io/v1alpha1, kind: PodNetwork"
SETS = (
    "&s {statefulSet: {name: s, replicas: 65536}, "
    "attachments: [{ifname: eth0, ordinals: [{base: 10.0.0.0}, {base: 'fd00::'}]}]}"
)
# 40 documents of 131,072 addresses each, in 2.5 KB
ALIASED = f"- {{{HEAD}, metadata: {{name: n0}}, spec: {SETS}}}\n" + "".join(
    f"- {{{HEAD}, metadata: {{name: n{n}}}, spec: *s}}\n" for n in range(1, 40)
)
_WORDS = st.sampled_from(
    (
        "",
        "Pool",
        "PodNetwork",
        "List",
        "db",
        "bad",
        "*",
        "10.20.0.0/24",
        "10.20.0.9",
        "../x",
        "a\x00b",
        "\ud800",
        "é" * 99,
    )
)
ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | _WORDS, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def changed(draw: st.DrawFn) -> dict[str, Any]:
    """A good document with something odd in one or two places."""
    document = copy.deepcopy(GOOD)
    for place in draw(st.lists(st.sampled_from(_PLACES), min_size=1, max_size=2)):
        inside: Any = document
        for step in place[:-1]:
            inside = inside[step] if _has(inside, step) else None
        if _has(inside, place[-1]) or isinstance(inside, dict):
            inside[place[-1]] = draw(ODD)
    return document


def _has(inside: Any, step: object) -> bool:
    return (isinstance(inside, dict) and step in inside) or (isinstance(inside, list) and step == 0 and bool(inside))


RAWS: st.SearchStrategy[Any] = changed() | ODD
FILES: st.SearchStrategy[str] = (
    st.sampled_from(TEXTS)
    | st.sampled_from(tuple(HUGE)).map(HUGE.__getitem__)
    | st.text(max_size=60)
    | RAWS.map(json.dumps)
)
