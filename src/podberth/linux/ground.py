"""What effects stand on: the namespaces of a node, its locks, and whether a step's namespace is the one it was."""

from __future__ import annotations

from podberth.cni.errors import InvalidNetns, KernelRefused
from podberth.linux.namespaces import Namespaces
from podberth.linux.netlink import links
from podberth.net.ops import made
from podberth.net.step import IDENTITY, INDEX, Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from podberth.linux.locks import Locked, Locks
    from podberth.linux.netlink.links import LinkInfo
    from podberth.linux.spare import Spare
    from podberth.net.facts import NetnsId
    from podberth.net.outside import Outside
    from podberth.net.step import Step

LOCK_SECONDS = 60.0


class Ground:
    """The node under one host object. `left` names bridges that have been seen to before their steps are undone."""

    def __init__(
        self,
        locks: Locks,
        given: Mapping[str, int] | None = None,
        spare: Spare | None = None,
        outside: Callable[[], Outside] | None = None,
    ) -> None:
        self._outside = outside
        self._made: Outside | None = None
        self.namespaces = Namespaces(given, spare)
        self.left: set[str] = set()
        self._locks = locks

    @property
    def outside(self) -> Outside:
        """What is beyond the kernel. KernelRefused for a host that was made without."""
        if self._made is None:
            if self._outside is None:
                raise KernelRefused("this host calls no plugins", "it was opened for the node's own links alone")
            self._made = self._outside()
        return self._made

    def locked(self, key: str, *, wait: bool = True) -> Locked:
        """Hold the node-wide exclusive lock named `key`. TryAgainLater if another holds it for too long, or at all."""
        return self._locks.hold(key, LOCK_SECONDS if wait else 0.0)

    def alive(self, step: Step, netns: NetnsId | None) -> bool:
        """Say whether the namespace that the step acts in is still the one it was prepared in: `netns`, as at ADD."""
        inside: str | None = getattr(step.op, "netns", None)
        if inside is None:
            return True
        if netns is None:
            return False
        if step.before_of("netns") is None:  # before Linux 5.14
            return self.namespaces.identity(inside) == netns
        try:
            return self.namespaces.held(inside) == netns and self._is_of(step, inside)
        except InvalidNetns:
            return False

    def elsewhere(self, step: Step, netns: str, ifname: str) -> tuple[Drift, ...]:
        """Return the difference if the path of the step's namespace names another one by now."""
        if self._is_of(step, netns):
            return ()
        return (Drift(what=ifname, field="netns", wanted=f"{netns} as at ADD", found="another one"),)

    def stranger(self, step: Step) -> tuple[Drift, ...]:
        """Return the difference if the link that the step has made is there no more, and another one has its name."""
        index, (netns, ifname) = step.before_of(INDEX), made(step.op)
        if index is None or self.elsewhere(step, netns, ifname):
            return ()
        link = self.namespaces.link(netns, ifname)
        if link is None or str(link.index) == index:
            return ()
        return (Drift(what=ifname, field=IDENTITY, wanted=f"link {index}", found=f"link {link.index}: another one"),)

    def own(self, step: Step) -> LinkInfo | None:
        """Return the link that the step has made in the pod, whatever it is called by now; None if it is gone."""
        index, (netns, ifname) = step.before_of(INDEX), made(step.op)
        if index is None:
            return self.namespaces.link(netns, ifname)
        body = self.namespaces.socket(netns).get(links.GET, links.by_index(int(index)))
        return links.parse(body) if body is not None else None

    def _is_of(self, step: Step, inside: str) -> bool:
        recorded = step.before_of("netns")
        try:
            return recorded is None or recorded == self.namespaces.cookie(inside)
        except InvalidNetns:
            return False  # it went meanwhile


def made_anew(undo: Callable[..., None], do: Callable[..., None]) -> Callable[[Ground, Any, Step, NetnsId], None]:
    """Return a family's `repair`, where nothing is put right in its place: what is there is undone, and done again."""

    def repair(at: Ground, op: Any, step: Step, netns: NetnsId) -> None:
        if not step.existed:
            undo(at, op, step, netns)
        do(at, op)

    return repair
