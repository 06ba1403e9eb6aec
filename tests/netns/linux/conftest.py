"""A real `LinuxHost` whose node is a network namespace, and a pod's namespace beside it."""

from __future__ import annotations

import contextlib
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podberth.linux import netns
from podberth.linux.host import LinuxHost
from podberth.linux.locks import Locks
from tests.netns.kubelet import lasting, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podberth.net.facts import NetnsId

QUESTIONS = (
    ("link",),
    ("address",),
    ("route", "show", "table", "all"),
    ("-6", "route", "show", "table", "all"),
    ("rule",),
    ("-6", "rule"),
)


@dataclass
class Ground:
    """`host` acts in the namespace `node`; `pod` is the path of another."""

    host: LinuxHost
    node: str
    pod: str
    made: list[str] = field(default_factory=list)

    @property
    def pod_id(self) -> NetnsId:
        """The identity of the pod's namespace now."""
        found = self.host.netns_id(self.pod)
        assert found is not None
        return found

    def ip(self, *words: str) -> str:
        """Run ip in the node's namespace."""
        return run("ip", "-n", self.node, *words)

    def pod_ip(self, *words: str) -> str:
        """Run ip in the pod's namespace."""
        return run("ip", "-n", Path(self.pod).name, *words)

    def state(self) -> list[str]:
        """List links, addresses, routes and qdiscs of both namespaces, without what counts up."""
        return sorted(lasting(self.look))

    def look(self) -> list[str]:
        """List what is there at this moment."""
        lines = []
        for name in (self.node, Path(self.pod).name):
            for words in QUESTIONS:
                lines += [f"{name}: {line}" for line in run("ip", "-n", name, "-o", *words).splitlines()]
            lines += [f"{name}: {line}" for line in run("tc", "-n", name, "qdisc").splitlines()]
        return [line.replace(" tentative ", " ") for line in lines]


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with made_ground(tmp_path) as made:
        yield made


@contextlib.contextmanager
def made_ground(tmp_path: Path) -> Iterator[Ground]:
    """Make both namespaces; they are gone at the end."""
    mark = uuid.uuid4().hex[:8]
    node, pod = f"node-{mark}", f"pod-{mark}"
    for name in (node, pod):
        run("ip", "netns", "add", name)
    try:
        with contextlib.closing(host_in(node, str(tmp_path / "locks"))) as host:
            yield Ground(host=host, node=node, pod=f"/var/run/netns/{pod}")
    finally:
        for name in (node, pod):
            with contextlib.suppress(AssertionError):
                run("ip", "netns", "delete", name)


def host_in(node: str, locks: str) -> LinuxHost:
    """Return a host whose own namespace is the one of that name: its socket is opened there."""
    descriptor = netns.open_at(f"/var/run/netns/{node}")
    try:
        host = LinuxHost(Locks(locks))
        netns.call_in(descriptor, lambda: host.named("lo"))
        return host
    finally:
        os.close(descriptor)
