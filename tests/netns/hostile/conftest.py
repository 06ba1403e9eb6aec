"""A node with two attachments and declarations, for hostile calls to leave as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.netns.kubelet import Kubelet, kubelet
from tests.unit.hostile.store import DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.netns.kubelet import Pod


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    state = tmp_path_factory.mktemp("hostile") / "state"
    with kubelet(state, "\n---\n".join(map(json.dumps, DOCUMENTS))) as made:
        without_ipv6(made, made.node)
        for name, pool in (("holder", "db"), ("filler", "full")):
            pod = replace(made.pod(f"{name}-0"), container_id=name)
            without_ipv6(made, pod.netns)
            answer = made.call("ADD", pod, pool=pool)
            assert answer.code == 0, answer
        (state / "a-file").write_text("not a directory\n")
        (state / "garbage").mkdir()
        (state / "garbage" / "podberth.db").write_bytes(b"this is no database\n" * 500)
        yield made


@pytest.fixture(scope="module")
def victim(node: Kubelet) -> Pod:
    """Give the sandbox of a pod that nothing is declared for."""
    pod = replace(node.pod("web-0"), container_id="c0ffee")
    without_ipv6(node, pod.netns)
    return pod


def without_ipv6(node: Kubelet, namespace: str) -> None:
    """Keep the kernel from adding addresses by itself, some time after a link is up."""
    for which in ("all", "default"):
        node.inside(namespace, "sysctl", "-q", "-w", f"net.ipv6.conf.{which}.disable_ipv6=1")
