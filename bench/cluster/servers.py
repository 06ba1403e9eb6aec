"""The real servers that a simulation runs on, and where its nodes find them. On loopback, gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from podberth.cni.value import value
from podberth.ipam.elsewhere import Fence
from podberth.ipam.lease import Actor
from podberth.kube import resources
from podberth.kube.client import Client
from podberth.kube.config import load
from podberth.stores.etcd.client import Etcd
from podberth.stores.etcd.store import EtcdCluster
from podberth.stores.kubernetes.opinion import Dated
from podberth.stores.kubernetes.predecessor import OUT_OF_SERVICE
from podberth.stores.kubernetes.store import KubernetesCluster
from tests.servers.etcd import EtcdServer
from tests.servers.kube import KubeServer
from tests.servers.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.cluster.nodes import Store
    from podberth.ipam.moment import Opinion, Uptime
    from podberth.stores.replica.shared import Cluster

PREFIX, NAMESPACE = "/podberth", "default"
KINDS = ("etcd", "kubernetes")
_SECOND = 10**9  # ns
_INFO = (  # what the API wants of a Node's report beside machine-id and boot-id
    "architecture", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion",
    "operatingSystem", "osImage", "systemUUID",
)  # fmt: skip
_SHM = Path("/dev/shm")  # noqa: S108 - every write is synced, and this machine's disk is not what is measured


@value
class OnEtcd:
    """An etcd, and the ledger's prefix in it."""

    url: str
    prefix: str = PREFIX

    @property
    def followed(self) -> bool:
        """Nodes have a feed."""
        return True

    @property
    def old_refusals(self) -> bool:
        """What is refused is so: a node asks for all that has changed since its replica first."""
        return False

    @property
    def precision(self) -> int:
        """Nodes that NTP keeps are right, and the others say so or have heard of these a moment ago."""
        return _SECOND // 2

    @property
    def register(self) -> bool:
        """Machines register."""
        return True

    def opinions(self, cluster: Cluster) -> tuple[Callable[[Uptime], Opinion | None], ...]:
        """Etcd says nothing of the time."""
        del cluster
        return ()

    def report(self, node: str, machine: str, boot: str) -> None:
        """Nobody reports machines."""

    def open(self, node: str) -> Cluster:
        """Return a client of its own for a node."""
        del node
        return EtcdCluster(Etcd([self.url]), self.prefix)

    def fence(self, node: str) -> None:
        """Say that nothing runs on the node any more."""
        cluster = self.open(node)
        actor = Actor(who="uid 0 (root)", why="it is lost", node="admin")
        cluster.elsewhere("admin").fence(Fence(node=node, actor=actor, time=time.time_ns()))
        cluster.close()


@value
class OnKubernetes:
    """A Kubernetes API, as a kubeconfig names it."""

    kubeconfig: str

    @property
    def followed(self) -> bool:
        """Nodes have a feed."""
        return True

    @property
    def old_refusals(self) -> bool:
        """A collection can't be asked for what has changed since: nodes rely on what their watches have told them."""
        return True

    @property
    def precision(self) -> int:
        """A Date has whole seconds, and may have been on its way for some."""
        return 3 * _SECOND

    @property
    def register(self) -> bool:
        """Kubelets report machines."""
        return False

    def opinions(self, cluster: Cluster) -> tuple[Callable[[Uptime], Opinion | None], ...]:
        """The API server's answers have dates."""
        assert isinstance(cluster, KubernetesCluster)
        return (Dated(cluster.client),)

    def report(self, node: str, machine: str, boot: str) -> None:
        """Have a Node object, as the kubelet of that machine makes it."""
        blank = dict.fromkeys(_INFO, "")
        status = {"nodeInfo": {**blank, "machineID": machine, "bootID": boot}}
        client = Client(load(self.kubeconfig))
        client.create(resources.NODES, {"metadata": {"name": node}, "status": status})
        client.close()

    def open(self, node: str) -> Cluster:
        """Return a client of its own for a node."""
        return KubernetesCluster(Client(load(self.kubeconfig)), NAMESPACE, node)

    def fence(self, node: str) -> None:
        """Have its Node object say so, as an operator does by a taint."""
        client = Client(load(self.kubeconfig))
        taint = {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}
        client.merge_patch(resources.NODES, node, {"spec": {"taints": [taint]}})
        client.close()


class Server(Protocol):
    """A running store. `store` leads to it; through `proxy` where there is one."""

    store: Store
    proxy: Proxy | None

    def kill(self) -> None:
        """SIGKILL it."""
        ...

    def start(self) -> None:
        """Start it again, on the data it had."""
        ...

    def compact(self) -> None:
        """Have it forget all that happened before now."""
        ...


class _EtcdServer:
    def __init__(self, server: EtcdServer, proxy: Proxy | None) -> None:
        self.server, self.proxy = server, proxy
        self.store: Store = OnEtcd(url=proxy.url if proxy is not None else server.url)

    def kill(self) -> None:
        self.server.kill()

    def start(self) -> None:
        self.server.start()

    def compact(self) -> None:
        client = Etcd([self.server.url])
        client.compact(client.status().revision)
        client.close()


class _KubeServer:
    def __init__(self, server: KubeServer, proxy: Proxy | None) -> None:
        self.server, self.proxy = server, proxy
        if proxy is not None:
            server.url = proxy.url.replace("http:", "https:")
            name = server.kubeconfig.stem
            user = {"client-certificate": f"{server.root / name}.crt", "client-key": f"{server.root / name}.key"}
            self.store: Store = OnKubernetes(kubeconfig=str(server.write_kubeconfig("proxied", user)))
            server.url = f"https://127.0.0.1:{server.port}"
        else:
            self.store = OnKubernetes(kubeconfig=str(server.kubeconfig))

    def kill(self) -> None:
        self.server.kill()

    def start(self) -> None:
        self.server.start()

    def compact(self) -> None:
        self.server.compact()


@contextmanager
def server(kind: str, *, proxied: bool = False) -> Iterator[Server]:
    """Run a store of this kind, with nothing in it, for as long as the context is open."""
    with _etcd(proxied=proxied) if kind == "etcd" else _kubernetes(proxied=proxied) as running:
        yield running


@contextmanager
def _etcd(*, proxied: bool) -> Iterator[Server]:
    with EtcdServer() as running, _proxy(running.port, wanted=proxied) as proxy:
        yield _EtcdServer(running, proxy)


@contextmanager
def _kubernetes(*, proxied: bool) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="podberth-bench-kube-", dir=_SHM if _SHM.is_dir() else None))
    running = KubeServer(folder)
    try:
        running.start()
        running.serve_our_resources()
        with _proxy(running.port, wanted=proxied) as proxy:
            yield _KubeServer(running, proxy)
    finally:
        running.stop()
        shutil.rmtree(folder)


@contextmanager
def _proxy(port: int, *, wanted: bool) -> Iterator[Proxy | None]:
    if not wanted:
        yield None
        return
    with Proxy(port) as proxy:
        yield proxy
