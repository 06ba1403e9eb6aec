"""Frozen, slotted, keyword-only values at one tenth of a dataclass's import cost.

`@value` gives a class what ``@dataclass(frozen=True, slots=True, kw_only=True)`` would. It exists because the plugin
may have to start from nothing for every ADD: importing `dataclasses` costs 11 ms there and each decorated class half a
millisecond more (docs/decisions/002-values-without-dataclasses.md). Type checkers see a dataclass (PEP 681).

A process that stays makes many values of each class. It says so with `stay`, and each class gets an `__init__` of its
own, as a dataclass has: half as slow, and compiling it takes as long as a hundred values.
"""

from __future__ import annotations

from _operator import attrgetter  # `operator` around it is Python code that nothing here needs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TypeVar, dataclass_transform

    T = TypeVar("T")
else:

    def dataclass_transform(**_promises):
        """Stand-in for the type checker's marker, so that `typing` stays unimported."""
        return lambda decorator: decorator


_set = object.__setattr__
_classes: list[Any] | None = []  # those that share one `__init__`; None once this process is to stay


def _init(self: Any, **given: Any) -> None:
    # A call makes some 150 values: each field's slot is filled without looking it up by name.
    cls = type(self)
    if len(given) != len(cls._fill):
        given = {**cls._defaults, **given}
    try:
        for name, fill in cls._fill:
            fill(self, given[name])
    except KeyError:
        raise _misfit(cls, given) from None
    if len(given) != len(cls._fill):
        raise _misfit(cls, given)


def _written(cls: Any) -> Any:
    """Return an `__init__` of the class's own."""
    space: dict[str, Any] = {f"__fill_{name}": fill for name, fill in cls._fill}
    space |= {f"__default_{name}": default for name, default in cls._defaults.items()}
    given = (f"{name}=__default_{name}" if name in cls._defaults else name for name in cls.__slots__)
    filled = (f"__fill_{name}(self, {name})" for name in cls.__slots__)
    exec(f"def __init__(self, *, {', '.join(given)}):\n {'; '.join(filled)}", space)  # noqa: S102 - names of fields
    made = space["__init__"]
    made.__qualname__ = f"{cls.__name__}.__init__"  # what Python names if an argument is missing or unknown
    return made


def _misfit(cls: Any, given: dict[str, Any]) -> TypeError:
    unknown = next((name for name in given if name not in cls.__slots__), None)
    if unknown is not None:
        return TypeError(f"{cls.__name__}() has no argument {unknown!r}")
    missing = next(name for name in cls.__slots__ if name not in given)
    return TypeError(f"{cls.__name__}() misses the argument {missing!r}")


def _astuple(self: Any) -> tuple[object, ...]:
    return tuple(getattr(self, name) for name in type(self).__slots__)


def _eq(self: Any, other: object) -> Any:  # bool or NotImplemented
    cls: Any = type(self)
    members = cls._members
    return members(self) == members(other) if cls is type(other) else NotImplemented


def _hash(self: Any) -> int:
    cls: Any = type(self)
    return hash((cls, cls._members(self)))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self).__slots__)
    return f"{type(self).__name__}({shown})"


def _frozen(self: Any, name: str, *_value: object) -> None:
    raise AttributeError(f"{type(self).__name__}.{name} can't be changed: values are frozen")


def _getstate(self: Any) -> dict[str, object]:
    return dict(zip(type(self).__slots__, _astuple(self), strict=True))


def _setstate(self: Any, state: dict[str, object]) -> None:
    for name, member in state.items():
        _set(self, name, member)


_METHODS = {
    "__init__": _init,
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _frozen,
    "__delattr__": _frozen,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def value(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, slotted value whose fields are its annotations; defaults must be immutable."""
    annotations: dict[str, str] = cls.__dict__.get("__annotations__", {})
    names = tuple(name for name, kind in annotations.items() if not kind.startswith("ClassVar"))
    body = {name: member for name, member in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    defaults = {name: body.pop(name) for name in names if name in body}
    own = {name: method for name, method in _METHODS.items() if name not in body}
    made: Any = type(cls.__name__, cls.__bases__, {**body, **own, "__slots__": names, "_defaults": defaults})
    members = attrgetter(*names) if len(names) > 1 else _astuple  # of a single name it would return no tuple
    setattr(made, "_members", members)  # noqa: B010 - its own, as the next one
    setattr(made, "_fill", tuple((name, vars(made)[name].__set__) for name in names))  # noqa: B010
    if _classes is not None:
        _classes.append(made)
    else:
        _settle(made)
    return made  # type: ignore[no-any-return]


def stay() -> None:
    """Have each class make its values the fast way from here on, those that are loaded later too."""
    global _classes
    classes, _classes = _classes, None
    for made in classes or ():
        _settle(made)


def _settle(cls: Any) -> None:
    if cls._fill and cls.__init__ is _init:
        cls.__init__ = _written(cls)


def fields(of: object) -> Iterator[tuple[str, str]]:
    """Yield (name, annotation as written) of each field of a value or value class."""
    cls: Any = of if isinstance(of, type) else type(of)
    for name in cls.__slots__:
        yield name, cls.__annotations__[name]


def chosen(of: object) -> Iterator[tuple[str, object]]:
    """Yield (name, content) of each field of a value that has not its default."""
    cls: Any = type(of)
    defaults = cls._defaults
    for name, content in zip(cls.__slots__, cls._members(of), strict=True):
        if name not in defaults or content != defaults[name]:
            yield name, content


def replace(of: T, **changes: object) -> T:
    """Return a copy of the value `of` with `changes`; TypeError for a name it does not have."""
    cls: Any = type(of)
    made: T = cls(**{**dict(zip(cls.__slots__, cls._members(of), strict=True)), **changes})
    return made
