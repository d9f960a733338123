"""One table of operators: each has a spelling in every backend, and the same brackets."""

from __future__ import annotations

import ast
import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest

import flopsheet
from flopsheet.formula import evaluate, to_excel, to_notation
from flopsheet.formula.evaluate import PLAIN, vectorised
from flopsheet.formula.nodes import Name, Operation, Text
from flopsheet.formula.operators import ABSENT, OPERATORS, Function, Gatherer, Operator, picked
from flopsheet.formula.unparse import to_text
from flopsheet.formula.vocabulary import AGGREGATES, FUNCTIONS
from flopsheet.pipeline import frames
from formula_cases import EVERYTHING, VALUES, Cells, gather


class Anywhere:
    """References to names wherever they stand."""

    cell = first = range = staticmethod(str)

    @staticmethod
    def pick(pick: str, key: str, name: str) -> str:
        return picked(pick, key, name)


def test_every_operation_has_a_spelling_in_every_backend(spreadsheet):
    results = [spreadsheet[to_excel(node, Cells)] for node in EVERYTHING]
    numbers = [evaluate(node, VALUES.__getitem__, gather) for node in EVERYTHING]
    columns = [evaluate(node, VALUES.__getitem__, gather, vectorised()) for node in EVERYTHING]
    assert (
        results == numbers == [column if isinstance(column, str) else np.asarray(column).item() for column in columns]
    )


def test_no_two_operations_are_spelled_alike():
    texts = [(to_excel(node, Cells), to_notation(node)) for node in EVERYTHING]
    assert not [pair for pair in itertools.combinations(texts, 2) if set(pair[0]) & set(pair[1])]


def test_nodes_of_two_kinds_are_never_equal():
    assert len({Text("a"), Name("a"), Text("a")}) == 2


def test_numbers_and_columns_know_the_same_operations():
    assert PLAIN.keys() == vectorised().keys() == OPERATORS.keys() | FUNCTIONS.keys() | {ABSENT}


@pytest.mark.parametrize(
    ("row", "entry"),
    [
        (row, entry.name)
        for row in (Operator, Function, Gatherer)
        for entry in dataclasses.fields(row)
        if entry.name != "binds" or row is Operator
    ],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_an_operation_without_one_of_its_spellings_is_an_error_at_load(row, entry):
    given = {field.name: None for field in dataclasses.fields(row) if field.name != entry}
    with pytest.raises(TypeError, match=f"lacks the argument '{entry}'"):
        row(**given)


def test_tables_gather_by_every_function_over_finer_rows():
    assert frames.AGGREGATES.keys() == AGGREGATES.keys()


def left_and_right(outer, inner):
    """An operator with another one at its left, and at its right."""
    part = Operation(inner, Name("a"), Name("b"))
    return Operation(outer, part, Name("c")), Operation(outer, Name("c"), part)


@pytest.mark.parametrize(
    ("outer", "inner"), [pair for pair in itertools.product(OPERATORS, OPERATORS) if pair[0] != "&"]
)
def test_all_writers_put_the_same_brackets_around_operators(outer, inner):
    texts = [(to_excel(node, Anywhere), to_notation(node), to_text(node)) for node in left_and_right(outer, inner)]
    counts = [[text.count("(") for text in of_one] for of_one in texts]
    assert [len(set(of_one)) for of_one in counts] == [1, 1]


def test_no_module_runs_text_as_python():
    package = Path(flopsheet.__file__).parent
    called = {
        (path.name, node.func.id)
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert {use for use in called if use[1] in {"eval", "exec", "compile", "__import__"}} == set()
