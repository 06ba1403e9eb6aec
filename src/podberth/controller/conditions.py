"""The `status` of Pools, PodNetworks and AddressReservations, from what is in force. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.cni.errors import InvalidConfig
from podberth.kube import resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.controller.older import Older
    from podberth.ipam.lease import Usage
    from podberth.net.ops import Address

    Object = dict[str, Any]

READY, IN_FORCE = "Ready", "InForce"
CONFLICT, NOT_IN_FORCE = "Conflict", "NotInForce"  # reasons: somebody else has it; its right or its text is lacking
SHOWN = 2000  # characters of a message
MOST = 64  # addresses in a status
_COUNTS = ("size", "free", "leased", "reserved", "resting")
_OLDER = ("pod", "interface", "field", "told", "now")
_INT64 = 2**63 - 1  # what is more is shown as that


def condition(kind: str, troubles: Sequence[str], good: str, bad: str) -> Object:
    """Return a condition: True for the reason `good` without troubles, else False for `bad`, with what they are."""
    message = "; ".join(troubles)
    # Not an empty one: API servers take "" for null (1.20), which a schema's string is not.
    said = {"message": message if len(message) <= SHOWN else f"{message[: SHOWN - 3]}..."} if message else {}
    return {
        "type": kind,
        "status": "False" if troubles else "True",
        "reason": bad if troubles else good,
        **said,
    }


def pool_status(usages: Iterable[Usage], troubles: Sequence[str]) -> Object:
    """Return a Pool's status."""
    return {
        "usage": [
            {"family": row.family, **{name: min(int(getattr(row, name)), _INT64) for name in _COUNTS}} for row in usages
        ],
        "conditions": [condition(READY, troubles, "InForce", NOT_IN_FORCE)],
    }


def declared_status(addresses: Sequence[Address], troubles: Sequence[str], bad: str = CONFLICT) -> Object:
    """Return the status of what reserves addresses: those in force, and what keeps the others from it.

    `bad`: the reason of the condition if there are troubles.
    """
    return {
        "addresses": [str(address) for address in addresses[:MOST]],
        "conditions": [condition(IN_FORCE, troubles, "Reserved", bad)],
    }


def podnetwork_status(
    addresses: Sequence[Address], troubles: Sequence[str], bad: str, refused: Sequence[str], kept: Sequence[Older]
) -> Object:
    """Return a PodNetwork's status: as `declared_status`, whether it is `refused` as it stands, and what pods keep."""
    all_of_them = [*refused, *(trouble for trouble in troubles if trouble not in refused)]
    status = declared_status(addresses, all_of_them, bad)
    shown = [{name: getattr(one, name) for name in _OLDER} for one in kept[:MOST]]
    return {
        **status,
        "older": shown,
        "conditions": [*status["conditions"], condition(READY, refused, "InForce", NOT_IN_FORCE)],
    }


def updated(found: Object, status: Object, now: str) -> Object | None:
    """Return the patch that gives an object this status, None if it has it; a condition keeps when it came about."""
    before = found.get("status") or {}
    generation = found["metadata"].get("generation", 0)
    known = {one["type"]: one for one in before.get("conditions") or ()}
    conditions = [_since(one, known.get(one["type"]), generation, now) for one in status["conditions"]]
    made = {**status, "observedGeneration": generation, "conditions": conditions}
    return None if all(before.get(key) == wanted for key, wanted in made.items()) else {"status": made}


def message(found: Object) -> str:
    """Return the message of an object's first condition, as it is."""
    known = (found.get("status") or {}).get("conditions") or [{}]
    return str(known[0].get("message", ""))


def unreadable(found: Object) -> str:
    """Return what is wrong with a document that is not in force."""
    from podberth.policy.documents import parse_document

    namespace, name = found["metadata"].get("namespace", ""), found["metadata"]["name"]
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    kind = found.get("kind") or ("PodNetwork" if namespace else "Pool")
    raw = {"apiVersion": resources.POOLS.api_version, "kind": kind, "metadata": metadata, "spec": found.get("spec")}
    try:
        parse_document(raw, str(kind))
    except InvalidConfig as wrong:
        return wrong.message
    return "it is not in force yet"


def _since(one: Object, before: Object | None, generation: int, now: str) -> Object:
    same = before is not None and before["status"] == one["status"]
    when = before["lastTransitionTime"] if same and before is not None else now
    return {**one, "observedGeneration": generation, "lastTransitionTime": when}
