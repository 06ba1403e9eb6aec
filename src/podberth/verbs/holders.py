"""For whom ledgers have addresses: who has one now, or for whose name it is kept."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.ipam.lease import Holding
    from podberth.net.ops import Address
    from podberth.verbs.node import Node


def holders(node: Node, addresses: Iterable[Address]) -> dict[Address, tuple[str, str]]:
    """Return the namespace and name for which the node's ledger has each address; nothing of one that is nobody's.

    Raises what keeps the ledger from being asked.
    """
    found = {address: _holder(node.ledger.who(address)) for address in addresses} if node.stored() else {}
    return {address: pod for address, pod in found.items() if pod is not None}


def _holder(found: Holding) -> tuple[str, str] | None:
    pod = found.pod or found.reserved_for
    return (pod.namespace, pod.name) if pod is not None else None
