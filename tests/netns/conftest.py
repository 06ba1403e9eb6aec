"""A network namespace of its own for each process of this tier: links and rules of one test meet no other worker's."""

from __future__ import annotations

from tests import seclusion


def pytest_configure() -> None:
    """Leave the machine's network, before any test is run."""
    seclusion.private_network()
