"""A record lacks fields that have their default, so a default that changes would read old records in another sense."""

from __future__ import annotations

import json
from pathlib import Path

from podberth.cni.value import fields
from tests.checkout import ROOT
from tests.unit.net.every_op import KINDS

FILE = Path(ROOT, "tests", "golden", "defaults-of-ops.json")


def test_the_defaults_are_those_of_the_records_that_there_are() -> None:
    """One that has to change needs a migration; a new field is added to the file."""
    found = {
        getattr(kind, "__name__", ""): {
            name: repr(getattr(kind, "_defaults")[name])  # noqa: B009 - its own
            for name, _ in fields(kind)
            if name in getattr(kind, "_defaults")  # noqa: B009
        }
        for kind in KINDS
    }
    assert found == json.loads(FILE.read_text())
