"""Which machine a Node object is, by what its kubelet reports of it (`status.nodeInfo`). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podberth.ipam.registration import Registration


def of_node(node: dict[str, Any], mine: Registration) -> str:
    """Return why the machine is not the Node, '' if it may be: a kubelet reports a new boot a moment after it."""
    info = (node.get("status") or {}).get("nodeInfo") or {}
    machine, boot = info.get("machineID") or "", info.get("bootID") or ""
    if "" in (machine, boot, mine.machine, mine.boot) or machine == mine.machine or boot == mine.boot:
        return ""
    return (
        f"Node {mine.node} is the machine with machine-id {machine}, by its kubelet's report, and this one's is"
        f" {mine.machine}: two machines under one name would end each other's leases"
    )
