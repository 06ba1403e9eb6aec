"""What the command line answers about a store: every question, without what is of now.

`python -m tests.released.answers STATE` asks them all in one process and prints the answers.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from podberth.cli.main import main as podberth
from tests.checkout import ROOT
from tests.released.story import WEB

if TYPE_CHECKING:
    from pathlib import Path

DECLARED = ("mysql-0", "mysql-1", "mysql-2", "tuned", "sticky", *WEB)
PODS = ("mysql-0", "mysql-1", "mysql-2", "tuned", "batch", "kept", "away", "sticky", "halfway", "leaving", *WEB)
_OF_NOW = ("at",)  # of an answer: the time of asking


def answers(state: Path) -> dict[str, Any]:
    """Return the answer to every question; the key is the question."""
    return dict(json.loads(_run("tests.released.answers", str(state))))


def ask(state: Path, *words: str) -> Any:
    """Return what one question in JSON is answered with."""
    return json.loads(told(state, *words, "--json"))


def told(state: Path, *words: str) -> str:
    """Run the command line; return its stdout, AssertionError with its stderr if it fails."""
    return _run("podberth.cli.main", "--state", str(state), *words)


def told_then(answer: object, recorded: object) -> object:
    """Return an answer with those keys and settings only that the recorded one has; one that it lacks stays away.

    Settings are a list, each with its `field`.
    """
    if isinstance(answer, dict) and isinstance(recorded, dict):
        return {key: told_then(value, recorded[key]) for key, value in answer.items() if key in recorded}
    if isinstance(answer, list) and isinstance(recorded, list):
        fields = {each["field"] for each in recorded if isinstance(each, dict) and "field" in each}
        answer = [each for each in answer if not (fields and isinstance(each, dict) and each["field"] not in fields)]
    if isinstance(answer, list) and isinstance(recorded, list) and len(answer) == len(recorded):
        return [told_then(*both) for both in zip(answer, recorded, strict=True)]
    return answer


def _run(module: str, *words: str) -> str:
    done = subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


def main() -> None:
    """Ask everything of the store that is named."""
    state = sys.argv[1]
    questions = [
        ["get", "all"], ["get", "reservations"], ["get", "attachments"], ["pool"], ["leases"], ["history"],
        *(["explain", f"bank/{name}"] for name in DECLARED), *(["history", f"bank/{name}"] for name in PODS),
    ]  # fmt: skip
    events = json.loads(_here(state, "history", "--json"))["events"]
    times = [event["time"] for event in events][::5]
    for address in sorted({event["address"] for event in events}):
        questions += [["who", address], ["history", address]]
        questions += [["who", address, "--at", time] for time in times]
    asked = {" ".join(words): _still(_here(state, *words, "--json"), brief="--at" in words) for words in questions}
    # The first line says when and where the export was made.
    export = [json.loads(line) for line in _here(state, "export").splitlines()][1:]
    print(json.dumps({**asked, "export": export}))


def _here(state: str, *words: str) -> str:
    """Run a command in this process; return its stdout."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = podberth(["--state", state, *words])
    assert code == 0, f"{' '.join(words)}: {out.getvalue()}{err.getvalue()}"
    return out.getvalue()


def _still(text: str, *, brief: bool) -> dict[str, Any]:
    """Return an answer without what is of now; a brief one without the event, which the history has as well."""
    left_out = (*_OF_NOW, "event") if brief else _OF_NOW
    return {key: value for key, value in json.loads(text).items() if key not in left_out}


if __name__ == "__main__":
    main()
