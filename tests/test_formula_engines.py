"""Random formulas: read back as they were written, and computed by NumPy and by spreadsheets to the same numbers."""

from __future__ import annotations

import itertools
import math
import operator
import re

import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openpyxl.utils import get_column_letter

from engines import recalculate_ironcalc, recalculate_libreoffice
from flopsheet.catalog.refusals import refusal
from flopsheet.catalog.sentences import sentence
from flopsheet.formula import evaluate, parse, to_excel
from flopsheet.formula.evaluate import vectorised
from flopsheet.formula.nodes import Call, Name, Negative, Number, Operation, walk
from flopsheet.formula.vocabulary import COMPARISONS

COLUMNS = "abc"
ROWS = range(1, 5)

# At most 15 digits, which every engine reads as the same double.
decimals = st.builds(lambda digits, tens: float(f"{digits}e{tens}"), st.integers(0, 10**6), st.integers(-4, 4))
wholes = st.sampled_from([0.0, 1.0, 2.0, 3.0, 8.0, 12.0, 64.0, 768.0, 1024.0, 50257.0])
numbers = decimals | wholes
rows = st.lists(
    st.tuples(*[numbers | numbers.map(operator.neg)] * len(COLUMNS)), min_size=len(ROWS), max_size=len(ROWS)
)
names = st.sampled_from(COLUMNS).map(Name)
exponents = st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0, 10.0]).map(Number)


def grown(parts):
    """Everything that the language builds from smaller formulas."""
    comparison = st.builds(Operation, st.sampled_from(sorted(COMPARISONS)), parts, parts)
    return st.one_of(
        st.builds(Operation, st.sampled_from("+-*/"), parts, parts),
        st.builds(Operation, st.just("^"), parts, exponents | exponents.map(Negative) | parts),
        st.builds(Negative, parts),
        st.builds(Call, st.sampled_from(["floor", "ceil", "abs"]), st.tuples(parts)),
        st.builds(Call, st.sampled_from(["min", "max"]), st.lists(parts, min_size=2, max_size=4).map(tuple)),
        st.builds(Call, st.just("where"), st.tuples(comparison, parts, parts)),
    )


# Every example is one workbook; a batch names its own smallest offenders, so nothing is gained by shrinking it.
BATCHES = settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def calculated(parts):
    return st.builds(Operation, st.sampled_from("+-*/"), parts, parts) | parts.map(Negative)


def chained(first, steps):
    return "".join([first, *(f" {symbol} {operand}" for symbol, operand in steps)])


arithmetic = st.recursive(names, calculated, max_leaves=10)
operands = st.sampled_from([*COLUMNS, "2", "0.5", "1e3"])
chains = st.builds(chained, operands, st.lists(st.tuples(st.sampled_from("+-*/"), operands), min_size=2, max_size=8))
formulas = st.recursive(names | names | numbers.map(Number), grown, max_leaves=14)


def is_misread(node):
    """IronCalc 0.9.1 drops the brackets of -(a*b) and a+(b-c) as it loads a workbook; its -(a^b*c) is (-a)^b*c."""
    for part in walk(node):
        match part:
            case Negative(Operation("*" | "/")) | Call("ceil", [Operation("*" | "/")]):
                return True
            case Operation("+", _, Operation("+" | "-")):
                return True
    return False


def to_source(node):
    """The text that an author would write, with every bracket."""
    match node:
        case Number(value):
            return repr(value)
        case Name(name):
            return name
        case Negative(operand):
            return f"-({to_source(operand)})"
        case Operation(symbol, left, right):
            return f"({to_source(left)}) {symbol} ({to_source(right)})"
        case Call(function, arguments):
            return f"{function}({', '.join(map(to_source, arguments))})"


class Named:
    """References by name."""

    cell = staticmethod(str)


class Row:
    """References to the columns of one row."""

    def __init__(self, row):
        self.row = row

    def cell(self, name):
        return f"{name.upper()}{self.row}"


def cautious():
    """NumPy's operations, and a record of the rows in which programs may part for reasons that are not ours.

    Spreadsheets take numbers for equal that differ in the last of their 15 digits, and a difference of almost nothing
    for 0; so near ties of comparisons, of floor and of subtraction are left out, exact ties are not.
    Past 1e300 and below 1e-290 they report errors or 0 where a double goes on, or the other way round.
    """
    doubtful = np.zeros(len(ROWS), dtype=bool)

    def near(left, right):
        return (left != right) & (np.abs(left - right) <= 1e-12 * np.maximum(np.abs(left), np.abs(right)) + 1e-15)

    def watched(symbol, act):
        def watch(*values):
            nonlocal doubtful
            result = act(*values)
            if symbol in COMPARISONS or symbol in {"+", "-"}:
                doubtful |= near(values[0], -values[1] if symbol == "+" else values[1])
            if symbol in {"floor", "ceil"}:
                doubtful |= near(values[0], np.round(values[0]))
            if symbol not in COMPARISONS:
                size = np.abs(result)
                vanished = (size < 1e-290) & (symbol in {"*", "/", "^"}) & (values[0] != 0)
                doubtful |= ~np.isfinite(size) | (size > 1e300) | vanished
            return result

        return watch

    return {symbol: watched(symbol, act) for symbol, act in vectorised().items()}, lambda: doubtful


def shaken():
    """NumPy's operations with every power off by a few units in the last place, each by another amount."""
    plain = vectorised()
    ulps = itertools.count(1)
    return {**plain, "^": lambda base, exponent: plain["^"](base, exponent) * (1 + 1e-15 * next(ulps))}


def evaluated(node, columns, functions):
    with np.errstate(all="ignore"):
        return np.broadcast_to(evaluate(node, columns.__getitem__, functions=functions), len(ROWS)).astype(float)


def expected(node, columns):
    """What every engine must compute: a value for each row, how exactly, and in which rows it is well determined.

    + - * / and comparisons are the same in every program to the last bit.
    Powers are not, since the C libraries differ in the last place; what magnifies that difference is left out.
    """
    operations, doubtful = cautious()
    values = evaluated(node, columns, operations)
    if not any(isinstance(part, Operation) and part.symbol == "^" for part in walk(node)):
        return values, 0.0, ~doubtful()
    with np.errstate(all="ignore"):
        steady = np.abs(evaluated(node, columns, shaken()) - values) <= 1e-13 * np.abs(values)
    return values, 1e-12, ~doubtful() & steady


def recomputed(recalculate, formulas, values, path):
    """What an engine computes: one column for each formula, one row for each row of values, in one workbook."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Formulas"
    for row, given_row, texts in zip(ROWS, values, zip(*formulas, strict=True), strict=True):
        sheet.append([*given_row, *(f"={text}" for text in texts)])
        assert sheet.max_row == row
    book.save(path)
    letters = [get_column_letter(len(COLUMNS) + number) for number in range(1, len(formulas) + 1)]
    cells = [[("Formulas", f"{letter}{row}") for row in ROWS] for letter in letters]
    [results] = recalculate(path, [{}], list(itertools.chain(*cells)))
    return [[results[cell] for cell in column] for column in cells]


def disagreements(recalculate, nodes, values, path, texts=None):
    """Where an engine computes another number than NumPy, and in how many cells the two were held together."""
    columns = {name: np.array(column) for name, column in zip(COLUMNS, zip(*values, strict=True), strict=True)}
    texts = texts or [[to_excel(node, Row(row)) for row in ROWS] for node in nodes]
    found, compared = [], 0
    for node, theirs in zip(nodes, recomputed(recalculate, texts, values, path), strict=True):
        ours, tolerance, settled = expected(node, columns)
        for at in np.flatnonzero(settled):
            compared += 1
            number = theirs[at]
            if not (isinstance(number, float) and abs(number - ours[at]) <= tolerance * abs(ours[at])):
                found.append((to_source(node), values[at], float(ours[at]), number))
    return sorted(found, key=lambda formula: len(formula[0])), compared


def sample(strategy, count):
    """The first examples of a strategy, the same ones in every run."""
    found = []

    @settings(max_examples=count, derandomize=True, database=None, phases=[Phase.generate], deadline=None)
    @given(strategy)
    def collect(example):
        found.append(example)

    collect()
    return found


@settings(max_examples=400, derandomize=True, deadline=None)
@given(formulas)
def test_a_formula_is_read_back_as_it_was_written(node):
    assert parse(to_source(node)) == node


@settings(max_examples=200, derandomize=True, deadline=None)
@given(arithmetic)
def test_arithmetic_is_read_back_from_the_text_that_a_spreadsheet_gets(node):
    # Both languages spell + - * / alike; here brackets stand only where precedence needs them.
    assert parse(to_excel(node, Named)) == node


@BATCHES
@given(st.lists(chains, min_size=25, max_size=25), rows)
def test_a_chain_without_brackets_means_the_same_to_a_spreadsheet(tmp_path_factory, texts, values):
    path = tmp_path_factory.mktemp("chains") / "formulas.xlsx"
    as_written = [[re.sub("([abc])", rf"\g<1>{row}", text) for row in ROWS] for text in texts]
    found, _ = disagreements(recalculate_ironcalc, list(map(parse, texts)), values, path, as_written)
    assert found == []


@BATCHES
@given(st.lists(formulas, min_size=25, max_size=25), rows)
def test_ironcalc_computes_the_same_numbers_as_numpy(tmp_path_factory, nodes, values):
    path = tmp_path_factory.mktemp("ironcalc") / "formulas.xlsx"
    found, _ = disagreements(recalculate_ironcalc, [node for node in nodes if not is_misread(node)], values, path)
    assert found == []


@pytest.mark.libreoffice
def test_libreoffice_computes_the_same_numbers_as_numpy(tmp_path):
    nodes, values = sample(formulas, 400), sample(rows, 20)[-1]
    found, compared = disagreements(recalculate_libreoffice, nodes, values, tmp_path / "formulas.xlsx")
    assert (found, compared > len(nodes)) == ([], True)


# Grouped as Python groups them; from a thousand on `,.3` says whole numbers, below it three decimals at most.
SIZES = [0.0, 0.4, 7.0, 10.0, 999.0, 999.4, 1000.0, 1024.0, 12345.6, 131072.0, 999999.0, 1e6, 1000001.0, 2127057600.0]
SIZES += [999999999.0, 1e9, 4096e8, 999999999999.0, 1e12, 15e12, 12345678901234.0, 99999999999999.0, 8.5082304, 0.125]


@pytest.mark.parametrize(
    "recalculate",
    [recalculate_ironcalc, pytest.param(recalculate_libreoffice, marks=pytest.mark.libreoffice)],
    ids=["ironcalc", "libreoffice"],
)
def test_numbers_in_a_sentence_are_grouped_alike_by_python_and_spreadsheets(recalculate, tmp_path):
    node = sentence("{a:,}; {a:,.3}", refusal("a", None), "a")
    book = openpyxl.Workbook()
    for row, size in enumerate(SIZES, start=1):
        book.active.append([size, f"={to_excel(node, Row(row))}"])
    book.save(tmp_path / "book.xlsx")
    cells = [("Sheet", f"B{row}") for row in range(1, len(SIZES) + 1)]
    [found] = recalculate(tmp_path / "book.xlsx", [{}], cells)
    whole = [f"{math.floor(size + 0.5):,}" for size in SIZES]
    below = [f"{size:.3f}".rstrip("0").rstrip(".") for size in SIZES]
    wanted = [f"{w}; {w if size >= 1000 else b}" for size, w, b in zip(SIZES, whole, below, strict=True)]
    ours = [evaluate(node, lambda _, size=size: size) for size in SIZES]
    assert (ours, [found[cell] for cell in cells]) == (wanted, wanted)
