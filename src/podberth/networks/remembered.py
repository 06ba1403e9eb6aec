"""What Multus has remembered of a network that it called, as it was called. Pure.

Up to Multus 4.3.0 a list's plugins have only the keys there that libcni knows: no bridge, no ranges, no kubeconfig
(multus-cni, pkg/types, LoadDelegateNetConfFromConfList). Its DEL has leaked addresses by that. libcni's own file of the
attachment has the list as the ADD had it, but for what Multus had added: a device, and arguments of the pod.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def restored(remembered: Mapping[str, object], called: object) -> Mapping[str, object]:
    """Return the configuration that Multus has remembered, with what libcni's file, as JSON has it, says besides.

    A plugin counts as the same by place and type: in Multus' file a list may go on with plugins of a folder.
    """
    plugins = remembered.get("plugins")
    if not isinstance(called, dict) or not isinstance(plugins, list):
        return remembered
    more = called.get("plugins")
    others = more if isinstance(more, list) else []
    whole = [_plugin(each, others[place] if place < len(others) else None) for place, each in enumerate(plugins)]
    return {**remembered, **called, "plugins": whole}


def _plugin(remembered: object, called: object) -> object:
    if not isinstance(remembered, dict) or not isinstance(called, dict):
        return remembered
    if remembered.get("type") != called.get("type"):
        return remembered
    # Go leaves no struct out: an empty one says nothing.
    said = {key: value for key, value in remembered.items() if value not in ({}, None)}
    return {**said, **called}
