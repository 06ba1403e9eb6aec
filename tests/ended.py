"""What a test sees of a command that has ended."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        return dict(json.loads(self.out))

    @property
    def table(self) -> list[list[str]]:
        """The lines of stdout, split where a table's columns are."""
        return [re.split(r"  +", line.strip()) for line in self.out.splitlines()]
