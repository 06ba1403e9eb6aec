"""Networks of a pod by their plugins: each is called, and called back."""

from __future__ import annotations

from ipaddress import ip_address

from podberth.cni.errors import CniError, InvalidNetns
from podberth.cni.result import EVERYTHING, Route
from podberth.linux.netlink import codec, routes
from podberth.net.ops import AdoptCalls, CallPlugins
from podberth.net.step import Drift

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.linux.ground import Ground
    from podberth.net.facts import NetnsId
    from podberth.net.ops.calling import Op
    from podberth.net.step import Step


def before(at: Ground, op: Op) -> Iterator[tuple[str, str]]:
    """Yield whether the pod has a link of that name: then it is another's, and no plugin is called."""
    if isinstance(op, CallPlugins) and at.namespaces.look(op.netns, op.ifname) is not None:
        yield "existed", "yes"


def do(at: Ground, op: Op) -> None:
    """Call the plugins, and take from the link the default routes that another is to have."""
    if isinstance(op, AdoptCalls):
        return
    descriptor = at.namespaces.descriptor(op.netns)
    try:
        at.outside.add(op, descriptor)
    except CniError as refused:
        refused.within(_name(op))
        raise
    at.namespaces.changed()
    if op.sheds:
        _shed(at, op)
        at.outside.shed(op)


def undo(at: Ground, op: Op, step: Step, netns: NetnsId | None) -> None:
    """Call the plugins back, those that were called last first; with no namespace if the pod's is gone."""
    del step
    descriptor = _descriptor(at, op, netns)
    for each in (op,) if isinstance(op, CallPlugins) else reversed(at.outside.remembered(op)):
        try:
            at.outside.delete(each, descriptor)
        except CniError as refused:
            refused.within(_name(each))
            raise
    if isinstance(op, AdoptCalls):
        at.outside.forget(op)
    at.namespaces.changed()


def check(at: Ground, op: Op, step: Step) -> tuple[Drift, ...]:
    """Have the plugins check: what one refuses with is the difference."""
    del step
    calls = (op,) if isinstance(op, CallPlugins) else at.outside.remembered(op)
    found: list[Drift] = []
    for each in calls:
        try:
            at.outside.check(each, at.namespaces.descriptor(each.netns))
        except CniError as refused:
            found.append(Drift(what=each.ifname, field="network", wanted=each.network, found=refused.message))
    return tuple(found)


def repair(at: Ground, op: Op, step: Step, netns: NetnsId) -> None:
    """Leave it: plugins can check, and only podberth's own, which have records of their own, can repair."""
    del at, op, step, netns


def _name(op: CallPlugins) -> str:
    """Return how a refusal calls the network: who reads it has a pod with several."""
    return f"{op.label or op.network} ({op.ifname})"


def _descriptor(at: Ground, op: Op, netns: NetnsId | None) -> int:
    """Return a descriptor of the pod's namespace, -1 if its path leads nowhere, or to another by now."""
    try:
        if netns is not None and at.namespaces.held(op.netns) == netns:
            return at.namespaces.descriptor(op.netns)
    except InvalidNetns:
        pass
    return -1


def _shed(at: Ground, op: CallPlugins) -> None:
    """Take all default routes from the link, and give it those by the op's gateways."""
    link, socket = at.namespaces.look(op.netns, op.ifname), at.namespaces.socket(op.netns)
    if link is None:
        return
    for version in map(int, op.sheds):
        every = map(routes.default, socket.dump(routes.GET, routes.every(version)))
        for metric, index in (found for found in every if found is not None):
            if index == link.index:
                socket.do(routes.DEL, routes.delete_default(index, version, metric))
    for gateway in map(ip_address, op.gateways):
        route = Route(dst=EVERYTHING[gateway.version], gw=gateway)
        socket.do(routes.NEW, routes.add(link.index, route), codec.CREATE | codec.EXCL)
