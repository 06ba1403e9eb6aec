"""The check of what the pods of a Deployment share."""

from __future__ import annotations

from podberth.cni.value import replace
from tests.unit.policy.declared import attachment, for_deployment, for_pod, shared
from tests.unit.policy.in_force import DB, Memory, changes, conflicts, lease, reserved

WEB = for_deployment("web", shared("10.20.0.21", "10.20.0.22"))
WEB_POD = "db/web-7d4b9-x2x9k"


def test_what_the_pods_of_a_deployment_share_is_reserved_for_the_deployment() -> None:
    assert reserved(changes(Memory(DB), WEB)) == [
        "10.20.0.21 db db/deployment/web eth0",
        "10.20.0.22 db db/deployment/web eth0",
    ]
    assert changes(Memory(DB, WEB), replace(WEB, retention=60)).reserve == ()
    fewer = for_deployment("web", shared("10.20.0.22"))
    assert [str(gone.address) for gone in changes(Memory(DB, WEB), fewer).release] == ["10.20.0.21"]


def test_an_address_of_a_deployment_is_declared_once() -> None:
    one = for_pod("web-7d4b9-x2x9k", attachment("10.20.0.21", pool="db"))
    assert conflicts(Memory(DB), WEB, one) == (
        (
            f"10.20.0.21 is declared twice: by PodNetwork db/web for db/deployment/web eth0, "
            f"and by PodNetwork {WEB_POD} for {WEB_POD} eth0"
        ),
    )
    assert (
        "is reserved for db/deployment/web eth0 (declared by PodNetwork db/web)" in conflicts(Memory(DB, WEB), one)[0]
    )


def test_an_address_that_a_pod_of_the_deployment_has_is_no_conflict() -> None:
    assert len(changes(Memory(DB, leases=(lease("10.20.0.21", WEB_POD),)), WEB).reserve) == 2
    for stranger in ("db/web-0", "db/api-7d4b9-x2x9k", "web/web-7d4b9-x2x9k"):
        view = Memory(DB, leases=(lease("10.20.0.21", stranger),))
        assert f"is leased by {stranger} eth0" in conflicts(view, WEB)[0]


def test_an_address_that_a_pod_of_the_deployment_has_stays_declared() -> None:
    view = Memory(DB, WEB, leases=(lease("10.20.0.21", WEB_POD),))
    assert conflicts(view, deleted=(WEB,)) == (
        (
            f"10.20.0.21 would no longer be declared for db/deployment/web eth0, but {WEB_POD} has it now "
            "(container c1 on node node1): delete that pod first; a StatefulSet's is scaled down until then"
        ),
    )
