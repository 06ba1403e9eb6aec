"""The store under test, and documents to put into it."""

from __future__ import annotations

import json
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.policy.documents import parse_documents
from podberth.policy.yamlfiles import load
from podberth.stores.clock import node_clock
from podberth.stores.replica.ledger import ClusterLedger
from podberth.stores.replica.policies import ClusterPolicies
from podberth.stores.sqlite.database import Database
from podberth.stores.sqlite.ledger import SqliteLedger
from podberth.stores.sqlite.policies import SqlitePolicies
from tests.contract.ledgers import CLUSTERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podberth.ipam.lease import Lease
    from podberth.ipam.ledger import Ledger
    from podberth.policy.changes import Applied
    from podberth.policy.documents import Document
    from podberth.policy.store import Policies
    from tests.contract.ledgers import ClusterBackend

OPERATOR = Actor(who="uid 0 (root)", why="apply db.yaml", node="node1")
PLUGIN = Actor(who="plugin", why="ADD", node="node1")

POOL: dict[str, object] = {
    "kind": "Pool",
    "metadata": {"name": "db"},
    "spec": {"subnets": [{"subnet": "10.20.0.0/24"}]},
}


class Store:
    """One client of a store: its declarations and its ledger. `again` makes another client of the same store."""

    def __init__(self, policies: Policies, ledger: Ledger, again: Callable[[], Store]) -> None:
        self.policies = policies
        self.ledger = ledger
        self.again = again

    def dump(self) -> object:
        """Return all there is, to be compared."""
        history = [(e.seq, e.kind, e.address, e.time) for e in self.ledger.history()]
        documents = (self.policies.pools(), self.policies.pod_networks())
        return documents, self.ledger.leases(), self.ledger.reservations(), self.ledger.usage(), history

    def apply(
        self, *raws: object, source: str = "apply: db.yaml", prune: bool = False, dry_run: bool = False
    ) -> Applied:
        """Apply documents given as plain data."""
        return self.policies.apply(documents(*raws), OPERATOR, source=source, prune=prune, dry_run=dry_run)

    def reserved(self) -> list[str]:
        """Return every reservation in words."""
        return [f"{r.address} {r.pod} {r.ifname} {r.origin}" for r in self.ledger.reservations()]

    def bind(self, pod: str, address: str | None = None, ifname: str = "eth0", family: int = 4) -> Lease:
        """Do what an ADD of the pod would."""
        from tests.unit.policy.declared import ip

        namespace, _, name = pod.partition("/")
        (lease,) = self.ledger.bind(
            Claim(
                attachment=Attachment(network="banknet", container_id=f"c-{name}", ifname=ifname),
                pod=PodRef(namespace=namespace, name=name, uid="u"),
                netns="/run/netns/x",
                wanted=(Wanted(pool="db", family=family, address=ip(address) if address else None),),
            ),
            PLUGIN,
        )
        return lease

    def unbind(self, pod: str, ifname: str = "eth0") -> None:
        """Do what a DEL of the pod would."""
        name = pod.partition("/")[2]
        self.ledger.unbind(Attachment(network="banknet", container_id=f"c-{name}", ifname=ifname), PLUGIN)


def in_sqlite(directory: Path) -> Store:
    """Return a client of the store in a directory."""
    database = Database(str(directory))
    ledger = SqliteLedger(database, clock=node_clock)
    return Store(SqlitePolicies(database), ledger, partial(in_sqlite, directory))


def in_cluster(kind: type[ClusterBackend], directory: Path) -> Store:
    """Return a client of a cluster's store that is empty."""
    backend = kind(directory)

    def client() -> Store:
        proposer = backend.client()
        return Store(ClusterPolicies(proposer), ClusterLedger(proposer, clock=node_clock), client)

    return client()


STORES: dict[str, Callable[[Path], Store]] = {
    "sqlite": in_sqlite,
    **{kind.__name__: partial(in_cluster, kind) for kind in CLUSTERS},
}


def documents(*raws: object) -> tuple[Document, ...]:
    """Read documents given as plain data, without their apiVersion."""
    full = [{"apiVersion": "podberth.io/v1alpha1", **raw} if isinstance(raw, dict) else raw for raw in raws]
    return parse_documents(load(BytesIO(json.dumps(full).encode()), "db.json"), "apply: db.yaml")


def of_pod(pod: str, *addresses: str, name: str = "", namespace: str = "db", **attachment: object) -> dict[str, object]:
    """Return a PodNetwork for one pod."""
    member = {"pool": "db", **attachment} | ({"addresses": list(addresses)} if addresses else {})
    return {
        "kind": "PodNetwork",
        "metadata": {"namespace": namespace, "name": name or pod},
        "spec": {"pod": pod, "attachments": [member]},
    }


def of_deployment(name: str, *addresses: str, **attachment: object) -> dict[str, object]:
    """Return a PodNetwork for a Deployment whose pods share the addresses."""
    return {
        "kind": "PodNetwork",
        "metadata": {"namespace": "db", "name": name},
        "spec": {
            "deployment": {"name": name},
            "attachments": [{"pool": "db", "addresses": list(addresses), **attachment}],
        },
    }


def of_set(name: str, span: str, namespace: str = "db", **attachment: object) -> dict[str, object]:
    """Return a PodNetwork for a StatefulSet with a range of addresses."""
    return {
        "kind": "PodNetwork",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "statefulSet": {"name": name},
            "attachments": [{"pool": "db", "ordinals": [{"range": span}], **attachment}],
        },
    }
