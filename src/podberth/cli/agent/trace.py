"""`podberth trace`: what one of the last calls did, op by op."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli.agent.asking import ask, desk_option
from podberth.cli.failures import OK
from podberth.cli.manual import Page
from podberth.cli.options import json_option
from podberth.cli.screen import Cell, Column
from podberth.desk import calls as desk
from podberth.desk.calls import LAST

if TYPE_CHECKING:
    from pathlib import Path

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.desk.calls import Trace

_BAR = 24  # characters of the longest op's bar


@click.command(
    "trace",
    cls=Page,
    short_help="Show what one of the agent's last calls did, op by op.",
    examples=(
        ("trace last", "The last ADD: each op as the command it stands for, with its time."),
        ("trace bank/mysql-0", "The last call for that pod."),
        ("trace 3f2a --json", "The last call for the container whose ID begins so, for a program."),
    ),
    exits={3: "there is no such call among the last, or no agent"},
)
@click.argument("which", default=LAST, metavar="[last|NAMESPACE/POD|CONTAINER]")
@desk_option
@json_option
@click.pass_obj
def trace(session: Session, which: str, path: Path, *, as_json: bool) -> int:
    """Show one of the last calls that the agent has served: what it did to the kernel and how long each op took.

    What is left of the whole time is podberth's own: reading, deciding, and waiting for the disk. Needs root.
    """
    found = desk.trace(desk.read(ask(path, "/v1/calls")).calls, which)

    def draw(screen: Screen) -> None:
        _draw(screen, found)

    session.show(as_json, found.document(), draw)
    return OK


def _draw(screen: Screen, call: Trace) -> None:
    ended = "done" if not call.code else f"code {call.code}: {call.message}"
    screen.line(
        Cell(f"{call.verb} {call.pod or call.container_id}", "bold"),
        f" ({call.ifname} on {call.network}): ",
        Cell(ended, "red" if call.code else "green"),
    )
    longest = max((op.milliseconds for op in call.ops), default=0.0) or 1.0
    own = call.milliseconds - call.kernel_milliseconds
    rows: list[tuple[str | Cell, ...]] = [
        (
            f"{op.milliseconds:.3f}",
            Cell("█" * max(1, round(op.milliseconds / longest * _BAR)), "cyan", ""),
            ("undo: " if op.verb == "undo" else "") + op.op,
        )
        for op in call.ops
    ]
    rows += [
        (f"{call.kernel_milliseconds:.3f}", "", "the kernel's part"),
        (f"{own:.3f}", "", "podberth's own: reading, deciding, writing down"),
        (Cell(f"{call.milliseconds:.3f}", "bold"), "", Cell("in all", "bold")),
    ]
    screen.table((Column(title="ms", right=True), Column(title=""), Column(title="op", breaks=True)), rows)
