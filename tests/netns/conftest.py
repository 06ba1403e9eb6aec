"""What each process of this tier has to itself: a network namespace, and folders of tests in memory.

Links and rules of one test meet no other worker's, and no test waits for the disk: stores on a disk are the contract
tier's. A folder to look at afterwards is had with `--basetemp`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import seclusion

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Leave the machine's network, before any test is run."""
    seclusion.private_network()
    if config.option.basetemp is None:
        config.option.basetemp = seclusion.FOLDERS
