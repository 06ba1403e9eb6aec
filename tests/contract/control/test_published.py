"""Reservations are kept published as IPAMClaims where that is wanted, by a real API server and its custom resource."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from podberth.cni.errors import CniError
from podberth.cni.ipam_claim import SHOWN, SHOWN_AS
from podberth.kube.resources import IPAM_CLAIMS
from tests.checkout import ROOT
from tests.contract.control.cluster import podnetwork, pool
from tests.servers.ipam_claims import CLAIMS
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.control.cluster import Cluster

NAME = "a.eth0"
SAID = {"network": "banknet", "interface": "eth0"}


@pytest.fixture
def served(cluster: Cluster) -> Iterator[Cluster]:
    """Yield a cluster that knows claims, with a pod's address that is declared."""
    cluster.apply(CLAIMS, pool())
    until(lambda: claims(cluster) is not None)
    cluster.apply(declared())
    yield cluster
    cluster.kubectl("delete", "crd", "ipamclaims.k8s.cni.cncf.io")
    until(lambda: claims(cluster) is None)


def declared(**changes: Any) -> dict[str, Any]:
    made = podnetwork("a", "10.20.0.11")
    made["spec"]["attachments"][0] |= {"network": "banknet", **changes}
    return made


def claims(cluster: Cluster) -> dict[str, Any] | None:
    """Return the claims by name; None if the server does not know the kind."""
    try:
        return {one["metadata"]["name"]: one for one in cluster.client.list(IPAM_CLAIMS).items}
    except CniError:
        return None


def shown(cluster: Cluster) -> dict[str, Any]:
    """Return what the claim says; {} if there is none, or nothing yet."""
    found = (claims(cluster) or {}).get(NAME, {})
    return {**found.get("spec", {}), **found.get("status", {})}


def test_a_reservation_is_published_and_follows_the_ledger_and_whoever_changes_it_by_hand(served: Cluster) -> None:
    served.controller(publishing=True)
    free = {**SAID, "ips": ["10.20.0.11/24"], "ownerPod": "a"}
    until(lambda: shown(served) == free)
    made = (claims(served) or {})[NAME]
    assert made["metadata"]["labels"] == {"podberth.io/pool": "db", SHOWN: SHOWN_AS}
    status = {"status": {"ips": ["10.66.0.1/24"], "ownerPod": "b"}}
    served.client.merge_patch(IPAM_CLAIMS, NAME, status, "db", subresource="status")
    assert shown(served)["ownerPod"] == "b"
    served.apply(declared(addresses=["10.20.0.12"]))
    until(lambda: shown(served) == {**free, "ips": ["10.20.0.12/24"]})
    assert served.kubectl("-n", "db", "delete", "podnetwork", "a").returncode == 0
    until(lambda: claims(served) == {})


def test_a_claim_of_that_name_that_is_somebody_else_s_is_left_alone_and_told(served: Cluster) -> None:
    log = StringIO()
    own = {"metadata": {"name": NAME}, "spec": {"network": "mine", "interface": "eth9"}}
    served.client.create(IPAM_CLAIMS, own, "db")
    controller = served.controller(publishing=True, log=log)
    until(lambda: "IPAMClaim db/a.eth0 is somebody else" in log.getvalue())
    served.sweeps(controller)
    assert (claims(served) or {})[NAME]["spec"] == own["spec"]
    assert log.getvalue().count("somebody else") == 1


def test_it_is_off_unless_it_is_wanted_and_what_was_published_stays(served: Cluster) -> None:
    controller = served.controller(publishing=True)
    until(lambda: shown(served) != {})
    served.stop(controller)
    served.client.delete(IPAM_CLAIMS, NAME, "db")
    served.sweeps(served.controller())
    assert claims(served) == {}


def test_without_the_kind_the_controller_does_all_else(cluster: Cluster) -> None:
    log = StringIO()
    cluster.apply(pool(), declared())
    controller = cluster.controller(publishing=True, log=log)
    until(lambda: cluster.reserved() == ["10.20.0.11 db/a declared"])
    until(lambda: "no such kind" in log.getvalue())
    cluster.sweeps(controller)
    assert log.getvalue().count("no such kind") == 1


def test_the_rights_of_the_manifest_are_enough(served: Cluster) -> None:
    rights = []
    for file in ("deploy/base/controller/rights.yaml", "deploy/claims/rights.yaml"):
        for document in yaml.safe_load_all((ROOT / file).read_text()):
            for rule in document.get("rules", ()):
                rights += [
                    (group, resource, rule["verbs"]) for group in rule["apiGroups"] for resource in rule["resources"]
                ]
    kubeconfig = str(served.server.user("publisher"))
    served.server.allow("publisher", *rights)
    served.controller(publishing=True, kubeconfig=kubeconfig)
    until(lambda: shown(served) == {**SAID, "ips": ["10.20.0.11/24"], "ownerPod": "a"})
    served.apply(declared(addresses=["10.20.0.12"]))
    until(lambda: shown(served).get("ips") == ["10.20.0.12/24"])
    assert served.kubectl("-n", "db", "delete", "podnetwork", "a").returncode == 0
    until(lambda: claims(served) == {})
