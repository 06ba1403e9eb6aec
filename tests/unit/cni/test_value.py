"""`@value` gives what a frozen, keyword-only dataclass would."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podberth.cni import value as values
from podberth.cni.pod import Attachment, PodRef
from podberth.cni.value import checked, fields, replace, stay, value

if TYPE_CHECKING:
    from collections.abc import Callable


@value
class Point:
    """A point."""

    x: int
    y: int = 0
    unit: ClassVar[str] = "m"

    def moved(self, by: int) -> Point:
        return replace(self, x=self.x + by)

    @property
    def sum(self) -> int:
        return self.x + self.y


@value
class Other:
    x: int
    y: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    x: int
    y: int = 0


def test_methods_properties_and_class_variables_stay() -> None:
    assert Point(x=1, y=2).moved(3) == Point(x=4, y=2)
    assert Point(x=1, y=2).sum == 3
    assert Point.unit == Point(x=1).unit == "m"
    assert Point.__doc__ == "A point."
    assert [name for name, _ in fields(Point)] == ["x", "y"]
    assert dict(fields(Point(x=1))) == {"x": "int", "y": "int"}


@pytest.mark.parametrize("name", ["x", "y", "new"])
def test_values_are_frozen(name: str) -> None:
    point: Any = Point(x=1)
    with pytest.raises(AttributeError, match=f"Point.{name} can't be changed"):
        setattr(point, name, 2)
    with pytest.raises(AttributeError, match=f"Point.{name} can't be changed"):
        delattr(point, name)
    assert point == Point(x=1)


def _double(x: int) -> int:
    return 2 * x


def test_a_default_that_is_a_function_is_no_method() -> None:
    @value
    class Doubled:
        by: Callable[[int], int] = _double

    assert Doubled().by(2) == Doubled(by=_double).by(2) == 4
    assert Doubled() == Doubled(by=_double)


def test_a_value_may_have_a_base_of_another_kind() -> None:
    class Named:
        @property
        def name(self) -> str:
            return "named"

    @value
    class Both(Named):
        x: int

    assert (Both(x=1).x, Both(x=1).name) == (1, "named")
    assert Both(x=1) != Both(x=2)


def test_a_missing_or_unknown_argument_is_named() -> None:
    make: Any = Point
    with pytest.raises(TypeError, match="misses the argument 'x'"):
        make(y=1)
    with pytest.raises(TypeError, match="has no argument 'z'"):
        make(x=1, z=2)
    with pytest.raises(TypeError):
        make(1)
    with pytest.raises(TypeError, match="has no argument 'z'"):
        replace(Point(x=1), z=2)


@pytest.fixture(params=[False, True], ids=["loaded before", "loaded later"])
def staying(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a class of a process that stays, whichever came first."""
    monkeypatch.setattr(values, "_classes", [])
    if request.param:
        stay()

    @value
    class Frequent:
        x: int
        y: int = 7
        self_: str = "s"

    stay()
    return Frequent


def test_a_class_of_a_process_that_stays_makes_the_same_values(staying: Any) -> None:
    first = staying(x=0)
    for x in range(5):
        assert staying(x=x) == staying(self_="s", y=7, x=x) == replace(first, x=x)
    assert (first.x, first.y, first.self_) == (0, 7, "s")
    assert hash(first) == hash(staying(x=0))
    with pytest.raises(TypeError, match=r"Frequent.*misses the argument 'x'"):
        checked(staying, {"y": 1})
    with pytest.raises(TypeError, match=r"Frequent.*has no argument 'z'"):
        checked(staying, {"x": 1, "z": 2})
    with pytest.raises(TypeError, match=r"Frequent.*has no argument 'z'"):
        replace(first, z=2)
    with pytest.raises(TypeError):
        staying(1)
    with pytest.raises(AttributeError, match="can't be changed"):
        staying(x=1).x = 2


def test_a_process_that_stays_says_so_more_than_once_and_takes_classes_without_fields(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(values, "_classes", [])

    @value
    class Empty:
        pass

    stay()
    stay()
    assert {Empty() for _ in range(3)} == {Empty()}


def test_values_of_different_classes_differ() -> None:
    point: object = Point(x=1)
    assert point != Other(x=1)
    assert point != (1, 0)
    assert len({Point(x=1), Other(x=1), Point(x=1)}) == 2
    assert not Point(x=1) != Point(x=1, y=0)  # noqa: SIM202 - what was given counts as little as what was not


def test_own_methods_are_kept() -> None:
    assert str(PodRef(namespace="db", name="mysql-0", uid="u")) == "db/mysql-0"
    assert str(Attachment(network="n", container_id="c", ifname="eth0")) == "n/c/eth0"
    assert repr(Point(x=1)) == "Point(x=1, y=0)"


@given(st.integers(), st.integers(), st.integers(), st.integers())
def test_values_compare_and_hash_as_dataclasses_do(a: int, b: int, c: int, d: int) -> None:
    assert (Point(x=a, y=b) == Point(x=c, y=d)) is (Model(x=a, y=b) == Model(x=c, y=d))
    if Point(x=a, y=b) == Point(x=c, y=d):
        assert hash(Point(x=a, y=b)) == hash(Point(x=c, y=d))


def test_values_survive_copying_and_pickling() -> None:
    pod = PodRef(namespace="db", name="mysql-0")
    assert copy.copy(pod) == copy.deepcopy(pod) == pickle.loads(pickle.dumps(pod)) == pod
