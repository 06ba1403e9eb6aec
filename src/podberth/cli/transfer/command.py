"""`podberth import`: its sub-commands put together."""

from __future__ import annotations

import click

from podberth.cli.manual import Book
from podberth.cli.transfer.foreign import host_local, whereabouts
from podberth.cli.transfer.moving import store
from podberth.cli.transfer.sheets import sheet


@click.group(
    "import",
    cls=Book,
    short_help="Bring in an export, a sheet, or the addresses of host-local or whereabouts.",
    examples=(
        ("import store store.jsonl", "A whole store, with its history."),
        ("import host-local --dir /var/lib/cni/networks/banknet --pool bank --dry-run", ""),
        ("import whereabouts -f pools.json --network macnet --make-pool --reserve", ""),
    ),
)
def import_() -> None:
    """Bring in what was kept elsewhere. Each kind of it is a sub-command."""


for _command in (store, host_local, whereabouts, sheet):
    import_.add_command(_command)
