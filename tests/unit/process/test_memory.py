"""Memory of a process that stays: gathered on large pages where the kernel and the operator let it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from podberth.process.memory import SETTING

if TYPE_CHECKING:
    from pathlib import Path

# A process of its own: what is gathered stays so.
GATHER = """
import sys
from podberth.process.memory import gather, share_one_heap
share_one_heap()
kept = [bytes([number % 256]) * 1000 for number in range(20_000)]
gathered = gather(sys.argv[1])
assert all(part == bytes([number % 256]) * 1000 for number, part in enumerate(kept))
large = sum(int(line.split()[1]) for line in open("/proc/self/smaps") if line.startswith("AnonHugePages:"))
print(gathered, large * 1024)
"""


def gathered(setting: str) -> tuple[int, int]:
    """Return the bytes that a process has gathered, and those of its memory that the kernel has on large pages."""
    command = [sys.executable, "-c", GATHER, setting]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    first, second = done.stdout.split()
    return int(first), int(second)


def test_memory_that_is_said_to_be_gathered_is_on_large_pages_and_reads_as_before() -> None:
    told, large = gathered(SETTING)
    assert large >= told


@pytest.mark.parametrize("said", ["always madvise [never]\n", None], ids=["the operator wants none", "no setting"])
def test_nothing_is_gathered_where_nobody_wants_it(tmp_path: Path, said: str | None) -> None:
    setting = tmp_path / "enabled"
    if said is not None:
        setting.write_text(said)
    assert gathered(str(setting))[0] == 0
