"""A release's own code, from its folder: its command line, and a member of a cluster that goes on until it is ended.

`podberth.zip` has the package of the release as it was; the libraries are those of the tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.waiting import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
NO_CONNECTION = "tcp handshaker shutdown"  # in the words of gRPC
_FIRST = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); import podberth;"
    " assert podberth.__file__.startswith(sys.path[0]);"
)
_MAIN = f"{_FIRST} from podberth.cli.main import main; sys.exit(main())"
_MEMBER = f"{_FIRST} from runpy import run_path; run_path(sys.argv.pop(1), run_name='__main__')"


def code(release: str = "0.1.0") -> Path:
    """Return where the release's package is."""
    return HERE / release / "podberth.zip"


def command(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the release's command line; again while its store takes no connection in a second (`Member.ask`)."""
    argv = [sys.executable, "-c", _MAIN, str(code()), "--state", str(state), *words]

    def ended() -> subprocess.CompletedProcess[str] | None:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return None if done.returncode and NO_CONNECTION in done.stderr else done

    found = until(ended, "its store takes no connection")
    assert found is not None
    return found


def told(state: Path, *words: str) -> str:
    """Return what the release's command line says; AssertionError with its stderr if it fails."""
    done = command(state, *words)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


class Member:
    """A process of the release that works on a cluster's ledger (tests/released/member.py)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, **words: Any) -> Any:
        """Have one thing done; return the answer, or {"error": ...}.

        The release gives a store a second to take a connection. A busy machine needs more: then it is asked again.
        """
        return until(lambda: self._answer(words))

    def _answer(self, words: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the member has ended"
        answer = json.loads(line)
        return None if NO_CONNECTION in str(answer.get("error", "")) else answer

    def bind(self, pod: str, pool: str = "db", node: str = "old") -> list[str]:
        """Return the addresses that a pod's interface gets."""
        answer = self.ask(do="bind", pod=pod, pool=pool, node=node)
        assert "error" not in answer, answer
        return list(answer["addresses"])


@contextmanager
def member(state: Path) -> Iterator[Member]:
    """Have a member of the release with this state directory."""
    argv = [sys.executable, "-c", _MEMBER, str(code()), str(HERE / "member.py"), str(state)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Member(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(PATIENCE)
