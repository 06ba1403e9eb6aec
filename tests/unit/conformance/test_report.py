"""Reports: whatever a plugin printed, the XML can be read; and every verdict is in it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from podberth.conformance.check import Check
from podberth.conformance.report import document, junit
from podberth.conformance.runner import Outcome, Verdict


def verdict(name: str, outcome: Outcome, why: str = "") -> Verdict:
    check = Check(name=name, section="2 DEL", says="it does so", body=lambda bench: bench.clear())
    return Verdict(check=check, outcome=outcome, why=why, seconds=0.25)


VERDICTS = [
    verdict("one", Outcome.PASSED),
    verdict("two", Outcome.FAILED, "it said \x00\x1b[31m<no>&\ud800"),
    verdict("three", Outcome.NOT_APPLICABLE, "it is another kind"),
    verdict("four", Outcome.ERROR, "no ip"),
]


def test_the_document_counts_and_lists() -> None:
    found = document(VERDICTS)
    assert found["counts"] == {"passed": 1, "failed": 1, "n/a": 1, "error": 1}
    assert [one["name"] for one in found["checks"]] == ["one", "two", "three", "four"]  # type: ignore[attr-defined]


def test_the_xml_can_be_read_whatever_a_plugin_said() -> None:
    suite = ET.fromstring(junit("bridge", VERDICTS))
    counts = [suite.get(key) for key in ("tests", "failures", "errors", "skipped", "time")]
    assert counts == ["4", "1", "1", "1", "1.000"]
    inside = [[child.tag for child in case] for case in suite]
    assert inside == [[], ["failure"], ["skipped"], ["error"]]
    assert "<no>&" in (suite[1][0].text or "")
