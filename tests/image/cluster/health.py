"""What the agent's /healthz says, asked again and again from the node's own network: `python -m` this, FILE URL.

Each line of the file is one answer: the times of question and answer (ns of the monotonic clock, which all processes of
a machine share), the status, and the text. Status 0 is nobody: the connection was refused, or ended.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PAUSE = 0.1  # seconds between two questions


class Answer(NamedTuple):
    """One answer of the page."""

    asked: int
    answered: int
    status: int
    text: str


def asked(url: str) -> Answer:
    """Ask once."""
    began = time.monotonic_ns()
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as page:
            status, text = page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    except (ConnectionError, urllib.error.URLError, http.client.HTTPException) as error:
        status, text = 0, str(error)
    return Answer(began, time.monotonic_ns(), status, text)


def read(file: Path) -> list[Answer]:
    """Return all answers so far; the last line may still be written."""
    lines = file.read_text().splitlines(keepends=True)
    return [Answer(*json.loads(line)) for line in lines if line.endswith("\n")]


def complaints(answers: Sequence[Answer], away: Iterable[tuple[int, int]]) -> list[str]:
    """Return the answers that are neither true nor false with a reason; nobody may be there in the spans `away`."""
    spans = tuple(away)
    wrong = []
    for answer in answers:
        gone = answer.status == 0 and any(begin <= answer.answered and answer.asked <= end for begin, end in spans)
        fine = answer.status == 200 or (answer.status == 503 and answer.text.strip() not in ("", "ok"))
        if not gone and not fine:
            wrong.append(f"{answer.asked}..{answer.answered}: {answer.status} {answer.text!r}")
    return wrong


def main(file: str, url: str) -> None:
    """Ask until this is killed."""
    with Path(file).open("a") as to:
        while True:
            to.write(json.dumps(asked(url)) + "\n")
            to.flush()
            time.sleep(PAUSE)


if __name__ == "__main__":
    main(*sys.argv[1:])
