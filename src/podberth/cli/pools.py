"""`podberth pool`: how full the pools are, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli import forms
from podberth.cli.failures import NotFound
from podberth.cli.manual import CLUSTER, EXITS, Book, Page
from podberth.cli.options import POOL, json_option
from podberth.cli.screen import Cell, Column
from podberth.cli.text import large

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.ipam.lease import Usage
    from podberth.ipam.pool import Pool
    from podberth.policy.changes import Waiting

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
    from podberth.policy.documents import document_of, raw_document

    found = session.node.policies.pool(name)
    if found is None:
        raise NotFound(f"there is no pool {name}", "`podberth pool` lists the pools")
    usage = session.node.ledger.usage(name)
    raw = raw_document(document_of(found, found.source))
    waiting = [one for one in session.node.policies.waiting() if one.document == f"Pool {name}"]

    def draw(screen: Screen) -> None:
        from podberth.cli.yamltext import dump

        screen.line(Cell(f"Pool {name}", "bold"), f"  ({found.source})" if found.source else "")
        _table(screen, [(found, row) for row in usage])
        screen.line()
        for line in dump(raw).splitlines():
            screen.line(line)
        _warn(screen, waiting)

    form = {"name": name, "source": found.source, **_usages(usage), "document": raw}
    session.show(as_json, {**form, **forms.waiting(waiting)}, draw)


def _list(session: Session, *, as_json: bool) -> None:
    pools, usage = session.node.policies.pools(), session.node.ledger.usage()
    of_pool = {found.name: [row for row in usage if row.pool == found.name] for found in pools}

    waiting = [one for one in session.node.policies.waiting() if not one.document.startswith("PodNetwork ")]

    def draw(screen: Screen) -> None:
        if pools:
            _table(screen, [(found, row) for found in pools for row in of_pool[found.name]])
        else:
            screen.line("no pools: `podberth apply` a document of kind Pool")
        _warn(screen, waiting)

    listed = [{"name": found.name, "subnets": _subnets(found), **_usages(of_pool[found.name])} for found in pools]
    session.show(as_json, {"pools": listed, **forms.waiting(waiting)}, draw)


def _warn(screen: Screen, waiting: Sequence[Waiting]) -> None:
    """Name what was declared and is not in force."""
    for one in waiting:
        screen.line(Cell("not in force", "red"), f"  {one.document} ({one.source}): {one}")


def _usages(usage: Sequence[Usage]) -> dict[str, object]:
    return {"usage": [forms.usage(row) for row in usage]}


def _subnets(found: Pool, family: int | None = None) -> list[str]:
    return [str(s.network) for s in found.subnets if family in (None, s.network.version)]


def _table(screen: Screen, rows: Sequence[tuple[Pool, Usage]]) -> None:
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
                Cell(row.pool, "bold"),
                f"IPv{row.family}",
                ", ".join(_subnets(found, row.family)),
                *(large(count) for count in (row.size, row.leased, row.reserved, row.resting, row.free)),
                _bar(row),
            ]
            for found, row in rows
        ],
    )


def _bar(row: Usage) -> Cell:
    """Return how much of it is somebody's: a bar on a terminal, per cent elsewhere; red if no pod can have any."""
    used = min(1.0, (row.leased + row.reserved + row.resting) / row.size) if row.size else 1.0
    filled = max(round(used * BAR), 1 if used else 0)
    style = "red" if not row.free and not row.reserved else "yellow" if used >= NEARLY_FULL else "green"
    percent = f"{used:.0%}"
    return Cell(f"{'█' * filled}{'░' * (BAR - filled)} {percent:>4}", style, plain=percent)
