"""A node for the suite: a network namespace, and a store with one pool."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.netns.conformance.plugins import DOCUMENTS
from tests.netns.kubelet import Kubelet, kubelet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.conformance.plugins import Subject


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    with kubelet(tmp_path_factory.mktemp("suite") / "state", DOCUMENTS) as made:
        yield made


def suite(node: Kubelet, subject: Subject, *more: str) -> tuple[int, dict[str, Any]]:
    """Run `podberth conformance` on the node; return its exit status and its document."""
    conf = node.state.parent / f"{subject.conf['name']}.json"
    conf.write_text(json.dumps(subject.conf))
    command = [*node.at_node, sys.executable, "-m", "podberth.cli.main", "conformance", "--json"]
    command += ["--plugin", str(subject.plugin), "--conf", str(conf), "--kind", subject.kind, *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def failing(document: dict[str, Any]) -> dict[str, str]:
    """Return the checks that failed, and why."""
    return {one["name"]: one["why"] for one in document["checks"] if one["outcome"] in ("failed", "error")}
