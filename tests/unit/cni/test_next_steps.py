"""Every error says what to do next: in its details, or by naming what is expected of the field at fault."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from typing import TYPE_CHECKING

import pytest

import podberth
from podberth.cni.errors import CniError
from tests.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCES = sorted((ROOT / "src" / "podberth").rglob("*.py"))
EXPECTATIONS = ("expected ", "required")


def kinds(of: type[CniError] = CniError) -> Iterator[str]:
    """Yield the names of classes that take a message and details."""
    if of.__init__ is CniError.__init__:
        yield of.__name__
    for kind in of.__subclasses__():
        yield from kinds(kind)


@pytest.fixture(scope="module")
def errors() -> frozenset[str]:
    """The names of all classes of errors but those that word themselves."""
    for module in pkgutil.walk_packages(podberth.__path__, "podberth."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return frozenset(kinds())


def made_in(source: Path, errors: frozenset[str]) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in errors:
            yield node


def test_the_errors_are_found(errors: frozenset[str]) -> None:
    assert {"CniError", "Refused", "StoreFailed", "KernelRefused"} <= errors
    assert sum(1 for source in SOURCES for _ in made_in(source, errors)) > 200


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(ROOT / "src")))
def test_an_error_says_what_to_do_next(source: Path, errors: frozenset[str]) -> None:
    silent = [
        f"{source.relative_to(ROOT)}:{made.lineno}: {ast.unparse(made)}"
        for made in made_in(source, errors)
        if len(made.args) == 1 and not made.keywords and not any(word in ast.unparse(made) for word in EXPECTATIONS)
    ]
    assert silent == []
