"""Nodes of one cluster, with their ledger in a real etcd."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.netns.kubelet import Kubelet, run
from tests.servers.etcd import EtcdServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def etcd() -> Iterator[EtcdServer]:
    with EtcdServer() as server:
        yield server


@pytest.fixture
def cluster(tmp_path: Path, etcd: EtcdServer) -> Iterator[Callable[..., Kubelet]]:
    """Makes nodes of one cluster; they are on this machine itself, for that is where etcd listens."""
    nodes: list[Kubelet] = []

    def make(name: str, *options: str) -> Kubelet:
        node = Kubelet(state=tmp_path / name / "state", bare=True)
        node.network = {"bridge": f"pbc{len(nodes)}"}
        nodes.append(node)
        node.podberth("store", "use", "etcd", "--endpoint", etcd.url, "--node", name, *options)
        return node

    yield make
    for node in nodes:
        for namespace in node.namespaces:
            run("ip", "netns", "delete", namespace)
        bridge = str(node.network["bridge"])
        with contextlib.suppress(AssertionError):
            run("ip", "link", "delete", bridge)
