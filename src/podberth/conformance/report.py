"""Verdicts as JUnit XML, which build servers read, and as a document for programs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from podberth.conformance.runner import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.conformance.runner import Verdict

_DEEPER = {Outcome.FAILED: "failure", Outcome.ERROR: "error", Outcome.NOT_APPLICABLE: "skipped"}


def document(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """Return the verdicts for `--json`."""
    return {
        "counts": {str(outcome): sum(one.outcome is outcome for one in verdicts) for outcome in Outcome},
        "checks": [
            {
                "name": one.check.name,
                "section": one.check.section,
                "says": one.check.says,
                "outcome": str(one.outcome),
                "why": one.why,
                "seconds": round(one.seconds, 3),
            }
            for one in verdicts
        ],
    }


def junit(plugin: str, verdicts: Sequence[Verdict]) -> bytes:
    """Return the verdicts as a JUnit test suite named for the plugin."""
    suite = ET.Element(
        "testsuite",
        name=f"CNI conformance of {plugin}",
        tests=str(len(verdicts)),
        failures=str(sum(one.outcome is Outcome.FAILED for one in verdicts)),
        errors=str(sum(one.outcome is Outcome.ERROR for one in verdicts)),
        skipped=str(sum(one.outcome is Outcome.NOT_APPLICABLE for one in verdicts)),
        time=f"{sum(one.seconds for one in verdicts):.3f}",
    )
    for one in verdicts:
        case = ET.SubElement(
            suite, "testcase", classname=f"SPEC {one.check.section}", name=one.check.name, time=f"{one.seconds:.3f}"
        )
        if one.outcome in _DEEPER:
            deeper = ET.SubElement(case, _DEEPER[one.outcome], message=_plain(f"{one.check.says}: {one.why}"))
            deeper.text = _plain(one.why)
    ET.indent(suite)
    return bytes(ET.tostring(suite, encoding="utf-8", xml_declaration=True))


def _plain(text: str) -> str:
    """Return text without what XML 1.0 has no way to say; a plugin may print anything."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
