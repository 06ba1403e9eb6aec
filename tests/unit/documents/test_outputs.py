"""Outputs that a page shows, against outputs that were printed."""

from __future__ import annotations

import pytest

from tests.documents.outputs import missing

PRINTED = """\
ADDRESS     POD        SINCE
10.77.0.11  bank/db-0  2026-11-28 16:53:49 UTC
10.77.0.12  bank/db-1  2026-11-28 16:54:01 UTC
ADD took 13.2 ms in run-9a246efc
2 leases
"""


@pytest.mark.parametrize(
    "shown",
    [
        PRINTED,
        "",
        "2 leases",
        "10.77.0.12 bank/db-1 2025-01-01 00:00:00 UTC",
        "ADDRESS POD SINCE\n...\n2 leases",
        "10.77.0.11 ... UTC",
        "10.77.0.11 ... TIME".replace("TIME", "1999-01-01 00:00:00 UTC"),
        "ADD took 1 ms in run-00",
    ],
)
def test_the_same_with_other_times_and_identifiers_is_there(shown: str) -> None:
    assert missing(shown, PRINTED) == ""


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        ("10.77.0.13  bank/db-1  2026-11-28 16:54:01 UTC", "10.77.0.13  bank/db-1  2026-11-28 16:54:01 UTC"),
        ("2 leases\nADDRESS POD SINCE", "ADDRESS POD SINCE"),
        ("3 leases", "3 leases"),
        ("leases", "leases"),
        ("ADD took ... in podman-9a246efc", "ADD took ... in podman-9a246efc"),
        ("ADDRESS POD SINCE\nADDRESS POD SINCE", "ADDRESS POD SINCE"),
    ],
)
def test_the_first_line_that_was_not_printed_is_named(shown: str, line: str) -> None:
    assert missing(shown, PRINTED) == line
