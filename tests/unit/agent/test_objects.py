"""What an agent keeps of the API server's objects."""

from __future__ import annotations

import pytest

from podberth.agent.definitions import definition
from podberth.networks import definition as definitions
from podberth.networks.legs import MOST_BYTES

ABOUT = {"namespace": "bank", "name": "storage", "uid": "u1", "annotations": {"a": "b"}}


@pytest.mark.parametrize("spec", [None, {}, {"config": "{}"}, {"config": None}, {"config": 7}])
def test_a_definition_is_kept_as_it_is_read(spec: object) -> None:
    whole = {"kind": "NetworkAttachmentDefinition", "metadata": {**ABOUT, "managedFields": [1]}, "spec": spec}

    def read(item: dict[str, object]) -> object:
        try:
            return definitions.read(item)
        except Exception as wrong:  # noqa: BLE001 - the same error
            return str(wrong)

    assert read(definition(whole)) == read(whole)
    assert definition(whole)["metadata"] == ABOUT


def test_of_a_definition_that_is_too_long_no_more_is_kept_than_tells_so() -> None:
    kept = definition({"metadata": ABOUT, "spec": {"config": " " * (4 * MOST_BYTES)}})
    assert len(kept["spec"]["config"]) == MOST_BYTES + 1
