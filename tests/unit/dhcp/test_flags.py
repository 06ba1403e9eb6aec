"""The daemon's command line, as Go's plugin has it."""

from __future__ import annotations

import pytest

from podberth.dhcp.daemon import Options
from podberth.dhcp.flags import main, parse, seconds


@pytest.mark.parametrize(
    ("text", "found"),
    [("10s", 10), ("1m2s", 62), ("1.5h", 5400), ("250ms", 0.25), ("3m28s", 208), ("1us", 1e-6), ("+2s", 2)],
)
def test_a_time(text: str, found: float) -> None:
    assert seconds(text) == pytest.approx(found)


@pytest.mark.parametrize("text", ["", "10", "s", "1x", "-1s", "0s", "1..2s", ".s", "1 s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time as 10s"):
        seconds(text)


def test_flags_have_one_dash_or_two_and_a_value_behind_either_sign() -> None:
    assert parse([]) == Options()
    found = parse(["-socketpath", "/run/x.sock", "--hostprefix=/host", "-timeout=2s", "--broadcast", "-pidfile", ""])
    assert found == Options(socket_path="/run/x.sock", host_prefix="/host", timeout=2.0, broadcast=True)
    assert str(found.path) == "/host/run/x.sock"
    assert str(found.leases) == "/host/run/x.leases"
    assert parse(["-broadcast=false"]) == Options()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["-no"], "flag provided but not defined: -no"),
        (["-timeout"], "flag needs an argument: -timeout"),
        (["x"], "expected a flag"),
        (["-broadcast=x"], "expected true or false"),
        (["-pidfile", "x"], "-pidfile: expected an absolute path"),
        (["-socketpath", "x"], "-socketpath: expected an absolute path"),
    ],
)
def test_another_command_line_is_refused(words: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=why):
        parse(words)
    assert main(words) == 2
    assert "Usage of daemon" in capsys.readouterr().err
