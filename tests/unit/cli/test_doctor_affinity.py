"""`podberth doctor` about pools that are for some nodes and namespaces alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from podberth.cli.doctor import affinity, networks
from podberth.cli.session import Session
from podberth.desk.doctor import FAIL, OK, WARN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.node import Operator

POOL = """\
apiVersion: podberth.io/v1alpha1
kind: Pool
metadata: {name: %s}
spec: {subnets: [{subnet: %s}], affinity: {%s}}
"""


def session(podberth: Operator) -> Session:
    return Session(str(podberth.state), podberth.connect)


def told(podberth: Operator) -> list[tuple[str, str, str]]:
    return [(each.name, each.level, each.text) for each in affinity.look(session(podberth))]


def applied(podberth: Operator, tmp_path: Path, *documents: str) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text("---\n".join(documents))
    podberth("apply", "-f", str(file))


def test_a_pool_for_other_nodes_is_said_to_be(podberth: Operator, tmp_path: Path) -> None:
    zone = "nodeSelector: {matchLabels: {zone: a}}"
    applied(podberth, tmp_path, POOL % ("a", "10.90.0.0/24", zone), POOL % ("n", "10.91.0.0/24", "nodes: [worker-9]"))
    ((name, level, text), other) = told(podberth)
    assert (name, level) == ("pool a", WARN)
    assert "the labels of Node" in text
    assert "are not known" in text
    assert other == ("pool n", OK, "for nodes worker-9, not for this one")
    for labels, words in (
        ({"zone": "a"}, "for this node, by its labels"),
        ({"zone": "b"}, "for nodes with zone=a, not"),
    ):
        (podberth.state / "labels.json").write_text(json.dumps({"node": labels}))
        assert told(podberth)[0][2].startswith(words)


def test_an_address_that_its_pod_can_not_get_is_named(podberth: Operator, tmp_path: Path) -> None:
    applied(podberth, tmp_path, POOL % ("a", "10.90.0.0/24", "namespaces: [web]"))
    podberth("reserve", "web/one", "10.90.0.7")
    assert told(podberth) == []
    applied(podberth, tmp_path, POOL % ("a", "10.90.0.0/24", "namespaces: ['db*']"))
    words = "10.90.0.7 is reserved for web/one (manual), and the pool is for namespaces db*: the pod is refused when it"
    assert told(podberth) == [("pool a", WARN, f"{words} starts")]


def test_a_pool_of_the_list_that_is_missing_is_told_before_its_turn(podberth: Operator, tmp_path: Path) -> None:
    applied(podberth, tmp_path, POOL % ("a", "10.90.0.0/24", "namespaces: ['*']"))
    folder = tmp_path / "net.d"
    folder.mkdir()
    conf = {"cniVersion": "1.1.0", "name": "banknet", "type": "podberth", "stateDir": str(podberth.state)}
    for pools, level in ((["a", "missing"], FAIL), (["a"], OK)):
        (folder / "10-bank.conf").write_text(json.dumps({**conf, "pools": pools}))
        (found,) = [each for each in networks.configurations(session(podberth), folder) if each.name == "10-bank.conf"]
        assert found.level == level
