"""Which of several free functions a container had best get. Pure. The kubelet takes it for a hint.

It does not say for which pod: so what a declaration wants can't be looked up here, and is met when the pod's networks
are dealt their devices. What can be known is the machine. All functions of a container come from few NUMA nodes: its
memory is near one. On one node they are spread over PFs, the one with the most free functions first: a pod with two
legs survives the loss of a card's port, and no port fills up before the others. For bonds ports go before nodes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podberth.net.vf import Vf


def preferred(
    functions: Mapping[str, Vf], available: Iterable[str], must: Sequence[str], size: int, *, apart: bool = False
) -> tuple[str, ...]:
    """Return `size` of the `available` devices, or as many as there are, those of `must` among them.

    `apart`: of different PFs first, and of near NUMA nodes second.

    Devices that nobody here knows are left out, unless they have to be in.
    """
    chosen = list(dict.fromkeys(must))[: max(0, size)]
    free = {each: functions[each] for each in available if each in functions and each not in chosen}
    while len(chosen) < size and free:
        found = min(free.values(), key=lambda vf: _rank(vf, chosen, functions, free, size - len(chosen), apart=apart))
        chosen.append(found.address)
        del free[found.address]
    return tuple(chosen)


def _rank(
    vf: Vf, chosen: Sequence[str], functions: Mapping[str, Vf], free: Mapping[str, Vf], left: int, *, apart: bool
) -> tuple[int, bool, bool, int, int, str, int]:
    """Return what the least of is taken next: near those that are chosen, with room for the rest, on the idlest PF."""
    there = [functions[each] for each in chosen if each in functions]
    of_node = sum(each.numa == vf.numa for each in free.values())
    far = bool(there) and vf.numa not in {each.numa for each in there}
    on_pf = sum(each.pf_address == vf.pf_address for each in there)
    idle = sum(each.pf_address == vf.pf_address for each in free.values())
    return on_pf if apart else 0, far, of_node < left, on_pf, -idle, vf.pf_address, vf.index
