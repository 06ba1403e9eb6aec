"""What a namespace's ConfigMap may come to, and that nothing of one beyond that is ever made."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from podberth.policy import podnetwork
from podberth.policy.budget import MAX_ADDRESSES, MAX_DOCUMENTS, MAX_TEXT, Scale
from podberth.policy.bundle import read
from podberth.policy.documents import API_VERSION, parse_document
from tests.unit.policy.hostile import ALIASED, HEAD, SETS

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = 65_536
ROUTES = "&r [" + ", ".join("&d {dst: 10.0.0.0/8}" if n == 0 else "*d" for n in range(4096)) + "]"


def document(name: str = "one", **spec: Any) -> dict[str, Any]:
    spec = spec or {"pod": name, "attachments": [{"addresses": ["10.0.0.1"]}]}
    return {"apiVersion": API_VERSION, "kind": "PodNetwork", "metadata": {"name": name}, "spec": spec}


def of_set(*ordinals: dict[str, Any], replicas: object = None) -> dict[str, Any]:
    target = {"name": "s", **({"replicas": replicas} if replicas is not None else {})}
    return document(statefulSet=target, attachments=[{"ordinals": list(ordinals)}])


ROWS: list[tuple[dict[str, Any], int]] = [
    (document(), 1),
    (of_set({"base": "10.0.0.0"}, {"base": "fd00::"}, replicas=MANY), 2 * MANY),
    (of_set({"base": "10.0.0.0"}, replicas=10**18), MANY),
    (of_set({"base": "10.0.0.0"}, replicas="many"), 0),
    (of_set({"range": "10.0.0.0-10.0.255.255"}), MANY),
    (of_set({"range": "fd00::-fdff::"}), (0xFDFF << 112) - (0xFD00 << 112) + 1),
    (of_set({"list": ["10.0.0.1", "10.0.0.7"]}, replicas=MANY), 2),
    (document(deployment={"name": "d"}, attachments=[{"addresses": ["10.0.0.0/24", "10.1.0.0-10.1.0.9", "x"]}]), 267),
    ({"spec": {"attachments": {}}}, 0),
    ({"spec": {"statefulSet": [], "attachments": [[], {"ordinals": [7]}]}}, 0),
    ({"kind": "Pool", "spec": {"subnets": [{"subnet": "10.0.0.0/8"}]}}, 0),
]


@pytest.mark.parametrize(("raw", "addresses"), ROWS)
def test_addresses_are_counted_from_numbers_and_ends(raw: dict[str, Any], addresses: int) -> None:
    assert Scale().amount([raw]).addresses == addresses


def test_text_is_counted_with_aliases_written_out() -> None:
    line = ["x" * 98]  # 101 characters in a list
    tower: list[Any] = line
    for _ in range(12):
        tower = [tower] * 10
    assert Scale().text(tower) > 100 * 10**12
    assert Scale().text(json.loads('{"a": [0, "bc", null]}')) == len("{a:[0,bc,-,],}")


def peak(*texts: str, earlier: Callable[[], frozenset[str]] | None = frozenset) -> tuple[Any, int]:
    """Return the parts that a ConfigMap is read as, and the most memory that it took, in bytes."""
    documents = {f"{n}.yaml": text for n, text in enumerate(texts)}
    tracemalloc.start()
    try:
        return read("db", "web", documents, earlier), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


HOSTILE = {
    "aliases of two families of addresses": (ALIASED,),
    "aliases of routes": (
        "\n---\n".join(
            f"{{{HEAD}, metadata: {{name: n{n}}}, spec: {{pod: p, attachments: ["
            + ", ".join(f"{{ifname: e{i}, routes: {ROUTES if i == 0 else '*r'}}}" for i in range(20))
            + "]}}"
            for n in range(5)
        ),
    ),
    "documents that are none": ("[" + "0," * 20_000 + "]",),
    "keys without documents": ("",) * 2000,
}


@pytest.mark.parametrize("texts", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_of_a_namespace_s_config_map_beyond_the_limits_is_made(
    texts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    monkeypatch.setattr("podberth.policy.bundle.parse_document", lambda *_: made.append(_))
    ((part,), most) = peak(*texts)
    assert (made, part.source, part.declarations) == ([], "ConfigMap db/web", ())
    (complaint,) = part.complaints
    for words in (
        "ConfigMap db/web declares",
        f"{MAX_DOCUMENTS:,} documents",
        f"{MAX_ADDRESSES:,} addresses",
        "declare less",
    ):
        assert words in complaint
    assert len(complaint) < 500
    assert most < 32 << 20


def test_an_operator_s_config_map_has_no_limits_and_its_ordinals_are_no_addresses() -> None:
    (part,), most = peak(ALIASED, earlier=None)
    assert (len(part.declarations), part.complaints) == (40, ())
    assert most < 8 << 20  # its 5,242,880 addresses would be 13 MiB for each document


def test_what_is_within_the_limits_is_read_to_the_last_document() -> None:
    texts = {
        "a.yaml": json.dumps([document(f"n{n}") for n in range(MAX_DOCUMENTS - 1)]),
        "b.json": json.dumps(of_set({"range": "10.0.0.0-10.0.57.255"})),
    }
    parts = read("db", "web", texts, frozenset)
    assert ([len(part.declarations) for part in parts], [part.complaints for part in parts]) == ([999, 1], [(), ()])
    more = read("db", "web", {**texts, "c.yaml": ""}, frozenset)
    assert [part.source for part in more] == ["ConfigMap db/web"]
    assert "1,001 documents" in more[0].complaints[0]


def test_what_was_in_force_before_there_were_limits_counts_and_costs_nothing() -> None:
    (before,) = read("db", "web", {"a.yaml": ALIASED})
    digests = frozenset(one.digest for one in before.declarations)
    assert [len(part.declarations) for part in read("db", "web", {"a.yaml": ALIASED}, lambda: digests)] == [40]
    more = ALIASED + f"- {{{HEAD}, metadata: {{name: fresh}}, spec: {SETS}}}\n"
    kept, whole = read("db", "web", {"a.yaml": more}, lambda: digests)
    assert [one.digest for one in kept.declarations] == [one.digest for one in before.declarations]
    assert whole.source == "ConfigMap db/web"
    assert "declares 1 documents" in whole.complaints[0]
    small = ALIASED + f"- {{{HEAD}, metadata: {{name: fresh}}, spec: {{pod: a, attachments: [{{}}]}}}}\n"
    assert [len(part.declarations) for part in read("db", "web", {"a.yaml": small}, lambda: digests)] == [41]


def test_a_run_is_read_as_the_tuple_it_stands_for() -> None:
    raw = of_set({"list": [f"10.0.0.{n}" for n in range(5, 9)]})
    body = parse_document({**raw, "metadata": {"namespace": "db", "name": "s"}}, "test").body
    assert isinstance(body, podnetwork.PodNetwork)
    run = body.attachments[0].ordinals[0].addresses
    assert isinstance(run, podnetwork.Run)
    same = tuple(run)
    assert (len(run), run[0], run[-1], run[3]) == (4, same[0], same[-1], same[3])
    assert all(address in run for address in same)
    assert not any(other in run for other in (same[0] - 1, same[-1] + 1, int(same[0]), "10.0.0.5"))
    for beyond in (4, -5):
        with pytest.raises(IndexError):
            run[beyond]
    assert podnetwork.compact(same[::-1]) == same[::-1]
    assert MAX_TEXT >= 1 << 20
