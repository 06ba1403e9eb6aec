"""`podberth import csv`: reservations from the sheet that an operator keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podberth.cli.failures import OK
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import dry_run_option, json_option, override_option, overriding
from podberth.cli.progress import progress
from podberth.cli.reading import contents
from podberth.cli.screen import UNCHANGED, Cell, columns
from podberth.cli.session import actor, asking
from podberth.cli.text import counted
from podberth.desk.form import json_form
from podberth.desk.rows import Reservation as Kept
from podberth.policy.operation import Operation
from podberth.stores.transfer.sheet import fitting, keeping, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.ipam.lease import Reservation


@click.command(
    "csv",
    cls=Page,
    short_help="Reserve the addresses of a sheet for the pods it names.",
    exits={3: EXITS[3]},
    examples=(
        ("import csv addresses.csv --dry-run", "Does it fit?"),
        ("import csv addresses.csv", "Reserve every address of it, or none."),
        ("export --csv -o addresses.csv", "The sheet of what is reserved now."),
    ),
)
@click.argument("file", metavar="FILE|-", type=click.Path(allow_dash=True))
@override_option
@dry_run_option
@json_option
@click.pass_obj
def sheet(session: Session, file: str, override: str, *, dry_run: bool, as_json: bool) -> int:
    """Reserve each address of a sheet for the pod it names, as `podberth reserve` does.

    The first line has the titles: address, namespace, pod, and as you like pool and ifname (eth0 if it says none);
    other columns are yours. All of it is reserved, or nothing: every row that does not fit is listed. What is reserved
    so already stays as it is. What a pool's `allow` keeps for other namespaces is refused without --override.
    """
    node = session.node
    rows, complaints = read(contents(file), "stdin" if file == "-" else file)
    fit = fitting(rows, node.policies.pools(), node.ledger, complaints, who=asking(), override=override)
    by = actor(node, overriding(f"import csv {file}", override))
    whole = Operation(keep=tuple(map(keeping, fit)))
    made: Sequence[Reservation] = ()
    if not dry_run:
        with progress(len(fit)) as told:
            made = node.policies.operate(whole, by, source=by.why, told=told).kept

    def draw(screen: Screen) -> None:
        if fit:
            screen.table(
                columns("Address", "Pod", "Ifname", "Pool"),
                [[Cell(str(row.address), "bold"), str(row.pod), row.ifname, row.pool] for row in fit],
            )
        screen.line(counted(len(fit), "reservation"))
        if dry_run:
            screen.line(UNCHANGED)

    form = {
        "dry_run": dry_run,
        "rows": len(fit),
        "reservations": [json_form(Kept.of(kept)) for kept in made],
    }
    session.show(as_json, form, draw)
    return OK
