"""The sockets and files of one host object, each in the namespace it belongs to; opened when first needed."""

from __future__ import annotations

import os

from podberth.linux import netns
from podberth.linux.netlink import links
from podberth.linux.netlink.socket import Rtnl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from podberth.linux.netlink.links import LinkInfo
    from podberth.net.facts import NetnsId

    T = TypeVar("T")


class Namespaces:
    """The node's own namespace (None) and those at paths. A path that names another namespace by now is opened anew."""

    def __init__(self) -> None:
        self._own: Rtnl | None = None
        self._opened: dict[str, tuple[NetnsId | None, int, Rtnl]] = {}

    def socket(self, path: str | None) -> Rtnl:
        """Return the rtnetlink socket inside. InvalidNetns if there is no namespace at the path."""
        if path is not None:
            return self._at(path)[1]
        if self._own is None:
            self._own = Rtnl()
        return self._own

    def descriptor(self, path: str) -> int:
        """Return the open descriptor of the namespace."""
        return self._at(path)[0]

    def call(self, path: str, function: Callable[[], T]) -> T:
        """Run `function` on a thread inside the namespace."""
        return netns.call_in(self.descriptor(path), function)

    def cookie(self, path: str) -> str:
        """Return the number of the namespace at the path that no other ever has; '' if the kernel gives none."""
        return self.socket(path).cookie()

    def link(self, path: str | None, name: str) -> LinkInfo | None:
        """Return the link of that name, if there is one."""
        found = self.socket(path).get(links.GET, links.by_name(name))
        return links.parse(found) if found is not None else None

    def links(self, path: str | None) -> list[LinkInfo]:
        """Return every link inside."""
        return [links.parse(body) for body in self.socket(path).dump(links.GET, links.all_links())]

    def index(self, path: str | None, name: str) -> int:
        """Return a link's index. OSError ENODEV if there is none."""
        found = self.link(path, name)
        if found is None:
            raise OSError(19, f"there is no link {name}")
        return found.index

    def close(self) -> None:
        """Close everything."""
        if self._own is not None:
            self._own.close()
            self._own = None
        for path in tuple(self._opened):
            self._forget(path)

    def _at(self, path: str) -> tuple[int, Rtnl]:
        now = netns.identity(path)
        if path in self._opened and self._opened[path][0] != now:
            self._forget(path)
        if path not in self._opened:
            descriptor = netns.open_at(path)
            try:
                self._opened[path] = (now, descriptor, netns.call_in(descriptor, Rtnl))
            except BaseException:
                os.close(descriptor)
                raise
        return self._opened[path][1:]

    def _forget(self, path: str) -> None:
        _, descriptor, socket = self._opened.pop(path)
        socket.close()
        os.close(descriptor)
