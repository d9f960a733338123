"""Inputs and metrics as lines of CSV and JSON: one way to write a number, a flag and a text in each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np

from flopsheet.catalog import Catalog
from flopsheet.catalog.entries import NO, YES
from flopsheet.catalog.grains import Grain
from flopsheet.numerics import EXACT
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.tables import Column, Rows
from flopsheet.records import frozen

FieldKind: TypeAlias = Literal["whole", "number", "flag", "text"]


@frozen
class Field:
    """One column of the output: an input or a metric."""

    name: str
    grain: Grain
    kind: FieldKind


@frozen
class Notation:
    """How a text format writes texts and flags, begins a field, and separates two."""

    text: Callable[[str], str]
    flags: Mapping[str, str]
    begin: str
    between: str
    absent: str
    """What stands for a number that is not given."""


def _quoted(text: str) -> str:
    """A text as csv writes it: in quotes where it holds a comma, a quote or a line break."""
    if any(letter in text for letter in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


CSV = Notation(_quoted, MappingProxyType({YES: "True", NO: "False"}), "", ",", "")
JSON = Notation(_json_text, MappingProxyType({YES: "true", NO: "false"}), '"{name}": ', ", ", "null")


def fields_of(values: Values, catalog: Catalog, grains: Sequence[Grain]) -> list[Field]:
    """Every input and metric of some grains, in the order in which reports have them."""
    return [
        Field(name, grain, _kind(name, values.column(grain, name), catalog))
        for grain in grains
        for name in values.frames[grain].columns
    ]


def _kind(name: str, column: Column, catalog: Catalog) -> FieldKind:
    if column.dtype == object:
        return "flag" if name in catalog.inputs and catalog.inputs[name].is_flag else "text"
    return "whole" if catalog.units[catalog.entry(name).unit].whole else "number"


def number(value: float, *, whole: bool) -> int | float:
    """A number as JSON has it: a count is an integer as far as a double is exact."""
    is_integer = whole and value.is_integer() and abs(value) < EXACT
    return int(value) if is_integer else value


def lines(values: Values, fields: Sequence[Field], order: Rows, notation: Notation) -> Iterator[str]:
    """The fields of each row, in this order of rows.

    What is alike in all rows is spelled once, in the form that the others fill.
    """
    form, varying = [], []
    for field in fields:
        texts = _texts(values.column(field.grain, field.name)[order], field.kind, notation)
        name = notation.begin.format(name=field.name)
        if isinstance(texts, str):
            form.append(name + texts.replace("%", "%%"))
        else:
            form.append(f"{name}%s")
            varying.append(texts)
    rows = zip(*varying, strict=True) if varying else repeat((), len(order))
    return map(notation.between.join(form).__mod__, rows)


def _texts(column: Column, kind: str, notation: Notation) -> Sequence[str] | str:
    """A column as it is written, one text where all are alike."""
    if column.dtype == object:
        found = column.tolist()
        spelled = {value: notation.flags[value] if kind == "flag" else notation.text(value) for value in set(found)}
        return spelled[found[0]] if len(spelled) == 1 else [spelled[value] for value in found]
    if column[0] == column[-1] and (column == column[0]).all():
        return repr(number(float(column[0]), whole=kind == "whole"))
    texts = _numbers(column, kind)
    for at in np.flatnonzero(np.isnan(column)).tolist():
        texts[at] = notation.absent
    return texts


def _numbers(column: Column, kind: str) -> list[str]:
    """The numbers of a column; counts are integers as far as a double is exact."""
    if kind == "number":
        return list(map(repr, column.tolist()))
    exact = (np.abs(column) < EXACT) & (np.floor(column) == column)
    texts = list(map(str, np.where(exact, column, 0).astype(np.int64).tolist()))
    for at in np.flatnonzero(~exact).tolist():
        texts[at] = repr(float(column[at]))
    return texts
