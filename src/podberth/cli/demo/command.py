"""`podberth demo`."""

from __future__ import annotations

import click

from podberth.cli.demo.play import demo as play
from podberth.cli.manual import Page


@click.command(
    "demo",
    cls=Page,
    short_help="Play the whole story in network namespaces of its own.",
    examples=(("demo", "Takes some ten seconds; nothing of it stays."),),
)
def demo() -> int:
    """Play the whole story in network namespaces of its own: declare, start, restart, ask, clean up. Needs root."""
    return play()
