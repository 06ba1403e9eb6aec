"""Which machine a Node object is, by what its kubelet reports of it (`status.nodeInfo`). Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podberth.ipam.registration import Proof

if TYPE_CHECKING:
    from podberth.ipam.registration import Registration


def of_node(node: dict[str, Any], mine: Registration) -> Proof:
    """Return whether the machine is the Node. One of another boot waits: its kubelet reports that a moment after it.

    So of a machine and its copy the one is the Node whose kubelet has reported last, and never are both.
    """
    info = (node.get("status") or {}).get("nodeInfo") or {}
    machine, boot = info.get("machineID") or "", info.get("bootID") or ""
    if "" in (machine, boot, mine.machine, mine.boot) or boot == mine.boot:
        return Proof()
    if machine == mine.machine:
        return Proof(
            refusal=f"Node {mine.node} is in boot {boot}, by its kubelet's report, and this machine in boot"
            f" {mine.boot}: its kubelet has not reported that yet, or this is a copy of the machine",
            pending=True,
        )
    return Proof(
        refusal=f"Node {mine.node} is the machine with machine-id {machine}, by its kubelet's report, and this one's is"
        f" {mine.machine}: two machines under one name would end each other's leases"
    )
