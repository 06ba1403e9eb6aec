"""`podberth pool`: how full the pools are, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli.manual import CLUSTER, EXITS, Book, Page
from podberth.cli.options import POOL, json_option
from podberth.cli.screen import Cell, Column
from podberth.cli.text import large
from podberth.desk import pools as desk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.desk.pools import Usage
    from podberth.desk.rows import Waiting

BAR = 12  # characters
NEARLY_FULL = 0.8
COUNTS = tuple(Column(title=title, right=True) for title in ("Size", "Leased", "Reserved", "Resting", "Free"))


@click.group(
    "pool",
    cls=Book,
    asks=CLUSTER,
    short_help="Show how full the pools are.",
    invoke_without_command=True,
    exits={code: EXITS[code] for code in range(4)},
    examples=(
        ("pool", "How full is every pool?"),
        ("pool show db --json", "One pool with its document, for a program."),
    ),
)
@json_option
@click.pass_context
def pool(context: click.Context, *, as_json: bool) -> None:
    """Show the pools of addresses and how full they are.

    Without a subcommand: `pool list`. Counts are addresses, per IP family. Reserved ones are not leased right now;
    resting ones were released and wait for the pool's quarantine to pass.
    """
    if context.invoked_subcommand is None:
        _list(context.obj, as_json=as_json)


@pool.command("list", cls=Page, asks=CLUSTER, examples=(("pool list --json", "For a monitoring system."),))
@json_option
@click.pass_obj
def list_(session: Session, *, as_json: bool) -> None:
    """List every pool, a row for each IP family."""
    _list(session, as_json=as_json)


@pool.command(
    "show", cls=Page, asks=CLUSTER, exits={3: EXITS[3]},
    examples=(("pool show db", "How full it is, and its document."),),
)  # fmt: skip
@click.argument("name", type=POOL)
@json_option
@click.pass_obj
def show(session: Session, name: str, *, as_json: bool) -> None:
    """Show one pool: its usage and its document."""
    found = desk.pool(session.node, name)

    def draw(screen: Screen) -> None:
        from podberth.cli.yamltext import dump

        screen.line(Cell(f"Pool {name}", "bold"), f"  ({found.source})" if found.source else "")
        _table(screen, [(name, found.subnets, row) for row in found.usage])
        screen.line()
        for line in dump(found.document_).splitlines():
            screen.line(line)
        _warn(screen, found.waiting)

    session.show(as_json, found.document(), draw)


def _list(session: Session, *, as_json: bool) -> None:
    found = desk.pools(session.node)

    def draw(screen: Screen) -> None:
        if found.pools:
            _table(screen, [(pool.name, pool.subnets, row) for pool in found.pools for row in pool.usage])
        else:
            screen.line("no pools: `podberth apply` a document of kind Pool")
        _warn(screen, found.waiting)

    session.show(as_json, found.document(), draw)


def _warn(screen: Screen, waiting: Sequence[Waiting]) -> None:
    """Name what was declared and is not in force."""
    for one in waiting:
        screen.line(Cell("not in force", "red"), f"  {one.document} ({one.source}): {one}")


def _of_family(subnets: Sequence[str], family: int) -> list[str]:
    return [subnet for subnet in subnets if (":" in subnet) == (family == 6)]


def _table(screen: Screen, rows: Sequence[tuple[str, Sequence[str], Usage]]) -> None:
    screen.table(
        [
            Column(title="Pool"),
            Column(title="Family"),
            Column(title="Subnets", breaks=True),
            *COUNTS,
            Column(title="Use"),
        ],
        [
            [
                Cell(name, "bold"),
                f"IPv{row.family}",
                ", ".join(_of_family(subnets, row.family)),
                *(large(count) for count in (row.size, row.leased, row.reserved, row.resting, row.free)),
                _bar(row),
            ]
            for name, subnets, row in rows
        ],
    )


def _bar(row: Usage) -> Cell:
    """Return how much of it is somebody's: a bar on a terminal, per cent elsewhere; red if no pod can have any."""
    used = desk.in_use(row)
    filled = max(round(used * BAR), 1 if used else 0)
    style = "red" if not row.free and not row.reserved else "yellow" if used >= NEARLY_FULL else "green"
    percent = f"{used:.0%}"
    return Cell(f"{'█' * filled}{'░' * (BAR - filled)} {percent:>4}", style, plain=percent)
