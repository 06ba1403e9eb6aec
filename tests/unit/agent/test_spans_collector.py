"""What an answer of a collector means."""

from __future__ import annotations

import pytest

from podberth.agent.spans.collector import Verdict, verdict


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_these_may_be_sent_again(status: int) -> None:
    assert verdict(status, "7", b"") == Verdict(why=f"HTTP status {status}", again=True, after=7)


@pytest.mark.parametrize("status", [300, 301, 400, 401, 404, 413, 500, 501])
def test_these_may_not(status: int) -> None:
    assert not verdict(status, "", b"").again


@pytest.mark.parametrize("after", ["", "-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "٣", "9" * 10_000])
def test_a_time_that_is_none_is_no_time(after: str) -> None:
    assert verdict(503, after, b"").after == 0


@pytest.mark.parametrize(
    ("body", "rejected"),
    [
        (b"", 0),
        (b"{}", 0),
        (b'{"partialSuccess": {}}', 0),
        (b'{"partialSuccess": {"rejectedSpans": "3"}}', 3),
        (b'{"partialSuccess": {"rejectedSpans": 3}}', 3),
        (b'{"partialSuccess": {"rejectedSpans": -3}}', 0),
        (b'{"partialSuccess": {"rejectedSpans": 1e999}}', 0),
        (b'{"partialSuccess": {"rejectedSpans": NaN}}', 0),
        (b'{"partialSuccess": null}', 0),
        (b"[" * 60_000, 0),
        (b"\xff\xfe", 0),
    ],
)
def test_what_was_rejected_of_what_was_taken(body: bytes, rejected: int) -> None:
    assert verdict(200, "", body) == Verdict(rejected=rejected)
