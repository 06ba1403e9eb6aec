"""What becomes of a running pod's networks when its annotation changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.errors import Refused
from podberth.cni.value import replace
from podberth.net.ops import CallPlugins
from podberth.networks.change import changes

if TYPE_CHECKING:
    from collections.abc import Sequence

CLUSTER = CallPlugins(
    network="cluster", netns="/run/netns/pod", ifname="eth0", container_id="c1", config="{}", path=(), cache="/c",
    label="cluster", default=True,
)  # fmt: skip


def networks(*legs: str) -> tuple[CallPlugins, ...]:
    """Return the calls of a pod: of the cluster's network, and of those that are named as NAME or NAME@INTERFACE."""
    made = [CLUSTER]
    for place, (name, _, ifname) in enumerate((leg.partition("@") for leg in legs), 1):
        said = {"ifname": ifname or f"net{place}", "asked": bool(ifname)}
        made.append(replace(CLUSTER, network=name, label=f"bank/{name}", default=False, **said))
    return tuple(made)


def told(ops: Sequence[CallPlugins]) -> list[str]:
    return [f"{op.network}@{op.ifname}" for op in ops]


@pytest.mark.parametrize(
    ("before", "after", "gone", "new"),
    [
        (["a", "b"], ["a", "b"], [], []),
        (["a"], ["a", "b"], [], ["b@net2"]),
        (["a", "b"], ["b"], ["a@net1"], []),
        (["a", "b"], ["b", "c"], ["a@net1"], ["c@net1"]),
        (["a", "b"], ["b", "a"], [], []),
        (["a", "b", "c"], [], ["c@net3", "b@net2", "a@net1"], []),
        (["a@vault"], ["b", "a@vault"], [], ["b@net1"]),
        (["a"], ["a", "a"], [], ["a@net2"]),
        (["a"], ["a@vault"], ["a@net1"], ["a@vault"]),
        (["a@vault"], ["a"], ["a@vault"], ["a@net1"]),
        (["a"], ["a@net5"], ["a@net1"], ["a@net5"]),
        (["a@net5"], ["a"], [], []),
        (["b", "a"], ["a@net1"], ["a@net2", "b@net1"], ["a@net1"]),
        (["b", "a"], ["a"], ["b@net1"], []),
        (["x", "y", "b"], ["e@vault", "b", "c", "d@net1"], ["y@net2", "x@net1"], ["e@vault", "c@net2", "d@net1"]),
    ],
)
def test_what_goes_and_what_comes(before: list[str], after: list[str], gone: list[str], new: list[str]) -> None:
    going, coming = changes(networks(*before), networks(*after))
    assert (told(going), told(coming)) == (gone, new)


def test_the_first_network_stays_whatever_is_wanted() -> None:
    assert changes(networks("a"), (replace(CLUSTER, label="other"), *networks("a")[1:])) == ((), ())


def test_a_name_that_the_pod_gives_is_had_or_refused_with_whose_it_is() -> None:
    before = networks("x", "y", "z", "w", "b")
    with pytest.raises(Refused, match="bank/c: the interface net5 is bank/b's"):
        changes(before, networks("b", "c@net5"))
    assert told(changes(before, networks("b", "c@net6"))[1]) == ["c@net6"]


def test_a_name_that_the_pod_gives_is_told_from_that_of_its_place_though_they_are_the_same() -> None:
    """The network `b` came second, and is alone by now; `c` is second again."""
    now = networks("a", "b")
    going, _ = changes(now, networks("b"))
    left = [op for op in now if op not in going]
    assert told(changes(left, networks("b", "c"))[1]) == ["c@net1"]
    with pytest.raises(Refused, match="bank/c: the interface net2 is bank/b's"):
        changes(left, networks("b", "c@net2"))


NAMES = st.lists(st.sampled_from("abcd"), max_size=6)


@given(NAMES, st.lists(NAMES, max_size=4))
def test_after_any_changes_a_pod_has_what_it_wants_and_no_name_twice(first: list[str], later: list[list[str]]) -> None:
    now = list(networks(*first))
    for wanted in later:
        going, coming = changes(now, networks(*wanted))
        now = [op for op in now if op not in going] + list(coming)
        assert sorted(op.network for op in now[1:]) == sorted(wanted)
        assert len({op.ifname for op in now}) == len(now)
        assert changes(now, networks(*wanted)) == ((), ())
