"""An attachment that stands by: all of it is there, and nothing leaves by its link: another has its address. Pure."""

from __future__ import annotations

from podberth.cni.value import replace
from podberth.net import ops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from podberth.net.endpoint import Endpoint
    from podberth.net.ops import Address
    from podberth.net.plan import Plan
    from podberth.net.step import Step


def standing_by(plan: Plan, end: Endpoint) -> Plan:
    """Return the plan with the pod's link held back before it is up. Nobody is asked for the addresses, nor told."""
    quiet = [op for op in plan.ops if not isinstance(op, ops.Announce | ops.ProbeAddress)]
    ifname = end.attachment.ifname
    place = next(
        at for at, op in enumerate(quiet)
        if isinstance(op, ops.SetLinkUp | ops.AddAddress) and (op.netns, op.ifname) == (end.netns, ifname)
    )  # fmt: skip
    held = tuple(address.ip for address in end.addresses)
    quiet.insert(place, ops.HoldBack(netns=end.netns, ifname=ifname, held_back=held))
    return replace(plan, ops=tuple(quiet))


def held_back(steps: Iterable[Step]) -> frozenset[Address]:
    """Return the addresses of steps that another has."""
    return frozenset(address for step in steps for address in getattr(step.op, "held_back", ()))
