"""How `--help` reads: a page a command, with what it does, its options, examples, exit status and environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from podberth.cli.commands import imported
from podberth.cli.failures import LAST_KNOWN, NOT_FOUND, OK, REFUSED, Misuse, Supposed
from podberth.cli.session import Session
from podberth.cni.errors import CniError, TryAgainLater

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH = 100  # characters of the longest line
EXITS: Mapping[int, str] = {
    0: "done, or nothing found wrong",
    1: "refused or failed; stderr says why, and what to do",
    2: "the command line is wrong",
    3: "what was named does not exist",
    4: "check: an attachment is not as it was made",
    5: "doctor: this node is not fit",
    6: "answered by the last that is known here: the cluster's store is away",
    7: "who: the ledger can't know: that is before it begins, or still to come",
}
# What a command asks about, while the cluster's store is away. A question about the node itself is answered from the
# node's own records; one about the cluster by the last that was heard of it, and its exit code says so.
NODE, CLUSTER = "node", "cluster"


class Formatter(click.HelpFormatter):
    """Headings in bold on a terminal; click takes colour away for a pipe."""

    def write_heading(self, heading: str) -> None:
        """Write a section's heading."""
        self.write(f"{'':>{self.current_indent}}{click.style(heading, bold=True)}:\n")


class Pages(click.Context):
    """The context of a page."""

    formatter_class = Formatter


class Question(click.Command):
    """A command of which `asks` says whether it is a question that is answered while the cluster's store is away."""

    asks = ""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; one that was answered by the last that is known ends with the exit code for that.

        So does a refusal, and "there is none": both may be otherwise by now.
        """
        session = ctx.find_object(Session)
        if session is not None:
            session.tolerant = bool(self.asks)  # a command's own word, not that of the group it is in
        try:
            code = super().invoke(ctx)
        except TryAgainLater:
            raise  # nothing is known
        except CniError as error:
            lacks = self._lacks(session)
            if not lacks or isinstance(error, (Misuse, Supposed)):
                raise
            raise Supposed(error, lacks) from error
        return LAST_KNOWN if self._lacks(session) and code in (None, OK, REFUSED, NOT_FOUND) else code

    def _lacks(self, session: Session | None) -> str:
        """Return in words from when its answer is, and why; '' if it is the store's own."""
        return session.reservation() if session is not None and self.asks == CLUSTER else ""


class Page(Question):
    """A command with a page. `examples`: (command line without `podberth`, what it is for); `exits`: its own codes."""

    context_class = Pages

    def __init__(
        self,
        *args: Any,
        examples: Sequence[tuple[str, str]] = (),
        environment: Sequence[tuple[str, str]] = (),
        exits: Mapping[int, str] | None = None,
        asks: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.environment = environment
        self.asks = asks
        self.exits = {**(exits or {}), **({6: EXITS[6]} if asks == CLUSTER else {})}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; every usage error knows its page, so that the hint can name it.

        An option that takes one value is said once: of two, one would go unheard.
        """
        try:
            _, _, said = self.make_parser(ctx).parse_args(args=list(args))
            once = [
                one for one in said if isinstance(one, click.Option) and not (one.multiple or one.is_flag or one.count)
            ]
            twice = next((one for one in once if once.count(one) > 1), None)
            if twice is not None and not ctx.resilient_parsing:
                raise click.BadOptionUsage(twice.opts[0], f"{twice.opts[0]} is there twice.", ctx)
            return super().parse_args(ctx, args)
        except click.UsageError as wrong:
            wrong.ctx = wrong.ctx or ctx
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and after them the rest of the page."""
        super().format_options(ctx, formatter)
        _examples(formatter, self.examples)
        _exits(formatter, {**{code: EXITS[code] for code in (0, 1, 2)}, **self.exits})
        _environment(formatter, self.environment)


class Book(Question, click.Group):
    """A group of commands, told by subject.

    `sections` are (heading, names of commands). `places` are those of commands that are imported when they are called.
    """

    context_class = Pages
    command_class = Page

    def __init__(
        self,
        *args: Any,
        sections: Sequence[tuple[str, Sequence[str]]] = (),
        places: Mapping[str, str] | None = None,
        examples: Sequence[tuple[str, str]] = (),
        environment: Sequence[tuple[str, str]] = (),
        exits: Mapping[int, str] = EXITS,
        asks: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections
        self.places = dict(places or {})
        self.examples = examples
        self.environment = environment
        self.asks = asks
        self.exits = {**exits, **({6: EXITS[6]} if asks == CLUSTER else {})}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name. Without one, all are imported: the error names those that are alike."""
        for name in (cmd_name,) if cmd_name in self.places else tuple(self.places):
            self.commands.setdefault(name, imported(self.places[name]))
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *self.places})

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, the commands, and after them the rest of the page."""
        super().format_options(ctx, formatter)
        _examples(formatter, self.examples)
        _exits(formatter, self.exits)
        _environment(formatter, self.environment)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings, in the order given there."""
        if not self.sections:
            super().format_commands(ctx, formatter)
            return
        for heading, names in self.sections:
            found = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(heading):
                formatter.write_dl([(name, command.get_short_help_str(90)) for name, command in found if command])


def _examples(formatter: click.HelpFormatter, examples: Sequence[tuple[str, str]]) -> None:
    if not examples:
        return
    with formatter.section("Examples"):
        for command, purpose in examples:
            formatter.write(f"  podberth {command}\n")
            if purpose:
                formatter.write(f"      {purpose}\n")


def _environment(formatter: click.HelpFormatter, environment: Sequence[tuple[str, str]]) -> None:
    if environment:
        with formatter.section("Environment"):
            formatter.write_dl(environment)


def _exits(formatter: click.HelpFormatter, exits: Mapping[int, str]) -> None:
    with formatter.section("Exit status"):
        formatter.write_dl([(str(code), meaning) for code, meaning in sorted(exits.items())])
