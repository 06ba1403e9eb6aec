"""What a log says of a failure has a next step: the failure's own, or one for its kind."""

from __future__ import annotations

import json
from io import StringIO

import grpc
import pytest

from podberth.cni.errors import CniError, InvalidConfig, TryAgainLater
from podberth.process.journal import Journal
from podberth.process.reason import LOOK, REPORT, Reason, answered, reason
from tests.waiting import PATIENCE


@pytest.mark.parametrize(
    ("failure", "todo", "said"),
    [
        (TryAgainLater("the store is away", "wait"), "", ("the store is away", "wait")),
        (TryAgainLater("the store is away", "wait"), "look", ("the store is away", "wait")),
        (InvalidConfig("vlan: no"), "correct it", ("vlan: no", "correct it")),
        (InvalidConfig("vlan: no"), "", ("vlan: no", LOOK)),
        (FileNotFoundError(2, "no file"), "", ("FileNotFoundError: [Errno 2] no file", LOOK)),
        (FileNotFoundError(2, "no file"), "make it", ("FileNotFoundError: [Errno 2] no file", "make it")),
        (KeyError("a"), "", ("KeyError: 'a'", REPORT)),
    ],
)
def test_the_next_step_is_the_failure_s_own_or_the_one_for_its_kind(
    failure: BaseException, todo: str, said: tuple[str, str]
) -> None:
    found = reason(failure, todo)
    assert (found, found.todo) == said


class Ended(grpc.RpcError):  # type: ignore[misc]
    """A call as grpc raises it: both its code and its words are methods."""

    def __init__(self, code: grpc.StatusCode, details: str | None) -> None:
        super().__init__()
        self._status = code, details

    def code(self) -> grpc.StatusCode:
        return self._status[0]

    def details(self) -> str | None:
        return self._status[1]


@pytest.mark.parametrize(
    ("failure", "said", "status"),
    [
        (Ended(grpc.StatusCode.UNAVAILABLE, "no socket"), "UNAVAILABLE: no socket", ("UNAVAILABLE", "no socket")),
        (Ended(grpc.StatusCode.UNKNOWN, None), "UNKNOWN", ("UNKNOWN", "")),
        (grpc.RpcError("odd"), "RpcError: odd", None),
        (TryAgainLater("away", "wait"), "away", None),
    ],
)
def test_a_call_of_grpc_is_worded_by_its_code_and_its_words(
    failure: BaseException, said: str, status: tuple[str, str] | None
) -> None:
    assert (reason(failure), answered(failure)) == (said, status)


def test_a_call_that_really_failed_is_worded_so_too() -> None:
    with grpc.insecure_channel("unix:/nonexistent/podberth.sock") as channel, pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/v1.Nothing/Get")(b"", timeout=PATIENCE)
    assert reason(failed.value).startswith("UNAVAILABLE: failed to connect")


def test_with_what_it_is_about_before_it_the_next_step_stays() -> None:
    found = reason(CniError("no link", "make one")).within("bank/mysql-0").within("policing")
    assert (found, found.todo, found.whole) == (
        "policing: bank/mysql-0: no link", "make one", "policing: bank/mysql-0: no link; make one",
    )  # fmt: skip


def test_there_is_no_reason_without_a_next_step() -> None:
    assert [Reason("away", "").todo, Reason.of("away", "").todo, Reason.of(Reason("away", "wait"), "go").todo] == [
        LOOK, LOOK, "wait",
    ]  # fmt: skip


@pytest.mark.parametrize("level", ["error", "warning"])
def test_a_line_about_what_is_wrong_has_the_next_step(level: str) -> None:
    to = StringIO()
    Journal(to=to).complain(level, "policing", Reason("no link", "make one"), {"pod": "bank/mysql-0"})  # type: ignore[arg-type]
    told = json.loads(to.getvalue())
    del told["time"]
    assert told == {
        "level": level, "event": "policing", "pod": "bank/mysql-0", "message": "no link", "details": "make one",
    }  # fmt: skip


def test_a_log_that_wants_errors_alone_has_no_warnings() -> None:
    to = StringIO()
    Journal("error", to).complain("warning", "policing", Reason("no link", "make one"))
    assert to.getvalue() == ""
