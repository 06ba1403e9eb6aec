"""What is kept for an IPAMClaim ends once the claim is deleted, and not before, by a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import CniError
from podberth.cni.pod import Attachment, PodRef
from podberth.ipam.lease import Actor, Claim, Wanted
from podberth.ipam.owner import of_claim
from podberth.ipam.versions import HERE
from podberth.kube.resources import IPAM_CLAIMS
from tests.contract.control.cluster import pool
from tests.servers.ipam_claims import CLAIMS
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.control.cluster import Cluster

ACTOR = Actor(who="plugin", why="ADD", node="node1")


@pytest.fixture
def served(cluster: Cluster) -> Iterator[Cluster]:
    """Yield a cluster that knows claims, and whose ledger may have them."""
    cluster.apply(CLAIMS, pool())
    until(lambda: listed(cluster) is not None)
    store = cluster.store
    assert store.demand(HERE, store.minimum())
    yield cluster
    cluster.kubectl("delete", "crd", "ipamclaims.k8s.cni.cncf.io")
    until(lambda: listed(cluster) is None)


def listed(cluster: Cluster) -> int | None:
    try:
        return len(cluster.client.list(IPAM_CLAIMS).items)
    except CniError:
        return None


def made(cluster: Cluster, name: str) -> str:
    """Make a claim; return its UID."""
    body = {"metadata": {"name": name}, "spec": {"network": "banknet", "interface": "eth0"}}
    return str(cluster.client.create(IPAM_CLAIMS, body, "db")["metadata"]["uid"])


def bound(cluster: Cluster, name: str, uid: str, *, ended: bool = True) -> str:
    """Do what an ADD of a pod that refers to the claim would, and its DEL; return what is reserved by that."""
    attachment = Attachment(network="banknet", container_id=f"c-{name}-{uid}", ifname="eth0")
    owner = of_claim("db", name, uid)
    wanted = (Wanted(pool="db", family=4, owner=owner),)
    pod = PodRef(namespace="db", name="vm", uid="u")
    (lease,) = cluster.ledger.bind(Claim(attachment=attachment, pod=pod, netns="/n", wanted=wanted), ACTOR)
    if ended:
        cluster.ledger.unbind(attachment, ACTOR)
    return f"{lease.address} {owner} sticky"


def test_what_is_kept_for_a_claim_ends_with_it(served: Cluster) -> None:
    first, second = (bound(served, name, made(served, name)) for name in ("a.net1", "b.net1"))
    controller = served.controller()
    served.sweeps(controller)
    assert served.reserved() == [first, second]
    served.client.delete(IPAM_CLAIMS, "a.net1", "db")
    until(lambda: served.reserved() == [second])
    *_, last = served.ledger.history(address=served.ledger.reservations()[0].address - 1)
    assert "IPAMClaim db/a.net1" in last.actor.why


def test_a_claim_that_is_made_anew_is_another(served: Cluster) -> None:
    before = bound(served, "a.net1", made(served, "a.net1"))
    served.client.delete(IPAM_CLAIMS, "a.net1", "db")
    after = bound(served, "a.net1", made(served, "a.net1"))
    assert served.reserved() == [before, after]
    served.controller()
    until(lambda: served.reserved() == [after])


def test_what_a_pod_has_is_let_alone(served: Cluster) -> None:
    uid = made(served, "a.net1")
    kept = bound(served, "a.net1", uid, ended=False)
    served.client.delete(IPAM_CLAIMS, "a.net1", "db")
    controller = served.controller(grace=600)
    served.sweeps(controller)
    assert served.reserved() == [kept]
    served.ledger.unbind(served.ledger.leases()[0].attachment, ACTOR)
    until(lambda: served.reserved() == [])


def test_without_the_custom_resource_nothing_is_known_and_nothing_ends(cluster: Cluster) -> None:
    store = cluster.store
    assert store.demand(HERE, store.minimum())
    cluster.apply(pool())
    kept = bound(cluster, "a.net1", "5f0d")
    cluster.sweeps(cluster.controller())
    assert cluster.reserved() == [kept]
