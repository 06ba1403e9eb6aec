"""What the command line answers about a store: every question, with what is of now or of the asking machine taken out."""

from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

from podberth.cli.main import main
from podberth.entry import open_node
from tests.released.story import WEB

if TYPE_CHECKING:
    from pathlib import Path

DECLARED = ("mysql-0", "mysql-1", "mysql-2", "tuned", "sticky", *WEB)
PODS = ("mysql-0", "mysql-1", "mysql-2", "tuned", "batch", "kept", "away", "sticky", "halfway", "leaving", *WEB)
# Of an answer: the time of asking.
_OF_NOW = ("at",)


def ask(state: Path, *words: str) -> Any:
    """Return what a question in JSON is answered with."""
    return json.loads(_printed(state, *words, "--json"))


def answers(state: Path) -> dict[str, Any]:
    """Ask everything: the key is the question."""
    questions = [
        ["get", "all"], ["get", "reservations"], ["get", "attachments"], ["pool"], ["leases"], ["history"],
        *(["explain", f"bank/{name}"] for name in DECLARED),
        *(["history", f"bank/{name}"] for name in PODS),
    ]  # fmt: skip
    events = ask(state, "history")["events"]
    addresses = sorted({event["address"] for event in events})
    times = [event["time"] for event in events][::5]
    for address in addresses:
        questions += [["who", address], ["history", address]]
        questions += [["who", address, "--at", time] for time in times]
    asked = {" ".join(words): _still(ask(state, *words), brief="--at" in words) for words in questions}
    return asked | {"export": export(state)}


def export(state: Path) -> list[Any]:
    """Return the lines of an export; the first one says when and where it was made."""
    return [json.loads(line) for line in _printed(state, "export").splitlines()][1:]


def _printed(state: Path, *words: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["--state", str(state), *words], connect=open_node)
    assert code in (0, None), f"{' '.join(words)}: {out.getvalue()}{err.getvalue()}"
    return out.getvalue()


def _still(answer: dict[str, Any], *, brief: bool) -> dict[str, Any]:
    """Return an answer without what is of now; a brief one without the event, which the history has as well."""
    return {key: value for key, value in answer.items() if key not in (_OF_NOW + (("event",) if brief else ()))}
