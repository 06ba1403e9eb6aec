"""The real node (`net.host.Host`): each op goes to the module of its family, each error becomes one for the runtime."""

from __future__ import annotations

import errno
import os

from podberth.cni.errors import InvalidNetns, KernelRefused
from podberth.cni.value import replace
from podberth.linux import abilities, inventory, netns, pci, refusals
from podberth.linux.effects import bridges, departing, links
from podberth.linux.ground import Ground
from podberth.linux.netlink import links as nl_links
from podberth.linux.netlink import routes
from podberth.net import ops
from podberth.net.facts import Link
from podberth.net.ops import describe, family, made
from podberth.net.step import INDEX, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import ModuleType

    from podberth.linux.locks import Locked, Locks
    from podberth.linux.netlink.links import LinkInfo
    from podberth.linux.spare import Spare
    from podberth.net.facts import HostDevice, NetnsId
    from podberth.net.ops import Address, Interface, Op
    from podberth.net.outside import Outside
    from podberth.net.policing import Policing
    from podberth.net.seen import DeviceSought
    from podberth.net.step import Drift
    from podberth.net.vf import Counters, Vf

_EFFECTS: dict[type, ModuleType] = {}  # of each op met so far, its family's


class LinuxHost:
    """One node's network. Keep it for one call, or `close` it.

    `given` are descriptors of the network namespaces at some paths, which this process need not see; they become the
    host's own. `spare`: sockets that outlive the call. `outside` makes who calls other plugins.
    """

    def __init__(
        self,
        locks: Locks,
        given: Mapping[str, int] | None = None,
        spare: Spare | None = None,
        outside: Callable[[], Outside] | None = None,
    ) -> None:
        self._ground = Ground(locks, given, spare, outside)
        self._namespaces = self._ground.namespaces

    def close(self) -> None:
        """Close the sockets and namespaces opened so far."""
        self._namespaces.close()

    def named(self, name: str) -> Link | None:
        """Return the node's link of that name, as it is now; None if there is none."""
        self._namespaces.changed(name)  # what a host that was kept saw before may be long ago
        found = self._link(None, name)
        return _fact(found) if found is not None else None

    def towards(self, address: Address) -> str | None:
        """Return the name of the node's link that the way to the address leads over; None without a way."""
        socket = self._namespaces.socket(None)
        try:
            index = routes.link_of(socket.get(routes.GET, routes.way_to(address)))
        except OSError:
            return None  # the kernel says in several ways that there is none
        body = socket.get(nl_links.GET, nl_links.by_index(index)) if index else None
        return nl_links.parse(body).name if body is not None else None

    def named_in(self, netns: str, name: str) -> Link | None:
        """Return the link of that name in the namespace at a path, as it is now; None if there is none."""
        try:
            found = self._namespaces.look(netns, name)
        except OSError as refused:
            raise refusals.translated(f"ip -n {netns} link show {name}", refused) from refused
        return _fact(found) if found is not None else None

    def default_link(self, netns: str | None) -> str:
        """Return the name of the link that has the default route; '' if none has. Of several, the one that is used."""
        try:
            return inventory.default_link(self._namespaces, netns)
        except OSError as refused:
            raise refusals.translated("ip route show default", refused) from refused

    def default_routes(self, netns: str, versions: Iterable[int]) -> frozenset[int]:
        """Return in which of the IP versions the namespace at a path has a default route; none if it is not there."""
        try:
            return inventory.default_routes(self._namespaces, netns, versions)
        except InvalidNetns:
            return frozenset()
        except OSError as refused:
            raise refusals.translated("ip route show default", refused) from refused

    def device(self, sought: DeviceSought) -> HostDevice | None:
        """Return the device that is sought on this node, if it is there."""
        from podberth.linux.sought import device

        try:
            return device(self._namespaces, sought)
        except OSError as refused:
            raise refusals.translated("ip link show", refused) from refused

    def can(self, ability: str) -> bool:
        """Try out whether the node's kernel is able to (`net.seen.Can`). ValueError for what is none of those."""
        return abilities.tried(ability)

    def checks_senders(self, parent: str) -> bool:
        """Say whether it is checked what the ipvlans of a link of the node send."""
        from podberth.linux.effects import parents  # few plans ask

        try:
            return parents.checks(self._namespaces, parent)
        except OSError as refused:
            raise refusals.translated(f"nft list chain netdev podberth-senders at-{parent}", refused) from refused

    def lines(self, path: str) -> tuple[str, ...] | None:
        """Return the lines of a file of the node. KernelRefused if there is one that can't be read."""
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return tuple(line.strip() for line in file)
        except FileNotFoundError:
            return None
        except OSError as refused:
            raise refusals.translated(f"cat {path}", refused) from refused

    @property
    def outside(self) -> Outside:
        """What is beyond the kernel: other plugins, files, API servers. KernelRefused where there is none of it."""
        return self._ground.outside

    def peer(self, netns: str, ifname: str) -> Link | None:
        """Return the node's link that is the other end of a pod's veth pair; None if there is none."""
        inside = self._link(netns, ifname)
        if inside is None or inside.kind != "veth":
            return None
        try:
            found = self._namespaces.peer(netns, inside.index)
        except OSError as refused:
            raise refusals.translated(f"ip -n {netns} link show {ifname}", refused) from refused
        return _fact(found) if found is not None else None

    def netns_id(self, path: str) -> NetnsId | None:
        """Return the identity of the network namespace at `path`; None if there is none (any more)."""
        return self._namespaces.identity(path)

    def own_netns(self) -> NetnsId:
        """Return the identity of this process's network namespace."""
        return netns.numbers(os.fstat(self._namespaces.home()))

    def link(self, netns: str | None, ifname: str) -> Link:
        """Return what a link is, as far as this host has had to do with it. KernelRefused if there is none."""
        found = self._link(netns, ifname)
        if found is None:
            raise KernelRefused(f"there is no link {ifname}", "somebody took it away meanwhile")
        return _fact(found)

    def addresses(self, netns: str | None, ifname: str) -> tuple[Interface, ...]:
        """Return the link's addresses as they are now, but IPv6 link-local ones; IPv4 first. () if there is no link."""
        link = self._link(netns, ifname)
        if link is None:
            return ()
        try:
            return inventory.addresses_of(self._namespaces, netns, link.index)
        except OSError as refused:
            raise refusals.translated(f"ip address show dev {ifname}", refused) from refused

    def vfs(self) -> tuple[Vf, ...]:
        """Return the virtual functions of this node, by PF and index."""
        return inventory.on_this_node(self._namespaces, pci.vfs())

    def vf(self, address: str) -> Vf | None:
        """Return the virtual function with that PCI address, if there is one."""
        found = pci.vf(address)
        return inventory.on_this_node(self._namespaces, (found,))[0] if found is not None else None

    def traffic(self, vf: Vf, netns: str | None, ifname: str) -> Counters:
        """Return what went through a function, as its interface counts, or else its PF."""
        try:
            return inventory.traffic(self._namespaces, vf, netns, ifname)
        except OSError as refused:
            raise refusals.translated(f"ip -statistics link show {vf.pf}", refused) from refused

    def cut_off(self, steps: Sequence[Step], netns: NetnsId | None) -> tuple[Step, ...] | None:
        """See to it that nothing sent over the steps' links gets anywhere; None where only undoing them does that."""
        try:
            return departing.cut_off(self._ground, steps, netns)
        except (OSError, InvalidNetns):
            return None  # what can't be done the quick way is done the long way, and that says why not

    def drop(self, steps: Sequence[Step]) -> None:
        """Delete the veth pairs among the steps' links together, and the bridges that are left without a port."""
        try:
            departing.delete_pairs(self._namespaces, steps)
            joined = (step.op for step in steps if step.before_of(bridges.PORT) is None)
            for op in {op.bridge: op for op in joined if isinstance(op, ops.JoinBridge)}.values():
                bridges.leave(self._ground, op)
                self._ground.left.add(op.bridge)
        except OSError as refused:
            raise refusals.translated("ip link delete", refused) from refused

    def locked(self, key: str, *, wait: bool = True) -> Locked:
        """Hold the node-wide exclusive lock named `key`. TryAgainLater if another holds it for too long, or at all."""
        return self._ground.locked(key, wait=wait)

    def prepare(self, op: Op) -> Step:
        """Read what `op` would replace. No effect."""
        inside: str | None = getattr(op, "netns", None)
        try:
            cookie = self._namespaces.cookie(inside) if inside is not None else None
            own = (("netns", cookie),) if cookie else ()
            return Step(op=op, before=(*own, *_effects(op).before(self._ground, op)))
        except OSError as refused:
            raise refusals.translated(describe(op), refused, op) from refused

    def do(self, step: Step) -> None:
        """Perform the step. Raises KernelRefused; AddressAnswered if a host answers for a probed address.

        What was there when the step was prepared is refused, even if it is gone by now: undoing will not remove it.
        """
        try:
            if step.existed:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            _effects(step.op).do(self._ground, step.op)
        except OSError as refused:
            raise refusals.translated(describe(step.op), refused, step.op) from refused

    def known(self, step: Step) -> Step:
        """Return the step with the index of the link that it has made in the pod's namespace."""
        netns, ifname = made(step.op)
        found = self._link(netns, ifname) if ifname else None
        if found is None:
            return step
        rest = (one for one in step.before if one[0] != INDEX)
        return replace(step, before=(*rest, (INDEX, str(found.index))))

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        """Take the step back; succeeds when nothing is left to take back."""
        self._namespaces.changed()
        if step.existed:
            return
        try:
            _effects(step.op).undo(self._ground, step.op, step, netns)
        except InvalidNetns:
            pass  # it went meanwhile, and what was inside with it
        except OSError as refused:
            raise refusals.translated(f"undoing {describe(step.op)}", refused) from refused

    def repair(self, step: Step, netns: NetnsId) -> None:
        """Bring about again what the step had brought about. KernelRefused, AddressAnswered as with `do`.

        A virtual function and rules that are shared are put right where they are; all else is made anew.
        """
        self._namespaces.changed()
        try:
            _effects(step.op).repair(self._ground, step.op, step, netns)
        except OSError as refused:
            raise refusals.translated(f"repairing {describe(step.op)}", refused, step.op) from refused

    def remove_vlan_device(self, name: str) -> None:
        """Delete a VLAN device that podberth made; the caller knows that nothing stands on it."""
        try:
            links.delete(self._namespaces, None, name, "vlan")
        except OSError as refused:
            raise refusals.translated(f"ip link delete {name}", refused) from refused

    def reclaim(self, device: str) -> None:
        """Give back a virtual function that sriov-cni has given to a pod that is gone; the caller holds its lock."""
        from podberth.linux.effects import sriov_cni

        try:
            sriov_cni.reclaim(self._ground, device)
        except OSError as refused:
            raise refusals.translated(f"giving {device} back for sriov-cni", refused) from refused

    def police(self, netns: str, identity: NetnsId, wanted: Policing) -> bool:
        """Have the namespace at a path let pass what is wanted; return whether anything had to be done."""
        from podberth.linux.policing import level

        try:
            return level(self._namespaces.within(netns, identity), wanted)
        except OSError as refused:
            raise refusals.translated(f"ip netns exec {netns} nft -f", refused) from refused

    def check(self, step: Step) -> tuple[Drift, ...]:
        """Compare the step with the live host; empty if it holds. A link that only has the name is another."""
        try:
            if stranger := self._ground.stranger(step):
                return stranger
            drifts: tuple[Drift, ...] = _effects(step.op).check(self._ground, step.op, step)
        except OSError as refused:
            raise refusals.translated(f"checking {describe(step.op)}", refused) from refused
        return drifts

    def _link(self, netns: str | None, name: str) -> LinkInfo | None:
        try:
            return self._namespaces.seen(netns, name)
        except OSError as refused:
            raise refusals.translated(f"ip link show {name}", refused) from refused


def _effects(op: Op) -> ModuleType:
    """Return the module of an op's family, of its name: loaded once it is needed, for few calls need all of them."""
    module = _EFFECTS.get(type(op))
    if module is None:
        module = __import__(f"podberth.linux.effects.{family(type(op))}", fromlist=["do"])
        _EFFECTS[type(op)] = module
    return module


def _fact(found: LinkInfo) -> Link:
    return Link(
        name=found.name,
        index=found.index,
        kind=found.kind,
        mac=found.mac,
        mtu=found.mtu,
        up=found.up,
        ours=found.ours,
        vlan_filtering=found.vlan_filtering,
    )
