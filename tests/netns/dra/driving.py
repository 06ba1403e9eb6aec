"""A DRA driver in this process, on this process's network: what kubelet and the runtime would have it do, by hand."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from podberth.cli.main import main as podberth
from podberth.cni.pod import Attachment
from podberth.dra.cdi import Fence
from podberth.dra.driver import DRIVER, Driver, Parts
from podberth.dra.prepared import PreparedClaims
from podberth.entry import Kept, handle
from tests.netns.kubelet import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from podberth.dra.devices import Device
    from podberth.dra.prepared import Prepared
    from podberth.net.record import Record
    from podberth.verbs.node import Node

NAMESPACE = "bank"


class Driven:
    """A driver with a store in `folder`, its claims, and what it has told of them."""

    def __init__(self, folder: Path, documents: str, devices: Callable[[], Mapping[str, Device]]) -> None:
        self.state = folder / "state"
        (folder / "documents.yaml").write_text(documents)
        assert podberth(["--state", str(self.state), "apply", "-f", str(folder / "documents.yaml")]) == 0
        self.holding = f"{folder}/claim-"
        self.kept = Kept()
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.told: list[Prepared] = []
        self.fence = Fence(folder=folder / "cdi", hook="/opt/hook", vendor=DRIVER)
        self.claims = PreparedClaims(self.state / "claims")
        self.parts = Parts(
            state=str(self.state),
            claims=self.claims,
            fence=self.fence,
            claim=lambda namespace, name: self.objects[namespace, name],
            devices=devices,
            handle=lambda env, stdin: handle(env, stdin, "podberth", self.kept.node),
            node=self.node,
            told=self.told.append,
            holding=self.holding,
        )
        self.begin()

    def begin(self) -> None:
        """Have a new driver go on with what the one before has left on disk."""
        self.claims.load()
        self.driver = Driver(self.parts)

    @contextmanager
    def node(self) -> Iterator[Node]:
        """Open the node for one use."""
        node = self.kept.node(str(self.state))
        try:
            yield node
        finally:
            node.host.close()

    def claim(self, pod: str, device: str, *configured: tuple[str, Mapping[str, Any]]) -> str:
        """Make a claim that is allocated; return its UID."""
        uid = str(uuid.uuid4())
        kinds = {"apiVersion": "podberth.io/v1alpha1", "kind": "InterfaceParameters"}
        config = [
            {"source": source, "opaque": {"driver": DRIVER, "parameters": {**kinds, **said}}}
            for source, said in configured
        ]
        result = {"request": "net1", "driver": DRIVER, "pool": "node1", "device": device}
        self.objects[NAMESPACE, uid] = {
            "metadata": {"namespace": NAMESPACE, "name": uid, "uid": uid},
            "status": {
                "allocation": {"devices": {"results": [result], "config": config}},
                "reservedFor": [{"resource": "pods", "name": pod, "uid": f"pod-{uid}"}],
            },
        }
        return uid

    def prepare(self, uid: str) -> Prepared:
        """Prepare a claim."""
        return self.driver.prepare(NAMESPACE, uid, uid)

    def record(self, uid: str) -> Record:
        """Return the record of a claim's link."""
        with self.node() as node:
            (found,) = node.attachments.of(Attachment(network=DRIVER, container_id=uid, ifname="net1"))
            return found

    def left(self) -> list[str]:
        """List what the driver keeps: files of claims, specifications, namespaces, records, leases."""
        with self.node() as node:
            rows = [*map(str, node.attachments.all()), *map(str, node.ledger.leases())]
        folders = (self.state / "claims", self.fence.folder, self.state.parent)
        return rows + [str(path) for folder in folders for path in folder.glob("*claim-*")]


@contextmanager
def namespace() -> Iterator[str]:
    """Have a pod's network namespace; yield its path."""
    name = f"pod-{uuid.uuid4().hex[:8]}"
    run("ip", "netns", "add", name)
    try:
        yield f"/var/run/netns/{name}"
    finally:
        run("ip", "netns", "delete", name)
