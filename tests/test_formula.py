"""The formula language: what a text means to Python, to a spreadsheet and to a reader, and how it is refused."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import warnings
from functools import partial, reduce
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flopsheet
from engines import recalculate_ironcalc, recalculate_libreoffice
from flopsheet.diagnostics import FormulaError, Place
from flopsheet.formula import aggregated, evaluate, names, parse, to_excel, to_notation
from flopsheet.formula.evaluate import PLAIN, as_text, vectorised
from flopsheet.formula.excel import literal, number
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Number, Operation, Text, with_leaves
from flopsheet.formula.notation import format_number
from flopsheet.formula.operators import ABSENT, OPERATORS, Function, Gatherer, Operator
from flopsheet.formula.unparse import to_text
from flopsheet.formula.vocabulary import AGGREGATES, FUNCTIONS
from flopsheet.pipeline import frames

# Where the names of the tests stand: one row of values, and two finer rows beside it.
VALUES = {"a": 7.0, "b": 3.0, "c": 2.0, "d": -8.0, "zero": 0.0, "n_heads": 25.0, "d_model": 1600.0}
FINER = {"parts": [4.0, 9.0, 1.0], "keys": [5.0, 2.0, 2.0]}
PLACES = {name: f"{letter}1" for name, letter in zip(VALUES, "ABCDEFG", strict=True)}
RANGES = {"parts": "H1:J1", "keys": "K1:M1"}


class Cells:
    """References to the row above."""

    cell = staticmethod(PLACES.__getitem__)
    range = staticmethod(RANGES.__getitem__)

    @staticmethod
    def first(name):
        return RANGES[name].partition(":")[0]


# Source, value by hand, spreadsheet text, mathematics. a = 7, b = 3, c = 2, d = -8.
SPELLINGS = [
    # constants
    ("42", 42, "42", "42"),
    ("1024", 1024, "1024", "1,024"),
    ("0.5", 0.5, "0.5", "0.5"),
    (".5", 0.5, "0.5", "0.5"),
    ("5.", 5, "5", "5"),
    ("007.0", 7, "7", "7"),
    ("1e12", 1e12, "1000000000000", "10¹²"),
    ("15E12", 15e12, "15000000000000", "15,000,000,000,000"),
    ("1e-9", 1e-9, "1E-09", "10⁻⁹"),
    ("2.5e-7", 2.5e-7, "2.5E-07", "2.5e−07"),
    ("1e18", 1e18, "1E+18", "10¹⁸"),
    # operators, in the author's order
    ("a + b", 10, "A1+B1", "a + b"),
    ("a - b", 4, "A1-B1", "a − b"),
    ("a * b", 21, "A1*B1", "a · b"),
    ("a / c", 3.5, "A1/C1", "a / c"),
    ("a ^ c", 49, "A1^C1", "a^c"),
    ("a ** c", 49, "A1^C1", "a^c"),
    ("a^2", 49, "A1^2", "a²"),
    ("2 * 3 * d_model", 9600, "2*3*G1", "2 · 3 · d_model"),
    ("2*a + 3*b", 23, "2*A1+3*B1", "2 · a + 3 · b"),
    ("(2*a) + (3*b)", 23, "2*A1+3*B1", "2 · a + 3 · b"),
    ("2*(a + 3)*b", 60, "2*(A1+3)*B1", "2 · (a + 3) · b"),
    # chains are read from the left, and only those from the right are in brackets
    ("a - b - c", 2, "A1-B1-C1", "a − b − c"),
    ("a - (b - c)", 6, "A1-(B1-C1)", "a − (b − c)"),
    ("a - (b + c)", 2, "A1-(B1+C1)", "a − (b + c)"),
    ("a + (b - c)", 8, "A1+(B1-C1)", "a + (b − c)"),
    ("a + (b + c)", 12, "A1+(B1+C1)", "a + (b + c)"),
    ("a / b / c", 7 / 3 / 2, "A1/B1/C1", "a / b / c"),
    ("a / (b * c)", 7 / 6, "A1/(B1*C1)", "a / (b · c)"),
    ("a / b * c", 7 / 3 * 2, "A1/B1*C1", "a / b · c"),
    ("a * (b / c)", 10.5, "A1*(B1/C1)", "a · (b / c)"),
    ("a / (b / c)", 7 / 1.5, "A1/(B1/C1)", "a / (b / c)"),
    # powers: a spreadsheet reads a chain of them from the left, Python from the right
    ("2^3^2", 512, "2^(3^2)", "2^(3²)"),
    ("(2^3)^2", 64, "(2^3)^2", "(2³)²"),
    ("2 * a^2", 98, "2*A1^2", "2 · a²"),
    ("(2 * a)^2", 196, "(2*A1)^2", "(2 · a)²"),
    ("a^(b - 1)", 49, "A1^(B1-1)", "a^(b − 1)"),
    ("a^-1", 1 / 7, "A1^(-1)", "a^(−1)"),
    ("2^-b", 1 / 8, "2^(-B1)", "2^(−b)"),
    ("4^0.5", 2, "4^0.5", "4^0.5"),
    ("d^3", -512, "D1^3", "d³"),
    ("1e6^2", 1e12, "1000000^2", "(10⁶)²"),
    ("2^1e1", 1024, "2^10", "2¹⁰"),
    # minus: a spreadsheet's binds tighter than a power
    ("-a", -7, "-A1", "−a"),
    ("-2", -2, "-2", "−2"),
    ("--a", 7, "-(-A1)", "−(−a)"),
    ("-(2^2)", -4, "-(2^2)", "−(2²)"),
    ("(-2)^2", 4, "(-2)^2", "(−2)²"),
    ("-(a + b)", -10, "-(A1+B1)", "−(a + b)"),
    ("-a + b", -4, "(-A1)+B1", "(−a) + b"),
    ("a * -b", -21, "A1*(-B1)", "a · (−b)"),
    ("-a * b", -21, "(-A1)*B1", "(−a) · b"),
    ("a - -b", 10, "A1-(-B1)", "a − (−b)"),
    ("-a * b^2", -63, "(-A1)*B1^2", "(−a) · b²"),
    ("a - b^2", -2, "A1-B1^2", "a − b²"),
    ("-ceil(a / b)", -3, "-(-INT(-(A1/B1)))", "−⌈a / b⌉"),
    # functions
    ("min(a, b)", 3, "MIN(A1,B1)", "min(a, b)"),
    ("max(a, b, c * 10)", 20, "MAX(A1,B1,C1*10)", "max(a, b, c · 10)"),
    ("abs(d)", 8, "ABS(D1)", "|d|"),
    ("floor(a / b)", 2, "INT(A1/B1)", "⌊a / b⌋"),
    ("floor(d / b)", -3, "INT(D1/B1)", "⌊d / b⌋"),
    ("ceil(a / b)", 3, "-INT(-(A1/B1))", "⌈a / b⌉"),
    ("ceil(d / b)", -2, "-INT(-(D1/B1))", "⌈d / b⌉"),
    ("2 - ceil(a / b)", -1, "2-(-INT(-(A1/B1)))", "2 − ⌈a / b⌉"),
    ("ceil(a / b)^2", 9, "(-INT(-(A1/B1)))^2", "⌈a / b⌉²"),
    ("floor(a)^2", 49, "INT(A1)^2", "⌊a⌋²"),
    # conditions
    ("where(a > b, a, b)", 7, "IF(A1>B1,A1,B1)", "a if a > b, else b"),
    ("where(a == b, 1, 0)", 0, "IF(A1=B1,1,0)", "1 if a = b, else 0"),
    ("where(a != b, 1, 0)", 1, "IF(A1<>B1,1,0)", "1 if a ≠ b, else 0"),
    ("where(a >= 7, 1, 0)", 1, "IF(A1>=7,1,0)", "1 if a ≥ 7, else 0"),
    ("where(a <= 7, 1, 0)", 1, "IF(A1<=7,1,0)", "1 if a ≤ 7, else 0"),
    ("where(a < 7, 1, 0)", 0, "IF(A1<7,1,0)", "1 if a < 7, else 0"),
    ("where(a < b + c * 3, 1, 0)", 1, "IF(A1<B1+C1*3,1,0)", "1 if a < b + c · 3, else 0"),
    ("2 * where(a < b, a, b)", 6, "2*IF(A1<B1,A1,B1)", "2 · (a if a < b, else b)"),
    ("where(a < b, 1, where(b < c, 2, 3))", 3, "IF(A1<B1,1,IF(B1<C1,2,3))", "1 if a < b, else (2 if b < c, else 3)"),
    # the arm that is not chosen may have no value
    ("where(zero == 0, 0, a / zero)", 0, "IF(E1=0,0,A1/E1)", "0 if zero = 0, else a / zero"),
    ("where(zero > 0, zero^-1, a)", 7, "IF(E1>0,E1^(-1),A1)", "zero^(−1) if zero > 0, else a"),
    # finer rows: parts are 4, 9, 1 and keys 5, 2, 2, of which the first is the least
    ("sum(parts)", 14, "SUM(H1:J1)", "Σ parts"),
    ("sum(parts) / sum(keys)", 14 / 9, "SUM(H1:J1)/SUM(K1:M1)", "Σ parts / Σ keys"),
    ("a - sum(parts)", -7, "A1-SUM(H1:J1)", "a − Σ parts"),
    ("sum(parts)^2", 196, "SUM(H1:J1)^2", "(Σ parts)²"),
    ("-sum(parts)", -14, "-SUM(H1:J1)", "−(Σ parts)"),
    ("first(parts)", 4, "H1", "first(parts)"),
    ("first(parts)^2", 16, "H1^2", "first(parts)²"),
    ("at_min(keys, parts)", 9, "INDEX(H1:J1,1,MATCH(MIN(K1:M1),K1:M1,0))", "at_min(keys, parts)"),
    ("at_max(keys, parts) * 2", 8, "INDEX(H1:J1,1,MATCH(MAX(K1:M1),K1:M1,0))*2", "at_max(keys, parts) · 2"),
    # blanks, line breaks and brackets that change nothing
    ("a+b", 10, "A1+B1", "a + b"),
    ("  a\n + \tb  ", 10, "A1+B1", "a + b"),
    ("((a)) + ((b))", 10, "A1+B1", "a + b"),
    ("min(a, b,)", 3, "MIN(A1,B1)", "min(a, b)"),
]
SOURCES = [source for source, *_ in SPELLINGS]


def gather(function, gathered):
    """By hand, the functions over finer rows."""
    key, values = FINER[gathered[0]], FINER[gathered[-1]]
    return {
        "sum": sum(values),
        "first": values[0],
        "at_min": values[key.index(min(key))],
        "at_max": values[key.index(max(key))],
    }[function]


def excel(source):
    return to_excel(parse(source), Cells)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(recalculate_ironcalc, id="ironcalc"),
        pytest.param(recalculate_libreoffice, id="libreoffice", marks=pytest.mark.libreoffice),
    ],
)
def spreadsheet(request, tmp_path_factory):
    """What an engine computes from every spreadsheet text of this module, in one workbook beside the values."""
    formulas = [
        *map(excel, SOURCES),
        *(text for _, text, _ in TEXTS),
        *map(literal, WORDS),
        *(f'{number(value)}&""' for value, _ in WRITTEN),
        *map(excel, CONSTANTS),
        *(to_excel(node, Cells) for node in EVERYTHING),
    ]
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Values"
    sheet.append([*VALUES.values(), *FINER["parts"], *FINER["keys"]])
    for formula in formulas:
        sheet.append([f"={formula}"])
    path = tmp_path_factory.mktemp("formulas") / "formulas.xlsx"
    book.save(path)
    [results] = request.param(path, [{}], [("Values", f"A{row}") for row in range(2, len(formulas) + 2)])
    return dict(zip(formulas, results.values(), strict=True))


@pytest.mark.parametrize(("source", "value"), [(source, value) for source, value, _, _ in SPELLINGS])
def test_a_formula_has_the_value_that_mathematics_gives_it(source, value):
    assert evaluate(parse(source), VALUES.__getitem__, gather) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("source", SOURCES)
def test_a_column_holds_in_every_row_what_the_formula_gives_for_that_row(source):
    rows = [VALUES, {**VALUES, "a": 2.0, "c": 5.0}]
    columns = {name: np.array([row[name] for row in rows]) for name in VALUES}
    with np.errstate(all="ignore"):
        column = evaluate(parse(source), columns.__getitem__, gather, vectorised())
    one_by_one = [evaluate(parse(source), row.__getitem__, gather) for row in rows]
    assert np.broadcast_to(column, 2).tolist() == pytest.approx(one_by_one, rel=1e-15)


@pytest.mark.parametrize(("source", "text"), [(source, text) for source, _, text, _ in SPELLINGS])
def test_a_spreadsheet_gets_the_formula_in_its_own_spelling(source, text):
    assert excel(source) == text


@pytest.mark.parametrize(("source", "maths"), [(source, maths) for source, _, _, maths in SPELLINGS])
def test_a_reader_gets_the_formula_as_mathematics(source, maths):
    assert to_notation(parse(source)) == maths


def test_a_spreadsheet_computes_from_its_spelling_the_value_by_hand(spreadsheet):
    by_hand = {source: value for source, value, _, _ in SPELLINGS}
    assert {source: spreadsheet[excel(source)] for source in SOURCES} == pytest.approx(by_hand, rel=1e-15)


READS = [
    ("42", (), ()),
    ("a", ("a",), ()),
    ("b * a + b", ("b", "a"), ()),
    ("-(c ^ a)", ("c", "a"), ()),
    ("where(a < b, c, d)", ("a", "b", "c", "d"), ()),
    ("min(a, max(b, a))", ("a", "b"), ()),
    ("sum(parts)", (), ("parts",)),
    ("a * sum(parts) / sum(keys) + sum(parts)", ("a",), ("parts", "keys")),
    ("at_min(keys, parts) + first(keys)", (), ("keys", "parts")),
]


@pytest.mark.parametrize(("source", "own", "finer"), READS)
def test_a_formula_reads_each_name_once_in_the_authors_order(source, own, finer):
    assert (names(parse(source)), aggregated(parse(source))) == (own, finer)


# What only the catalogue builds: texts, which are never typed inside a formula.
TEXTS = [
    (Operation("==", Text("full"), Text("full")), '"full"="full"', True),
    (Operation("!=", Text("full"), Text("half")), '"full"<>"half"', True),
    (Operation("&", Text('5" or '), Name("a")), '"5"" or "&A1', '5" or 7'),
    (
        Operation("&", Operation("&", Name("a"), Text("-")), Operation("*", Name("b"), Name("c"))),
        'A1&"-"&SUBSTITUTE(B1*C1,MID(1/2,2,1),".")',
        "7-6",
    ),
    # what is whole is written alike in every language
    (
        Operation(
            "&", Call("floor", (Operation("/", Name("a"), Name("b")),)), Operation("*", Number(2.0), Number(3.0))
        ),
        "INT(A1/B1)&2*3",
        "26",
    ),
    (Operation("&", Text("-"), Negative(Number(0.5))), '"-"&SUBSTITUTE(-0.5,MID(1/2,2,1),".")', "--0.5"),
    # decimals inside a function are decimals too
    *(
        (
            Operation("&", Text("-"), Call(function, (Operation("/", Name("a"), Name("c")), *more))),
            f'"-"&SUBSTITUTE({spelled},MID(1/2,2,1),".")',
            "-3.5",
        )
        for function, more, spelled in (
            ("min", (Name("a"),), "MIN(A1/C1,A1)"),
            ("max", (Name("b"),), "MAX(A1/C1,B1)"),
            ("abs", (), "ABS(A1/C1)"),
        )
    ),
    (Operation("&", Text("a"), Operation("&", Text("b"), Text("c"))), '"a"&"b"&"c"', "abc"),
    (Operation("==", Operation("&", Text("a"), Name("b")), Text("a3")), '"a"&B1="a3"', True),
    (Call("where", (Operation("<", Name("a"), Name("b")), Text("yes"), Text("no"))), 'IF(A1<B1,"yes","no")', "no"),
    (Operation("&", Text("x" * 255), Name("b")), '"' + "x" * 255 + '"&B1', "x" * 255 + "3"),
    (Operation("==", Text("x" * 300), Text("")), '("' + "x" * 255 + '"&"' + "x" * 45 + '")=""', False),
]


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


WORDS = ["", '"', "x" * 255, "y" * 256, '"' * 700, "QKᵀ + PV, 12 %"]


def test_a_text_of_any_length_comes_back_from_a_spreadsheet(spreadsheet):
    assert [spreadsheet[literal(text)] for text in WORDS] == WORDS


# As a spreadsheet's & writes them; LibreOffice turns to powers of ten from 1e16 on and below 1e-9, Excel later.
WRITTEN = [
    (0.0, "0"),
    (-0.0, "0"),
    (12.0, "12"),
    (-0.5, "-0.5"),
    (57.4, "57.4"),
    (0.1, "0.1"),
    (1e-5, "0.00001"),
    (1.5e-7, "0.00000015"),
    (2127057600.0, "2127057600"),
    (1234567890.12345, "1234567890.12345"),
    (999999999999999.0, "999999999999999"),
    (1e15, "1000000000000000"),
    (1403178516480000.0, "1403178516480000"),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN)
def test_a_number_inside_a_text_is_written_without_an_exponent(value, text):
    assert as_text(value) == text


def test_a_number_inside_a_text_is_written_as_a_spreadsheet_writes_it(spreadsheet):
    assert [spreadsheet[f'{number(value)}&""'] for value, _ in WRITTEN] == [text for _, text in WRITTEN]


def test_a_number_inside_a_text_has_fifteen_digits():
    assert [as_text(0.1 + 0.2), as_text(2 / 3), as_text(-1 / 3)] == ["0.3", "0.666666666666667", "-0.333333333333333"]


CONSTANTS = ["0", "1", "0.1", "123456789012345", "0.000123456789012345", "1e15", "1e22", "1e23", "1e300", "1e-300"]


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


# Nothing that programs disagree on: (-8)^(1/3) is complex in Python and -2 in LibreOffice and IronCalc; 0^0 is 1 in
# Python and LibreOffice, #NUM! in Excel and IronCalc.
NO_VALUE = [
    "a / zero",
    "1 / 0",
    "zero / zero",
    "zero^-1",
    "d^0.5",
    "abs(d^(1/3))",
    "zero^0",
    "0^0",
    "10^200 * 10^200^2",
]


@pytest.mark.parametrize("source", NO_VALUE)
def test_what_has_no_value_everywhere_is_an_error_for_numbers(source):
    with pytest.raises(ArithmeticError):
        evaluate(parse(source), VALUES.__getitem__)


@pytest.mark.parametrize("source", NO_VALUE)
def test_what_has_no_value_everywhere_is_not_finite_in_a_column(source):
    columns = {name: np.array([number, number]) for name, number in VALUES.items()}
    with np.errstate(all="ignore"):
        column = evaluate(parse(source), columns.__getitem__, functions=vectorised())
    assert not np.isfinite(column).any()


def test_numbers_are_doubles_from_the_first_operation():
    # 4·S²·D·L with S = 2^20: 2^64 and more, which would be 0 or negative as a 64-bit integer.
    node = parse("4 * 1048576^2 * 4096 * 1024")
    assert (evaluate(node, {}.__getitem__), evaluate(node, {}.__getitem__, functions=vectorised())) == (
        2.0**64,
        2.0**64,
    )


def test_a_function_over_finer_rows_needs_such_rows():
    with pytest.raises(LookupError, match=r"sum\(…\) has no rows to gather here"):
        evaluate(parse("sum(parts)"), VALUES.__getitem__)


# Refusals: source, "column: fact; remedy", carets.
REFUSED_WORD = "is not part of the language; "
LANGUAGE = f"{REFUSED_WORD}use + - * / ^ and functions"
REST = f"{REFUSED_WORD}write a - b * floor(a / b) for the rest of a division"
NEST = f"{REFUSED_WORD}nest where(condition, a, b)"
NO_NUMBER = "is not part of the language; use numbers and names"
NO_EXPRESSION = "this is not an expression; check brackets, operators and commas"
KNOWN = "abs, at_max, at_min, ceil, first, floor, given, largest, match, max, min, sum, trend, where"
REFUSED = [
    # a minus before a power
    ("-2^2", "1: a minus before a power means two things; write -(a^b) or (-a)^b", "^^^^"),
    ("a - -b^2", "5: a minus before a power means two things; write -(a^b) or (-a)^b", "^^^^"),
    ("-(2)^2", "1: a minus before a power means two things; write -(a^b) or (-a)^b", "^^^^^^"),
    ("2^-a^2", "3: a minus before a power means two things; write -(a^b) or (-a)^b", "^^^^"),
    ("-floor(a)**2", "1: a minus before a power means two things; write -(a^b) or (-a)^b", "^^^^^^^^^^^^"),
    # Python that is no arithmetic
    ("a.b", f"1: a dot {LANGUAGE}", "^^^"),
    ("2 * a.real", f"5: a dot {LANGUAGE}", "^^^^^^"),
    ("a[1]", f"1: an index {LANGUAGE}", "^^^^"),
    ("'text'", f"1: a text {NO_NUMBER}", "^^^^^^"),
    ('norm == "rmsnorm"', f"9: a text {NO_NUMBER}", "^^^^^^^^^"),
    ("b'text'", f"1: a text {NO_NUMBER}", "^^^^^^^"),
    ("f'{a}'", f"1: a text {LANGUAGE}", "^^^^^^"),
    ("lambda: 1", f"1: lambda {LANGUAGE}", "^^^^^^^^^"),
    ("[i for i in a]", f"1: a loop {LANGUAGE}", "^^^^^^^^^^^^^^"),
    ("i for i in a", f"1: a loop {LANGUAGE}", "^^^^^^^^^^^^"),
    ("{i for i in a}", f"1: a loop {LANGUAGE}", "^^^^^^^^^^^^^^"),
    ("{i: 1 for i in a}", f"1: a loop {LANGUAGE}", "^^^^^^^^^^^^^^^^^"),
    ("[a, b]", f"1: a list {LANGUAGE}", "^^^^^^"),
    ("{a, b}", f"1: a list {LANGUAGE}", "^^^^^^"),
    ("a, b", f"1: a list {LANGUAGE}", "^^^^"),
    ("{1: a}", f"1: a mapping {LANGUAGE}", "^^^^^^"),
    ("(a := 1) + a", f"2: ':=' {LANGUAGE}", "^^^^^^"),
    ("a if b else c", f"1: if … else {LANGUAGE}", "^^^^^^^^^^^^^"),
    ("await a", f"1: await {LANGUAGE}", "^^^^^^^"),
    ("yield a", f"1: yield {LANGUAGE}", "^^^^^^^"),
    # calls
    ("min(a, b=1)", f"1: this kind of call {LANGUAGE}", "^^^^^^^^^^^"),
    ("min(**a)", f"1: this kind of call {LANGUAGE}", "^^^^^^^^"),
    ("min(a, *b)", f"8: '*' before a name {LANGUAGE}", "^^"),
    ("a.min(b)", f"1: this kind of call {LANGUAGE}", "^^^^^^^^"),
    ("floor(a)(b)", f"1: this kind of call {LANGUAGE}", "^^^^^^^^^^^"),
    ("2(a)", f"1: this kind of call {LANGUAGE}", "^^^^"),
    ("__import__('os')", f"1: unknown function '__import__'; known: {KNOWN}", "^^^^^^^^^^"),
    ("flor(a)", "1: unknown function 'flor'; did you mean 'floor'?", "^^^^"),
    ("1 + ceiling(a)", "5: unknown function 'ceiling'; did you mean 'ceil'?", "^^^^^^^"),
    ("exp(a)", f"1: unknown function 'exp'; known: {KNOWN}", "^^^"),
    ("a(b)", f"1: unknown function 'a'; known: {KNOWN}", "^"),
    ("floor()", "1: floor(…) with 0 arguments; it takes 1", "^^^^^^^"),
    ("floor(a, b)", "1: floor(…) with 2 arguments; it takes 1", "^^^^^^^^^^^"),
    ("min(a)", "1: min(…) with 1 argument; it takes 2 to 30", "^^^^^^"),
    ("where(a < b, c)", "1: where(…) with 2 arguments; it takes 3", "^^^^^^^^^^^^^^^"),
    ("largest(a)", "1: largest(…) with 1 argument; it takes 2 to 12", "^^^^^^^^^^"),
    ("sum()", "1: sum(…) with 0 arguments; it takes 1", "^^^^^"),
    ("sum(a, b)", "1: sum(…) with 2 arguments; it takes 1", "^^^^^^^^^"),
    ("at_min(a)", "1: at_min(…) with 1 argument; it takes 2", "^^^^^^^^^"),
    ("sum(2 * a)", "5: sum(…) takes names; make the argument a metric of its own", "^^^^^"),
    ("sum(*a)", "5: sum(…) takes names; make the argument a metric of its own", "^^"),
    ("1 + at_max(a, sum(b))", "15: at_max(…) takes names; make the argument a metric of its own", "^^^^^^"),
    # match
    ("match()", "1: match(…) looks up an input first; write match(input, choice: value, …)", "^^^^^^^"),
    ("2 * match(a^2, b: 1)", "11: match(…) looks up an input first; write match(input, choice: value, …)", "^^^"),
    ("match(a)", "1: match(…) without an arm; write match(a, choice: value, …)", "^^^^^^^^"),
    ("match(a, b, c)", "10: an arm of match(…) without ':'; write choice: value", "^"),
    ("match(a, b: a^2, c, 3)", "18: an arm of match(…) without ':'; write choice: value", "^"),
    ("match(a, b: 1, c)", "16: an arm of match(…) without ':'; write choice: value", "^"),
    ("match(a, b: )", "10: an arm of match(…) without a value; write choice: value", "^"),
    ("match(a, b=2)", "10: an arm of match(…) with '='; write b: value", "^^^"),
    (
        "match(a, b + c: 2)",
        "10: an arm of match(…) begins with a choice; write choice: value, or a | b: value",
        "^^^^^",
    ),
    ("match(a, b: d % 2)", f"13: the operator '%' {REST}", "^^^^^"),
    ("match(a, b: c | d)", f"13: the operator '|' {LANGUAGE}", "^^^^^"),
    ("where(a, b: c, d)", "11: ':' is only part of match(…); write match(input, choice: value, …)", "^"),
    ("match(a, b: min(c: d))", "18: ':' is only part of match(…); write match(input, choice: value, …)", "^"),
    # operators
    ("a < b < c", "1: a chain of comparisons; compare two values; nest where(…) for more", "^^^^^^^^^"),
    ("a == b in c", "1: a chain of comparisons; compare two values; nest where(…) for more", "^^^^^^^^^^^"),
    ("a in b", f"1: the operator 'in' {LANGUAGE}", "^^^^^^"),
    ("a not in b", f"1: the operator 'not in' {LANGUAGE}", "^^^^^^^^^^"),
    ("a is b", f"1: the operator 'is' {LANGUAGE}", "^^^^^^"),
    ("a is not b", f"1: the operator 'is not' {LANGUAGE}", "^^^^^^^^^^"),
    ("a and b", f"1: the operator 'and' {NEST}", "^^^^^^^"),
    ("a < b or b < c", f"1: the operator 'or' {NEST}", "^^^^^^^^^^^^^^"),
    ("not a", f"1: the operator 'not' {REFUSED_WORD}turn the comparison round", "^^^^^"),
    ("a % b", f"1: the operator '%' {REST}", "^^^^^"),
    ("1 + a // b", f"5: the operator '//' {REFUSED_WORD}write floor(a / b)", "^^^^^^"),
    ("a @ b", f"1: the operator '@' {LANGUAGE}", "^^^^^"),
    ("a & b", f"1: the operator '&' {LANGUAGE}", "^^^^^"),
    ("a | b", f"1: the operator '|' {LANGUAGE}", "^^^^^"),
    ("a << 2", f"1: the operator '<<' {LANGUAGE}", "^^^^^^"),
    ("~a", f"1: the operator '~' {LANGUAGE}", "^^"),
    ("+a", f"1: a plus sign before a value {LANGUAGE}", "^^"),
    ("1or 2", f"1: the operator 'or' {NEST}", "^^^^^"),
    # constants
    ("True", f"1: 'True' {NO_NUMBER}", "^^^^"),
    ("2 * None", f"5: 'None' {NO_NUMBER}", "^^^^"),
    ("...", f"1: '...' {NO_NUMBER}", "^^^"),
    ("2j", f"1: an imaginary number {NO_NUMBER}", "^^"),
    ("0x10", "1: '0x10' is not a plain number; write decimal digits, such as 1000 or 1e3", "^^^^"),
    ("0b1 + 0o7", "1: '0b1' is not a plain number; write decimal digits, such as 1000 or 1e3", "^^^"),
    ("2 * 1_000", "5: '1_000' is not a plain number; write decimal digits, such as 1000 or 1e3", "^^^^^"),
    ("1_0.5", "1: '1_0.5' is not a plain number; write 10.5", "^^^^^"),
    (
        "1e999",
        "1: '1e999' is no finite number that a cell can hold; write 0 or a number between 1e-300 and 1e300",
        "^^^^^",
    ),
    (
        "a + 1e-310",
        "5: '1e-310' is no finite number that a cell can hold; write 0 or a number between 1e-300 and 1e300",
        "^^^^^^",
    ),
    (
        "1e-999",
        "1: '1e-999' is no finite number that a cell can hold; write 0 or a number between 1e-300 and 1e300",
        "^^^^^^",
    ),
    (
        "9007199254740991",
        "1: the number has more digits than the 15 that a spreadsheet reads; write 9.00719925474099e+15",
        "^" * 16,
    ),
    (
        "0.1234567890123456",
        "1: the number has more digits than the 15 that a spreadsheet reads; write 0.123456789012346",
        "^" * 18,
    ),
    # no expression at all
    ("a b", "3: an operator is missing before 'b'; write * to multiply", "^"),
    ("2 a", "3: an operator is missing before 'a'; write * to multiply", "^"),
    ("4d_model", "2: an operator is missing before 'd_model'; write * to multiply", "^^^^^^^"),
    ("4 x d_model", "3: an operator is missing before 'x'; write * to multiply", "^"),
    ("1.5e3 d + 1", "7: an operator is missing before 'd'; write * to multiply", "^"),
    ("(a + b) 2", "9: an operator is missing before '2'; write * to multiply", "^"),
    ("a *", f"4: {NO_EXPRESSION}", "^"),
    ("a ^^ b", f"4: {NO_EXPRESSION}", "^"),
    ("a <> b", f"3: {NO_EXPRESSION}", "^"),
    ("a = b", "3: '=' compares nothing; write == to compare", "^"),
    ("=4 * a", "1: a formula begins without '='; remove it", "^"),
    ("4,096", "1: '4,096' is not a plain number; write 4096", "^^^^^"),
    ("131_072", "1: '131_072' is not a plain number; write 131072", "^^^^^^^"),
    ("50k", "1: '50k' is not a plain number; write 50000 or 51200", "^^^"),
    ("15T", "1: '15T' is not a plain number; write 15e12", "^^^"),
    ("80 GB", "1: '80 GB' is not a plain number; write 80e9", "^^^^^"),
    ("80GiB", "1: '80GiB' is not a plain number; write 85899345920", "^^^^^"),
    ("700W", "1: '700W' is not a plain number; write 700", "^^^^"),
    ("40%", "1: '40%' is not a plain number; write 0.4", "^^^"),
    ("if(a > b, a, b)", "1: unknown function 'if'; write where(condition, a, b)", "^^"),
    ("2 * round(a)", "5: unknown function 'round'; write floor(x + 0.5)", "^^^^^"),
    ("SQRT(a)", "1: unknown function 'SQRT'; write x ^ 0.5", "^^^^"),
    ("MAX(a, b)", "1: unknown function 'MAX'; did you mean 'max'?", "^^^"),
    ("a; b", f"2: {NO_EXPRESSION}", "^"),
    ("import os", "8: an operator is missing before 'os'; write * to multiply", "^^"),
    ("$a", f"1: {NO_EXPRESSION}", "^"),
    ("0777", f"1: {NO_EXPRESSION}", "^"),
    ("*a", f"1: {NO_EXPRESSION}", "^"),
    # brackets and letters
    ("(a", "1: a bracket is not closed; add ')'", "^"),
    ("(a) * (b", "7: a bracket is not closed; add ')'", "^"),
    ("a)", "2: this bracket closes nothing; remove it", "^"),
    ("a) + (b", "2: this bracket closes nothing; remove it", "^"),
    ("a # comment", "3: '#' is not part of a formula; remove it", "^"),
    ("a × b", "3: '×' is not part of a formula; write it with ASCII letters, digits and operators", "^"),
    ("a\u00a0+ b", "2: '\\xa0' is not part of a formula; write it with ASCII letters, digits and operators", "^"),
    # size
    ("(" * 51 + "a" + ")" * 51, "51: more than 50 brackets deep; split the formula", "^"),
    ("-" * 50 + "a", "51: more than 50 levels deep; split the formula", "^"),
    ("a" + "+1" * 50, "1: more than 50 levels deep; split the formula", "^"),
]


def refusal(source, *arguments):
    """The message of the one problem for which a text is refused."""
    with pytest.raises(FormulaError) as caught:
        parse(source, *arguments)
    [problem] = caught.value.problems
    return str(problem)


@pytest.mark.parametrize(("source", "message", "carets"), REFUSED)
def test_what_is_not_in_the_language_is_refused_with_a_caret(source, message, carets):
    column = int(message.partition(":")[0])
    line = source.replace("\u00a0", " ")
    assert refusal(source) == f"formula:1:{message}\n    {line}\n    {' ' * (column - 1)}{carets}"


@pytest.mark.parametrize("source", ["", "  ", "\n\t"])
def test_an_empty_formula_is_refused(source):
    assert refusal(source) == "formula:1:1: an empty formula; write a number, a name or an expression"


LONG = [
    ("1" * 2001, "formula:1:1: a formula of 2,001 characters; split it; 2,000 is the most"),
    (
        "9" * 400,
        f"formula:1:1: '{'9' * 59}…' is no finite number that a cell can hold; "
        "write 0 or a number between 1e-300 and 1e300",
    ),
    ("a^" * 999 + "a", "formula:1:99: more than 50 levels deep; split the formula"),
    ("-" * 1999 + "a", "formula:1:51: more than 50 levels deep; split the formula"),
    ("a+" * 999 + "a", "formula:1:1: more than 50 levels deep; split the formula"),
    ("[" * 1000 + "]" * 1000, "formula:1:200: this is not an expression; check brackets, operators and commas"),
]


@pytest.mark.parametrize(("source", "message"), LONG, ids=[source[:3] for source, _ in LONG])
def test_a_formula_beyond_any_use_is_refused(source, message):
    assert refusal(source).split("\n")[0] == message


def test_fifty_levels_are_read():
    assert evaluate(parse("1" + "+1" * 49), {}.__getitem__) == 50


def test_the_caret_stands_in_the_line_of_the_file():
    line = "  gpt2: {d_ff: 4 * d_model % 2}"
    assert refusal("4 * d_model % 2", Place("spec.yaml", 7, 16, line), "models.gpt2.d_ff") == (
        f"spec.yaml:7:16: models.gpt2.d_ff: the operator '%' {REST}\n"
        "      gpt2: {d_ff: 4 * d_model % 2}\n"
        "                   ^^^^^^^^^^^^^^^"
    )


def test_a_formula_that_the_file_spells_over_several_lines_is_quoted():
    place = Place("spec.yaml", 7, 9, "  d_ff: >-")
    assert refusal("4 *\nd_model $", place, "d_ff") == (
        "spec.yaml:7:9: d_ff: this is not an expression, at column 13 of '4 * d_model $'; "
        "check brackets, operators and commas\n"
        "      d_ff: >-\n"
        "            ^"
    )


def test_reading_a_formula_warns_of_nothing():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        refusal("1or 2")
        refusal("'\\d'")
    assert caught == []


@settings(max_examples=400, derandomize=True, deadline=None)
@given(
    st.text(max_size=40)
    | st.text("ab12.,()+-*/^<>=!&|~%'\"[]{}:; \n#_\\ejxf", max_size=40)
    | st.lists(st.sampled_from([*KNOWN.split(", "), *"ab1(),+-*/^<>= ", "==", "**", "1e9", "if", "not"])).map("".join)
)
def test_any_text_is_read_or_refused_and_nothing_else_happens(source):
    try:
        node = parse(source)
    except FormulaError as error:
        assert len(error.problems) == 1
    else:
        assert (to_excel(node, Anywhere), to_notation(node)) != ("", "")


class Anywhere:
    """References to names wherever they stand."""

    cell = first = range = staticmethod(str)


CALLS = [f"{f}({', '.join('abcd'[:least])})" for f, (least, _) in FUNCTIONS.items()]
GATHERED = [f"{f}({', '.join(['keys', 'parts'][:count])})" for f, count in AGGREGATES.items()]
OPERATIONS = [Operation(symbol, Name("a"), Name("b")) for symbol in OPERATORS]
EVERYTHING = [*OPERATIONS, *map(parse, CALLS), *map(parse, GATHERED), Negative(Name("a")), Number(1.5), Text("x")]


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
