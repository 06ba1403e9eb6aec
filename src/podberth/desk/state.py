"""What the agent of a node is doing now, and how long its last calls took."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from podberth.desk.form import Answer, Was, row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podberth.desk.calls import Call

T = TypeVar("T")


@row
class LoopRow:
    """A supervised loop: the seconds since its last turn was over, and those after which it is stuck."""

    loop: str
    last_turn_seconds: Annotated[float, Was("lastTurnSeconds")]
    bound_seconds: Annotated[float, Was("boundSeconds")]


@row
class Directory:
    """A directory of documents that is followed, and how it stands."""

    directory: str
    store: str
    state: str
    message: str
    watched: bool
    unwatched: str


@row
class PoolRow:
    """A pool's addresses of one family, by state. Together the states are all of it."""

    pool: str
    family: int
    size: int
    free: int
    leased: int
    reserved: int
    resting: int
    held: int


@row
class State(Answer):
    """What the agent is doing. `waiting` is null where the kernel does not tell; `unready` says why it can't serve."""

    SCHEMA = "state/1"
    version: str
    workers: int
    busy: int
    waiting: int | None
    begun_dels: Annotated[int, Was("begunDels")]
    loops: tuple[LoopRow, ...]
    drifted: int
    policies: tuple[Directory, ...]
    pools: tuple[PoolRow, ...]
    unready: tuple[str, ...]


@row
class Verb:
    """The calls of one verb: how many ended with each code, and milliseconds."""

    verb: str
    calls: int
    codes: dict[str, int]
    median: float
    p99: float
    kernel_median: Annotated[float, Was("kernelMedian")]


@row
class Top(State, Answer):
    """What the agent is doing, and its calls of the last `seconds` by verb."""

    SCHEMA = "top/1"
    seconds: float
    verbs: tuple[Verb, ...]


def read(document: dict[str, Any]) -> State:
    """Return the state from the page of an agent, of this release or of the one before."""
    said = {key: found for key, found in document.items() if key in State.__dataclass_fields__}
    return State(
        **{
            **said,
            "begun_dels": _either(document, "begun_dels"),
            "loops": tuple(map(_loop, said["loops"])),
            "policies": tuple(_known(Directory, one) for one in said["policies"]),
            "pools": tuple(_known(PoolRow, one) for one in said["pools"]),
            "unready": tuple(said["unready"]),
        }
    )


def top(state: State, calls: Sequence[Call], since: float, seconds: float) -> Top:
    """Count the calls that began since then (seconds since the epoch)."""
    recent = [call for call in calls if call.began >= since]
    kept = {name: getattr(state, name) for name in State.__dataclass_fields__}
    verbs = tuple(_verb(verb, recent) for verb in sorted({call.verb for call in recent}))
    return Top(**kept, seconds=seconds, verbs=verbs)


def _verb(verb: str, calls: Sequence[Call]) -> Verb:
    its = [call for call in calls if call.verb == verb]
    took = sorted(call.milliseconds for call in its)
    kernel = sorted(call.kernel_milliseconds for call in its)
    return Verb(
        verb=verb,
        calls=len(its),
        codes={str(code): count for code, count in sorted(Counter(call.code for call in its).items())},
        median=took[len(took) // 2],
        p99=took[min(len(took) - 1, int(len(took) * 0.99))],
        kernel_median=kernel[len(kernel) // 2],
    )


def _loop(said: dict[str, Any]) -> LoopRow:
    return LoopRow(
        loop=said["loop"],
        last_turn_seconds=_either(said, "last_turn_seconds"),
        bound_seconds=_either(said, "bound_seconds"),
    )


def _known(kind: type[T], said: dict[str, Any]) -> T:
    """Return a row of the keys that it has; a later agent may say more."""
    return kind(**{key: found for key, found in said.items() if key in kind.__dict__["__dataclass_fields__"]})


def _either(said: dict[str, Any], name: str) -> Any:
    """Return what is there under a key of now, or under that of the release before."""
    first, *others = name.split("_")
    return said[name if name in said else first + "".join(part.capitalize() for part in others)]
