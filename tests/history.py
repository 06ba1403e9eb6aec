"""What an auditor asks of a ledger's events, as `podberth history --json` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def given_twice(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the events that gave an address to a pod while another had it."""
    held: dict[str, dict[str, Any]] = {}
    wrong = []
    for event in events:
        last = held.get(event["address"])
        if event["kind"] == "Bound" and last is not None:
            wrong.append(event)
        if event["kind"] == "Moved" and (last is None or last["pod"] != event["pod"]):
            wrong.append(event)
        if event["kind"] in ("Bound", "Moved"):
            held[event["address"]] = event
        elif event["kind"] == "Unbound":
            held.pop(event["address"], None)
    return wrong
