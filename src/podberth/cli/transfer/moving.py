"""`podberth export`, `import store` and `migrate`: a whole store into a file, from a file, or into another store."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podberth.cli.agent.asking import listening
from podberth.cli.failures import OK, REFUSED, NotFound
from podberth.cli.manual import EXITS, Page
from podberth.cli.options import Present, dry_run_option, json_option, socket_option
from podberth.cli.progress import progress
from podberth.cli.screen import Cell
from podberth.cli.text import counted
from podberth.cni.errors import IOFailure, Refused
from podberth.stores.transfer.form import Export, lines
from podberth.stores.transfer.moving import check, move
from podberth.stores.transfer.node import NodeStore
from podberth.stores.transfer.places import opened
from podberth.stores.transfer.sheet import sheet
from podberth.stores.transfer.verdict import tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from podberth.cli.screen import Screen
    from podberth.cli.session import Session
    from podberth.stores.transfer.cluster import ClusterStore
    from podberth.stores.transfer.story import Side, Target
    from podberth.stores.transfer.verdict import Verdict

force_option = click.option("--force", is_flag=True, help="Also while the agent of this node is running.")
_DIFFERS = {1: "refused, failed, or the two stores differ afterwards", 3: EXITS[3]}


@click.command(
    "export",
    cls=Page,
    short_help="Write the whole store, with its history, as lines of JSON.",
    exits={3: EXITS[3]},
    examples=(
        ("export -o store.jsonl", "A backup that any kind of store can be made from."),
        ("export --csv", "Who has which address reserved, for a sheet."),
        ("export | zstd > store.jsonl.zst", ""),
    ),
)
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False), help="Write there, not to stdout.")
@click.option("--csv", "as_csv", is_flag=True, help="Only the reservations, as the sheet that `import csv` takes.")
@click.pass_obj
def export(session: Session, output: str | None, *, as_csv: bool) -> None:
    """Write the whole store as lines of JSON: documents, reservations, leases, and every event of the ledger.

    It is the same form whatever the store is kept in, and `podberth import store` takes it back. It is complete, or not
    there: the file gets its name when its last line is on disk, and stdout gets nothing before the last line is known.
    While the cluster's store is away it is refused: an export is not of yesterday.
    """
    made = iter([_sheet(session)]) if as_csv else lines(_source(session), time.time_ns())  # noqa: TID251
    if output is None:
        to_stdout(made)
        return
    new = Path(output + ".new")
    try:
        with new.open("w", encoding="ascii") as file:
            new.chmod(0o600)  # it names every pod and address
            file.writelines(made)
        new.replace(output)
    except OSError as wrong:
        raise IOFailure(f"{output}: {wrong.strerror}", "name a file that can be written") from None
    finally:
        new.unlink(missing_ok=True)


def to_stdout(made: Iterator[str]) -> None:
    """Write all of it, or nothing: it waits in a file without a name until its last line is there."""
    try:
        with tempfile.TemporaryFile("w+", encoding="ascii") as file:
            file.writelines(made)
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout)
    except BrokenPipeError:
        raise
    except OSError as wrong:
        hint = "the export waits in TMPDIR until it is complete: name a folder with room for it, or -o FILE"
        raise IOFailure(f"{tempfile.gettempdir()}: {wrong.strerror}", hint) from None


def _sheet(session: Session) -> str:
    text, left_out = sheet(session.node.ledger.reservations())
    for why in left_out:
        sys.stderr.write(f"left out: {why}\n")
    return text


@click.command(
    "store",
    cls=Page,
    short_help="Bring an export into this store, which has to be empty.",
    exits=_DIFFERS,
    examples=(("import store store.jsonl", "The store is as it was when the export was made."),),
)
@click.argument("file", metavar="FILE", type=Present())
@dry_run_option
@force_option
@socket_option("agent", "Where the agent would listen.")
@json_option
@click.pass_obj
def store(session: Session, file: Path, agent: Path, *, dry_run: bool, force: bool, as_json: bool) -> int:
    """Bring an export into the store of the state directory, then compare the two.

    The store has to be empty, or what an attempt that was interrupted has left: running it again finishes it. The
    export is checked as a whole before anything is written.
    """
    if not dry_run and not force:
        _no_agent(agent)
    return _moved(
        session, Export(str(file)), lambda: opened(session.state, readonly=dry_run), dry_run=dry_run, as_json=as_json
    )


@click.command(
    "migrate",
    cls=Page,
    short_help="Bring the whole store into another kind of store.",
    exits=_DIFFERS,
    examples=(
        ("migrate --to etcd.json --dry-run", "What is there, and would it fit? etcd.json is a store.json."),
        ("migrate --to etcd.json", "From this node's SQLite into etcd, and compare."),
        ("migrate --to /srv/podberth", "Into the store of another state directory."),
    ),
)
@click.option(
    "--to", "to", metavar="DIR|FILE", required=True, type=click.Path(),
    help="A state directory, or a file that names a cluster's store as its store.json does.",
)  # fmt: skip
@dry_run_option
@force_option
@socket_option("agent", "Where the agent would listen.")
@json_option
@click.pass_obj
def migrate(session: Session, to: str, agent: Path, *, dry_run: bool, force: bool, as_json: bool) -> int:
    """Bring documents, reservations, leases and the whole ledger into another store, then compare the two.

    Nobody may use either store meanwhile: end the agents, and start no pods. The source is only read, and stays. An
    interrupted run is finished by running it again. "Who had this address at that time" has the same answer before and
    after; the numbers of events are each store's own.
    """
    if not dry_run and not force:
        _no_agent(agent)
    if to.endswith(".json") and not Path(to).exists():
        raise NotFound(f"there is no file {to}", "it names the target, as a store.json does: docs/migrate.md")
    source, into = _source(session), opened(to, readonly=dry_run)
    if source.identity() == into.identity():
        raise Refused(f"--to: {to} is the store of {session.state} itself", "name another store: it is there")
    return _moved(session, source, lambda: into, dry_run=dry_run, as_json=as_json)


def _source(session: Session) -> NodeStore | ClusterStore:
    source = opened(session.state, readonly=True)
    if isinstance(source, NodeStore) and not source.exists():
        raise NotFound(f"there is no store in {session.state}", "name another directory with --state")
    return source


def _moved(session: Session, source: Side, target: Callable[[], Target], *, dry_run: bool, as_json: bool) -> int:
    into = target()
    if isinstance(into, NodeStore) and dry_run and not into.exists():
        verdict = tally(source)
    elif dry_run:
        check(source, into)
        verdict = tally(source)
    else:
        with progress(source.count()) as told:
            verdict = move(source, into, told)
    session.show(
        as_json,
        _form(verdict, source, into, dry_run=dry_run),
        lambda screen: _draw(screen, verdict, source, into, dry_run=dry_run),
    )
    return REFUSED if verdict.wrong else OK


def _no_agent(path: Path) -> None:
    if listening(path):
        raise Refused(
            f"an agent is listening at {path}, and may change the store meanwhile",
            "end it first (systemctl stop podberth-agent.socket podberth-agent.service), or say --force",
        )


def _form(verdict: Verdict, source: Side, target: Side, *, dry_run: bool) -> dict[str, object]:
    counts = {key: getattr(verdict, key) for key in ("documents", "addresses", "leases", "reservations", "events")}
    return {
        "dry_run": dry_run,
        "source": source.name,
        "target": target.name,
        **counts,
        "same": None if dry_run else not verdict.wrong,
        "differences": list(verdict.differences),
    }


def _draw(screen: Screen, verdict: Verdict, source: Side, target: Side, *, dry_run: bool) -> None:
    screen.line(
        f"{counted(verdict.documents, 'document')}, {counted(verdict.addresses, 'address', 'addresses')}"
        f" with {counted(verdict.events, 'event')}: {counted(verdict.leases, 'lease')},"
        f" {counted(verdict.reservations, 'reservation')}"
    )
    for difference in verdict.differences:
        screen.line(Cell("differs", "red"), f"  {difference}")
    if verdict.wrong > len(verdict.differences):
        screen.line(f"and {verdict.wrong - len(verdict.differences)} more")
    if dry_run:
        screen.line(Cell(f"dry run: {target.name} was not changed", "dim"))
    elif verdict.wrong:
        screen.line(Cell(f"{target.name} is not what {source.name} is: do not use it", "bold red"))
    else:
        screen.line(Cell(f"{target.name} says what {source.name} says: compared, the same", "green"))
