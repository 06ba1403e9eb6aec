"""Which podberth a ledger is for, and who is taken for an older one."""

from __future__ import annotations

import pytest

import podberth
from podberth.cni.errors import Refused, StoreFailed
from podberth.ipam import versions
from podberth.ipam.versions import FRESH, HERE, NEEDS, AgentVersion, Feature, NodeSigns, number, older, outgrown

NOW = 100 * FRESH


def said(version: str, revision: int = 10, node: str = "n") -> AgentVersion:
    return AgentVersion(node=node, version=version, revision=revision)


def test_every_feature_is_in_the_one_table_and_needs_no_later_version_than_this() -> None:
    assert set(NEEDS) == set(Feature)
    assert all(number(version) <= number(HERE) for version in NEEDS.values())


def test_this_code_is_of_the_release_that_it_says_or_of_the_one_before_until_that_is_made() -> None:
    assert number(HERE) >= number(podberth.__version__)


def test_versions_sort_as_numbers_do() -> None:
    assert number("0.10.0") > number("0.9.9")


@pytest.mark.parametrize("text", ["", "x", "0.2.x", "0..2", "-1.0", "1.2.3.4.5", "0.2.0-rc1"])
def test_a_version_that_is_none_lets_nobody_write(text: str) -> None:
    with pytest.raises(StoreFailed, match="minimum version"):
        outgrown(text)


def test_a_feature_is_refused_by_a_ledger_of_before_with_the_command_that_allows_it() -> None:
    with pytest.raises(Refused, match=r"a second cluster needs 0\.2\.0") as refused:
        versions.require("0.1.0", Feature.CLUSTERS)
    assert "podberth store upgrade" in refused.value.details
    versions.require("0.2.0", Feature.CLUSTERS)
    versions.require("0.10.0", Feature.CLUSTERS)


def test_a_ledger_for_later_versions_is_not_this_ones_to_write() -> None:
    assert outgrown(HERE) == outgrown("0.1.0") == ""
    assert outgrown("99.0.0") == f"this ledger is for podberth 99.0.0 and later, and this is {HERE}"


@pytest.mark.parametrize(
    ("announced", "trace", "why"),
    [
        (None, None, ""),
        (said("0.2.0"), None, ""),
        (said("0.3.0"), None, ""),
        (said("0.1.9"), None, "its agent is podberth 0.1.9"),
        (said(""), None, "does not say its version"),
        (said("0.2.0"), NodeSigns(node="n", leases=3), ""),
        # What 0.1.0 did before the node was upgraded, and after it was put back.
        (said("0.2.0", 10), NodeSigns(node="n", leases=3, time=NOW, revision=9), ""),
        (said("0.2.0", 10), NodeSigns(node="n", leases=3, time=NOW, revision=11), "since"),
        (said("0.2.0", 10), NodeSigns(node="n", time=NOW - 2 * FRESH, revision=11), ""),
        (None, NodeSigns(node="n", leases=1), "no agent there has said its version"),
        (None, NodeSigns(node="n", time=NOW - FRESH + 1, revision=1), "within a day"),
        (None, NodeSigns(node="n", time=NOW + 50 * FRESH, revision=1), "within a day"),  # its clock is far ahead
        (None, NodeSigns(node="n", time=NOW - FRESH, revision=1), ""),
    ],
)
def test_a_node_is_older_by_its_word_or_by_what_it_left(
    announced: AgentVersion | None, trace: NodeSigns | None, why: str
) -> None:
    found = older("0.2.0", filter(None, [announced]), filter(None, [trace]), NOW)
    assert [one.node for one in found] == (["n"] if why else [])
    assert all(why in one.why for one in found)
    assert older("0.2.0", filter(None, [announced]), filter(None, [trace]), NOW, {"n"}) == ()
