"""`podberth doctor`: every part of the node looked at, told line by line."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podberth.cli.agent.asking import desk_option
from podberth.cli.doctor import (
    affinity,
    agent,
    api,
    cluster,
    config_maps,
    control,
    identity,
    kernel,
    machine,
    networks,
    rights,
    senders,
    store,
)
from podberth.cli.failures import OK as FIT
from podberth.cli.failures import UNFIT
from podberth.cli.manual import EXITS, NODE, Page
from podberth.cli.options import json_option
from podberth.cli.screen import Cell
from podberth.desk.doctor import FAIL, OK, WARN, health

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.desk.doctor import Finding

STYLES = {OK: "green", WARN: "yellow", FAIL: "bold red"}


@click.command(
    "doctor",
    cls=Page,
    asks=NODE,
    short_help="Say whether this node is fit, and what to do if not.",
    exits={5: EXITS[5]},
    examples=(
        ("doctor", "Is this node fit to run podberth?"),
        ("doctor --json", "For a readiness check: exit status 5 says that it is not."),
    ),
)
@click.option(
    "--net-dir", type=click.Path(path_type=Path), default=Path("/etc/cni/net.d"), show_default=True, metavar="DIR",
    help="Where the runtime's network configurations are.",
)  # fmt: skip
@click.option("--cluster", "all_nodes", is_flag=True, help="All nodes of the cluster too.")
@desk_option
@json_option
@click.pass_obj
def doctor(session: Session, net_dir: Path, path: Path, *, all_nodes: bool, as_json: bool) -> int:
    """Say whether this node is fit, and what to do if not.

    Looked at are privileges, kernel, store, disk, which node this is, agent, executable, configurations with their
    links, and rules about senders. With a ledger in the Kubernetes API also the API's answers and clock, this node's
    rights there, the controller and the webhook.

    The kernel is asked by doing what an ADD does, in a network namespace made for it that is gone afterwards. 'warn' is
    for what only some pods would miss, 'fail' for what keeps ADD from working. Needs root to be of much use.
    """
    found = health(
        (
            *machine.look(Path(session.state)),
            *kernel.look(),
            *store.look(session),
            *identity.look(session),
            *agent.look(session, path),
            *api.look(session),
            *rights.look(session),
            *control.look(session),
            *config_maps.look(session),
            *affinity.look(session),
            *networks.look(session, net_dir),
            *senders.look(session),
            *(cluster.look(session) if all_nodes else ()),
        )
    )
    session.show(as_json, found.document(), lambda screen: _draw(screen, found.findings, fit=found.fit))
    return FIT if found.fit else UNFIT


def _draw(screen: Screen, findings: Sequence[Finding], *, fit: bool) -> None:
    width = max(len(finding.name) for finding in findings)
    for area, members in groupby(findings, key=lambda finding: finding.area):
        screen.line(Cell(area, "bold"))
        for finding in members:
            level = Cell(f"{finding.level:<4}", STYLES[finding.level])
            screen.line("  ", level, f"  {finding.name:<{width}}  {finding.text}")
            if finding.todo:
                screen.line(f"  {'':4}  {'':{width}}  ", Cell(f"-> {finding.todo}", "dim"))
    told = ", ".join(f"{sum(f.level == level for f in findings)} {level}" for level in STYLES)
    verdict = Cell("fit", "bold green") if fit else Cell("not fit", "bold red")
    screen.line("this node is ", verdict, f" ({told})")
