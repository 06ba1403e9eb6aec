"""Where a device that somebody has chosen meets what is declared for the pod: the only place that holds them together.

The function is the choice's: the kubelet's, or whose who names a `deviceID`. Settings and addresses are the
declaration's. Where a PodNetwork asks for functions too, the chosen one has to be among them: nothing is given that an
operator has ruled out, and no function is given that the kubelet has not, since that may give it to another pod.
"""

from __future__ import annotations

from podberth.cni.errors import Refused
from podberth.cni.value import replace
from podberth.net.vf import Selector
from podberth.networks.allocation import resource_of
from podberth.policy.precedence import DECLARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.cni.call import Call
    from podberth.net.vf import FunctionWanted, Vf
    from podberth.policy.precedence import Resolved


def declared(resolved: Resolved) -> tuple[Selector | None, str]:
    """Return which functions a PodNetwork asks for, and which PodNetwork does; (None, '') if none does."""
    selector, by = None, ""
    origins = [origin for origin in resolved.provenance if origin.field in ("vf", "device")]
    for origin in (one for one in origins if one.source in DECLARED and one.value is not None):
        if origin.field == "vf":
            selector = resolved.vf
            by = f"{origin.source} {origin.detail}"
    for origin in (one for one in origins if one.field == "device" and one.source in DECLARED):
        if resolved.device and (selector is None or not selector.pfs):
            selector = replace(selector or Selector(), pfs=(resolved.device,))
            by = by or f"{origin.source} {origin.detail}"
    return selector, by


def met(wanted: FunctionWanted, resolved: Resolved, call: Call) -> FunctionWanted:
    """Return what is wanted, with what a PodNetwork asks for where somebody else has chosen the function."""
    if not wanted.device_ids:
        return wanted
    selector, by = declared(resolved)
    resource = resource_of(call.conf.raw)
    given = f"the kubelet has given of {resource}" if resource else "the plugin's caller has named"
    return replace(wanted, given=given, declared=selector, by=by)


def require_met(vf: Vf, wanted: FunctionWanted) -> None:
    """Refuse a function that was chosen, and that the declaration of the pod rules out. Refused names both parties."""
    if wanted.declared is None or wanted.declared.fits(vf):
        return
    raise Refused(
        f"deviceID: {vf}, which {wanted.given}, is none of those that {wanted.by} asks for ({wanted.declared})",
        "have both name the same functions: change the resource, or `vf` and `device` of the PodNetwork",
    )


def require_apart(vfs: Sequence[Vf], ports: int, wanted: FunctionWanted) -> None:
    """Refuse functions for a bond that were chosen, and are of fewer than so many PFs. Refused names both parties.

    A bond that one port takes down is none (docs/decisions/052-a-bond-is-one-attachment.md).
    """
    there = {vf.pf_address for vf in vfs}
    if len(there) < ports:
        by = f"{wanted.by or 'the network'} asks for ({wanted.declared or wanted.selector})"
        raise Refused(
            f"deviceID: {', '.join(map(str, vfs))}, which {wanted.given or 'are named'}, are of {len(there)} of the"
            f" {ports} ports over which the bond is to be that {by}",
            "give the bond a resource for each port (`resourceName: A,B`), or have `vf` name one port alone",
        )
