"""What a node offers to claims, by its records and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podberth.dra.inventory import Inventory
from podberth.dra.prepared import PreparedClaims
from tests.unit.verbs.card import PF, Site, function

if TYPE_CHECKING:
    from pathlib import Path


def test_a_function_has_the_labels_of_its_card_too_as_where_networks_select(tmp_path: Path) -> None:
    site = Site(tmp_path / "state", function(0))
    site.node.attachments.label(PF, ("storage",))
    site.node.attachments.label(function(0).address, ("fast",))
    (device,) = Inventory("node1", lambda: iter((site.node,)), (), PreparedClaims(tmp_path)).devices().values()
    assert (device.attributes["label0"], device.attributes["label1"]) == ("storage", "fast")
    site.database.close()
