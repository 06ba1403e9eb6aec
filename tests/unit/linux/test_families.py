"""The table of effects is complete: each family of ops has its five functions, each op a family and its words."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

import pytest

from podberth.cni.value import fields
from podberth.linux import effects
from podberth.net import ops

FAMILIES = sorted(found.name for found in pkgutil.iter_modules(ops.__path__) if found.name != "parts")
FUNCTIONS = {
    "before": ["at", "op"],
    "do": ["at", "op"],
    "undo": ["at", "op", "step", "netns"],
    "check": ["at", "op", "step"],
    "repair": ["at", "op", "step", "netns"],
}


def test_every_family_is_looked_through_for_an_op() -> None:
    assert sorted(ops.FAMILIES) == FAMILIES


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_has_the_same_five_functions_as_any_other(name: str) -> None:
    module = import_module(f"podberth.linux.effects.{name}")
    assert {each: list(inspect.signature(getattr(module, each)).parameters) for each in FUNCTIONS} == FUNCTIONS


@pytest.mark.parametrize("name", FAMILIES)
def test_each_value_of_a_family_is_an_op_that_is_described_there(name: str) -> None:
    module = import_module(f"podberth.net.ops.{name}")
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]
    assert kinds
    for kind in kinds:
        assert getattr(ops, kind.__name__) is kind
        assert ops.family(kind) == name
        assert list(fields(kind))
    assert list(inspect.signature(module.describe).parameters) == ["op"]


def test_no_module_of_effects_stands_for_a_family_that_is_none() -> None:
    named = {found.name for found in pkgutil.iter_modules(effects.__path__)}
    whole = {name for name in named if hasattr(import_module(f"podberth.linux.effects.{name}"), "repair")}
    helpers = {"vf_links", "vf_settings"}  # of functions
    assert whole - helpers == set(FAMILIES)
