"""The plugin that makes nothing, at the head of a chain."""

from __future__ import annotations

import json

import pytest

from podberth.runtime.passthru import passthru


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_an_add_has_an_empty_result_of_the_configurations_version(version: str) -> None:
    stdin = json.dumps({"cniVersion": version, "name": "vendor", "type": "passthru"}).encode()
    status, stdout = passthru({"CNI_COMMAND": "ADD"}, stdin, "passthru")
    assert (status, json.loads(stdout)) == (0, {"cniVersion": version})


@pytest.mark.parametrize("verb", ["CHECK", "DEL", "GC", "STATUS"])
def test_other_verbs_have_nothing_to_do(verb: str) -> None:
    assert passthru({"CNI_COMMAND": verb}, b"{}", "passthru") == (0, "")
