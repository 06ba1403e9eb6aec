"""The real node (`net.host.Host`): each op goes to the module of its family, each error becomes one for the runtime."""

from __future__ import annotations

import errno
import os

from podberth.cni.errors import InvalidNetns, KernelRefused
from podberth.linux import abilities, netns, pci, probe, shaping
from podberth.linux.effects import (
    addressing,
    announcing,
    bridges,
    departing,
    devices,
    forwarding,
    limits,
    sysctls,
    vf_links,
    vf_settings,
)
from podberth.linux.inventory import on_this_node, traffic
from podberth.linux.namespaces import Namespaces
from podberth.linux.refusals import translated
from podberth.net import ops
from podberth.net.apply import AddressAnswered
from podberth.net.describe import describe
from podberth.net.facts import Facts, Link
from podberth.net.step import Drift, Step
from podberth.process import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

    from podberth.linux.locks import Locked, Locks
    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.facts import NetnsId
    from podberth.net.ops import Op
    from podberth.net.vf import Counters, Vf

LOCK_SECONDS = 60.0


class LinuxHost:
    """One node's network. Keep it for one call, or `close` it.

    `given` are descriptors of the network namespaces at some paths, which this process need not see; they become the
    host's own.
    """

    def __init__(self, locks: Locks, given: Mapping[str, int] | None = None) -> None:
        self._locks = locks
        self._namespaces = Namespaces(given)
        self._left: set[str] = set()  # bridges that `drop` has seen to

    def close(self) -> None:
        """Close the sockets and namespaces opened so far."""
        self._namespaces.close()

    def facts(self, parent: str | None, *, vlan: bool) -> Facts:
        """Return what planning needs to know; with `vlan`, also what the kernel can do with VLANs."""
        if parent is not None:
            self._namespaces.changed(parent)  # what a host that was kept saw before may be long ago
        found = self._link(None, parent) if parent is not None else None
        link = _fact(found) if found is not None else None
        new_bridge = vlan and link is None
        on_parent = vlan and link is not None and link.kind != "bridge"
        return Facts(
            parent=link,
            bridge_vlan_filtering=new_bridge and abilities.vlan_filtering(),
            vlan_devices=on_parent and abilities.vlan_devices(),
        )

    def netns_id(self, path: str) -> NetnsId | None:
        """Return the identity of the network namespace at `path`; None if there is none (any more)."""
        return self._namespaces.identity(path)

    def own_netns(self) -> NetnsId:
        """Return the identity of this process's network namespace."""
        return netns.own()

    def link(self, netns: str | None, ifname: str) -> Link:
        """Return what a link is, as far as this host has had to do with it. KernelRefused if there is none."""
        found = self._link(netns, ifname)
        if found is None:
            raise KernelRefused(f"there is no link {ifname}", "somebody took it away meanwhile")
        return _fact(found)

    def vfs(self) -> tuple[Vf, ...]:
        """Return the virtual functions of this node, by PF and index."""
        return on_this_node(self._namespaces, pci.vfs())

    def vf(self, address: str) -> Vf | None:
        """Return the virtual function with that PCI address, if there is one."""
        found = pci.vf(address)
        return on_this_node(self._namespaces, (found,))[0] if found is not None else None

    def traffic(self, vf: Vf, netns: str | None, ifname: str) -> Counters:
        """Return what went through a function, as its interface counts, or else its PF."""
        try:
            return traffic(self._namespaces, vf, netns, ifname)
        except OSError as refused:
            raise translated(f"ip -statistics link show {vf.pf}", refused) from refused

    def cut_off(self, steps: Sequence[Step], netns: NetnsId | None) -> tuple[Step, ...] | None:
        """See to it that nothing sent over the steps' links gets anywhere; None where only undoing them does that."""
        if any(isinstance(step.op, ops.WriteSysctl) and step.before_of("value") for step in steps):
            return None  # the namespace's own settings: whoever is attached to it next must find them as they were
        try:
            for step in steps:
                match step.op:
                    case ops.CreateVeth(netns=at, ifname=name) if not step.existed and departing.has_port(steps):
                        departing.close_port(self._namespaces, step.op)
                    case ops.CreateMacvlan(netns=at, ifname=name) | ops.CreateIpvlan(netns=at, ifname=name) if (
                        not step.existed
                    ):
                        pass
                    case _:
                        continue
                if not self._alive(step, netns):
                    return tuple(steps)
                return departing.put_away(self._namespaces, at, name, steps)
        except (OSError, InvalidNetns):
            pass  # what can't be done the quick way is done the long way, and that says why not
        return None

    def drop(self, steps: Sequence[Step]) -> None:
        """Delete the veth pairs among the steps' links together, and the bridges that are left without a port."""
        try:
            departing.delete_pairs(self._namespaces, steps)
            for op in {step.op.bridge: step.op for step in steps if isinstance(step.op, ops.JoinBridge)}.values():
                with self.locked(f"bridge:{op.bridge}"):
                    bridges.leave(self._namespaces, op)
                self._left.add(op.bridge)
        except OSError as refused:
            raise translated("ip link delete", refused) from refused

    def locked(self, key: str, *, wait: bool = True) -> Locked:
        """Hold the node-wide exclusive lock named `key`. TryAgainLater if another holds it for too long, or at all."""
        return self._locks.hold(key, LOCK_SECONDS if wait else 0.0)

    def prepare(self, op: Op) -> Step:
        """Read what `op` would replace. No effect."""
        try:
            return Step(op=op, before=tuple(self._before(op)))
        except OSError as refused:
            raise translated(describe(op), refused, op) from refused

    def do(self, step: Step) -> None:
        """Perform the step. Raises KernelRefused; AddressAnswered if a host answers for a probed address.

        What was there when the step was prepared is refused, even if it is gone by now: undoing will not remove it.
        """
        try:
            if step.existed:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            self._do(step.op)
        except OSError as refused:
            raise translated(describe(step.op), refused, step.op) from refused

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        """Take the step back; succeeds when nothing is left to take back."""
        try:
            self._undo(step, netns)
        except InvalidNetns:
            pass  # it went meanwhile, and what was inside with it
        except OSError as refused:
            raise translated(f"undoing {describe(step.op)}", refused) from refused

    def repair(self, step: Step, netns: NetnsId) -> None:
        """Bring about again what the step had brought about. KernelRefused, AddressAnswered as with `do`.

        A virtual function and rules that are shared are put right where they are; all else is made anew.
        """
        op = step.op
        try:
            match op:
                case ops.ConfigureVf():
                    vf_settings.repair(self._namespaces, step, op)
                case ops.MoveVf():
                    vf_links.repair(self._namespaces, op)
                case ops.Masquerade():
                    _masquerading().bring_about(self._namespaces, op)
                case _:
                    self._undo(step, netns)
                    self._do(op)
        except OSError as refused:
            raise translated(f"repairing {describe(op)}", refused, op) from refused

    def remove_vlan_device(self, name: str) -> None:
        """Delete a VLAN device that podberth made; the caller knows that nothing stands on it."""
        try:
            devices.delete(self._namespaces, None, name, "vlan")
        except OSError as refused:
            raise translated(f"ip link delete {name}", refused) from refused

    def check(self, step: Step) -> tuple[Drift, ...]:
        """Compare the step with the live host; empty if it holds."""
        op = step.op
        try:
            if isinstance(op, ops.CreateVeth | ops.CreateMacvlan | ops.CreateIpvlan) and not self._is_of(
                step, op.netns
            ):
                return (Drift(what=op.ifname, field="netns", wanted=f"{op.netns} as at ADD", found="another one"),)
            return self._check(step)
        except OSError as refused:
            raise translated(f"checking {describe(step.op)}", refused) from refused

    def _link(self, netns: str | None, name: str) -> LinkInfo | None:
        try:
            return self._namespaces.seen(netns, name)
        except OSError as refused:
            raise translated(f"ip link show {name}", refused) from refused

    def _alive(self, step: Step, netns: NetnsId | None) -> bool:
        """Say whether the namespace that the step acts in is still the one it was prepared in."""
        inside: str | None = getattr(step.op, "netns", None)
        if inside is None:
            return True
        if netns is None:
            return False
        if step.before_of("netns") is None:  # before Linux 5.14
            return self.netns_id(inside) == netns
        try:
            return self._namespaces.held(inside) == netns and self._is_of(step, inside)
        except InvalidNetns:
            return False

    def _is_of(self, step: Step, inside: str) -> bool:
        recorded = step.before_of("netns")
        try:
            return recorded is None or recorded == self._namespaces.cookie(inside)
        except InvalidNetns:
            return False  # it went meanwhile

    def _before(self, op: Op) -> Iterator[tuple[str, str]]:  # noqa: C901 - a flat table of the ops
        at = self._namespaces
        inside: str | None = getattr(op, "netns", None)
        if inside is not None and (cookie := at.cookie(inside)):
            yield "netns", cookie
        if isinstance(op, ops.CreateVeth | ops.CreateMacvlan | ops.CreateIpvlan) and (boot := machine.boot_id()):
            yield "boot", boot  # that no interface outlives
        existed = False
        match op:
            case ops.CreateVeth():
                at.changed()  # what a host that was kept saw before may be long ago
                existed = (at.seen(None, op.name) or at.seen(op.netns, op.ifname)) is not None
            case ops.CreateMacvlan() | ops.CreateIpvlan():
                existed = at.look(op.netns, op.ifname) is not None  # its parent is as it was planned for
            case ops.AddAddress() | ops.AddRoute():
                existed = addressing.present(at, op)
            case ops.LimitTransmit() | ops.LimitReceive():
                existed = limits.present(at, op)
            case ops.WriteSysctl():
                if (found := sysctls.read(at, op)) is not None:
                    yield "value", found
            case ops.ConfigureVf():
                yield from vf_settings.before(at, op)
            case ops.MoveVf():
                at.changed()
                existed = at.seen(op.netns, op.ifname) is not None
                yield from vf_links.before(at, op)
        if existed:
            yield "existed", "yes"

    def _do(self, op: Op) -> None:  # noqa: C901 - a flat table of the ops
        at = self._namespaces
        match op:
            case ops.CreateVeth():
                devices.create_veth(at, op)
                at.changed()
            case ops.CreateMacvlan() | ops.CreateIpvlan():
                with self.locked(f"link:{ops.vlan_device(op) or op.parent}"):
                    devices.create_on_parent(at, op)
                at.changed()
            case ops.JoinBridge():
                with self.locked(f"bridge:{op.bridge}"):
                    bridges.join(at, op)
                at.changed(op.bridge)  # it has taken its new port's MAC, if that is the lowest
            case ops.EnableForwarding():
                forwarding.enable(at, op)
            case ops.Masquerade():
                _masquerading().masquerade(at, op)
            case ops.WriteSysctl():
                sysctls.write(at, op, op.value)
            case ops.SetLinkUp():
                at.set_up(op.netns, op.ifname)
            case ops.AwaitCarrier():
                vf_links.await_carrier(at, op)
            case ops.ConfigureVf():
                vf_settings.configure(at, op)
                at.changed()
            case ops.MoveVf():
                vf_links.move(at, op)
                at.changed()
            case ops.AddAddress() | ops.AddRoute():
                addressing.add(at, op)
            case ops.LimitTransmit():
                shaping.limit_transmit(at.socket(op.netns), op.ifname, op.mbit)
            case ops.LimitReceive():
                shaping.limit_receive(at.socket(op.netns), op.ifname, op.ifb, op.mbit)
            case ops.ProbeAddress():
                self._probe(op)
            case ops.Announce():
                announcing.announce(at, op)

    def _probe(self, op: ops.ProbeAddress) -> None:
        bridges.await_port(self._namespaces, self._namespaces.known(op.netns, op.ifname))
        mac = self._namespaces.call(op.netns, lambda: probe.probe(op.ifname, op.address, op.probes, op.interval_ms))
        if mac is not None:
            raise AddressAnswered(op.address, mac)

    def _undo(self, step: Step, netns: NetnsId | None) -> None:  # noqa: C901 - a flat table of the ops
        at, op = self._namespaces, step.op
        at.changed()
        if step.existed:
            return
        match op:
            case ops.CreateVeth():
                devices.delete(at, None, op.name, "veth")  # also when the pod's namespace is gone
            case ops.CreateMacvlan() | ops.CreateIpvlan() if self._alive(step, netns):
                devices.delete(at, op.netns, op.ifname, "macvlan", "ipvlan")
                departing.delete_going(at, op.netns)  # a DEL that was answered has taken its name
            case ops.JoinBridge() if op.bridge not in self._left:
                with self.locked(f"bridge:{op.bridge}"):
                    bridges.leave(at, op)
            case ops.Masquerade():
                _masquerading().stop(at, op)
            case ops.WriteSysctl() if self._alive(step, netns):
                sysctls.restore(at, step, op)
            case ops.AddAddress() | ops.AddRoute() if self._alive(step, netns):
                addressing.remove(at, op)
            case ops.ConfigureVf():
                vf_settings.give_back(at, step, op)
            case ops.MoveVf():
                vf_links.bring_back(at, step, op, alive=self._alive(step, netns))
            case ops.LimitTransmit() if self._alive(step, netns):
                shaping.unlimit_transmit(at.socket(op.netns), op.ifname)
            case ops.LimitReceive() if self._alive(step, netns):
                shaping.unlimit_receive(at.socket(op.netns), op.ifname, op.ifb)
            case _:
                pass  # nothing of it outlives the link that an earlier step made

    def _check(self, step: Step) -> tuple[Drift, ...]:  # noqa: C901 - a flat table of the ops
        at, op = self._namespaces, step.op
        match op:
            case ops.CreateVeth():
                return devices.check_veth(at, op)
            case ops.CreateMacvlan() | ops.CreateIpvlan():
                return devices.check_on_parent(at, op)
            case ops.JoinBridge():
                return bridges.check(at, op)
            case ops.EnableForwarding():
                return forwarding.check(at, op)
            case ops.Masquerade():
                drifts: tuple[Drift, ...] = _masquerading().check(at, op)
                return drifts
            case ops.WriteSysctl():
                return sysctls.check(at, op)
            case ops.ConfigureVf():
                return vf_settings.check(at, step, op)
            case ops.MoveVf():
                return vf_links.check(at, op)
            case ops.SetLinkUp():
                return addressing.check_up(at, op)
            case ops.AddAddress() | ops.AddRoute():
                return addressing.check(at, op)
            case ops.LimitTransmit():
                return shaping.check_transmit(at.socket(op.netns), op.ifname, op.mbit)
            case ops.LimitReceive():
                return shaping.check_receive(at.socket(op.netns), op.ifname, op.ifb, op.mbit)
            case _:
                return ()  # asked and told at ADD; nothing of it stays


def _masquerading() -> ModuleType:
    """Return what only networks that masquerade have a use for."""
    from podberth.linux.effects import masquerading

    return masquerading


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
