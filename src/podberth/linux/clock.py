"""Whether the kernel's clock is kept by something that knows the time: adjtimex(2), asked and never set."""

from __future__ import annotations

import ctypes
import sys
import time

from podberth.ipam.moment import Opinion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.ipam.moment import Uptime

_UNSYNC = 0x0040  # STA_UNSYNC: whoever sets the clock by hand sets it too, until NTP has the clock again
_ERROR = 5  # TIME_ERROR, as a result
_SIZE = 256  # bytes, more than struct timex has
# struct timex (uapi/linux/timex.h): a long each for modes, offset, frequency and two errors, then the status.
_LONG = ctypes.sizeof(ctypes.c_long)
_MAX_ERROR, _STATUS = 3 * _LONG, 5 * _LONG


_FRESH = 5_000_000_000  # ns for which an answer is taken as it is, and carried on by the uptime


class Discipline:
    """What the NTP that disciplines the clock holds to be the time. Threads share it."""

    def __init__(self) -> None:
        self._adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
        self._answer: tuple[int, Opinion | None] | None = None  # with the uptime of the question

    def __call__(self, now: Uptime) -> Opinion | None:
        """Return the time that NTP knows, None if nothing disciplines the clock."""
        answer = self._answer
        if answer is None or now.ns - answer[0] >= _FRESH:
            answer = self._answer = now.ns, self._asked()
        asked, opinion = answer
        return Opinion(time=opinion.time + now.ns - asked, within=opinion.within) if opinion is not None else None

    def _asked(self) -> Opinion | None:
        buffer = ctypes.create_string_buffer(_SIZE)
        state = self._adjtimex(buffer)
        error = int.from_bytes(buffer.raw[_MAX_ERROR : _MAX_ERROR + _LONG], sys.byteorder)  # microseconds
        status = int.from_bytes(buffer.raw[_STATUS : _STATUS + 4], sys.byteorder)
        if state < 0 or state == _ERROR or status & _UNSYNC:
            return None
        return Opinion(time=time.time_ns(), within=max(error * 1000, 10**9))  # noqa: TID251
