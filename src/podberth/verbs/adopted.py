"""Attachments that the CNI project's plugins have made: this node has no record of them, and makes none.

A plugin of a type that the project has too says what the other one would have made (`adopted`). CHECK and DEL of what
there is no record of go by that. It is looked at again at each call, so it may be repeated, and a DEL keeps nothing.
"""

from __future__ import annotations

from podberth.net.apply import revert

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.net.step import Drift, Step
    from podberth.verbs.node import Node, Plugin


def adopted(call: Call, plugin: Plugin) -> tuple[Step, ...]:
    """Return the steps that the CNI project's plugin of the type has done for the call; none if there is no such."""
    said = getattr(plugin, "adopted", None)
    found: tuple[Step, ...] = said(call) if said is not None and call.conf.type in plugin.TYPES else ()
    return found


def take_away(node: Node, call: Call, plugin: Plugin) -> None:
    """Undo what the CNI project's plugin has made for the call, as far as it is there. Raises NotUndone.

    A path that leads to the plugin's own namespace is a pod's that is gone, as of a process whose number went on to
    another: nothing of the node is a pod's. So ADD has it too, but for CNI_NETNS_OVERRIDE.
    """
    steps = adopted(call, plugin)
    if steps:
        found = node.host.netns_id(call.netns) if call.netns else None
        if found is not None and found == node.host.own_netns() and not call.netns_override:
            found = None
        revert(node.host, steps, found)


def differences(node: Node, steps: tuple[Step, ...]) -> tuple[Drift, ...]:
    """Compare what another plugin has made with the host."""
    return tuple(drift for step in steps for drift in node.host.check(step))
