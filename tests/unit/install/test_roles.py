"""No role of ours is handed out by the cluster's own roles: the right to declare is the operator's to give."""

from __future__ import annotations

from typing import Any

import yaml

from tests.checkout import ROOT

DEPLOY = ROOT / "deploy"


def roles() -> list[dict[str, Any]]:
    documents = [one for path in sorted(DEPLOY.rglob("*.yaml")) for one in yaml.safe_load_all(path.read_text())]
    objects = [one for one in documents if isinstance(one, dict)]  # a patch by JSON is a list
    return [one for one in objects if one.get("kind") in ("ClusterRole", "Role")]


def test_no_role_of_ours_is_aggregated_to_edit_or_any_other() -> None:
    assert len(roles()) >= 6
    for role in roles():
        labels = role["metadata"].get("labels") or {}
        assert not [label for label in labels if "aggregate-to" in label], role["metadata"]["name"]
        assert "aggregationRule" not in role


# Given by hand alone: no overlay has it.
APART = {"podberth-controller-own-pools": {"pools"}}


def test_no_role_of_ours_writes_declarations_but_one_that_is_given_by_hand() -> None:
    declaring = {"pools", "podnetworks", "addressreservations", "*"}
    for role in roles():
        for rule in role["rules"]:
            written = declaring & set(rule["resources"]) if set(rule["verbs"]) - {"get", "list", "watch"} else set()
            assert written <= APART.get(role["metadata"]["name"], set()), role["metadata"]["name"]


def test_what_is_given_by_hand_is_in_no_other_kustomization() -> None:
    own = DEPLOY / "own-pools" / "kustomization.yaml"
    others = [path for path in DEPLOY.rglob("kustomization.yaml") if path != own]
    assert len(others) > 4
    assert not [path for path in others if "own-pools" in path.read_text()]
