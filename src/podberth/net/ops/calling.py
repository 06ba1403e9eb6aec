"""Calls of others' plugins, and of podberth's own: one network of a pod that has several."""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["AdoptCalls", "CallPlugins"]


@value
class CallPlugins:
    """cnitool add NETWORK NETNS, with CNI_IFNAME; DEL takes it back.

    `config`: the network's list of plugins as JSON, as it was when the pod began. `args`: CNI_ARGS, each 'KEY=VALUE'.
    `capabilities`: what the plugins are offered, as JSON. `path`: where they are looked for. `cache`: the folder where
    results are remembered. `label` is how the pod's network-status calls the network, and whether it is the `default`.
    `sheds`: of which IP versions, '4' or '6', the link loses the default routes that its plugins gave it: another has
    them. `gateways`: of the default routes that it gets in their place. `claim`: NAME/UID of the IPAMClaim whose
    addresses it has; `standby`: once the live migration is over whose target the pod is. `info_from` is the file about
    its device that a device plugin has written, and `info_file` the copy that its plugins are told of. Of a bond's
    devices there are several, with commas between, and no copy.
    """

    network: str
    netns: str
    ifname: str
    container_id: str
    config: str
    path: tuple[str, ...]
    cache: str
    args: tuple[str, ...] = ()
    capabilities: str = ""
    label: str = ""
    default: bool = False
    sheds: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    claim: str = ""
    standby: bool = False
    info_from: str = ""
    info_file: str = ""


@value
class AdoptCalls:
    """cnitool del, for each network of a pod that Multus has remembered in the file at `path`."""

    netns: str
    ifname: str
    container_id: str
    path: str
    search: tuple[str, ...]
    cache: str
    args: tuple[str, ...] = ()


if TYPE_CHECKING:
    Op: TypeAlias = CallPlugins | AdoptCalls


def describe(op: Op) -> str:
    """Return the op as a command line."""
    if isinstance(op, CallPlugins):
        return f"CNI_IFNAME={op.ifname} cnitool add {op.network} {op.netns}"
    return f"CNI_IFNAME={op.ifname} cnitool del, for each network in {op.path}"
