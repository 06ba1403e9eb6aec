"""Whose word on a pod's addresses counts. Pure.

A pod's network-status is an annotation: all who may change the pod may write into it. So an address counts as a pod's
if a ledger has it for the pod's name. Addresses that no ledger has are those of other plugins' legs: they count where
the operator has said so of their network.
"""

from __future__ import annotations

from podberth.cni.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import TypeAlias

    from podberth.cni.parsers import Address, Network

    PodKey: TypeAlias = tuple[str, str]  # of namespace and name

KEY = "peersByStatus"  # of the configuration, by which the operator says so


@value
class Said:
    """An address that the network-status of a pod says."""

    pod: PodKey
    address: Address


@value
class Doubt:
    """Why an address that a pod says does not count as its own."""

    said: Said
    why: str

    def __str__(self) -> str:
        return f"{self.said.address} of {'/'.join(self.said.pod)}: {self.why}"


def weighed(
    said: Iterable[Said], holders: Mapping[Address, Collection[PodKey]], by_status: Collection[Network]
) -> tuple[tuple[Address, ...], tuple[Doubt, ...]]:
    """Return the addresses that count, and why others do not. `holders`: for whom ledgers have an address."""
    counted: list[Address] = []
    doubts: list[Doubt] = []
    for one in said:
        has = holders.get(one.address, ())
        if one.pod in has or (not has and any(one.address in network for network in by_status)):
            counted.append(one.address)
        elif has:
            owners = ", ".join("/".join(pod) for pod in sorted(has))
            doubts.append(Doubt(said=one, why=f"the ledger has it for {owners}"))
        else:
            doubts.append(Doubt(said=one, why=f"no ledger has it, and {KEY} does not name its network"))
    return tuple(dict.fromkeys(counted)), tuple(doubts)
