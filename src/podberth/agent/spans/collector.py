"""The HTTP of OTLP: one request, and what its answer means for what was sent."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING

from podberth import __version__
from podberth.cni.value import value

if TYPE_CHECKING:
    from podberth.agent.spans.target import Target

_LATER = frozenset((429, 502, 503, 504))  # OTLP: the very same request may succeed later
_ANSWER = 1 << 16  # bytes that are read of an answer
_LONGEST = 9  # digits


@value
class Verdict:
    """What became of a request; `why` is empty if it was taken, but for so many spans that were `rejected`.

    `again`: it may be repeated, not before `after` seconds have passed.
    """

    why: str = ""
    rejected: int = 0
    again: bool = False
    after: float = 0.0


def post(to: Target, body: bytes, seconds: float) -> Verdict:
    """Send a body to the collector; each step of it may take so long. Never raises for what the other side does."""
    # A connection for each: they come every second at most when little is going on, and none can have gone stale.
    kind = http.client.HTTPSConnection if to.tls else http.client.HTTPConnection
    connection = kind(to.host, to.port, timeout=seconds)
    headers = {"User-Agent": f"podberth/{__version__}", **to.headers, "Content-Type": "application/json"}
    try:
        connection.request("POST", to.path, body, {**headers, "Connection": "close"})
        answer = connection.getresponse()
        return verdict(answer.status, answer.getheader("Retry-After", ""), answer.read(_ANSWER))
    except (OSError, http.client.HTTPException) as failure:
        return Verdict(why=str(failure) or type(failure).__name__, again=True)
    finally:
        connection.close()


def verdict(status: int, after: str, body: bytes) -> Verdict:
    """Return what an answer means."""
    if 200 <= status < 300:
        return Verdict(rejected=_rejected(body))
    wait = float(after) if after.isascii() and after.isdecimal() and len(after) <= _LONGEST else 0.0
    return Verdict(why=f"HTTP status {status}", again=status in _LATER, after=wait)


def _rejected(body: bytes) -> int:
    """Return how many spans were rejected of a request that was taken; int64 is a string in this JSON."""
    try:
        return max(0, int(json.loads(body)["partialSuccess"]["rejectedSpans"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0
