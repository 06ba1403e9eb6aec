"""Which trace a call belongs to: TRACEPARENT and TRACESTATE, as W3C Trace Context has them. No I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from podberth.cni.value import value

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLED, RANDOM = 0x01, 0x02  # flags of a context; all others are reserved
_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_FORBIDDEN = "ff"  # the version that never is
_MEMBERS = 32  # of a state, at most
_KEY = r"[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13}"
# Printable ASCII without comma and equals sign, the last of it no space.
_MEMBER = re.compile(rf"({_KEY})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{{0,255}}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")


@value
class Context:
    """A caller's span; the IDs are lower-case hex, `state` what other tracing systems have said along the way."""

    trace_id: str
    span_id: str
    flags: int
    state: str = ""

    @property
    def sampled(self) -> bool:
        """Whether the caller records the trace."""
        return bool(self.flags & SAMPLED)


def context(env: Mapping[str, str]) -> Context | None:
    """Return the context that a call came with; None if there is none, or it is broken: a new trace begins then."""
    found = _PARENT.fullmatch(env.get("TRACEPARENT", ""))
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    # A later version may say more behind what is known of it; the first one may not (section 3.2.4).
    if version == _FORBIDDEN or (version == "00" and more is not None) or not (int(trace_id, 16) and int(span_id, 16)):
        return None
    known = int(flags, 16) & (SAMPLED | RANDOM)
    return Context(trace_id=trace_id, span_id=span_id, flags=known, state=_state(env.get("TRACESTATE", "")))


def _state(text: str) -> str:
    """Return the state if all of it is as it should be, otherwise nothing of it (section 3.3.1)."""
    members = [member.strip(" \t") for member in text.split(",", _MEMBERS * 2)]
    members = [member for member in members if member]
    matches = [_MEMBER.fullmatch(member) for member in members]
    keys = {match[1] for match in matches if match is not None}
    return ",".join(members) if len(keys) == len(members) <= _MEMBERS else ""
