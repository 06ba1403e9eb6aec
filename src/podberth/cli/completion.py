"""`podberth completion`: what a shell has to be told once."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from podberth.cli.manual import Page

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_PODBERTH_COMPLETE"


@click.command(
    "completion",
    cls=Page,
    short_help="Print the script that makes a shell complete.",
    examples=(
        ("completion bash > /etc/bash_completion.d/podberth", "For every user of bash."),
        ("completion zsh > ~/.zfunc/_podberth", ""),
        ("completion fish > ~/.config/fish/completions/podberth.fish", ""),
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, options, and the store's pools, pods and addresses."""
    kind = get_completion_class(shell)
    assert kind is not None, "click knows every shell of SHELLS"
    click.echo(kind(context.find_root().command, {}, "podberth", VARIABLE).source())
