# ruff: noqa: ARG002 - a host without a kernel has no use for most of what it is told
"""A host without a kernel, for the tests of all that stands on one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from podberth.cni.call import Call, Verb
from podberth.cni.fields import Fields
from podberth.cni.netconf import NetConf
from podberth.net.facts import Link, NetnsId
from podberth.net.seen import see
from podberth.net.step import Drift, Step
from podberth.net.vf import Counters
from podberth.plugins import podberth

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podberth.net.endpoint import Endpoint
    from podberth.net.facts import HostDevice
    from podberth.net.host import Host
    from podberth.net.ops import Address, Interface, Op
    from podberth.net.outside import Outside
    from podberth.net.policing import Policing
    from podberth.net.seen import DeviceSought
    from podberth.net.vf import Vf


class FakeHost:
    """A host that says what a node would say, has these namespaces, and counts the effects it was asked for."""

    def __init__(self, namespaces: Mapping[str, NetnsId] | None = None) -> None:
        self.namespaces = dict(namespaces or {})
        self.effects: list[Op] = []
        self.policed: dict[str, Policing] = {}

    def named(self, name: str) -> Link | None:
        return None

    def towards(self, address: Address) -> str | None:
        return "bank0"

    def named_in(self, netns: str, name: str) -> Link | None:
        return None

    def default_link(self, netns: str | None) -> str:
        return ""

    def default_routes(self, netns: str, versions: Iterable[int]) -> frozenset[int]:
        return frozenset()

    def device(self, sought: DeviceSought) -> HostDevice | None:
        return None

    def can(self, ability: str) -> bool:
        return True

    def checks_senders(self, parent: str) -> bool:
        return False

    def lines(self, path: str) -> tuple[str, ...] | None:
        return None

    @property
    def outside(self) -> Outside:
        raise AssertionError("nobody calls other plugins here")

    def peer(self, netns: str, ifname: str) -> Link | None:
        return None

    def netns_id(self, path: str) -> NetnsId | None:
        return self.namespaces.get(path)

    def own_netns(self) -> NetnsId:
        return NetnsId(device=4, inode=1)

    def prepare(self, op: Op) -> Step:
        return Step(op=op)

    def do(self, step: Step) -> None:
        self.effects.append(step.op)

    def police(self, netns: str, identity: NetnsId, wanted: Policing) -> bool:
        changed = self.policed.get(netns) != wanted
        self.policed[netns] = wanted
        return changed

    def known(self, step: Step) -> Step:
        return step

    def undo(self, step: Step, netns: NetnsId | None) -> None:
        self.effects.append(step.op)

    def remove_vlan_device(self, name: str) -> None:
        raise AssertionError(f"nobody made {name}")

    def reclaim(self, device: str) -> None:
        """Sriov-cni has never been here."""

    def check(self, step: Step) -> tuple[Drift, ...]:
        return ()

    def repair(self, step: Step, netns: NetnsId) -> None:
        raise AssertionError(f"nobody asked for {step}")

    def link(self, netns: str | None, ifname: str) -> Link:
        return Link(name=ifname, index=1, kind="", mac="02:50:00:00:00:01", mtu=1500, up=True, ours=True)

    def addresses(self, netns: str | None, ifname: str) -> tuple[Interface, ...]:
        return ()

    def vfs(self) -> tuple[Vf, ...]:
        return ()

    def vf(self, address: str) -> Vf | None:
        return next((vf for vf in self.vfs() if vf.address == address), None)

    def traffic(self, vf: Vf, netns: str | None, ifname: str) -> Counters:
        return Counters(counted_by="PF")

    def close(self) -> None:
        pass

    def cut_off(self, steps: Sequence[Step], netns: NetnsId | None) -> tuple[Step, ...] | None:
        return None

    def drop(self, steps: Sequence[Step]) -> None:
        raise AssertionError("nobody begins what is ended later")

    def locked(self, key: str, *, wait: bool = True) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


def plan_of(host: Host, conf: podberth.Conf, end: Endpoint) -> tuple[Op, ...]:
    """Return what the type `podberth` plans on the host, once it was told what it asks."""
    call = Call(verb=Verb.ADD, conf=NetConf.parse(Fields({"name": end.attachment.network, "type": "podberth"})))
    return podberth.plan(conf, call, end, see(host, lambda seen: podberth.asks(conf, call, end, seen))).ops
