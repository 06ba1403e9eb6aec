"""What a pod shows of a live migration."""

from __future__ import annotations

import json
from typing import Any

import pytest

from podberth.networks.migration import JOB, READY, arrived, is_target
from tests.unit.networks.described import DescribedNode, call, defined, planned
from tests.unit.networks.test_claims import LEDGER, SELECTED, claim

SINCE = "2026-11-30 14:00:00.5 +0000 UTC"


def pod(labels: object = None, **annotations: object) -> dict[str, Any]:
    networks = {"k8s.v1.cni.cncf.io/networks": json.dumps([SELECTED])}
    metadata = {"namespace": "bank", "name": "web-0", "uid": "u1", "annotations": {**networks, **annotations}}
    return {"kind": "Pod", "metadata": metadata if labels is None else {**metadata, "labels": labels}}


@pytest.mark.parametrize(
    ("found", "waits", "since"),
    [
        (pod(), False, ""),
        (pod({JOB: "5f0d"}), True, ""),
        (pod({JOB: ""}), False, ""),
        (pod({JOB: 7}), False, ""),
        (pod({JOB: "5f0d"}, **{READY: SINCE}), False, SINCE),
        (pod({JOB: "5f0d"}, **{READY: ""}), True, ""),
        (pod({JOB: "5f0d"}, **{READY: "a\nb"}), True, ""),
        (pod({JOB: "5f0d"}, **{READY: "x" * 1000}), False, "x" * 64),
        ({"kind": "Pod"}, False, ""),
    ],
)
def test_a_target_is_known_by_its_label_until_its_guest_runs(found: dict[str, Any], waits: bool, since: str) -> None:
    assert (is_target(found), arrived(found)) == (waits, since)


@pytest.mark.parametrize(("labels", "standby"), [({JOB: "5f0d"}, True), ({}, False)])
def test_the_leg_of_a_target_may_stand_by(labels: dict[str, str], standby: bool) -> None:
    first, leg = planned(DescribedNode(pod(labels), defined("storage", LEDGER), claim()), call())
    assert (first.standby, leg.standby) == (False, standby)
    (plugin,) = json.loads(leg.config)["plugins"]
    assert plugin["ipamClaim"].get("standby", False) == standby
