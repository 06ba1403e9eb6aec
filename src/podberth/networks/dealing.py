"""Which devices of those that the kubelet has given to a pod each of its networks gets. Pure.

The kubelet gives devices to containers, by resource; it knows no network. So they are dealt here: each network gets one
that suits what is declared for it, the first that is left where any will do, in the order of the networks. A bond gets
several, of different ports. That order and the order of the devices are the same each time, so a pod's networks have
the same devices after each restart.

Networks, their ports and the devices are a graph in which each device goes to one network, and no network has more of a
port than its share: paths that augment a flow find what can be dealt (Ford and Fulkerson).
"""

from __future__ import annotations

from podberth.cni.errors import Refused
from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.net.suited import Suited

    Chosen = dict[str, int]  # by device, the place of the need that has it


@value
class Need:
    """A network that needs devices of a resource, `count` of them. `name` is how messages call it."""

    name: str
    suited: Suited
    count: int = 1

    @property
    def share(self) -> int:
        """How many of its devices may be of one port."""
        return -(-self.count // max(1, min(self.count, self.suited.spread)))

    def __str__(self) -> str:
        return self.name if self.count == 1 else f"{self.name}: {self.count}"


def deal(resource: str, pod: str, needs: Sequence[Need], devices: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the devices of each need, in order. Refused names both parties if there are too few, or none suits."""
    given, wanted = ", ".join(devices) or "none", sum(need.count for need in needs)
    if wanted > len(devices):
        raise Refused(
            f"{pod}: its networks need {wanted} of {resource} ({', '.join(map(str, needs))}), and the kubelet"
            f" has given it {given}",
            f"have a container of the pod ask for {wanted} of {resource}, in its resources",
        )
    table = _Table(needs, devices)
    chosen: Chosen = {}
    for place, need in enumerate(needs):
        for _ in range(need.count):
            if not table.given(place, chosen, {place}):
                raise _refused(resource, pod, needs, place, given)
    settled: set[str] = set()
    for place in range(len(needs)):
        chosen = table.preferred(place, chosen, settled)
    found = tuple(tuple(device for device in devices if chosen.get(device) == place) for place in range(len(needs)))
    for place, (need, its) in enumerate(zip(needs, found, strict=True)):
        if len({table.port[device] for device in its}) < min(need.count, need.suited.spread):
            raise _refused(resource, pod, needs, place, given)
    return found


def _refused(resource: str, pod: str, needs: Sequence[Need], place: int, given: str) -> Refused:
    need, suited = needs[place], needs[place].suited
    what = f"{need.name}: the kubelet has given {pod} {given} of {resource}"
    if need.count > 1:
        ports = dict(suited.ports)
        there = len({ports.get(device, device) for device in suited.devices})
        return Refused(
            f"{what}, and {suited.by or 'the network'} asks for a bond of {need.count} over {suited.spread} ports:"
            f" {len(suited.devices)} suit it, of {there}",
            "give the bond a resource for each port (`resourceName: A,B`), or have `vf` name one port alone",
        )
    rivals = "; ".join(f"{each.name}: {each.suited.by or 'any'}" for each in needs)
    return Refused(
        f"{what}, and {suited.by or 'nobody'} asks for others ({rivals})",
        "have the resource and the declaration name the same functions, or let the network choose: without"
        " resourceName it takes a free function that the declaration allows",
    )


class _Table:
    """Needs and devices. `port` is that of each device; one whose port is not known has its own."""

    def __init__(self, needs: Sequence[Need], devices: Sequence[str]) -> None:
        known = {device: port for need in needs for device, port in need.suited.ports}
        self.port = {device: known.get(device, device) for device in devices}
        self._needs, self._devices = needs, devices
        self._suits = [frozenset(need.suited.devices) for need in needs]

    def given(self, place: int, chosen: Chosen, seen: set[object]) -> bool:
        """Give the need one more device, and others another where that is the only way. `seen`: what stays as it is."""
        for port in dict.fromkeys(self.port[device] for device in self._devices if device in self._suits[place]):
            if (place, port) not in seen and self._has(place, port, chosen) < self._needs[place].share:
                seen.add((place, port))
                if self._given_of(place, port, chosen, seen):
                    return True
        return False

    def preferred(self, place: int, chosen: Chosen, settled: set[str]) -> Chosen:
        """Give the need the first devices that it can have, with those that are settled as they are, and all served.

        They are settled then.
        """
        left = self._needs[place].count
        for device in self._devices:
            if not left:
                break
            if device not in settled and chosen.get(device) != place and device in self._suits[place]:
                chosen = self._exchanged(place, device, chosen, settled) or chosen
            if chosen.get(device) == place:
                settled.add(device)
                left -= 1
        return chosen

    def _given_of(self, place: int, port: str, chosen: Chosen, seen: set[object]) -> bool:
        for device in self._devices:
            if self.port[device] != port or device in seen or device not in self._suits[place]:
                continue
            seen.add(device)
            other = chosen.get(device)
            if other is None or (other != place and self._moved(other, port, chosen, seen)):
                chosen[device] = place
                return True
        return False

    def _moved(self, other: int, port: str, chosen: Chosen, seen: set[object]) -> bool:
        """Have a need that gives up a device of the port have another: of the same port, or of any."""
        if (other, port) not in seen:
            seen.add((other, port))
            if self._given_of(other, port, chosen, seen):
                return True
        if other in seen:
            return False
        seen.add(other)
        return self.given(other, chosen, seen)

    def _exchanged(self, place: int, device: str, chosen: Chosen, settled: set[str]) -> Chosen | None:
        """Return what is chosen with the device in the place of another of the need's; None if that can't be."""
        own = [each for each in reversed(self._devices) if chosen.get(each) == place and each not in settled]
        port, other = self.port[device], chosen.get(device)
        full = self._has(place, port, chosen) >= self._needs[place].share
        up = next((each for each in own if not full or self.port[each] == port), None)
        if up is None:
            return None
        trial = {each: has for each, has in chosen.items() if each != up}
        trial[device] = place
        if other is None or self.given(other, trial, {*settled, device, other}):
            return trial
        return None

    def _has(self, place: int, port: str, chosen: Chosen) -> int:
        return sum(has == place and self.port[device] == port for device, has in chosen.items())
