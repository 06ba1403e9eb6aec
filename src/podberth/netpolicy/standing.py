"""What of a policy's document holds, as its text changes. Pure.

A text with mistakes changes nothing, as where an API server checks NetworkPolicies: what held before stays. Of a
document that never was without mistakes holds what can be read of its choice of pods and networks, and a part that
can't be read allows nothing. A document that can't be told from one that held before is not known.
"""

from __future__ import annotations

from datetime import datetime

from podberth.cni.value import replace, value
from podberth.netpolicy.document import POLICY_FOR, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from podberth.netpolicy.document import Policy

IN_FORCE, LAST_GOOD, IN_PART, OUT, UNKNOWN = STATES = (
    "in force", "the text before holds", "in part", "not in force", "not known",
)  # fmt: skip
HOLDING = (IN_FORCE, LAST_GOOD, IN_PART)
_AT_ONCE = 5.0  # seconds within which who made a document has written all of it


@value
class Standing:
    """A document of that UID. `policy`: what holds; of one that does not, what could be read. `text`: its document.

    `mistakes` are the newest text's, each with the path of the field.
    """

    uid: str
    state: str
    policy: Policy
    text: Mapping[str, Any]
    mistakes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return str(self.policy)

    def concerns(self, networks: Iterable[str]) -> bool:
        """Say whether it may be for one of these networks."""
        return self.policy.networks is None or not set(networks).isdisjoint(self.policy.networks)


def judged(raw: Mapping[str, Any], before: Standing | None = None) -> Standing:
    """Return how a document stands; `before` is how it stood. InvalidConfig if it has no name."""
    policy, uid = parse(raw), str(raw["metadata"].get("uid", ""))
    known = before if before is not None and before.uid == uid else None
    if not policy.mistakes:
        state = IN_FORCE
    elif known is not None and known.state in HOLDING:
        return replace(known, state=LAST_GOOD if known.state != IN_PART else IN_PART, mistakes=policy.mistakes)
    elif known.state == UNKNOWN if known is not None else not _is_first(raw["metadata"]):
        state = UNKNOWN
    else:
        state = OUT if policy.blind else IN_PART
    return Standing(uid=uid, state=state, policy=policy, text=text_of(raw), mistakes=policy.mistakes)


def holding(standings: Iterable[Standing]) -> tuple[Policy, ...]:
    """Return the policies that hold."""
    return tuple(one.policy for one in standings if one.state in HOLDING)


def unknown(standings: Iterable[Standing], networks: Iterable[str]) -> tuple[Standing, ...]:
    """Return those of which nobody knows what holds, and that may be for one of the networks."""
    wanted = tuple(networks)
    return tuple(one for one in standings if one.state == UNKNOWN and one.concerns(wanted))


def text_of(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return of a document what is read of it."""
    metadata = raw["metadata"]
    annotations = metadata.get("annotations")
    said = {POLICY_FOR: annotations[POLICY_FOR]} if isinstance(annotations, dict) and POLICY_FOR in annotations else {}
    named = {key: metadata[key] for key in ("namespace", "name", "uid") if key in metadata}
    return {"metadata": {**named, "annotations": said}, "spec": raw.get("spec")}


def _is_first(metadata: Mapping[str, Any]) -> bool:
    """Say whether the text is the one that the document was made with: nothing else of it has ever held.

    `generation` counts texts of the spec, and `managedFields` say when anything else was changed.
    """
    made = _time(metadata.get("creationTimestamp"))
    fields = metadata.get("managedFields")
    written = [_time(one.get("time")) for one in fields if isinstance(one, dict)] if isinstance(fields, list) else []
    later = (each for each in written if each is not None and made is not None and each - made >= _AT_ONCE)
    return metadata.get("generation", 1) == 1 and next(later, None) is None


def _time(raw: object) -> float | None:
    try:
        return datetime.fromisoformat(str(raw)).timestamp() if raw is not None else None
    except ValueError:
        return None
