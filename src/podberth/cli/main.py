"""The command line `podberth`: its commands put together, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from podberth import __version__
from podberth.cli import failures
from podberth.cli.commands import PLACES, SECTIONS
from podberth.cli.manual import WIDTH, Book
from podberth.cli.session import STATE_DIR, Session
from podberth.cni.errors import CniError
from podberth.entry import open_node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from podberth.verbs.node import Node

NAME = "podberth"


@click.group(
    NAME,
    cls=Book,
    context_settings={"max_content_width": WIDTH, "help_option_names": ["-h", "--help"]},
    sections=[(heading, list(names)) for heading, names in SECTIONS.items()],
    places=PLACES,
    examples=(
        ("apply -f mysql.yaml --dry-run", "Check declarations against everything in force."),
        ('who 10.20.0.11 --at "2026-11-20 14:00"', "Who had that address then?"),
        ("explain payments/mysql-1", "What will the pod get, and why?"),
        ("--state ./scratch pool", "Another store than this node's."),
    ),
    environment=(
        ("PODBERTH_STATE", f"The directory of the store, as --state; {STATE_DIR} if unset."),
        ("CNI_PATH", "Where doctor looks for the CNI executables."),
        ("TZ", "The zone in which times are read and shown."),
        ("NO_COLOR", "Set to anything: no colour on a terminal."),
    ),
)
@click.option(
    "--state", metavar="DIR", envvar="PODBERTH_STATE", default=STATE_DIR, show_default=True, show_envvar=True,
    type=click.Path(file_okay=False, readable=False), help="The directory of the store.",
)  # fmt: skip
@click.version_option(__version__, "--version", prog_name=NAME, message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, state: str) -> None:
    """Give pods fixed addresses by their names, and say who had which address when.

    podberth is a CNI plugin with a ledger; this is its command line. Every command that shows something takes --json.
    Commands that only read or declare need access to the store's directory; check, gc and doctor look into the kernel
    and need root.
    """
    context.obj = Session(state, context.obj)
    context.call_on_close(context.obj.close)


def main(argv: Sequence[str] | None = None, connect: Callable[[str], Node] = open_node) -> int:
    """Run one command line and return its exit code; `connect` opens the node of a state directory."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = cli.main(args=words, prog_name=NAME, standalone_mode=False, obj=connect)
        sys.stdout.flush()
    except CniError as error:
        return failures.ended(error, words)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return failures.USAGE
    except click.ClickException as error:
        return failures.ended(failures.of_click(error), words)
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        return failures.INTERRUPTED
    except BrokenPipeError:  # whoever read has seen enough; the interpreter must not complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return failures.REFUSED
    return code if isinstance(code, int) else failures.OK


if __name__ == "__main__":
    sys.exit(main())
