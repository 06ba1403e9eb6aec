"""Which pods run with former values, by the time of their leases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import replace
from podberth.controller.older import older
from podberth.ipam.lease import Lease
from podberth.net.settings import Rates, Settings
from podberth.net.vf import Selector
from podberth.policy.podnetwork import AttachmentPolicy, PodNetwork
from tests.unit.policy.declared import ip, pool, subnet

if TYPE_CHECKING:
    from podberth.ipam.pool import Pool

WEB = PodRef(namespace="db", name="web", uid="u")


def podnetwork(vf: Selector | None = None, **settings: object) -> PodNetwork:
    policy = AttachmentPolicy(ifname="eth0", vf=vf, settings=Settings(**settings))  # type: ignore[arg-type]
    return PodNetwork(namespace="db", name="web", pod="web", attachments=(policy,))


def lease(since: int, ifname: str = "eth0") -> Lease:
    at = Attachment(network="banknet", container_id="c1", ifname=ifname)
    return Lease(address=ip("10.20.0.7"), pool="db", attachment=at, pod=WEB, netns="/n", node="n1", since=since)


def bank(gateway: str, **settings: object) -> Pool:
    return replace(pool("db", subnet("10.20.0.0/24", gateway=gateway)), settings=Settings(**settings))  # type: ignore[arg-type]


def found(
    now: PodNetwork, since: int, *former: tuple[PodNetwork, int], **of_pool: object
) -> list[tuple[str, str, str]]:
    pools = {"db": of_pool.pop("pool", bank("10.20.0.1"))}
    listed = older(now, [lease(since)], pools, former, of_pool)  # type: ignore[arg-type]
    return [(one.field, one.told, one.now) for one in listed]


def test_a_pod_was_told_the_first_text_whose_time_its_lease_does_not_exceed() -> None:
    former = ((podnetwork(mtu=1400), 10), (podnetwork(mtu=1450), 20))
    now = podnetwork(mtu=1500)
    assert found(now, 5, *former) == found(now, 10, *former) == [("mtu", "1400", "1500")]
    assert found(now, 11, *former) == [("mtu", "1450", "1500")]
    assert found(now, 21, *former) == []


def test_a_value_that_came_back_is_no_older_one() -> None:
    former = ((podnetwork(mtu=1500), 10), (podnetwork(mtu=1400), 20))
    assert found(podnetwork(mtu=1500), 5, *former) == []


def test_what_the_podnetwork_says_hides_the_pool_s_change() -> None:
    changes = {"pool": bank("10.20.0.254", mtu=9000), "db": ((bank("10.20.0.1", mtu=1400), 10),)}
    assert found(podnetwork(mtu=1500), 5, **changes) == [("gateway", "10.20.0.1", "10.20.0.254")]
    assert ("mtu", "1400", "9000") in found(podnetwork(), 5, **changes)


def test_the_rates_of_a_virtual_function_follow_at_once() -> None:
    rates = Rates(egress=100)
    assert found(podnetwork(), 5, (podnetwork(rates=rates), 10)) == [("rates", "egress 100 Mbit/s", "-")]
    assert found(podnetwork(vf=Selector()), 5, (podnetwork(vf=Selector(), rates=rates), 10)) == []
