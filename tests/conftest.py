"""What holds for every tier: private paths, a clean environment, and root where it is needed; no fixtures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import seclusion, sizes

TESTS = Path(__file__).parent
NEED_ROOT = (TESTS / "netns", TESTS / "runtime", TESTS / "image", TESTS / "vm")


def pytest_configure() -> None:
    """Forget the variables of a CNI call around this run: a test sets its own."""
    for name in [name for name in os.environ if name.startswith("CNI_")]:
        del os.environ[name]
    # Each worker of pytest-xdist does it for itself. The VM is itself what keeps its tests from the machine.
    if "PODBERTH_VM_REPORTS" not in os.environ:
        seclusion.private_paths()
    # No deadline: how long an example takes is the machine's affair, and no test's.
    settings.register_profile("tier", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("tier")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a soak, keep the modules that have long counts. Refuse to run, rather than skip, tests that need root."""
    if os.environ.get(sizes.SOAK):
        short = [item for item in items if not sizes.has_long_counts(item)]
        config.hook.pytest_deselected(items=short)
        items[:] = [item for item in items if item not in short]
    if os.geteuid() == 0:
        return
    wanting = [item.nodeid for item in items if any(tier in item.path.parents for tier in NEED_ROOT)]
    if wanting:
        raise pytest.UsageError(f"{wanting[0]} and {len(wanting) - 1} more make network namespaces: run them as root")
