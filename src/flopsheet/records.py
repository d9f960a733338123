"""Frozen data classes and named tuples that are quick to define.

`dataclass(frozen=True)` writes and compiles six functions for each class as its module is imported, half a millisecond
that every command waits for some fifty times. These share functions that are compiled once and read the fields.
`typing.NamedTuple` compiles the annotation of each field, which takes longer than all else that it does.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, FrozenInstanceError, dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, dataclass_transform

Record = TypeVar("Record")


def _values(record: Any) -> tuple[Any, ...]:
    return tuple(map(record.__dict__.__getitem__, record.__dataclass_fields__))


class _Shared:
    """What every frozen class has."""

    def __init__(self: Any, *values: Any, **named: Any) -> None:
        kind, state = type(self), self.__dict__
        fields = kind.__dataclass_fields__
        state.update(zip(fields, values, strict=False), **named)
        if len(state) != len(values) + len(named):
            raise TypeError(f"{kind.__name__}() got more than its {len(fields)} arguments, or one of them twice")
        if len(state) < len(fields):
            for name, one in fields.items():
                if name not in state:
                    if one.default is not MISSING:
                        state[name] = one.default
                    elif one.default_factory is not MISSING:
                        state[name] = one.default_factory()
                    else:
                        raise TypeError(f"{kind.__name__}() lacks the argument '{name}'")
        if state.keys() != fields.keys():
            raise TypeError(f"{kind.__name__}() has no argument '{min(state.keys() - fields.keys())}'")

    def __repr__(self: Any) -> str:
        shown = (f"{name}={self.__dict__[name]!r}" for name, one in self.__dataclass_fields__.items() if one.repr)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def __eq__(self: Any, other: object) -> bool:
        return _values(self) == _values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: Any) -> int:
        return hash(_values(self))

    def __setattr__(self: Any, name: str, value: object) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field '{name}'")

    def __delattr__(self: Any, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field '{name}'")


SHARED = {name: function for name, function in vars(_Shared).items() if callable(function)}


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: type[Record]) -> type[Record]:
    """The class as `dataclass(frozen=True)` makes it; `fields` and `replace` of dataclasses know it."""
    dataclass(init=False, repr=False, eq=False)(kind)
    for name, function in SHARED.items():
        if name not in kind.__dict__:
            setattr(kind, name, function)
    return kind


def side_by_side(kind: Callable[..., Record], *fields: Iterable[object]) -> Iterator[Record]:
    """Named tuples of a kind from an iterable for each of their fields, made without a call of anything in Python.

    A workbook has up to millions of them, and half the time of a call of the class is that of its own `__new__`.
    """
    assert len(fields) == len(kind._fields), f"{kind} has other fields"  # type: ignore[attr-defined]
    return map(tuple.__new__, repeat(kind), zip(*fields, strict=False))  # type: ignore[arg-type]


if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:

    class _Fields(type):
        """Makes a named tuple of what a class body annotates, as `typing.NamedTuple` does."""

        def __new__(kind: type, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if not bases:
                return type.__new__(kind, name, bases, body)
            fields = body.get("__annotations__", {})
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body.pop("__module__"))
            for key, value in body.items():
                setattr(made, key, value)
            return made

    class NamedTuple(metaclass=_Fields):
        """What a class derives from to be a tuple whose parts have names."""
