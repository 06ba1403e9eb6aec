"""Why something could not be done, as a log has it: in words, and with the next step. It imports nothing.

A log takes no failure but as a `Reason`, and there is none without a next step. So a line that leaves a person on call
without one is an error of types.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

LOOK = "`podberth doctor` on the node says what it lacks"
REPORT = "it is a fault of podberth if it stays: report it with this line"


class Reason(str):
    """Why something could not be done. `todo`: what to do next; where nobody says, look at the node."""

    __slots__ = ("todo",)
    todo: str

    def __new__(cls, why: str, todo: str) -> Self:
        """Return it; `todo` is never ''."""
        made = super().__new__(cls, why)
        made.todo = todo or LOOK
        return made

    @classmethod
    def of(cls, why: str, todo: str) -> Reason:
        """Return a reason as it is, and mere words with that next step."""
        return why if isinstance(why, Reason) else cls(why, todo)

    def within(self, what: str) -> Reason:
        """Return it with what it is about before it; the next step stays."""
        return Reason(f"{what}: {self}", self.todo)

    @property
    def whole(self) -> str:
        """Both in one line, as runtimes show errors."""
        return f"{self}; {self.todo}"


def answered(failure: BaseException) -> tuple[str, str] | None:
    """Return the code and the words of a gRPC call that has failed (grpc.Call); None for another failure.

    Nobody has to load gRPC to word what it has raised.
    """
    code, details = getattr(failure, "code", None), getattr(failure, "details", None)
    return (code().name, str(details() or "")) if callable(code) and callable(details) else None


def reason(failure: BaseException, todo: str = "") -> Reason:
    """Return an error in words: podberth's own by its message and details, gRPC's by its code, a bug by its type too.

    `todo`: the next step for one that says none itself.
    """
    message, details = getattr(failure, "message", None), getattr(failure, "details", None)
    if isinstance(message, str):
        return Reason(message, details if isinstance(details, str) and details else todo)
    try:
        call = answered(failure)
        if call is not None:
            return Reason(": ".join(filter(None, call)), todo)
        todo = todo or (LOOK if isinstance(failure, OSError | RuntimeError) else REPORT)
        return Reason(f"{type(failure).__name__}: {failure}", todo)
    except Exception:  # noqa: BLE001 - an error whose words can't be had is told by its name
        return Reason(type(failure).__name__, todo or REPORT)
