"""Whether a node is heard of: it is asked through the cluster's store, and what it writes is looked at.

The witness is this process, by its own monotonic clock. No time that another machine wrote is compared with anything. A
node that answers lives; one that does not may be off, or cut off from the store: silence proves nothing about its pods.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from podberth.ipam.registration import ASK, QUESTION

if TYPE_CHECKING:
    from collections.abc import Callable

    from podberth.ipam.lease import Lease
    from podberth.verbs.node import Node

LISTENING = 60.0  # seconds: an agent asks each 15 s whether it still is the node, and answers then
_LOOK = 1.0  # seconds between two looks


def listen(
    node: Node,
    name: str,
    seconds: float = LISTENING,
    monotonic: Callable[[], float] = time.monotonic,
    rest: Callable[[float], None] = time.sleep,
) -> str:
    """Return how the node was heard of while this process listened for so long, '' if it was not.

    Raises what the store's absence amounts to.
    """
    began, before = monotonic(), _held(node, name)
    question = f"{QUESTION}{secrets.token_hex(8)}"
    asked = node.elsewhere.ask(name, question)
    looked = began
    while monotonic() < began + seconds:
        rest(_LOOK)
        now = monotonic()
        if asked and node.elsewhere.answered(name, question):
            return f"it has answered, {now - began:.0f} s after it was asked"
        if now < min(looked + ASK, began + seconds):
            continue  # it may take the reading of a whole cluster
        looked = now
        if _held(node, name) != before:
            _withdraw(node, name, question, asked=asked)
            return "the addresses that it holds have changed since it was asked"
    if _withdraw(node, name, question, asked=asked):
        return ""
    return "it has answered at the last moment"


def _withdraw(node: Node, name: str, question: str, *, asked: bool) -> bool:
    return not asked or node.elsewhere.withdraw(name, question)


def _held(node: Node, name: str) -> frozenset[Lease]:
    return frozenset(lease for lease in node.ledger.leases() if lease.node == name)
