"""A question about one time has the same answer by the blocks that it needs as by all events; and it needs few."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Correction, Event
from podberth.ipam.timeline import holding_at
from podberth.ipam.window import Block, needed, summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ADDRESS = ip_address("10.20.0.1")
CLOCKS = ("proven", "unproven", "")
KINDS = {"Bound": "LEASED", "Unbound": "FREE", "Conflicted": "FREE"}


def event(
    seq: int, time: int, clock: str, kind: str = "Bound", ahead: int = 0, corrects: Correction | None = None
) -> Event:
    return Event(
        seq=seq,
        time=time,
        kind="Corrected" if corrects is not None else kind,
        address=ADDRESS,
        pool="db",
        pod=PodRef(namespace="db", name=f"p{seq}"),
        ifname="eth0",
        attachment=Attachment(network="n", container_id=f"c{seq}", ifname="eth0"),
        actor=Actor(who="plugin", why="ADD", node=f"node{seq % 2}"),
        state=KINDS[kind],
        clock=clock,
        ahead=ahead if clock == "proven" else 0,
        corrects=corrects,
    )


@st.composite
def histories(draw: st.DrawFn) -> list[list[Event]]:
    """Blocks of events: most clocks go on, some jump; runs of one clock's state, as nodes have them."""
    blocks: list[list[Event]] = []
    seq = time = 100
    for _ in range(draw(st.integers(1, 7))):
        clock, steady = draw(st.sampled_from(CLOCKS)), draw(st.booleans())
        own = []
        for _ in range(draw(st.integers(1, 5))):
            seq += draw(st.integers(1, 3))
            time += draw(st.integers(0, 4)) if steady else draw(st.integers(-20, 20))
            said = clock if steady else draw(st.sampled_from(CLOCKS))
            own.append(event(seq, time, said, draw(st.sampled_from(sorted(KINDS))), draw(st.integers(-3, 3))))
        blocks.append(own)
    for _ in range(draw(st.integers(0, 2))):
        first = draw(st.integers(100, seq))
        seq += 1
        node = draw(st.sampled_from(["", "node0"]))
        word = Correction(
            first=first, last=first + draw(st.integers(0, 9)), node=node, ahead=draw(st.integers(-30, 30))
        )
        blocks[-1].append(event(seq, time, "unproven", corrects=word))
    return blocks


def asked(blocks: Sequence[Sequence[Event]], at: int, now: int) -> tuple[object, int]:
    """Return the answer, and how many blocks were read for it: those that no correction touches have a summary."""
    corrected = [each for block in blocks for each in block if each.corrects is not None]
    corrections = [each.corrects for each in corrected if each.corrects is not None]
    read = [0]

    def reading(block: Sequence[Event]) -> Sequence[Event]:
        read[0] += 1
        return block

    def kept(block: Sequence[Event]) -> Block:
        misdated = any(one.first <= block[-1].seq and block[0].seq <= one.last for one in corrections)
        return Block(lambda: reading(block), None if misdated else summary(block))

    found = needed([kept(block) for block in blocks], corrections, at, now)
    events = {each.seq: each for each in (*corrected, *found)}
    return holding_at(ADDRESS, events.values(), at, now), read[0]


@given(histories(), st.integers(40, 260), st.integers(100, 300))
def test_few_blocks_say_what_all_events_do(blocks: list[list[Event]], at: int, now: int) -> None:
    every = [each for block in blocks for each in block]
    assert asked(blocks, at, now)[0] == holding_at(ADDRESS, every, at, now)


def year(clock: str, blocks: int = 60, each: int = 20) -> Iterator[list[Event]]:
    for n in range(blocks):
        yield [
            event(n * each + i + 1, 1000 + 10 * (n * each + i), clock, ("Bound", "Unbound")[i % 2]) for i in range(each)
        ]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("at", [999, 1000, 3555, 7000, 12_990, 20_000])
def test_of_a_long_history_few_blocks_are_read_whatever_the_clock_was(clock: str, at: int) -> None:
    blocks = list(year(clock))
    answer, read = asked(blocks, at, 30_000)
    assert answer == holding_at(ADDRESS, [each for block in blocks for each in block], at, 30_000)
    assert read <= 3


def test_a_year_whose_clock_comes_and_goes_is_read_around_the_time_alone() -> None:
    blocks = [part for n, part in enumerate(year("proven"))]
    for n, part in enumerate(year("unproven")):
        if n % 3:
            blocks[n] = part
    answer, read = asked(blocks, 7005, 30_000)
    assert answer == holding_at(ADDRESS, [each for block in blocks for each in block], 7005, 30_000)
    assert read <= 6
