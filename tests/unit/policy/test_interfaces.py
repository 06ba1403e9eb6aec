"""Whether two documents speak of the same interface of the same pod, by the name of pod, StatefulSet or Deployment."""

from __future__ import annotations

from typing import Any

import pytest

from podberth.policy.documents import API_VERSION, Document, parse_document
from podberth.policy.interfaces import Interfaces
from podberth.policy.podnetwork import PodNetwork
from podberth.stores.kubernetes.earlier import shared_out


def of(target: str, name: str, *, namespace: str = "db", count: int = 0, **attachment: Any) -> Document:
    addresses = {"ordinals": [{"base": "fd00::1"}]} if count else {}
    of_set = {"name": name, **({"replicas": count} if count else {})}
    targets = {"pod": name, "statefulSet": of_set, "deployment": {"name": name}}
    spec = {target: targets[target], "attachments": [{"pool": "db", **addresses, **attachment}]}
    metadata = {"namespace": namespace, "name": "x"}
    raw = {"apiVersion": API_VERSION, "kind": "PodNetwork", "metadata": metadata, "spec": spec}
    return parse_document(raw, "test")


def meet(one: Document, other: Document) -> bool:
    assert isinstance(one.body, PodNetwork)
    return bool([*Interfaces((one.body,)).declared(other)])


SAME = [
    (of("pod", "web-0"), of("pod", "web-0")),
    (of("pod", "web-0"), of("statefulSet", "web")),
    (of("pod", "my-web-12"), of("statefulSet", "my-web")),
    (of("pod", "web-7d4b9-x2x9k"), of("deployment", "web")),
    (of("statefulSet", "web"), of("statefulSet", "web")),
    (of("deployment", "web"), of("deployment", "web")),
    (of("statefulSet", "web-7d4b9", count=30_000), of("deployment", "web")),
    (of("pod", "web-0", network="blue"), of("pod", "web-0")),
    (of("pod", "web-0", network="blue"), of("pod", "web-0", network="blue")),
]
APART = [
    (of("pod", "web-0"), of("pod", "web-1")),
    (of("pod", "web-00"), of("statefulSet", "web")),
    (of("pod", "web-x"), of("statefulSet", "web")),
    (of("pod", "web-0-1"), of("statefulSet", "web")),
    (of("pod", "web-a-x2x9k"), of("deployment", "web")),
    (of("statefulSet", "web-db", count=3), of("deployment", "web")),
    (of("statefulSet", "web"), of("deployment", "web")),
    (of("pod", "web-0"), of("pod", "web-0", namespace="bank")),
    (of("pod", "web-0"), of("pod", "web-0", ifname="net1")),
    (of("pod", "web-0", network="blue"), of("statefulSet", "web", network="red")),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_documents_meet_where_one_pod_can_be_meant_by_both(one: Document, other: Document) -> None:
    assert meet(one, other)
    assert meet(other, one)


@pytest.mark.parametrize(("one", "other"), APART)
def test_documents_for_no_common_pod_interface_or_network_do_not_meet(one: Document, other: Document) -> None:
    assert not meet(one, other)
    assert not meet(other, one)


@pytest.mark.parametrize(
    ("sizes", "shares"),
    [((), []), ((3, 4), [3, 4]), ((100, 1), [1, 9]), ((100, 100, 2), [2, 4, 4]), ((0, 50), [0, 10]), ((1,) * 20, [1])],
)
def test_a_list_s_room_is_shared_out_so_that_a_surplus_is_its_own_list_s_loss(
    sizes: tuple[int, ...], shares: list[int]
) -> None:
    lists = [[f"{number}/{n}" for n in range(count)] for number, count in enumerate(sizes)]
    kept = shared_out(lists, 10)
    assert len(kept) == min(10, sum(sizes))
    lengths = sorted(sum(one in kept for one in each) for each in lists)
    assert lengths == shares if len(sizes) < 10 else set(lengths) == {0, *shares}
