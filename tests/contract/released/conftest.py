"""A state directory of worker-1 that stands for a cluster's store with what a release wrote there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.contract.clusters import clear_kubernetes
from tests.released import dump
from tests.released.versions import Release, named, of
from tests.released.worker import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from podberth.stores.etcd.client import Etcd
    from tests.servers.etcd import EtcdServer
    from tests.servers.kube import KubeServer

CLUSTERS = [(store, release) for store in ("etcd", "kubernetes") for release in of(store)]


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the cluster: its state directory, and what the release wrote."""

    state: Path
    release: Release


def chosen(state: Path, document: Mapping[str, object]) -> None:
    """Have the state directory stand for a store."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state / "store.json").write_text(json.dumps(document))


def with_keys(tmp_path: Path, server: EtcdServer, client: Etcd, prefix: bytes, release: Release) -> Member:
    """Return a member of a cluster in etcd."""
    dump.load_keys(client, release.read("keys.json"), prefix.decode())
    document = release.read("store.json")
    where = {**document["etcd"], "endpoints": [server.url], "prefix": prefix.decode().rstrip("/")}
    chosen(tmp_path / "state", {**document, "etcd": where})
    release.restore(tmp_path / "state", "podberth.db")
    return Member(tmp_path / "state", release)


def with_objects(tmp_path: Path, kube: KubeServer, release: Release) -> Member:
    """Return a member of a cluster behind the Kubernetes API."""
    clear_kubernetes()
    kube.operator.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bank"}})
    kube.operator.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME}})
    dump.load_objects(kube, release.read("objects.json"))
    document = {"store": "kubernetes", "node": NAME, "kubernetes": {"kubeconfig": str(kube.kubeconfig)}}
    chosen(tmp_path / "state", document)
    release.restore(tmp_path / "state", "podberth.db")
    return Member(tmp_path / "state", release)


@pytest.fixture(params=of("etcd"), ids=named)
def in_etcd(
    request: pytest.FixtureRequest, tmp_path: Path, etcd_server: EtcdServer, etcd: Etcd, prefix: bytes
) -> Member:
    return with_keys(tmp_path, etcd_server, etcd, prefix, request.param)


@pytest.fixture(params=CLUSTERS, ids=lambda of_one: f"{of_one[0]}-{named(of_one[1])}")
def member(
    request: pytest.FixtureRequest, tmp_path: Path, etcd_server: EtcdServer, etcd: Etcd, prefix: bytes
) -> Member:
    store, release = request.param
    if store == "kubernetes":
        return with_objects(tmp_path, request.getfixturevalue("kube"), release)
    return with_keys(tmp_path, etcd_server, etcd, prefix, release)
