"""Frozen, keyword-only values at one tenth of a dataclass's import cost.

`@value` gives a class what ``@dataclass(frozen=True, kw_only=True)`` would. It exists because the plugin may have to
start from nothing for every ADD: importing `dataclasses` costs 11 ms there and each decorated class half a millisecond
more (docs/decisions/002-values-without-dataclasses.md). Type checkers see a dataclass (PEP 681).

A process that stays says so with `stay`. From then on C code alone fills its values: a call makes some 130 of 50
classes, and a function for each class would be code that the processor has forgotten until the next call. Nothing looks
at the arguments there but the type checker, which has seen them all. What comes from outside is made by `checked`.
"""

from __future__ import annotations

import sys
from _operator import attrgetter  # `operator` around it is Python code that nothing here needs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, TypeVar, dataclass_transform

    T = TypeVar("T")
else:

    def dataclass_transform(**_promises):
        """Stand-in for the type checker's marker, so that `typing` stays unimported."""
        return lambda decorator: decorator


_Namespace: Any = type(sys.implementation)  # types.SimpleNamespace, whose constructor takes what it is given
_classes: list[Any] | None = []  # those that look at their arguments; None once this process is to stay


def _init(self: Any, **given: Any) -> None:
    _check(type(self), given)
    _Namespace.__init__(self, **given)


def _check(cls: Any, given: Mapping[str, object]) -> None:
    if not cls._required <= given.keys() <= cls._allowed:
        raise _misfit(cls, given)


def _misfit(cls: Any, given: Mapping[str, object]) -> TypeError:
    unknown = next((name for name in given if name not in cls._fields), None)
    if unknown is not None:
        return TypeError(f"{cls.__name__}() has no argument {unknown!r}")
    missing = next(name for name in cls._fields if name in cls._required and name not in given)
    return TypeError(f"{cls.__name__}() misses the argument {missing!r}")


def _astuple(self: Any) -> tuple[object, ...]:
    return tuple(getattr(self, name) for name in type(self)._fields)


def _eq(self: Any, other: object) -> Any:  # bool or NotImplemented
    cls: Any = type(self)
    members = cls._members
    return members(self) == members(other) if cls is type(other) else NotImplemented


def _ne(self: Any, other: object) -> Any:
    same = _eq(self, other)
    return same if same is NotImplemented else not same


def _hash(self: Any) -> int:
    cls: Any = type(self)
    return hash((cls, cls._members(self)))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self)._fields)
    return f"{type(self).__name__}({shown})"


def _frozen(self: Any, name: str, *_value: object) -> None:
    raise AttributeError(f"{type(self).__name__}.{name} can't be changed: values are frozen")


def _reduce(self: Any) -> tuple[object, ...]:
    cls: Any = type(self)
    return _rebuilt, (cls, dict(zip(cls._fields, cls._members(self), strict=True)))


def _rebuilt(cls: Any, state: dict[str, object]) -> object:
    return cls(**state)


_METHODS = {
    "__init__": _init,
    "__eq__": _eq,
    "__ne__": _ne,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _frozen,
    "__delattr__": _frozen,
    "__reduce__": _reduce,
}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def value(cls: type[T]) -> type[T]:
    """Make `cls` a frozen value whose fields are its annotations; defaults must be immutable."""
    annotations: dict[str, str] = cls.__dict__.get("__annotations__", {})
    names = tuple(name for name, kind in annotations.items() if not kind.startswith("ClassVar"))
    body = {name: member for name, member in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    defaults = {name: body.pop(name) for name in names if name in body}
    own = {name: method for name, method in _METHODS.items() if name not in body}
    # What a value was not given is its class's; a function there would be taken for a method.
    given = {name: staticmethod(default) if callable(default) else default for name, default in defaults.items()}
    bases = cls.__bases__ if issubclass(cls, _Namespace) else (*cls.__bases__, _Namespace)
    bases = tuple(base for base in bases if base is not object)
    about = {
        "_fields": names,
        "_defaults": defaults,
        "_allowed": frozenset(names),
        "_required": frozenset(names) - defaults.keys(),
        "_members": attrgetter(*names) if len(names) > 1 else _astuple,  # of a single name it would return no tuple
    }
    made: Any = type(cls.__name__, bases, {**body, **given, **own, **about, "__slots__": ()})
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
    if cls.__init__ is _init:
        cls.__init__ = _Namespace.__init__


def checked(cls: type[T], given: Mapping[str, object]) -> T:
    """Return a value of what came from outside, in any process. TypeError that names a missing or unknown field."""
    _check(cls, given)
    made: T = cls(**given)
    return made


def fields(of: object) -> Iterator[tuple[str, str]]:
    """Yield (name, annotation as written) of each field of a value or value class."""
    cls: Any = of if isinstance(of, type) else type(of)
    for name in cls._fields:
        yield name, cls.__annotations__[name]


def chosen(of: object) -> Iterator[tuple[str, object]]:
    """Yield (name, content) of each field of a value that has not its default."""
    cls: Any = type(of)
    defaults = cls._defaults
    for name, content in zip(cls._fields, cls._members(of), strict=True):
        if name not in defaults or content != defaults[name]:
            yield name, content


def replace(of: T, **changes: object) -> T:
    """Return a copy of the value `of` with `changes`; TypeError for a name it does not have."""
    cls: Any = type(of)
    if not changes.keys() <= cls._allowed:
        raise _misfit(cls, changes)
    made: T = cls(**{**vars(of), **changes})
    return made
