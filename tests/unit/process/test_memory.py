"""Memory of a process that stays: gathered on large pages where the kernel and the operator let it."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from pathlib import Path

import pytest

from podberth.process.memory import SETTING, gather, share_one_heap

LARGE, MADV_COLLAPSE = 2 << 20, 25  # uapi/asm-generic/mman-common.h

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


def possible() -> bool:
    """Say whether this machine's kernel puts memory on a large page when it is asked to, and may."""
    try:
        if "[never]" in Path(SETTING).read_text(encoding="ascii"):
            return False
    except FileNotFoundError:
        return False
    with mmap(-1, 3 * LARGE, flags=MAP_PRIVATE | MAP_ANONYMOUS) as memory:
        memory[:] = bytes(len(memory))
        begin = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        first = ctypes.c_void_p(-(-begin // LARGE) * LARGE)
        return bool(ctypes.CDLL(None).madvise(first, ctypes.c_size_t(LARGE), MADV_COLLAPSE) == 0)


def test_memory_that_is_said_to_be_gathered_is_on_large_pages_and_reads_as_before() -> None:
    told, large = gathered(SETTING)
    assert large >= told
    assert (told > 0) == possible()


@pytest.mark.parametrize("said", ["always madvise [never]\n", None], ids=["the operator wants none", "no setting"])
def test_nothing_is_gathered_where_nobody_wants_it(tmp_path: Path, said: str | None) -> None:
    setting = tmp_path / "enabled"
    if said is not None:
        setting.write_text(said)
    assert gathered(str(setting))[0] == 0


def test_no_process_ends_for_want_of_large_pages(tmp_path: Path) -> None:
    setting = tmp_path / "enabled"
    setting.write_text("[always] madvise never\n")
    assert gather(str(setting), str(tmp_path / "no maps")) == 0
    share_one_heap(libc=object())  # a C library without mallopt
