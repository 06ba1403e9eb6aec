"""No module imports itself by way of others: each can be read, and loaded, after those that it stands on."""

from __future__ import annotations

from graphlib import TopologicalSorter

import grimp


def test_no_import_runs_in_a_circle() -> None:
    graph = grimp.build_graph("podberth", exclude_type_checking_imports=True)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 300
    tuple(TopologicalSorter(imports).static_order())  # CycleError names the circle
