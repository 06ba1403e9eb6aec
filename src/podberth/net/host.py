"""What the planner and the executor may ask of a node; `podberth.linux` is the real one."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from podberth.net.facts import HostDevice, Link, NetnsId
    from podberth.net.ops import Address, Interface, Op
    from podberth.net.outside import Outside
    from podberth.net.policing import Policing
    from podberth.net.seen import DeviceSought
    from podberth.net.step import Drift, Step
    from podberth.net.vf import Counters, Vf


class Host(Protocol):
    """A node's network. Methods raise `KernelRefused`, `InvalidNetns` or `TryAgainLater`."""

    def named(self, name: str) -> Link | None:
        """Return the node's link of that name, as it is now; None if there is none."""
        ...

    def towards(self, address: Address) -> str | None:
        """Return the name of the node's link that the way to the address leads over; None without a way."""
        ...

    def named_in(self, netns: str, name: str) -> Link | None:
        """Return the link of that name in the namespace at a path, as it is now; None if there is none."""
        ...

    def default_link(self, netns: str | None) -> str:
        """Return the name of the link that has the default route; '' if none has. Of several, the one that is used."""
        ...

    def default_routes(self, netns: str, versions: Iterable[int]) -> frozenset[int]:
        """Return in which of the IP versions the namespace at a path has a default route; none if it is not there."""
        ...

    def device(self, sought: DeviceSought) -> HostDevice | None:
        """Return the device that is sought on this node, if it is there."""
        ...

    def can(self, ability: str) -> bool:
        """Try out whether the node's kernel is able to (`net.seen.Can`). ValueError for what is none of those."""
        ...

    def checks_senders(self, parent: str) -> bool:
        """Say whether it is checked what the ipvlans of a link of the node send (`net.ops.ListSenders`)."""
        ...

    def lines(self, path: str) -> tuple[str, ...] | None:
        """Return the lines of a file of the node, without white space around them; None if there is none."""
        ...

    @property
    def outside(self) -> Outside:
        """What is beyond the kernel: other plugins, files, API servers. KernelRefused where there is none of it."""
        ...

    def peer(self, netns: str, ifname: str) -> Link | None:
        """Return the node's link that is the other end of a pod's veth pair; None if the pod's link is of no such."""
        ...

    def netns_id(self, path: str) -> NetnsId | None:
        """Return the identity of the network namespace at `path`; None if there is none (any more)."""
        ...

    def own_netns(self) -> NetnsId:
        """Return the identity of this process's network namespace."""
        ...

    def prepare(self, op: Op) -> Step:
        """Read what `op` would replace. No effect."""
        ...

    def do(self, step: Step) -> None:
        """Perform the step, or raise with nothing changed. `ProbeAddress` raises `AddressAnswered`."""
        ...

    def known(self, step: Step) -> Step:
        """Return a step that was done, with what its link is known by from now on: a name can become another's."""
        ...

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        """Take the step back; succeeds when nothing is left to take back.

        `netns` is the identity the namespace had at ADD: a path that names another one by now is left alone.
        """
        ...

    def remove_vlan_device(self, name: str) -> None:
        """Delete a VLAN device that podberth made and nothing stands on any more, which the caller has made sure of."""
        ...

    def reclaim(self, device: str) -> None:
        """Give back a virtual function, by PCI address, that sriov-cni has given to a pod that is gone.

        The caller holds its lock. TryAgainLater while sriov-cni is at it.
        """
        ...

    def repair(self, step: Step, netns: NetnsId) -> None:
        """Bring about what the step had brought about, on a host where `check` found something else."""
        ...

    def check(self, step: Step) -> tuple[Drift, ...]:
        """Compare the step with the live host; empty if it holds."""
        ...

    def link(self, netns: str | None, ifname: str) -> Link:
        """Return what a link is: as it was when it was first looked at since this host changed anything about links.

        KernelRefused if there is none.
        """
        ...

    def addresses(self, netns: str | None, ifname: str) -> tuple[Interface, ...]:
        """Return the link's addresses as they are now, but IPv6 link-local ones; IPv4 first. () if there is no link."""
        ...

    def vfs(self) -> tuple[Vf, ...]:
        """Return the virtual functions of this node, by PF and index; without labels, which the store knows."""
        ...

    def vf(self, address: str) -> Vf | None:
        """Return the virtual function with that PCI address, if there is one."""
        ...

    def traffic(self, vf: Vf, netns: str | None, ifname: str) -> Counters:
        """Return what went through a function whose interface is in `netns`, None if nobody knows where."""
        ...

    def close(self) -> None:
        """Let go of whatever was opened: a namespace that is held open outlives its pod."""
        ...

    def cut_off(self, steps: Sequence[Step], netns: NetnsId | None) -> tuple[Step, ...] | None:
        """See to it that nothing sent over the steps' links gets anywhere, and that their names in the pod are free.

        Return the steps that are left to undo, with the names that links have by now; None where only undoing the
        steps does all that. It returns at once. A link that is gone already needs no cutting off.
        """
        ...

    def drop(self, steps: Sequence[Step]) -> None:
        """Delete those of the steps' links that can be deleted together, ahead of undoing each step."""
        ...

    def police(self, netns: str, identity: NetnsId, wanted: Policing) -> bool:
        """Have the namespace at a path let pass what is wanted, in one step; return whether anything had to be done.

        InvalidNetns if another namespace, or none, is there by now.
        """
        ...

    def locked(self, key: str, *, wait: bool = True) -> AbstractContextManager[None]:
        """Hold the node-wide exclusive lock named `key` (across processes; gone with the process).

        TryAgainLater if somebody has it for too long; unless they `wait`, at all.
        """
        ...
