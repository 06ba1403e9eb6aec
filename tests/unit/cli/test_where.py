"""Where controller and webhook find the API: by option, by the state directory's store.json, or as kubectl does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from podberth.cli.controller.where import where
from podberth.cli.session import Session
from podberth.cni.errors import InvalidConfig
from podberth.entry import open_node
from podberth.stores.chosen import Kubernetes

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = {"kubeconfig": "/etc/podberth/kubeconfig", "context": "two", "namespace": "addresses"}


def session(tmp_path: Path, document: dict[str, object] | None) -> Session:
    if document is not None:
        (tmp_path / "store.json").write_text(json.dumps(document))
    return Session(str(tmp_path), open_node)


def test_the_state_directory_says_it_where_no_option_does(tmp_path: Path) -> None:
    found = where(session(tmp_path, {"store": "kubernetes", "node": "n1", "kubernetes": ABOUT}), "", "")
    assert found == Kubernetes(**ABOUT)


def test_an_option_goes_before_it(tmp_path: Path) -> None:
    of = session(tmp_path, {"store": "kubernetes", "node": "n1", "kubernetes": ABOUT})
    assert where(of, "/root/admin.conf", "") == Kubernetes(kubeconfig="/root/admin.conf")
    assert where(of, "", "other") == Kubernetes(**{**ABOUT, "namespace": "other"})


@pytest.mark.parametrize("document", [None, {"store": "sqlite"}], ids=["none", "sqlite"])
def test_a_directory_that_says_nothing_of_it_leaves_it_to_kubectls_way(
    tmp_path: Path, document: dict[str, object] | None
) -> None:
    assert where(session(tmp_path, document), "", "") == Kubernetes()


def test_what_can_not_be_read_is_not_taken_for_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"store\.json"):
        where(session(tmp_path, {"store": "kubernetes", "kubernetes": {"context": 1}}), "", "")
