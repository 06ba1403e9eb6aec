"""All steps, or none: the one place where effects are ordered, and the one undo for failure, DEL, GC and crash."""

from __future__ import annotations

from podberth.cni.errors import AddressTaken, CniError, KernelRefused, TryAgainLater

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from podberth.net.facts import NetnsId
    from podberth.net.host import Host
    from podberth.net.ops import Address, AskGateway
    from podberth.net.step import Step


class AddressAnswered(AddressTaken):
    """Code 101: a host on the wire answers for an address that was to be bound; `mac` is that host's."""

    def __init__(self, address: Address, mac: str) -> None:
        super().__init__(
            f"{address} is in use on the wire: the host with MAC {mac} answers for it",
            "find that host (its switch port shows the MAC) or exclude the address from the pool",
        )
        self.address = address
        self.mac = mac


class GatewaySilent(TryAgainLater):
    """Code 11: the gateway of an address did not answer on the wire, and the pool has it so that it must."""

    def __init__(self, asked: AskGateway, why: str = "") -> None:
        over = f" over {asked.over}" if asked.over else ""
        super().__init__(
            f"gateway {asked.gateway} of {asked.source} does not answer on {asked.ifname}{over}"
            + (why or f": asked {asked.probes} times, {asked.interval_ms} ms apart"),
            "is it up, and in the VLAN of the interface? the pool's `gatewayCheck` asks; the runtime tries again",
        )


class NotUndone(KernelRefused):
    """Code 103: steps could not be taken back; their record has to stay, so that DEL or GC can try again."""


def apply(host: Host, steps: Sequence[Step], netns: NetnsId | None) -> None:
    """Do every step in order; if one fails, undo it and those before it, newest first, then raise its error.

    Raises NotUndone, with the first error as its cause, if undoing failed too.
    """
    for done, step in enumerate(steps):
        try:
            host.do(step)
        except BaseException as cause:
            try:
                revert(host, steps[: done + 1], netns)
            except NotUndone as left:
                raise left from cause
            raise


def revert(host: Host, steps: Iterable[Step], netns: NetnsId | None) -> None:
    """Undo the steps, newest first. One that fails does not keep the others from theirs; NotUndone is raised last."""
    failures: list[CniError] = []
    for step in reversed(tuple(steps)):
        try:
            host.undo(step, netns)
        except CniError as failure:
            failures.append(failure)
        except Exception as bug:  # noqa: BLE001 - the rest is undone all the same
            failures.append(CniError(f"internal error: {type(bug).__name__}: {bug}", "please report it"))
    if failures:
        raise NotUndone("; ".join(failure.message for failure in failures), "DEL or `podberth gc` will try again")
