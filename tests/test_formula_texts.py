"""Texts and numbers in formulas: the same to Python, a spreadsheet and a reader."""

from __future__ import annotations

from functools import partial, reduce

import numpy as np
import pytest

from flopsheet.formula import evaluate, parse, to_excel, to_notation
from flopsheet.formula.evaluate import as_text, vectorised
from flopsheet.formula.excel import literal, number
from flopsheet.formula.nodes import Aggregate, Name, Number, Operation, Text, with_leaves
from flopsheet.formula.notation import format_number
from formula_cases import CONSTANTS, FINER, TEXTS, VALUES, WORDS, WRITTEN, Cells, excel


@pytest.mark.parametrize(("node", "text", "value"), TEXTS)
def test_texts_are_joined_and_compared_alike_in_every_backend(node, text, value):
    columns = {name: np.array([number, number]) for name, number in VALUES.items()}
    column = np.broadcast_to(evaluate(node, columns.__getitem__, functions=vectorised()), 2).tolist()
    assert (to_excel(node, Cells), evaluate(node, VALUES.__getitem__), column) == (text, value, [value, value])


def test_a_spreadsheet_joins_and_compares_texts_as_python_does(spreadsheet):
    assert [spreadsheet[text] for _, text, _ in TEXTS] == [value for _, _, value in TEXTS]


def test_a_comparison_inside_a_text_stays_in_brackets():
    # A spreadsheet's & binds tighter than its <.
    node = Operation("&", Operation("<", Name("a"), Name("b")), Text("!"))
    assert (to_excel(node, Cells), to_notation(node)) == ('(A1<B1)&"!"', "(a < b) & !")


def test_a_text_of_any_length_comes_back_from_a_spreadsheet(spreadsheet):
    assert [spreadsheet[literal(text)] for text in WORDS] == WORDS


@pytest.mark.parametrize(("value", "text"), WRITTEN)
def test_a_number_inside_a_text_is_written_without_an_exponent(value, text):
    assert as_text(value) == text


def test_a_number_inside_a_text_is_written_as_a_spreadsheet_writes_it(spreadsheet):
    assert [spreadsheet[f'{number(value)}&""'] for value, _ in WRITTEN] == [text for _, text in WRITTEN]


def test_a_number_inside_a_text_has_fifteen_digits():
    assert [as_text(0.1 + 0.2), as_text(2 / 3), as_text(-1 / 3)] == ["0.3", "0.666666666666667", "-0.333333333333333"]


def test_a_constant_reaches_a_spreadsheet_as_the_same_double(spreadsheet):
    assert [spreadsheet[excel(text)] for text in CONSTANTS] == list(map(float, CONSTANTS))


SHOWN = [
    (0.0, "0"),
    (-5.0, "−5"),
    (1234567.0, "1,234,567"),
    (100000.0, "100,000"),
    (1e6, "10⁶"),
    (1e18, "10¹⁸"),
    (1e15 + 1, "1,000,000,000,000,001"),
    (0.001, "0.001"),
    (1e-9, "10⁻⁹"),
    (1.23456789e-5, "1.23456789e−05"),
    (6.02214076e23, "6.02214076e+23"),
    (1234.5678, "1,234.5678"),
    (2 / 3, "0.666666666666667"),
]


@pytest.mark.parametrize(("value", "text"), SHOWN)
def test_a_number_is_shown_with_all_its_digits(value, text):
    assert format_number(value) == text


# Formulas with numbers in the place of names, as `explain` shows them.
WITH_NUMBERS = [
    ("a * 2", "7 · 2"),
    ("d * 2", "(−8) · 2"),
    ("a - d", "7 − (−8)"),
    ("d^2", "(−8)²"),
    ("-d", "−(−8)"),
    ("sum(parts)", "4 + 9 + 1"),
    ("sum(parts) + a", "4 + 9 + 1 + 7"),
    ("a - sum(parts)", "7 − (4 + 9 + 1)"),
    ("sum(parts) / a", "(4 + 9 + 1) / 7"),
    ("sum(parts)^2", "(4 + 9 + 1)²"),
    ("a ^ c", "7²"),
    ("million ^ c", "(10⁶)²"),
    ("million * c", "10⁶ · 2"),
    ("2 - first(parts)", "2 − 4"),
    ("where(a < b, sum(parts), a)", "4 + 9 + 1 if 7 < 3, else 7"),
]


@pytest.mark.parametrize(("source", "maths"), WITH_NUMBERS)
def test_mathematics_with_numbers_keeps_what_belongs_together_in_brackets(source, maths):
    def value_of(leaf):
        if isinstance(leaf, Aggregate):
            terms = [Number(value) for value in FINER[leaf.names[-1]]]
            return terms[0] if leaf.function == "first" else reduce(partial(Operation, "+"), terms)
        return Number({**VALUES, "million": 1e6}[leaf.name])

    assert to_notation(with_leaves(parse(source), value_of)) == maths


def test_letters_stand_for_names():
    letters = {"n_heads": "H", "d_model": "D"}
    assert to_notation(parse("2 * n_heads * d_model^2"), lambda name: letters.get(name, name)) == "2 · H · D²"
