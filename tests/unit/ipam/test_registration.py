"""Which machine a node's name stands for, by every combination of what is known."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.cni.value import replace
from podberth.ipam.registration import BOOTS, Judgement, Proof, Registration, judge

KNOWN = Registration(node="n1", machine="m1", boot="b1", key="k1", time=1)


OTHER = "node n1 is the machine with machine-id m1, and this one's is m2"
COPY = replace(KNOWN, boot="b2", time=9)


def proof_of(mine: Registration, known: Registration | None = KNOWN, *, waited: bool = False) -> Proof:
    return judge(known, mine, fenced=False, waited=waited).proof


@pytest.mark.parametrize("changes", [{}, {"machine": ""}, {"time": 9}, {"boot": ""}], ids=str)
def test_a_machine_with_its_key_is_the_node_and_nothing_is_written(changes: dict[str, Any]) -> None:
    assert judge(KNOWN, replace(KNOWN, **changes), fenced=False) == Judgement()


def test_the_first_machine_of_a_name_registers() -> None:
    assert judge(None, KNOWN, fenced=False) == Judgement(write=KNOWN)


def test_another_boot_claims_waits_and_is_the_node() -> None:
    claimed = judge(KNOWN, COPY, fenced=False)
    assert (claimed.proof.pending, claimed.write) == (True, replace(KNOWN, claim="b2"))
    assert claimed.write is not None
    again = judge(claimed.write, COPY, fenced=False)
    assert (again.proof.pending, again.write) == (True, None)
    settled = judge(claimed.write, COPY, fenced=False, waited=True)
    assert settled == Judgement(write=replace(KNOWN, boot="b2", former=("b1",)))


def test_a_living_machine_objects_and_the_copy_is_refused_for_good() -> None:
    claimed = replace(KNOWN, claim="b2")
    objection = judge(claimed, KNOWN, fenced=False)
    assert (objection.proof, objection.write) == (Proof(), replace(KNOWN, former=("b2",)))
    assert objection.write is not None
    for waited in (False, True):
        assert "one of the two is a copy of the other" in proof_of(COPY, objection.write, waited=waited).refusal


def test_a_claim_that_another_boot_took_over_is_not_settled_by_waiting() -> None:
    assert proof_of(COPY, replace(KNOWN, claim="b3"), waited=True).pending


def test_a_lost_key_in_the_same_boot_is_replaced_with_a_notice() -> None:
    judgement = judge(replace(KNOWN, former=("b0",)), replace(KNOWN, key="k2"), fenced=False)
    assert judgement.proof == Proof()
    assert judgement.write == replace(KNOWN, key="k2", former=("b0", "k1"))
    assert "its key was lost" in judgement.notice
    assert judgement.write is not None
    assert "with another key" in proof_of(KNOWN, judgement.write).refusal


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"machine": "m2", "boot": "b2", "key": "k2"},
            OTHER,
        ),
        ({"machine": "m2", "boot": "b2"}, OTHER),
        ({"machine": "m2"}, OTHER),
        ({"boot": "b2", "key": "k2"}, "registered with another key, by a machine with the machine-id of this one (m1)"),
        ({"machine": "", "boot": "b2", "key": "k2"}, "with the machine-id of this one (unknown)"),
        ({"machine": "", "boot": "", "key": "k2"}, "with the machine-id of this one (unknown)"),
    ],
    ids=["another", "with a copied key", "of the same boot", "a clone of the disk", "machine unknown", "all unknown"],
)
def test_a_second_machine_is_refused_until_the_first_is_fenced(changes: dict[str, Any], said: str) -> None:
    second = replace(KNOWN, **changes)
    refused = judge(KNOWN, second, fenced=False)
    assert (said in refused.proof.refusal, refused.proof.pending, refused.write) == (True, False, None)
    let_in = judge(KNOWN, second, fenced=True)
    assert (let_in.proof, let_in.write) == (Proof(), second)
    assert "is another machine from now on" in let_in.notice


def test_two_machines_of_which_nothing_is_known_are_told_apart_by_their_keys() -> None:
    blind = replace(KNOWN, machine="", boot="")
    assert proof_of(replace(blind, key="k2"), blind).refusal


def test_a_machine_id_that_is_seen_later_is_learned_and_kept() -> None:
    assert judge(replace(KNOWN, machine=""), KNOWN, fenced=False) == Judgement(write=KNOWN)
    claimed = replace(KNOWN, claim="b2")
    settled = judge(claimed, replace(COPY, machine=""), fenced=False, waited=True)
    assert settled.write is not None
    assert settled.write.machine == "m1"


def test_what_was_is_remembered_up_to_a_bound() -> None:
    known = KNOWN
    for number in range(3 * BOOTS):
        known = replace(known, claim=f"boot-{number}")
        written = judge(known, replace(KNOWN, boot=f"boot-{number}"), fenced=False, waited=True).write
        assert written is not None
        known = written
    assert (len(known.former), known.former[-1]) == (BOOTS, f"boot-{3 * BOOTS - 2}")


PLACED = replace(KNOWN, place="1:10")


def test_a_copy_of_the_state_directory_in_one_boot_is_the_node_and_the_former_one_is_not() -> None:
    copied = judge(PLACED, replace(PLACED, place="1:11"), fenced=False)
    assert (copied.proof, copied.write) == (Proof(), replace(PLACED, place="1:11", former=("1:10",)))
    assert copied.write is not None
    back = judge(copied.write, PLACED, fenced=False)
    assert ("two agents on one machine can't be one node" in back.proof.refusal, back.write) == (True, None)
    let_in = judge(copied.write, PLACED, fenced=True)
    assert (let_in.proof, let_in.write) == (Proof(), replace(PLACED, former=("1:10", "1:11")))


@pytest.mark.parametrize("known", ["", "1:10"])
def test_a_place_is_learned_and_says_nothing_in_another_boot(known: str) -> None:
    assert judge(replace(KNOWN, place=""), PLACED, fenced=False) == Judgement(write=PLACED)
    assert judge(PLACED, replace(PLACED, place=""), fenced=False) == Judgement()
    claimed = replace(KNOWN, place=known, claim="b2")
    settled = judge(claimed, replace(COPY, place="9:9"), fenced=False, waited=True)
    assert settled.write == replace(KNOWN, boot="b2", former=("b1",), place="9:9")
