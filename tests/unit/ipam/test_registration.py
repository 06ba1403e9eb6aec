"""Which machine a node's name stands for, by every combination of what is known."""

from __future__ import annotations

import pytest

from podberth.cni.value import replace
from podberth.ipam.registration import BOOTS, Judgement, Registration, judge, successor

KNOWN = Registration(node="n1", machine="m1", boot="b1", key="k1", time=1)


@pytest.mark.parametrize(
    ("mine", "write"),
    [({}, False), ({"boot": "b2"}, True), ({"machine": ""}, False), ({"time": 9}, False)],
    ids=["the same", "after a reboot", "no machine-id seen", "later"],
)
def test_a_machine_with_its_key_is_the_node(mine: dict[str, str], write: bool) -> None:
    assert judge(KNOWN, replace(KNOWN, **mine), fenced=False) == Judgement(write=write)


def test_a_machine_that_runs_on_after_a_copy_of_it_was_started_is_refused() -> None:
    copy = replace(KNOWN, boot="b2", time=9)
    known = successor(KNOWN, copy)
    assert (known.boot, known.former, known.time) == ("b2", ("b1",), KNOWN.time)
    refused = judge(known, KNOWN, fenced=False)
    assert "one of the two is a copy of the other" in refused.refusal
    assert judge(known, replace(copy, boot="b3"), fenced=False) == Judgement(write=True)


def test_a_machine_id_that_is_not_seen_for_once_is_kept() -> None:
    assert successor(KNOWN, replace(KNOWN, machine="", boot="b2")).machine == "m1"
    assert successor(KNOWN, replace(KNOWN, key="k2", machine="m2")) == replace(KNOWN, key="k2", machine="m2")


def test_former_boots_are_bounded() -> None:
    known = KNOWN
    for number in range(3 * BOOTS):
        known = successor(known, replace(KNOWN, boot=f"boot-{number}"))
    assert (len(known.former), known.former[-1]) == (BOOTS, f"boot-{3 * BOOTS - 2}")


def test_the_first_machine_of_a_name_registers() -> None:
    assert judge(None, KNOWN, fenced=False) == Judgement(write=True)


def test_a_lost_key_in_the_same_boot_is_replaced_with_a_notice() -> None:
    judgement = judge(KNOWN, replace(KNOWN, key="k2"), fenced=False)
    assert (judgement.refusal, judgement.write) == ("", True)
    assert "its key was lost" in judgement.notice


@pytest.mark.parametrize(
    ("mine", "said"),
    [
        (
            {"machine": "m2", "boot": "b2", "key": "k2"},
            "node n1 is the machine with machine-id m1, and this one's is m2",
        ),
        ({"machine": "m2", "boot": "b2"}, "node n1 is the machine with machine-id m1, and this one's is m2"),
        ({"machine": "m2"}, "node n1 is the machine with machine-id m1, and this one's is m2"),
        ({"boot": "b2", "key": "k2"}, "registered with another key, by a machine with the machine-id of this one (m1)"),
        ({"machine": "", "boot": "b2", "key": "k2"}, "with the machine-id of this one (unknown)"),
    ],
    ids=["another", "with a copied key", "of the same boot", "a clone of the disk", "nothing known of it"],
)
def test_a_second_machine_is_refused_until_the_first_is_fenced(mine: dict[str, str], said: str) -> None:
    second = replace(KNOWN, **mine)
    refused = judge(KNOWN, second, fenced=False)
    assert (said in refused.refusal, refused.write) == (True, False)
    let_in = judge(KNOWN, second, fenced=True)
    assert (let_in.refusal, let_in.write) == ("", True)
    assert "is another machine from now on" in let_in.notice


def test_a_machine_id_that_is_seen_later_is_learned() -> None:
    blind = replace(KNOWN, machine="")
    assert judge(blind, KNOWN, fenced=False) == Judgement(write=True)
