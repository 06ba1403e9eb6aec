"""Which device of those that the kubelet has given to a pod each of its networks gets. Pure.

The kubelet gives devices to containers, by resource; it knows no network. So they are dealt here: each network gets one
that suits what is declared for it, the first that is left where any will do, in the order of the networks. That order
and the order of the devices are the same each time, so a pod's networks have the same devices after each restart.
"""

from __future__ import annotations

from podberth.cni.errors import Refused
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.net.suited import Suited


@value
class Need:
    """A network that needs a device of a resource. `name` is how messages call it."""

    name: str
    suited: Suited


def deal(resource: str, pod: str, needs: Sequence[Need], devices: Sequence[str]) -> tuple[str, ...]:
    """Return the device of each need, in order. Refused names both parties if there are too few, or none suits."""
    given = ", ".join(devices) or "none"
    if len(needs) > len(devices):
        raise Refused(
            f"{pod}: {len(needs)} of its networks need a device of {resource} each"
            f" ({', '.join(need.name for need in needs)}), and the kubelet has given it {given}",
            f"have a container of the pod ask for {len(needs)} of {resource}, in its resources",
        )
    chosen: dict[int, str] = {}
    for place in range(len(needs)):
        if not _extended(place, needs, devices, chosen, set()):
            rivals = "; ".join(f"{need.name}: {need.suited.by or 'any'}" for need in needs)
            raise Refused(
                f"{needs[place].name}: the kubelet has given {pod} {given} of {resource}, and"
                f" {needs[place].suited.by or 'nobody'} asks for others ({rivals})",
                "have the resource and the declaration name the same functions, or let the network choose: without"
                " resourceName it takes a free function that the declaration allows",
            )
    for place in range(len(needs)):
        _prefer(place, needs, devices, chosen)
    return tuple(chosen[place] for place in range(len(needs)))


def _extended(
    place: int, needs: Sequence[Need], devices: Sequence[str], chosen: dict[int, str], tried: set[str]
) -> bool:
    """Give the need a device, and others another where that is the only way (an augmenting path)."""
    for device in devices:
        if device in tried or device not in needs[place].suited.devices:
            continue
        tried.add(device)
        other = next((each for each, has in chosen.items() if has == device), None)
        if other is None or _extended(other, needs, devices, chosen, tried):
            chosen[place] = device
            return True
    return False


def _prefer(place: int, needs: Sequence[Need], devices: Sequence[str], chosen: dict[int, str]) -> None:
    """Give the need the first device that it can have, with those before it as they are and all after it served."""
    settled = {chosen[each] for each in range(place)}
    for device in devices:
        if device == chosen[place]:
            return
        if device in settled or device not in needs[place].suited.devices:
            continue
        trial = {**chosen, place: device}
        other = next((each for each, has in chosen.items() if has == device), None)
        if other is not None:
            del trial[other]
        if other is None or _extended(other, needs, devices, trial, {*settled, device}):
            chosen.update(trial)
            return
