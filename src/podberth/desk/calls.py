"""What the agent's last calls did to the kernel, op by op."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from podberth.desk.form import LEFT_OUT, Answer, Time, Was, row
from podberth.desk.unknown import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

LAST = "last"


@row
class Op:
    """An op that was done or undone, as the command it stands for, and the milliseconds that it took."""

    verb: str
    op: str
    milliseconds: float

    @classmethod
    def read(cls, said: dict[str, Any]) -> Op:
        """Return an op from its JSON form."""
        return cls(verb=said["verb"], op=said["op"], milliseconds=said["milliseconds"])


@row
class Call:
    """A call and how it ended: `code` is 0, or the CNI error's, and then there is a `message`.

    `time` is when it began, and `began` the same in seconds since the epoch.
    """

    verb: str
    plugin: str
    network: str
    container_id: Annotated[str, Was("containerID")]
    ifname: str
    pod: str
    code: int
    milliseconds: float
    kernel_milliseconds: Annotated[float, Was("kernelMilliseconds")]
    message: Annotated[str, LEFT_OUT] = ""
    time: Time
    began: float
    ops: tuple[Op, ...]

    @classmethod
    def read(cls, said: dict[str, Any]) -> Call:
        """Return a call from its JSON form, by an agent of this release or of the one before."""
        return cls(
            verb=said["verb"],
            plugin=said["plugin"],
            network=said["network"],
            container_id=said["container_id" if "container_id" in said else "containerID"],
            ifname=said["ifname"],
            pod=said["pod"],
            code=said["code"],
            milliseconds=said["milliseconds"],
            kernel_milliseconds=said["kernel_milliseconds" if "kernel_milliseconds" in said else "kernelMilliseconds"],
            message=said.get("message", ""),
            time=round(said["began"] * 10**9),
            began=said["began"],
            ops=tuple(map(Op.read, said["ops"])),
        )


@row
class Calls(Answer):
    """The last calls, oldest first."""

    SCHEMA = "calls/1"
    calls: tuple[Call, ...]


@row
class Trace(Call, Answer):
    """One of the last calls."""

    SCHEMA = "trace/1"


def read(document: dict[str, Any]) -> Calls:
    """Return the calls from the page of an agent."""
    return Calls(calls=tuple(map(Call.read, document["calls"])))


def trace(calls: Sequence[Call], which: str) -> Trace:
    """Return the last call that is meant: the last ADD, or that of a pod, or of a container. NotFound if none is."""
    for call in reversed(calls):
        named = call.pod == which or call.container_id.startswith(which)
        if call.verb == "ADD" if which == LAST else named:
            return Trace(**{name: getattr(call, name) for name in Call.__dataclass_fields__})
    raise NotFound(
        f"there is no such call among the agent's last {len(calls)}: {which}",
        "`podberth top` shows what it serves now",
    )
