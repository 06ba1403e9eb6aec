"""`podberth vf`: its subcommands put together."""

from __future__ import annotations

import click

from podberth.cli.manual import EXITS, Book
from podberth.cli.options import json_option
from podberth.cli.vf.create import create
from podberth.cli.vf.labels import label
from podberth.cli.vf.listing import list_, show_all
from podberth.cli.vf.stats import stats


@click.group(
    "vf",
    cls=Book,
    short_help="Show, make and label this node's virtual functions.",
    invoke_without_command=True,
    exits={code: EXITS[code] for code in range(4)},
    examples=(
        ("vf", "Which virtual functions has this node, and who has them?"),
        ("vf create ens1f0 8", "Make eight of them on a PF."),
        ("vf stats payments/mysql-1", "What has gone through the pod's function?"),
        ("vf label ens1f0 storage", "A label that networks and PodNetworks can select."),
    ),
)
@json_option
@click.pass_context
def vf(context: click.Context, *, as_json: bool) -> None:
    """Show, make and label the virtual functions of this node's SR-IOV cards.

    Without a subcommand: `vf list`. Networks with `device: sriov` give pods functions that fit their selector.
    """
    if context.invoked_subcommand is None:
        show_all(context.obj, pf=None, only_free=False, as_json=as_json)


for _command in (list_, create, stats, label):
    vf.add_command(_command)
