"""`podberth top`: what the agent of this node is doing now."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from podberth.cli.agent.asking import ask, desk_option
from podberth.cli.failures import OK
from podberth.cli.manual import Page
from podberth.cli.options import json_option
from podberth.cli.screen import Cell, Column, Screen
from podberth.desk import state as states
from podberth.desk.calls import read
from podberth.desk.pools import in_use

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from podberth.cli.session import Session
    from podberth.desk.state import Directory, PoolRow, Top

RECENT = 60.0  # seconds
_BAR = 30  # characters of a full pool's bar
_HOME = "\x1b[H\x1b[2J"


@click.command(
    "top",
    cls=Page,
    short_help="Watch what the agent of this node is doing.",
    examples=(
        ("top", "Calls of the last minute, their times, and the pools; every second anew."),
        ("top --once --json", "The same once, for a program."),
    ),
    exits={3: "no agent can be asked"},
)
@click.option("--once", is_flag=True, help="Print it once; the default where stdout is no terminal.")
@desk_option
@json_option
@click.pass_obj
def top(session: Session, path: Path, *, once: bool, as_json: bool) -> int:
    """Watch the agent: calls of the last minute by verb and outcome, how long they took, and how full the pools are.

    Ctrl-C ends it. Needs root.
    """
    if as_json or once or not sys.stdout.isatty():
        found = look(path)
        session.show(as_json, found.document(), lambda screen: _draw(screen, found))
        return OK
    while True:
        found = look(path)
        sys.stdout.write(_HOME)
        _draw(Screen(), found)
        sys.stdout.flush()
        time.sleep(1)


def look(path: Path) -> Top:
    """Ask the agent, and count what it says of its last calls."""
    state, calls = states.read(ask(path, "/v1/state")), read(ask(path, "/v1/calls")).calls
    return states.top(state, calls, time.time() - RECENT, RECENT)  # noqa: TID251


def _draw(screen: Screen, found: Top) -> None:
    known = found.waiting is not None
    drifted = Cell(f"{found.drifted} drifted", "red" if found.drifted else "")
    screen.line(
        Cell(f"podberth {found.version}", "bold"),
        f"  {found.busy} of {found.workers} workers busy  ",
        Cell(f"{found.waiting} calls waiting  ", "red" if found.waiting else "") if known else "",
        f"{found.begun_dels} DELs to end  ",
        drifted,
    )
    _draw_verbs(screen, found)
    _draw_pools(screen, found.pools)
    if found.policies:
        _draw_directories(screen, found.policies)


def _draw_verbs(screen: Screen, found: Top) -> None:
    titles = ("calls", "failed", "median ms", "p99 ms", "kernel ms")
    screen.table(
        (Column(title=f"last {found.seconds:.0f} s"), *(Column(title=title, right=True) for title in titles)),
        [
            (
                Cell(verb.verb, "bold"),
                str(verb.calls),
                str(verb.calls - verb.codes.get("0", 0)),
                *(f"{took:.2f}" for took in (verb.median, verb.p99, verb.kernel_median)),
            )
            for verb in found.verbs
        ],
    )


def _draw_pools(screen: Screen, pools: Sequence[PoolRow]) -> None:
    screen.table(
        (Column(title="pool"), *(Column(title=title, right=True) for title in ("IPv", "free", "of")), Column(title="")),
        [(Cell(pool.pool, "bold"), str(pool.family), str(pool.free), str(pool.size), _bar(pool)) for pool in pools],
    )


def _draw_directories(screen: Screen, directories: Sequence[Directory]) -> None:
    screen.table(
        (Column(title="policyDir"), Column(title="state"), Column(title="")),
        [
            (
                Cell(each.directory, "bold"),
                Cell(each.state, "red" if each.state == "failed" else ""),
                each.message or each.unwatched,
            )
            for each in directories
        ],
    )


def _bar(pool: PoolRow) -> Cell:
    used = in_use(pool)
    full = round(used * _BAR)
    style = "red" if used > 0.9 else "yellow" if used > 0.75 else "green"
    return Cell("█" * full + "·" * (_BAR - full), style, f"{used:.0%} used")
