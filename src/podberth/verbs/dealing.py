"""Which devices the plugin of a network would take for a pod: what a meta plugin asks before it deals them."""

from __future__ import annotations

from podberth.cni.value import replace
from podberth.net.suited import Suited
from podberth.net.vf import FunctionWanted
from podberth.policy.precedence import resolve
from podberth.verbs.attach import asked_of
from podberth.verbs.devices import labelled
from podberth.verbs.network import network_of
from podberth.verbs.role import own_fields, role_of, state_dir
from podberth.verbs.suiting import declared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.cni.call import Call
    from podberth.verbs.node import Node, Plugin


def directory_of(call: Call, plugin: Plugin) -> str:
    """Return the state directory that a call names."""
    return state_dir(own_fields(call.conf, role_of(call.conf, plugin)))


def suited(node: Node, call: Call, plugin: Plugin, among: tuple[str, ...]) -> Suited:
    """Return which of the devices the plugin would take for the call's pod, and who says so.

    All of them where it makes no interface of functions, or no PodNetwork asks for some. Raises as the ADD would.
    """
    network = network_of(call.conf, plugin)
    kind = network.kind
    if kind is None or kind.vf is None:
        return Suited(devices=among)
    selector, by = declared(resolve(asked_of(node, network, call), node.policies)) if node.stored() else (None, "")
    there = labelled(node, [vf for vf in map(node.host.vf, among) if vf is not None])
    found = Suited(devices=among)
    if selector is not None:
        fitting = tuple(vf.address for vf in there if selector.fits(vf))
        found = Suited(devices=fitting, by=f"{by} ({selector})")
    if kind.members == 1:
        return found
    wanted = FunctionWanted.of_pf(selector or kind.vf, None if selector else kind.parent, count=kind.members)
    would_do = [vf for vf in labelled(node, node.host.vfs()) if wanted.selector.fits(vf)]
    return replace(
        found,
        count=kind.members,
        spread=wanted.ports(would_do),
        ports=tuple((vf.address, vf.pf_address) for vf in there),
    )
