"""What each process of this tier has to itself: a network namespace, and folders of tests in memory.

Links and rules of one test meet no other worker's, and no test waits for the disk: stores on a disk are the contract
tier's. A folder to look at afterwards is had with `--basetemp`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import scheduling, seclusion

if TYPE_CHECKING:
    import pytest
    from xdist.remote import Producer

MEASURED = "tests/netns/shaping/test_throughput.py"
PROVED = "tests/netns/conformance/test_every_check_can_fail.py"


class Scheduling(scheduling.Scheduling):
    """A worker takes tests one by one, but for those that measure traffic, and for a share of the checks' proofs."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, name = nodeid.partition("::")
        if file == MEASURED:
            return file
        if file == PROVED and "[" in name:  # its parameters begin with the share's number
            return f"{file}:{name.partition('[')[2].partition('-')[0]}"
        return nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    return Scheduling(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Leave the machine's network, before any test is run."""
    seclusion.private_network()
    if config.option.basetemp is None:
        config.option.basetemp = seclusion.FOLDERS
