"""The judge of rests and of answers about the past, on right ledgers and on wrong ones; and that of copied nodes."""

from __future__ import annotations

from ipaddress import ip_address

from bench.cluster import copies
from bench.cluster.history import NEVER, OK, UNKNOWN, Operation
from bench.cluster.nodes import BOOT
from bench.cluster.times import happened, short_rests, wrong_answers
from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.ipam.lease import Actor, Event
from podberth.ipam.moment import PROVEN, UNPROVEN

A = ip_address("10.0.0.1")
EPOCH = 10**18
SECOND = 10**9
DAY = 86_400 * SECOND


def event(seq: int, kind: str, container: str, at: int, *, ahead: int = 0, clock: str = PROVEN) -> Event:
    """Return an event whose writer's clock was `ahead` by so much (s), at a second of the run."""
    return Event(
        seq=seq, time=EPOCH + at * SECOND + ahead, kind=kind, address=A, pool="db",
        pod=PodRef(namespace="db", name=container[0]), ifname="eth0",
        attachment=Attachment(network="n", container_id=container, ifname="eth0"),
        actor=Actor(who="plugin", why="ADD", node="n1"), state="LEASED" if kind == "Bound" else "FREE",
        clock=clock, ahead=ahead if clock == PROVEN else 0,
    )  # fmt: skip


def told(kind: str, container: str, at: int, *, outcome: str = OK, boot: str = BOOT, place: str = "run") -> Operation:
    return Operation(
        node="n1", kind=kind, began=at * SECOND, ended=NEVER if outcome == UNKNOWN else at * SECOND + 1,
        outcome=outcome, attachment=container, got=(str(A),) if outcome == OK else (), boot=boot, place=place,
    )  # fmt: skip


ASKED = (told("bind", "a1", 10), told("unbind", "a1", 20), told("bind", "b1", 30), told("unbind", "b1", 40))


def wrong(*events: Event) -> list[str]:
    return wrong_answers(events, happened(events, ASKED).values(), EPOCH, SECOND)


def test_a_rest_is_as_long_as_asked_or_there_is_a_complaint() -> None:
    lives = happened([event(1, "Unbound", "a1", 20), event(2, "Bound", "b1", 30)], ASKED).values()
    assert short_rests(lives, 9 * SECOND) == []
    assert short_rests(lives, 11 * SECOND) == ["10.0.0.1: given to b1 at most 10.000 s after a1 released it"]


def test_the_same_pod_may_have_its_address_again_at_once() -> None:
    lives = happened([event(1, "Unbound", "a1", 20), event(2, "Bound", "a2", 20)], (*ASKED, told("bind", "a2", 20)))
    assert short_rests(lives.values(), 9 * SECOND) == []


def test_an_answer_that_came_to_nobody_is_no_proof_of_a_short_rest() -> None:
    asked = (*ASKED[:2], told("bind", "b1", 21, outcome=UNKNOWN))
    lives = happened([event(1, "Unbound", "a1", 20), event(2, "Bound", "b1", 21)], asked)
    assert short_rests(lives.values(), 9 * SECOND) == []


def test_answers_are_right_for_a_writer_whose_clock_is_a_day_ahead_and_says_so() -> None:
    unbound = event(2, "Unbound", "a1", 20, ahead=DAY)
    assert wrong(event(1, "Bound", "a1", 10), unbound, event(3, "Bound", "b1", 30)) == []


def test_a_time_that_is_vouched_for_and_ahead_makes_wrong_answers() -> None:
    right = event(2, "Unbound", "a1", 20)
    late = replace(right, time=right.time + 50 * SECOND)
    found = wrong(event(1, "Bound", "a1", 10), late)
    assert found
    assert all(line.startswith("10.0.0.1: a1 is said to have had it at ") for line in found)


def test_an_answer_that_names_what_it_can_not_know_is_right() -> None:
    unsure = event(2, "Unbound", "a1", 20, ahead=DAY, clock=UNPROVEN)
    assert wrong(event(1, "Bound", "a1", 10), unsure, event(3, "Bound", "b1", 30), event(4, "Unbound", "b1", 40)) == []


def test_a_copy_of_another_boot_that_was_let_in_is_a_complaint() -> None:
    clone = told("bind", "c1", 50, boot="clone-1", place="clone-1")
    assert list(copies.complaints([*ASKED, clone])) == ["n1: a copy of boot clone-1 was let in: bind c1 10.0.0.1"]
    refused = Operation(node="n1", kind="bind", began=1, outcome="refused", refusal="Refused", boot="clone-1")
    assert (list(copies.complaints([*ASKED, refused])), copies.refused([*ASKED, refused])) == ([], 1)


def test_of_two_directories_of_one_boot_the_former_one_may_not_go_on_for_long() -> None:
    twin = told("bind", "t1", 25, place="twin-1")
    assert list(copies.lingering([ASKED[0], twin, told("bind", "a9", 28)])) == []
    assert list(copies.lingering([ASKED[0], twin, told("bind", "a9", 40)])) == [
        "n1: run binds a9 15.0 s after its copy"
    ]
