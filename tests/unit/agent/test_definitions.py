"""Which definitions an agent keeps: of one namespace the oldest, of others what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.agent.definitions import MOST, MOST_TEXT, Definitions
from podberth.cni.errors import Refused
from podberth.networks.legs import MOST_BYTES

if TYPE_CHECKING:
    from podberth.kube.client import Object


def one(namespace: str, name: str, age: int = 0, text: str = "{}") -> Object:
    """Return a definition; `age`: seconds after the first one that it was made."""
    made = f"2026-01-01T{age // 3600:02}:{age // 60 % 60:02}:{age % 60:02}Z"
    about = {"namespace": namespace, "name": name, "uid": f"{namespace}-{name}", "creationTimestamp": made}
    return {"metadata": about, "spec": {"config": text}}


def flood(namespace: str, number: int, **rest: Any) -> list[Object]:
    return [one(namespace, f"n{index:05}", index + 1, **rest) for index in range(number)]


def names(kept: Definitions, namespace: str, number: int) -> list[int]:
    return [index for index in range(number) if kept.find(namespace, f"n{index:05}") is not None]


def test_of_a_flooded_namespace_the_oldest_are_kept_and_of_others_all() -> None:
    kept = Definitions([one("bank", "storage"), *reversed(flood("mob", MOST + 40)), one("mob", "first")])

    assert names(kept, "mob", MOST + 40) == list(range(MOST - 1))
    assert kept.find("mob", "first") is not None
    assert kept.find("bank", "storage") is not None
    assert (len(kept), kept.left_out) == (MOST + 1, 41)


def test_one_that_is_left_out_is_an_error_of_its_namespace_s_pods_with_the_next_step() -> None:
    kept = Definitions([one("bank", "storage"), *flood("mob", MOST + 1)])

    assert kept.known("bank")
    with pytest.raises(Refused) as refused:
        kept.known("mob")
    assert refused.value.message.startswith("namespace mob has more NetworkAttachmentDefinitions than an agent keeps")
    assert "kubectl get network-attachment-definitions -n mob" in refused.value.details


def test_where_there_is_room_again_the_server_is_asked_and_a_change_brings_it_in() -> None:
    items = flood("mob", MOST + 1)
    kept = Definitions(items)
    kept.remove(items[0])

    assert not kept.known("mob")
    kept.put(items[MOST], new=False)
    assert (names(kept, "mob", MOST + 1), kept.left_out) == (list(range(1, MOST + 1)), 0)
    assert kept.known("mob")


def test_very_long_texts_count_by_their_length() -> None:
    most = MOST_TEXT // MOST_BYTES
    kept = Definitions([one("bank", "storage"), *flood("mob", 3 * most, text=" " * MOST_BYTES)])

    assert (len(kept), kept.left_out) == (most, 2 * most + 1)  # annotations and keys count too
    assert kept.find("bank", "storage") is not None
    with pytest.raises(Refused):
        kept.known("mob")


def test_one_that_grows_until_there_is_no_room_is_left_out_itself_if_it_is_the_youngest() -> None:
    most = MOST_TEXT // MOST_BYTES
    kept = Definitions([*flood("mob", most - 1, text=" " * MOST_BYTES), one("mob", "last", 9999)])
    kept.put(one("mob", "last", 9999, " " * MOST_BYTES), new=False)

    assert (kept.find("mob", "last"), kept.left_out) == (None, 1)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.sampled_from(["ADDED", "MODIFIED", "DELETED"]))))
def test_whatever_changes_all_that_fit_are_kept_as_they_are_now(changes: list[tuple[str, int, str]]) -> None:
    kept = Definitions()
    there: dict[tuple[str, str], Object] = {}
    for number, (namespace, index, kind) in enumerate(changes):
        item = one(namespace, f"n{index:05}", index, str(number))
        if kind == "DELETED":
            kept.remove(item)
            there.pop((namespace, item["metadata"]["name"]), None)
        else:
            kept.put(item, new=kind == "ADDED")
            there[namespace, item["metadata"]["name"]] = item

    assert (len(kept), kept.left_out) == (len(there), 0)
    for (namespace, name), item in there.items():
        found = kept.find(namespace, name)
        assert found is not None
        assert found["spec"] == item["spec"]
