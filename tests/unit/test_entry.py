"""A plugin is found by its type, which is the name of its file, and which it says itself."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from podberth.catalogue import find_plugin
from podberth.cni.errors import InvalidConfig
from podberth.plugins import podberth, sriov


def test_a_plugin_is_found_by_its_type() -> None:
    assert find_plugin("podberth") is podberth
    assert find_plugin("sriov") is sriov


def test_a_hyphen_in_a_type_is_an_underscore_in_its_file_s_name(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ModuleType("podberth.plugins.own_kind")
    made.TYPES = ("own-kind",)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, made.__name__, made)
    assert find_plugin("own-kind") is made
    with pytest.raises(InvalidConfig, match="no plugin 'own_kind'"):
        find_plugin("own_kind")  # its file has that name, and it serves no such type


@pytest.mark.parametrize(
    "name", ["", "flannel", "_init", "-x", "__init__", "os.path", "../sriov", "sriov\n", "SRIOV", "a b"]
)
def test_all_else_is_none_of_ours(name: str) -> None:
    with pytest.raises(InvalidConfig, match="podberth has no plugin"):
        find_plugin(name)
