"""The golden examples of tests/golden/cni, each a `source` and an `example`."""

from __future__ import annotations

import json
from typing import Any

from tests.checkout import ROOT

GOLDEN = ROOT / "tests" / "golden" / "cni"


def example(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())["example"]


def as_bytes(document: object) -> bytes:
    return json.dumps(document).encode()
