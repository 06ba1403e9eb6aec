"""What is known to be gone, where the store that would say so of other nodes is away."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from podberth.cni.errors import CniError, TryAgainLater
from podberth.stores.replica.shared import Unreachable
from podberth.verbs.gone import fenced

if TYPE_CHECKING:
    from podberth.verbs.node import Node


@pytest.mark.parametrize(
    "failure",
    [TryAgainLater("no endpoint of etcd answers"), Unreachable("no endpoint of etcd agrees with this client on TLS")],
    ids=["away", "its certificate has expired"],
)
def test_a_node_of_which_nobody_can_be_asked_is_not_fenced(failure: CniError) -> None:
    def fences(_: str) -> Any:
        raise failure

    node = cast("Node", SimpleNamespace(name="here", elsewhere=SimpleNamespace(fences=fences)))
    assert fenced(node) == {}
