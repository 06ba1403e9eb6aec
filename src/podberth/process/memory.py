"""Where a process that stays keeps its memory: on few pages, so that each call finds them at once.

An ADD reads code and data that lie all over the process: some 1,800 pages of 4 KiB. A processor remembers where about
2,000 pages are, and forgets them while other processes run; in a virtual machine it looks twice for each of them. Ten
pages of 2 MiB have all that is Python's (docs/decisions/064-few-large-pages.md).
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGE = 2 << 20  # bytes of a large page on x86-64, and on arm64 with pages of 4 KiB
_COLLAPSE = 25  # MADV_COLLAPSE, since Linux 6.1 (uapi/asm-generic/mman-common.h); madvise(2)
_ARENAS = -8  # M_ARENA_MAX (malloc.h); mallopt(3)
SETTING = "/sys/kernel/mm/transparent_hugepage/enabled"  # admin-guide/mm/transhuge.rst
MAPS = "/proc/self/maps"
_NEVER = "[never]"


def share_one_heap(libc: object = None) -> None:
    """Have the C library give all threads memory of one heap. It is asked for before there are threads.

    By itself each thread has a heap of its own, so that one call touches other pages than the next. Little is lost by
    it: most memory is asked for under the interpreter's lock anyway. A C library without that call, as musl, has one
    heap for all.
    """
    ask = getattr(libc or ctypes.CDLL(None), "mallopt", None)
    if ask is not None:
        ask(_ARENAS, 1)


def gather(setting: str = SETTING, maps: str = MAPS) -> int:
    """Have the kernel put this process's own memory on large pages; return the bytes that are there now.

    `setting` is the file that says whether the machine's operator wants any: without them, or where the kernel can't,
    all stays as it is. `maps` lists the memory. It takes some milliseconds, and a second on a busy machine: for each
    page the kernel waits for all processors.
    """
    if _unwanted(setting):
        return 0
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return sum(end - begin for begin, end in _own(maps) if advise(begin, end - begin, _COLLAPSE) == 0)


def _unwanted(setting: str) -> bool:
    try:
        with open(setting, encoding="ascii") as file:  # noqa: PTH123 - pathlib would only be loaded for it
            return _NEVER in file.read()
    except OSError:
        return True  # a kernel without large pages


def _own(maps: str) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of what can be on large pages, of memory that no file is behind (proc_pid_maps(5))."""
    try:
        with open(maps, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - as above
            lines = file.read().splitlines()
    except OSError:
        return  # it stays where it is: no process ends for want of large pages
    for line in lines:
        span, rights, _offset, _device, inode, *name = line.split(maxsplit=5)
        if not rights.startswith("rw") or inode != "0" or (name and name[0] != "[heap]"):
            continue
        begin, end = (int(edge, 16) for edge in span.split("-"))
        first, last = -(-begin // _LARGE) * _LARGE, end // _LARGE * _LARGE
        if first < last:
            yield first, last
