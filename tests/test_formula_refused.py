"""What is not in the formula language is refused, with a caret under it."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flopsheet.diagnostics import FormulaError, Place
from flopsheet.formula import evaluate, parse, to_excel, to_notation
from test_operators import Anywhere

# Refusals: source, "column: fact; remedy", carets.
REFUSED_WORD = "is not part of the language; "
LANGUAGE = f"{REFUSED_WORD}use + - * / ^ and functions"
REST = f"{REFUSED_WORD}write a - b * floor(a / b) for the remainder of a division"
NEST = f"{REFUSED_WORD}nest where(condition, a, b)"
NO_NUMBER = "is not part of the language; use numbers and names"
NO_EXPRESSION = "this is not an expression; check brackets, operators and commas"
KNOWN = "abs, at_max, at_min, ceil, first, floor, given, largest, match, max, min, shift, sum, trend, where"

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
    ("not a", f"1: the operator 'not' {REFUSED_WORD}reverse the comparison", "^^^^^"),
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
        "1: '1e999' is not a finite number that a cell can hold; write 0 or a number between 1e-300 and 1e300",
        "^^^^^",
    ),
    (
        "a + 1e-310",
        "5: '1e-310' is not a finite number that a cell can hold; write 0 or a number between 1e-300 and 1e300",
        "^^^^^^",
    ),
    (
        "1e-999",
        "1: '1e-999' is not a finite number that a cell can hold; write 0 or a number between 1e-300 and 1e300",
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
    ("a = b", "3: '=' is not a comparison; write == to compare", "^"),
    ("=4 * a", "1: a formula does not begin with '='; remove it", "^"),
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
    ("a)", "2: this bracket has no opening bracket; remove it", "^"),
    ("a) + (b", "2: this bracket has no opening bracket; remove it", "^"),
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
    ("1" * 2001, "formula:1:1: a formula of 2,001 characters; split it; at most 2,000 are allowed"),
    (
        "9" * 400,
        f"formula:1:1: '{'9' * 59}…' is not a finite number that a cell can hold; "
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
