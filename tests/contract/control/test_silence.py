"""How long the watches of pods and nodes have said nothing: a metric, and what `/readyz` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.waiting import until

if TYPE_CHECKING:
    from tests.contract.control.cluster import Cluster


def test_the_controllers_metrics_have_the_silence_of_each_watch(cluster: Cluster) -> None:
    controller = cluster.controller()
    until(lambda: not controller._away())
    _, _, page = controller._metrics.page()
    for resource in ("pods", "nodes"):
        assert f'podberth_watch_silence_seconds{{resource="{resource}"}}'.encode() in page


def test_a_controller_of_a_frozen_server_is_not_ready(cluster: Cluster) -> None:
    controller = cluster.controller()
    until(lambda: not controller._away())
    cluster.server.freeze()
    try:
        until(lambda: bool(controller._away()))
    finally:
        cluster.server.thaw()
    until(lambda: not controller._away())
