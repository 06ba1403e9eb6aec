"""What of a policy holds as its text changes: a mistake closes nothing that was open, and opens nothing."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.netpolicy.document import POLICY_FOR
from podberth.netpolicy.standing import (
    IN_FORCE,
    IN_PART,
    LAST_GOOD,
    OUT,
    STATES,
    UNKNOWN,
    Standing,
    holding,
    judged,
    unknown,
)
from tests.unit.netpolicy.oracle import NETWORK

MADE = "2026-11-30T10:00:00Z"
GOOD: dict[str, Any] = {"podSelector": {"matchLabels": {"app": "db"}}, "ingress": [{"from": [{"podSelector": {}}]}]}
OTHER_GOOD: dict[str, Any] = {"podSelector": {}, "ingress": []}
BAD_SELECTOR: dict[str, Any] = {"podSelector": {"matchLabels": {"app": ["db"]}}}
BAD_RULE: dict[str, Any] = {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/33"}}]}]}
BAD = (BAD_SELECTOR, BAD_RULE)


def document(spec: object, *, generation: int = 1, uid: str = "u", networks: object = NETWORK, **more: Any) -> Any:
    metadata = {"namespace": "blue", "name": "p", "uid": uid, "generation": generation, "creationTimestamp": MADE}
    return {"metadata": {**metadata, "annotations": {POLICY_FOR: networks}, **more}, "spec": spec}


def after(*texts: Any) -> Standing:
    """Return how a document stands that was heard of with each of these texts."""
    standing = None
    for text in texts:
        standing = judged(text, standing)
    assert standing is not None
    return standing


def test_a_text_without_mistakes_is_in_force() -> None:
    standing = after(document(GOOD))
    assert (standing.state, standing.mistakes) == (IN_FORCE, ())
    assert holding([standing]) == (standing.policy,)


@pytest.mark.parametrize("bad", [*(document(one, generation=2) for one in BAD), document(GOOD, networks="../x")])
def test_a_text_with_a_mistake_leaves_the_one_before_whole(bad: Any) -> None:
    good = after(document(GOOD))
    standing = after(document(GOOD), bad)
    assert (standing.state, standing.policy) == (LAST_GOOD, good.policy)
    assert standing.mistakes
    assert after(document(GOOD), bad, document(BAD_RULE, generation=3)).policy == good.policy
    assert after(document(GOOD), bad, document(OTHER_GOOD, generation=3)).state == IN_FORCE


def test_of_a_first_text_holds_what_can_be_read_if_it_says_which_pods_it_chooses() -> None:
    standing = after(document(BAD_RULE))
    assert standing.state == IN_PART
    (policy,) = holding([standing])
    assert policy.ingress == (policy.ingress or ())[:1]
    assert not (policy.ingress or ())[0].blocks


@pytest.mark.parametrize("bad", [document(BAD_SELECTOR), document(GOOD, networks=7)])
def test_a_first_text_that_does_not_say_which_pods_it_chooses_changes_nothing(bad: Any) -> None:
    standing = after(bad)
    assert (standing.state, holding([standing])) == (OUT, ())
    assert after(bad, document(GOOD, generation=2)).state == IN_FORCE


def test_what_holds_in_part_is_not_opened_by_the_next_mistake() -> None:
    part = after(document(BAD_RULE))
    assert after(document(BAD_RULE), document(BAD_SELECTOR, generation=2)).policy == part.policy


def test_a_changed_text_with_a_mistake_is_not_known_to_who_has_not_seen_the_one_before() -> None:
    standing = after(document(BAD_SELECTOR, generation=2))
    assert (standing.state, holding([standing])) == (UNKNOWN, ())
    assert unknown([standing], [NETWORK]) == unknown([standing], ["a/b", NETWORK]) == (standing,)
    assert unknown([standing], ["a/b"]) == ()
    assert after(document(BAD_SELECTOR, generation=2), document(BAD_RULE, generation=3)).state == UNKNOWN


@pytest.mark.parametrize(
    ("time", "state"), [(MADE, OUT), ("2026-11-30T11:00:00Z", UNKNOWN), ("no time", OUT), (7, OUT)]
)
def test_a_changed_annotation_shows_in_when_fields_were_written(time: object, state: str) -> None:
    fields = [{"manager": "kubectl", "time": time}, "no entry", {}]
    assert after(document(GOOD, networks=7, managedFields=fields)).state == state


def test_a_document_that_was_made_anew_is_another() -> None:
    assert after(document(GOOD), document(BAD_SELECTOR, uid="v")).state == OUT


def test_the_text_that_is_remembered_is_read_alike() -> None:
    standing = after(document(GOOD), document(BAD_SELECTOR, generation=2))
    again = judged(document(BAD_SELECTOR, generation=2), judged(standing.text))
    assert again == standing
    assert standing.state in STATES
