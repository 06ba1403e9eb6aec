"""Kill or fail an ADD and a DEL right before and right after each of their effects; then DEL or GC must leave nothing.

The node is a network namespace of its own with a real store; each call is a process of its own, as under a runtime.
In `make test` it goes on from some of these places in one way, by turns; in all of `make soak` from each in every way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sizes import evenly, size

if TYPE_CHECKING:
    from tests.netns.kubelet import Kubelet, Pod

HOW_IT_GOES_ON = ("DEL", "DEL without netns", "GC")
WAYS = size(1, len(HOW_IT_GOES_ON))  # from each place
PLACES = size(5, 1000)  # of a call


def effects_of(node: Kubelet, pod: Pod, verb: str) -> list[str]:
    """Run the verb to its end and return its effects, leaving the node as it was before."""
    if verb == "DEL":
        assert node.call("ADD", pod, tripwire="").code == 0
    effects = node.call(verb, pod, tripwire="").effects
    node.call("DEL", pod, tripwire="")
    assert node.left_behind() == []
    return effects


def recover(node: Kubelet, pod: Pod, way: str) -> None:
    """Go on as a runtime might after a plugin died: DEL, DEL without a namespace's name, or GC with nothing valid."""
    answer = node.collect(pod) if way == "GC" else node.call("DEL", pod, netns="" if "without" in way else None)
    assert answer.code == 0, answer


def places(effects: int, way: str) -> list[tuple[int, str]]:
    """Return places from which it goes on in this way: in a soak those of all ways together are all there are."""
    every = [(index, when) for index in range(effects) for when in ("before", "after")]
    first = HOW_IT_GOES_ON.index(way)
    of_this = [place for number, place in enumerate(every) if (number - first) % len(HOW_IT_GOES_ON) < WAYS]
    return evenly(of_this, PLACES)


@pytest.mark.parametrize("way", HOW_IT_GOES_ON)
@pytest.mark.parametrize("how", ["kill", "fail"])
@pytest.mark.parametrize("verb", ["ADD", "DEL"])
def test_nothing_is_left_after_a_crash_at_any_step(node: Kubelet, verb: str, how: str, way: str) -> None:
    pod = node.pod("mysql-0")
    node.remember()
    effects = effects_of(node, pod, verb)
    assert len(effects) >= (14 if verb == "ADD" else 12), effects
    for index, when in places(len(effects), way):
        at = f"{index}:{when}:{how}"
        if verb == "DEL":
            assert node.call("ADD", pod).code == 0, at
        tripped = node.call(verb, pod, tripwire=at)
        assert tripped.code != 0, at
        if how == "fail":
            assert "tripped" in str(tripped.result["msg"]), at
        recover(node, pod, way)
        assert node.left_behind() == [], f"{at}: {effects[index]}"
    again = node.call("ADD", pod)
    assert again.code == 0, again
    assert again.address == "10.50.0.7/24"


@pytest.mark.parametrize("how", ["kill", "fail"])
def test_an_add_after_a_crash_needs_no_del_before_it(node: Kubelet, how: str) -> None:
    pod = node.pod("mysql-0")
    node.remember()
    for index in evenly(range(len(effects_of(node, pod, "ADD"))), PLACES):
        assert node.call("ADD", pod, tripwire=f"{index}:before:{how}").code != 0
        again = node.call("ADD", pod)
        assert again.code == 0, (index, again)
        assert again.address == "10.50.0.7/24"
        assert node.call("DEL", pod).code == 0
        assert node.left_behind() == [], index
