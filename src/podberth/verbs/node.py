"""What a verb works with: the parts of one node, each behind its protocol, and the plugin's planning function."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from podberth.ipam.ledger import Ledger
    from podberth.net.attachments import Attachments
    from podberth.net.endpoint import Endpoint
    from podberth.net.host import Host
    from podberth.net.ops import Op
    from podberth.policy.store import Policies

    Planner: TypeAlias = Callable[[Endpoint], tuple[Op, ...]]


@value
class Node:
    """`name` is how leases name this node; `clock` returns nanoseconds since the epoch."""

    name: str
    host: Host
    policies: Policies
    ledger: Ledger
    attachments: Attachments
    clock: Callable[[], int]
