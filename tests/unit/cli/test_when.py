"""Times as operators write them: what they mean, and which are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cli import when
from podberth.cli.when import NS
from podberth.desk.form import rfc3339

NOW = 1_795_000_000 * NS  # 2026-11-18T11:06:40Z
DAY = 86400


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("now", NOW),
        ("-10m", NOW - 600 * NS),
        ("- 10 min", NOW - 600 * NS),
        ("10m ago", NOW - 600 * NS),
        ("1h30m ago", NOW - 5400 * NS),
        ("-1d 2h", NOW - (DAY + 7200) * NS),
        ("45s ago", NOW - 45 * NS),
        ("1795000000", NOW),
        ("@1795000000", NOW),
        ("1795000000.5", NOW + NS // 2),
        ("2026-11-18T11:06:40Z", NOW),
        ("2026-11-18t11:06:40z", NOW),
        ("2026-11-18 11:06:40+00:00", NOW),
        ("2026-11-18T06:06:40-0500", NOW),
        ("2026-11-18T11:06:40.123456789Z", NOW + 123456789),
        ("2026-11-18 12:06:40", NOW),
        ("  2026-11-18 12:06:40  ", NOW),
        ("2026-11-18 12:06", NOW - 40 * NS),
        ("2026-11-18", NOW - (12 * 3600 + 400) * NS),
        ("2026-07-18 13:06:40", NOW - 123 * DAY * NS),
    ],
)
def test_a_time_is_read_as_it_looks(written: str, meant: int) -> None:
    assert when.parse(written, NOW) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "yesterday",
        "10m",
        "-10m ago",
        "10 fortnights ago",
        "2026-13-01",
        "2026-11-31 10:00",
        "2026-11-18 25:00",
        "2026-11-18T11:06:40+25:00",
        "2026-11-18 11:06:40.1234567891Z",
        "1e9",
        "-5",
        "0x10",
        "123456789012",
        "٢٠٢٦-11-18",
        "now\n-1d",
        "9" * 5000,
    ],
)
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        when.parse(written, NOW)


@pytest.mark.parametrize("written", ["2026-10-25 02:30", "2026-03-29 02:30"])
def test_a_local_time_that_comes_twice_or_never_is_refused_with_both_offsets(written: str) -> None:
    with pytest.raises(ValueError, match=r"\+0[12]00.*\+0[12]00"):
        when.parse(written, NOW)


def test_the_offset_settles_a_local_time_that_comes_twice() -> None:
    assert when.parse("2026-10-25 02:30+01:00", NOW) - when.parse("2026-10-25 02:30+02:00", NOW) == 3600 * NS


@given(st.integers(min_value=0, max_value=4 * 10**18))
def test_what_is_printed_for_programs_is_read_back_to_the_nanosecond(time: int) -> None:
    assert when.parse(rfc3339(time), NOW) == time


def test_what_is_printed_for_people_names_the_zone() -> None:
    assert when.local(NOW) == "2026-11-18 12:06:40 CET"
    assert when.local(NOW - 123 * DAY * NS) == "2026-07-18 13:06:40 CEST"
