"""Where labels are from without a Kubernetes API, and what is said where nobody can know them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from podberth.cni.errors import InvalidConfig, Refused, TryAgainLater
from podberth.cni.pod import PodRef
from podberth.entry import open_node
from podberth.labels import FILE, labels

if TYPE_CHECKING:
    from pathlib import Path

POD = PodRef(namespace="db", name="mysql-0", uid="u")


def say(state: Path, said: object) -> None:
    (state / FILE).write_text(said if isinstance(said, str) else json.dumps(said))


def test_a_file_says_the_labels_of_the_node(tmp_path: Path) -> None:
    say(tmp_path, {"node": {"topology.kubernetes.io/zone": "a", "rack": ""}})
    assert labels(str(tmp_path), "worker-1", "Node", None) == {"topology.kubernetes.io/zone": "a", "rack": ""}
    assert open_node(str(tmp_path)).labels("Node", None) == {"topology.kubernetes.io/zone": "a", "rack": ""}


def test_a_file_that_is_changed_counts_at_once(tmp_path: Path) -> None:
    say(tmp_path, {"node": {"rack": "1"}})
    node = open_node(str(tmp_path))
    assert node.labels("Node", None) == {"rack": "1"}
    say(tmp_path, {"node": {"rack": "2"}})
    assert node.labels("Node", None) == {"rack": "2"}


@pytest.mark.parametrize("kind", ["Node", "Pod", "Namespace"])
def test_where_nobody_says_the_labels_they_are_refused_and_not_none(tmp_path: Path, kind: str) -> None:
    with pytest.raises(Refused, match=r"are not known: this node's ledger is not in a Kubernetes API") as refused:
        labels(str(tmp_path), "worker-1", kind, POD)
    assert str(tmp_path / FILE) in refused.value.details


def test_a_file_with_the_node_s_labels_alone_says_nothing_of_pods(tmp_path: Path) -> None:
    say(tmp_path, {"node": {}})
    with pytest.raises(Refused, match="the labels of Pod db/mysql-0 are not known"):
        labels(str(tmp_path), "worker-1", "Pod", POD)


def test_an_api_that_is_configured_and_can_not_be_found_is_an_error_of_now(tmp_path: Path) -> None:
    say(tmp_path, {"kubernetes": {"kubeconfig": str(tmp_path / "missing")}})
    with pytest.raises(TryAgainLater, match=r"the labels of Namespace db are not known: .*missing can't be read"):
        labels(str(tmp_path), "worker-1", "Namespace", POD)


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("", "expected JSON"),
        ("[]", "expected an object"),
        ("{}", "node: nothing is said"),
        ({"nodes": {}}, "nodes: unknown field"),
        ({"node": []}, "node: expected an object"),
        ({"node": {"rack": 1}}, "node.rack: expected the value of a label"),
        ({"node": {"../rack": "1"}}, "node: expected"),
        ({"node": {"rack": "x" * 64}}, "node.rack: expected the value of a label"),
        ({"node": {"rack": "a\nb"}}, "node.rack: expected the value of a label"),
        ({"kubernetes": {"kubeconfig": "etc/config"}}, "kubernetes.kubeconfig: expected"),
        ({"kubernetes": {"server": "x"}}, "kubernetes.server: unknown field"),
        ('{"node": {"a": "1", "a": "2"}}', "twice"),
        ('{"node": ' + "[" * 200 + "]" * 200 + "}", ""),
        ('{"node": {"rack": "' + "1" * 70_000 + '"}}', ""),
    ],
)
def test_a_file_that_is_wrong_names_itself_and_the_field(tmp_path: Path, said: object, at: str) -> None:
    say(tmp_path, said)
    with pytest.raises(InvalidConfig) as wrong:
        labels(str(tmp_path), "worker-1", "Node", None)
    assert str(tmp_path / FILE) in wrong.value.message
    assert at in wrong.value.message


def test_a_directory_in_the_file_s_place_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(InvalidConfig, match="can't be read: Is a directory"):
        labels(str(tmp_path), "worker-1", "Node", None)
