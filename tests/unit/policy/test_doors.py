"""Every door asks `permit`, and decides nothing by itself."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import podberth
from podberth.policy import permit

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(podberth.__file__).parent
BENEATH = {"podberth.policy.authorise", "podberth.policy.tenancy"}  # what decides, asked by `permit` alone
# Where each door is, as the module that names it.
DOORS = {
    "APPLY": {"policy.admission", "stores.replica.podnetworks"},
    "IMPORT": {"stores.transfer.sheet", "stores.transfer.found"},
    "RESERVE": {"cli.reservations"},
    "RELEASE": {"cli.release"},
    "WEBHOOK": {"controller.asked", "controller.judge"},
    "CONTROLLER": {"controller.sweep"},
    "FEED": {"stores.replica.court", "stores.replica.pools"},
    "ANNOTATION": {"verbs.network", "verbs.planner"},  # by `door_of`; what is asked of other plugins' networks
    "ADD": {"verbs.network"},
}
BY_THE_COURT = {"stores.replica.podnetworks"}  # asks as `stores.replica.court`, which it tells its door
LEDGER = {
    "verbs.takeover",
    "verbs.add",
    "stores.replica.undelivered",
    "stores.replica.naming",
}  # who hand on what was asked before


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts), ast.parse(path.read_text())


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def names(tree: ast.Module) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_what_decides_is_imported_by_permit_and_the_room_beneath_it_alone() -> None:
    for module, tree in modules():
        for of, name in imported(tree):
            if of in BENEATH:
                assert module in {"policy.permit", "policy.tenancy"}, f"{module} decides by {of}.{name}"


def test_nobody_else_reads_the_rules_of_a_pool() -> None:
    for module, tree in modules():
        reads = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if reads & {"grants", "pod_requests", "macs"}:
            assert module in {"policy.permit", "policy.authorise", "policy.tenancy", "ipam.pool_document"}, module


def test_each_door_asks_permit_and_there_is_no_other() -> None:
    assert set(DOORS) == {name for name, told in vars(permit).items() if isinstance(told, str) and told in permit.DOORS}
    askers = {module for module, tree in modules() if ("podberth.policy.permit", "permit") in set(imported(tree))}
    assert askers | BY_THE_COURT == set().union(*DOORS.values())
    for module, tree in modules():
        if module in askers | BY_THE_COURT:
            calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
            asked = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
            assert ("permit" if module in askers else "Court") in asked, module
            own = {door for door, of in DOORS.items() if module in of and door not in ("ADD", "ANNOTATION")}
            assert own <= names(tree), f"{module} names {own}"


def test_who_reserves_by_hand_has_asked() -> None:
    for module, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr == "reserve" and isinstance(node.func.value, ast.Attribute | ast.Name):
                of = node.func.value.attr if isinstance(node.func.value, ast.Attribute) else node.func.value.id
                if of in ("ledger", "_ledger"):
                    asked = {"cli.reservations", "cli.transfer.sheets", "stores.transfer.found"}
                    assert module in asked | LEDGER, f"{module} reserves and never asks"
