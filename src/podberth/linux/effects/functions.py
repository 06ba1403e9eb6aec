"""Virtual functions: what their PF is told of one, and where its interface is."""

from __future__ import annotations

from podberth.linux import pci
from podberth.linux.effects import vf_links, vf_settings
from podberth.net.ops import ConfigureVf
from podberth.net.step import IDENTITY, Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.net.facts import NetnsId
    from podberth.net.ops.functions import Op
    from podberth.net.step import Step

INCARNATION = "incarnation"  # of what is kept of a step: which one of its address the function was


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield everything the function, or its interface, has now that is to be given back."""
    if incarnation := pci.incarnation(op.device):
        yield INCARNATION, incarnation
    if isinstance(op, ConfigureVf):
        yield from vf_settings.before(at.namespaces, op)
        return
    at.namespaces.changed()
    existed = at.namespaces.seen(op.netns, op.ifname) is not None
    yield from vf_links.before(at.namespaces, op)
    if existed:
        yield "existed", "yes"


def do(at: Ground, op: Op) -> None:
    """Bring every setting about; or bring the interface into the pod's namespace."""
    if isinstance(op, ConfigureVf):
        vf_settings.configure(at.namespaces, op)
    else:
        vf_links.move(at.namespaces, op)
    at.namespaces.changed()


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Give back what was found; or have the interface on the node as it was.

    A function that was made anew under the pod is another one: whatever it is set to is somebody else's word.
    """
    if is_another(op, step):
        return
    if isinstance(op, ConfigureVf):
        vf_settings.give_back(at.namespaces, step, op)
    else:
        vf_links.bring_back(at.namespaces, step, op, alive=at.alive(step, netns))


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare every setting; or where the interface is, its name, MAC and MTU."""
    if is_another(op, step):
        return (Drift(what=op.device, field=IDENTITY, wanted="the function of the ADD", found="one made anew since"),)
    if isinstance(op, ConfigureVf):
        return vf_settings.check(at.namespaces, step, op)
    return vf_links.check(at.namespaces, op)


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Put it right where it is: the function is the pod's already."""
    del netns
    if isinstance(op, ConfigureVf):
        vf_settings.repair(at.namespaces, step, op)
    else:
        vf_links.repair(at.namespaces, op)


def is_another(op: Op, step: Step) -> bool:
    """Say whether the function at the op's address was made anew since the step was recorded."""
    known, now = step.before_of(INCARNATION), pci.incarnation(op.device)
    return known is not None and bool(now) and known != now
