"""Virtual functions: what their PF is told of one, and where its interface is."""

from __future__ import annotations

from podberth.linux.effects import vf_links, vf_settings
from podberth.net.ops import ConfigureVf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.net.facts import NetnsId
    from podberth.net.ops.functions import Op
    from podberth.net.step import Drift, Step


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield everything the function, or its interface, has now that is to be given back."""
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
    """Give back what was found; or have the interface on the node as it was."""
    if isinstance(op, ConfigureVf):
        vf_settings.give_back(at.namespaces, step, op)
    else:
        vf_links.bring_back(at.namespaces, step, op, alive=at.alive(step, netns))


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Compare every setting; or where the interface is, its name, MAC and MTU."""
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
