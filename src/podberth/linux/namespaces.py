"""The sockets and files of one host object, each in the namespace it belongs to; opened when first needed."""

from __future__ import annotations

import errno
import os

from podberth.cni.errors import InvalidNetns
from podberth.linux import netns
from podberth.linux.netlink import links
from podberth.linux.netlink.socket import Rtnl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from podberth.linux.netlink.links import LinkInfo
    from podberth.linux.netlink.nfnl import Nfnl
    from podberth.linux.spare import Spare
    from podberth.net.facts import NetnsId

    T = TypeVar("T")


_LO = "lo"


class Namespaces:
    """The node's own namespace (None) and those at paths. One that is open stays what its path means until `held`.

    `given` are descriptors of namespaces: their paths mean those, whatever is there for this process.
    `spare`: where sockets for nf_tables come from, and go.
    """

    def __init__(self, given: Mapping[str, int] | None = None, spare: Spare | None = None) -> None:
        self._spare = spare
        self._given = dict(given or {})
        self._home = -1  # a descriptor of the calling thread's own namespace, once it was asked for
        self._own: Rtnl | None = None
        self._rules: Nfnl | None = None
        self._opened: dict[str, tuple[NetnsId, int, Rtnl]] = {}
        self._inside: dict[str, Nfnl] = {}  # for the nf_tables of those
        self._seen: dict[tuple[str | None, str], bytes | None] = {}  # as the kernel's answer
        self._read: dict[tuple[str | None, str], LinkInfo] = {}  # of these, what was asked for more than its index
        self._bare: set[str] = set()  # with no link but lo, as was seen just now

    def identity(self, path: str) -> NetnsId | None:
        """Return the identity of the network namespace at the path; None if there is none (any more)."""
        given = self._given.get(path)
        return netns.identity(path) if given is None else netns.identity_of(given)

    def home(self) -> int:
        """Return a descriptor of the calling thread's own namespace, which stays open: it is found by a long way."""
        if self._home < 0:
            self._home = netns.open_own()
        return self._home

    def held(self, path: str) -> NetnsId:
        """Return the same of one that stays open here, and is what the path means from here on: by one look at it.

        A path that names another namespace by now is opened anew. InvalidNetns if there is none.
        """
        if path in self._opened and path not in self._given and self._opened[path][0] != netns.inode(path):
            self._forget(path)
        self._at(path)
        return self._opened[path][0]

    def socket(self, path: str | None) -> Rtnl:
        """Return the rtnetlink socket inside. InvalidNetns if there is no namespace at the path."""
        if path is not None:
            return self._at(path)[1]
        if self._own is None:
            self._own = Rtnl()
        return self._own

    def opened(self, path: str | None, open_one: Callable[[], T]) -> T:
        """Return a socket, or a file of /proc/sys, that is opened inside and stays so; the caller closes it."""
        if path is not None:
            return netns.opened_from(self.home(), self.descriptor(path), open_one)
        own = self.socket(None).namespace()
        try:
            return netns.opened_from(self.home(), own, open_one)
        finally:
            os.close(own)

    def rules(self) -> Nfnl:
        """Return the socket for the node's own nf_tables."""
        if self._rules is None and self._spare is not None:
            self._rules = self._spare.take(self.socket(None).cookie())
        if self._rules is None:
            from podberth.linux.netlink.nfnl import Nfnl

            self._rules = self.opened(None, Nfnl)
        return self._rules

    def within(self, path: str, identity: NetnsId) -> Within:
        """Return where a pod's own nf_tables are asked. InvalidNetns if the path names another namespace by now."""
        if self.held(path) != identity:
            raise InvalidNetns(
                f"{path}: is another network namespace than it was", "the pod is gone: its DEL comes next"
            )
        return Within(self, path)

    def rules_in(self, path: str) -> Nfnl:
        """Return the socket for the nf_tables of the namespace at a path, which is open."""
        if path not in self._inside:
            from podberth.linux.netlink.nfnl import Nfnl

            self._inside[path] = self.opened(path, Nfnl)
        return self._inside[path]

    def descriptor(self, path: str) -> int:
        """Return the open descriptor of the namespace."""
        return self._at(path)[0]

    def call(self, path: str | None, function: Callable[[], T]) -> T:
        """Run `function` on a thread inside the namespace."""
        if path is not None:
            return netns.call_in(self.descriptor(path), function)
        own = self.socket(None).namespace()
        try:
            return netns.call_in(own, function)
        finally:
            os.close(own)

    def cookie(self, path: str) -> str:
        """Return the number of the namespace at the path that no other ever has; '' if the kernel gives none."""
        return self.socket(path).cookie()

    def link(self, path: str | None, name: str) -> LinkInfo | None:
        """Return the link of that name, if there is one."""
        found = self.socket(path).get(links.GET, links.by_name(name))
        return links.parse(found) if found is not None else None

    def peer(self, path: str, index: int) -> LinkInfo | None:
        """Return the node's own link that is the other end of the pair whose end `index` is inside, if there is one."""
        inside = self.socket(path).get(links.GET, links.by_index(index))
        below = links.parse(inside).below if inside is not None else 0
        found = self.socket(None).get(links.GET, links.by_index(below)) if below else None
        if found is None:
            return None
        # An index says nothing of its namespace: the node's link has to name this one, by the node's number for it.
        number = self.socket(None).get(links.GET_NSID, links.nsid_of(self.descriptor(path)))
        if number is None or links.parse_nsid(number) != links.below_nsid(found):
            return None
        other = links.parse(found)
        return other if other.kind == "veth" and other.below == index else None

    def seen(self, path: str | None, name: str) -> LinkInfo | None:
        """Return the link as it was when it was first looked at: for what stays, as its index, while no link is made.

        Whoever makes a link, or takes one away, says so with `changed`.
        """
        key = path, name
        body = self._answer(key)
        if body is None:
            return None
        if key not in self._read:
            self._read[key] = links.parse(body)
        return self._read[key]

    def look(self, path: str | None, name: str) -> LinkInfo | None:
        """Return the link as it is now, and as it is `seen` from here on. What `bare` has seen counts for one look."""
        key = path, name
        self._seen.pop(key, None)
        self._read.pop(key, None)
        if path in self._bare:
            self._bare.discard(path)
            if name != _LO:
                self._seen[key] = None
        return self.seen(path, name)

    def bare(self, path: str) -> bool:
        """Say whether the namespace has no link but lo, which each has."""
        found = len(self.socket(path).dump(links.GET, links.all_links())) == 1
        if found:
            self._bare.add(path)
        return found

    def look_at(self, path: str | None, index: int) -> LinkInfo | None:
        """Return the link with that index as it is now, and as it is `seen` by its name from here on."""
        body = self.socket(path).get(links.GET, links.by_index(index))
        if body is None:
            return None
        found = links.parse(body)
        self._seen[path, found.name], self._read[path, found.name] = body, found
        return found

    def set_up(self, path: str | None, name: str) -> None:
        """Set the link up; links are looked at anew from here on, a pod's at once: it is used next. OSError ENODEV.

        Being looked at anew is also how a link gets on: its carrier takes effect within a second, or when somebody asks
        for the link (net/core/link_watch.c, linkwatch_sync_dev).
        """
        up = links.set_up_named(name)
        if path is None:
            self.socket(None).do(links.NEW, up)
            self.changed()
            return
        body = self.socket(path).do_and_get((links.NEW, up), (links.GET, links.by_name(name)))
        self.changed()
        self._seen[path, name] = body

    def changed(self, name: str | None = None) -> None:
        """Look at links anew from here on; with a name, at that one of the node's own."""
        if name is None:
            self._seen.clear()
            self._read.clear()
            self._bare.clear()
        else:
            self._seen.pop((None, name), None)
            self._read.pop((None, name), None)

    def any_link(self, request: bytes, wanted: Callable[[LinkInfo], bool]) -> bool:
        """Say whether one of the node's own links that `request` asks for is wanted."""
        socket = self.opened(None, Rtnl)
        try:
            return socket.any_of(links.GET, request, lambda body: wanted(links.parse(body)))
        finally:
            socket.close()

    def links(self, path: str | None) -> list[LinkInfo]:
        """Return every link inside."""
        return [links.parse(body) for body in self.socket(path).dump(links.GET, links.all_links())]

    def index(self, path: str | None, name: str) -> int:
        """Return a link's index. OSError ENODEV if there is none."""
        return _there(self.link(path, name), name).index

    def known(self, path: str | None, name: str) -> LinkInfo:
        """Return the link as `seen`. OSError ENODEV if there is none."""
        return _there(self.seen(path, name), name)

    def known_index(self, path: str | None, name: str) -> int:
        """Return the index of the link as `seen`, without reading all the rest. OSError ENODEV if there is none."""
        return links.index_of(_there(self._answer((path, name)), name))

    def close(self) -> None:
        """Close everything."""
        self.changed()
        if self._rules is not None:
            if self._spare is not None:
                self._spare.leave(self.socket(None).cookie(), self._rules)
            else:
                self._rules.close()
            self._rules = None
        if self._own is not None:
            self._own.close()
            self._own = None
        for path in tuple(self._opened):
            self._forget(path)
        if self._home >= 0:
            os.close(self._home)
            self._home = -1
        for descriptor in self._given.values():
            os.close(descriptor)
        self._given.clear()

    def _answer(self, key: tuple[str | None, str]) -> bytes | None:
        if key not in self._seen:
            path, name = key
            self._seen[key] = self.socket(path).get(links.GET, links.by_name(name))
        return self._seen[key]

    def _at(self, path: str) -> tuple[int, Rtnl]:
        if path not in self._opened:
            given = self._given.get(path)
            descriptor = netns.open_at(path) if given is None else netns.again(given, path)
            try:
                now = netns.numbers(os.fstat(descriptor))
                self._opened[path] = (now, descriptor, netns.opened_from(self.home(), descriptor, Rtnl))
            except BaseException:
                os.close(descriptor)
                raise
        return self._opened[path][1:]

    def _forget(self, path: str) -> None:
        self.changed()
        nfnl = self._inside.pop(path, None)
        if nfnl is not None:
            nfnl.close()
        _, descriptor, socket = self._opened.pop(path)
        socket.close()
        os.close(descriptor)


class Within:
    """The namespace at a path, as far as its nf_tables go."""

    def __init__(self, namespaces: Namespaces, path: str) -> None:
        self._namespaces, self._path = namespaces, path

    def rules(self) -> Nfnl:
        """Return the socket."""
        return self._namespaces.rules_in(self._path)


def _there(found: T | None, name: str) -> T:
    if found is None:
        raise OSError(errno.ENODEV, f"there is no link {name}")
    return found
