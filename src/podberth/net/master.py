"""The link that an interface stands on: the one that is named, or else that of the default route. Pure.

It is a link of the node, or of the pod's own namespace where it is `in_pod`.
"""

from __future__ import annotations

from podberth.cni import parsers
from podberth.cni.errors import InvalidConfig, Unfit
from podberth.cni.keys import BOOLEAN, TEXT, Key
from podberth.cni.value import replace, value
from podberth.net import keys
from podberth.net.seen import DefaultLink, LinkInPod, LinkNamed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podberth.net.endpoint import Endpoint
    from podberth.net.facts import Link
    from podberth.net.seen import Query, Seen

MASTER = Key(
    name="master", kind=TEXT, read=parsers.ifname, default="",
    what="The link below. If none is named, it is the link of the default route.",
)  # fmt: skip
IN_POD = Key(
    name="linkInContainer", kind=BOOLEAN, read=parsers.boolean, default=False,
    what="The link below is in the pod's namespace.",
)  # fmt: skip
MTU = replace(
    keys.MTU, read=keys.mtu(1), what="Bytes, at most as many as the link below has. 0: as many."
)  # fmt: skip


def require_carried(mtu: int | None, link: Link) -> None:
    """Refuse an MTU (bytes) that is larger than that of the link below: InvalidConfig; None is as large."""
    if mtu is not None and mtu > link.mtu:
        most = f"at most {link.mtu}, which {link.name} has"
        raise InvalidConfig(f"mtu: expected {most}, got {mtu}", "leave it out to have as much as that")


@value
class Master:
    """What is said of the link below; '' if nobody names one."""

    name: str = ""
    in_pod: bool = False

    def asks(self, endpoint: Endpoint, seen: Seen) -> tuple[Query, ...]:
        """Return the questions about it: which it is, unless it is named, and what it is like."""
        if name := self._named(endpoint):
            return (self._link(endpoint, name),)
        default = self._default(endpoint)
        found = seen.asked(default) if default in seen else ""
        return (default, self._link(endpoint, found)) if found else (default,)

    def found(self, endpoint: Endpoint, seen: Seen) -> Link:
        """Return the link. Unfit if the node has none such; InvalidConfig if the pod has none; also for its MTU.

        A link's own MTU, which nobody has said, may be any.
        """
        name = self._named(endpoint) or seen.asked(self._default(endpoint))
        if not name:
            raise self._missing(endpoint, "no link has a default route, so that one has to be named")
        link: Link | None = seen.asked(self._link(endpoint, name))
        if link is None:
            raise self._missing(endpoint, f"there is no link {name} now")
        require_carried(endpoint.settings.mtu, link)
        return link

    def _named(self, endpoint: Endpoint) -> str:
        return self.name if self.in_pod else endpoint.device or self.name

    def _default(self, endpoint: Endpoint) -> DefaultLink:
        return DefaultLink(netns=endpoint.netns if self.in_pod else None)

    def _link(self, endpoint: Endpoint, name: str) -> Query:
        return LinkInPod(netns=endpoint.netns, name=name) if self.in_pod else LinkNamed(name=name)

    def _missing(self, endpoint: Endpoint, complaint: str) -> InvalidConfig | Unfit:
        if self.in_pod:
            return InvalidConfig(
                f"master: in the pod's namespace, {endpoint.netns}, {complaint}", "a plugin before this one makes it"
            )
        return Unfit(f"master: on this node {complaint}", "bring it up, or correct `master`: `ip link` has the names")


class OnMaster:
    """What the configurations of all interfaces that stand on a master have: which link of the node that is."""

    __slots__ = ()
    master: Master
    vf = None
    members = 1

    @property
    def parent(self) -> str:
        """The link of the node that it stands on; '' if none is named, or it is the pod's."""
        return "" if self.master.in_pod else self.master.name

    @property
    def stands_on(self) -> tuple[str, ...]:
        """The same."""
        return (self.parent,) if self.parent else ()
