"""Whatever a watch of the Kubernetes API tells: the next good declaration of another namespace is in force.

The objects are as an API server may have them: names, versions and annotations are texts, all else is anything.
"""

from __future__ import annotations

import itertools
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from podberth.kube.names import address_name
from podberth.stores.kubernetes.objects import read_approved, read_document, read_leases
from podberth.stores.replica.shared import Seen
from podberth.stores.replica.standings import standings
from tests.contract.control.cluster import podnetwork, pool
from tests.contract.ledgers import ip
from tests.contract.test_standing import Here, allowing, bundle, resource
from tests.sizes import size
from tests.unit.policy.hostile import FILES, NO_KIND, ODD, RAWS

if TYPE_CHECKING:
    from collections.abc import Iterator

FUZZ = settings(
    max_examples=size(15, 5000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
EVIL = "evil"
KEPT = ("PodNetwork bank/kept", "10.20.0.40")


def sent(raw: Any) -> Any:
    """Return what an API server has of it: text that is none becomes some."""
    return json.loads(json.dumps(raw, ensure_ascii=False).encode("utf-8", "replace"))


class Node(Here):
    """A replica that has heard of a pool and of two namespaces' declarations."""

    def __init__(self) -> None:
        super().__init__(resource(allowing("db", "bank", EVIL)), resource(pool("other", "10.90.0.0/24"), 2))
        self.revisions = itertools.count(10)
        self.take(bundle("kept", podnetwork("kept", "10.20.0.40", namespace="bank"), namespace="bank", revision=3))

    def object(self, kind: str, name: str, spec: Any, status: Any, annotations: dict[str, str]) -> None:
        """Have it hear of a custom resource."""
        metadata = {"name": name, "resourceVersion": str(next(self.revisions)), "annotations": annotations}
        metadata |= {"namespace": EVIL} if kind == "PodNetwork" else {}
        found = sent({"metadata": metadata, "spec": spec, "status": status})
        self.take(Seen(documents=(read_document(found, kind),), approved=(read_approved(found, kind),)))

    def hears(self) -> bool:
        """Say whether the next good declaration of another namespace is in force, and what was there before."""
        revision = next(self.revisions)
        address = f"10.20.0.{revision % 100 + 100}"
        self.take(bundle("web", podnetwork("web", address), revision=revision))
        found = [one for one in self.in_force() if not one[0].startswith(f"PodNetwork {EVIL}/")]
        assert found == [KEPT, ("PodNetwork db/web", address)]
        self.ask(standings)
        return True


@pytest.fixture
def node() -> Iterator[Node]:
    with closing(Node()) as made:
        yield made


@FUZZ
@given(text=FILES)
@example(text=NO_KIND)
def test_after_any_config_map_of_a_namespace_the_others_are_as_they_declare(node: Node, text: str) -> None:
    node.take(bundle("bad", sent(text), namespace=EVIL, revision=next(node.revisions)))
    assert node.hears()


FORMER = st.fixed_dictionaries(
    {"until": st.integers() | ODD}, optional={"spec": ODD, "metadata": ODD, "kind": ODD, "body": ODD}
)
TOLD = st.fixed_dictionaries({}, optional={"address": ODD, "since": st.integers() | ODD})
IN_FORCE = st.fixed_dictionaries(
    {"spec": ODD | RAWS.map(lambda raw: raw.get("spec") if isinstance(raw, dict) else raw)},
    optional={"annotations": ODD, "told": ODD | st.lists(TOLD), "former": st.lists(FORMER), "acceptedBy": ODD},
)
SPECS = ODD | RAWS.map(lambda raw: raw.get("spec") if isinstance(raw, dict) else raw)
STATUSES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({"inForce": IN_FORCE | ODD}) | st.just({})
ANNOTATIONS = st.dictionaries(
    st.sampled_from(("podberth.io/source", "podberth.io/origin", "podberth.io/operation")), st.text(max_size=9)
)


@FUZZ
@given(kind=st.sampled_from(("Pool", "PodNetwork")), spec=SPECS, status=STATUSES, annotations=ANNOTATIONS)
@example(
    kind="PodNetwork", spec={}, status={"inForce": {"spec": {}, "former": [{"until": 5, "metadata": "x"}]}},
    annotations={},
)  # fmt: skip
def test_after_any_custom_resource_the_others_are_as_they_declare(
    node: Node, kind: str, spec: Any, status: Any, annotations: dict[str, str]
) -> None:
    node.object(kind, "odd", spec, status, annotations)
    assert node.hears()


LEASE: dict[str, Any] = {
    "address": "10.90.0.9", "pool": "other", "sequence": 1, "time": 1,
    "lease": {
        "network": "n", "containerID": "c", "ifname": "eth0", "node": "n1", "namespace": EVIL, "pod": "p", "uid": "u",
        "netns": "/x", "since": 1,
    },
    "history": {"000000000001": {"kind": "Bound", "time": 1, "pool": "other", "who": "w", "why": "y", "node": "n1"}},
}  # fmt: skip


@FUZZ
@given(field=st.sampled_from([*LEASE, "reservation", "mark", "rest", "restUntil"]), inside=st.text(max_size=5), odd=ODD)
def test_after_any_address_s_record_the_others_are_as_they_declare(
    node: Node, field: str, inside: str, odd: Any
) -> None:
    spec = {**LEASE, field: {**LEASE["lease"], inside: odd} if field == "lease" else odd}
    metadata = {"name": address_name(ip("10.90.0.9")), "resourceVersion": str(next(node.revisions))}
    node.take(read_leases([sent({"metadata": metadata, "spec": spec})]))
    assert node.hears()
