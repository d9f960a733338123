"""The formula language: what a text means to Python, to a spreadsheet and to a reader."""

from __future__ import annotations

import numpy as np
import pytest

from flopsheet.formula import aggregated, evaluate, names, parse, to_notation
from flopsheet.formula.evaluate import vectorised
from formula_cases import SOURCES, SPELLINGS, VALUES, excel, gather


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
