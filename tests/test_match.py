"""`match(choice, a: x, b | c: y)`: what it means to a reader and to a cell, and where nothing else is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engines import recalculate_ironcalc, spoil_cached_values
from flopsheet import build, catalog
from flopsheet.api import Report, compute_spec
from flopsheet.catalog.expand import expand
from flopsheet.catalog.refusals import refusal
from flopsheet.diagnostics import CatalogError, SpecError
from flopsheet.formula import parse, to_excel, to_notation
from flopsheet.formula.nodes import Call, Name, Node, Operation, walk
from flopsheet.formula.unparse import to_text
from flopsheet.output.explain import explain
from studies import spec_of

SHIPPED = catalog.load_catalog()

# Source, mathematics, the formula spelled again.
SPELLINGS = [
    ("match(a, b: 1, c: 2)", "1 if a = b, 2 if c", "match(a, b: 1, c: 2)"),
    ("match( a,b:1 ,c :2, )", "1 if a = b, 2 if c", "match(a, b: 1, c: 2)"),
    ("match(a, b | c: d, e: 2)", "d if a = b or c, 2 if e", "match(a, b | c: d, e: 2)"),
    ("match(a, b: d, c: d, e: 2)", "d if a = b or c, 2 if e", "match(a, b | c: d, e: 2)"),
    ("match(a, 2: b, 3: c^2)", "b if a = 2, c² if 3", "match(a, 2: b, 3: c ^ 2)"),
    ("2 * match(a, b: 1, c: d + 1)", "2 · (1 if a = b, d + 1 if c)", "2 * match(a, b: 1, c: d + 1)"),
    (
        "match(a, b: match(d, e: 1, f: 2), c: where(x < y, 3, 4))",
        "(1 if d = e, 2 if f) if a = b, (3 if x < y, else 4) if c",
        "match(a, b: match(d, e: 1, f: 2), c: where(x < y, 3, 4))",
    ),
    ("match(a,\n  b: x ^ 2,\n  c: y)", "x² if a = b, y if c", "match(a, b: x ^ 2, c: y)"),
    ("match(a, none: 0, all: 1)", "0 if a = none, 1 if all", "match(a, none: 0, all: 1)"),
]


@pytest.mark.parametrize(("source", "maths", "text"), SPELLINGS)
def test_a_reader_gets_the_arms_with_their_choices(source: str, maths: str, text: str) -> None:
    assert (to_notation(parse(source)), to_text(parse(source))) == (maths, text)


@pytest.mark.parametrize("source", [source for source, *_ in SPELLINGS])
def test_a_match_is_read_back_from_its_own_spelling(source: str) -> None:
    assert parse(to_text(parse(source))) == parse(source)


# A metric of one's own -----------------------------------------------------------------------------------------------

SPEC = """\
version: 1
context_lengths: [1024]
defaults: {vocab_size: 100, ffn: gelu, d_ff: 256, n_layers: 2, d_model: 64, n_heads: 4}
inputs:
- {name: side, label: Side, grain: model, unit: text, choices: [left, right, up, down], default: left, doc: Which one.}
metrics:
- name: n_sides
  label: Sides
  grain: model
  unit: width
  formula: "FORMULA"
  doc: By side.
models:
  a: {side: left}
  b: {side: right}
  c: {side: up}
  d: {side: down}
"""

# Formula, the values at left, right, up, down, the cell where S stands for the side and D for d_model = 64.
MEANINGS = [
    (
        "match(side, left: 1, right: d_model, up: 3, down: 4)",
        [1, 64, 3, 4],
        '=IF(S="left",1,IF(S="right",D,IF(S="up",3,4)))',
    ),
    ("match(side, left: 1, right | up | down: d_model)", [1, 64, 64, 64], '=IF(S="left",1,D)'),
    ("match(side, right | up: d_model, left | down: 1)", [1, 64, 64, 1], '=IF(S="right",D,IF(S="up",D,1))'),
    ("2 * match(side, left | right | up | down: d_model)", [128, 128, 128, 128], "=2*D"),
    # a match of the same input inside an arm names the choices of that arm
    (
        "match(side, left: 1, right | up | down: match(side, right: 5, up | down: d_model))",
        [1, 5, 64, 64],
        '=IF(S="left",1,IF(S="right",5,D))',
    ),
]


class Letters:
    """References to the two names that these formulas read."""

    cell = staticmethod({"side": "S", "d_model": "D"}.__getitem__)
    range = first = cell


@pytest.fixture(scope="module")
def meant(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """A workbook with a metric of each formula."""
    folder = tmp_path_factory.mktemp("meanings")
    before, metric, after = re.split(r"(- name: n_sides.*?By side\.\n)", SPEC, flags=re.DOTALL)
    metrics = [
        metric.replace("n_sides", f"n_sides_{at}").replace("Sides", f"Sides {at}").replace("FORMULA", formula)
        for at, (formula, *_) in enumerate(MEANINGS)
    ]
    report = build(compute_spec(spec_of(before + "".join(metrics) + after)), folder / "m.xlsx")
    spoil_cached_values(folder / "m.xlsx", folder / "spoilt.xlsx")
    return report, folder / "spoilt.xlsx"


@pytest.mark.parametrize("at", range(len(MEANINGS)), ids=[formula for formula, *_ in MEANINGS])
def test_a_match_has_the_value_of_its_arm_in_pandas_and_in_a_spreadsheet(at: int, meant: tuple[Report, Path]) -> None:
    (_, values, cell), (report, path), name = MEANINGS[at], meant, f"n_sides_{at}"
    places = [(cell_ref.sheet, cell_ref.seen_from(cell_ref.sheet)) for cell_ref in report.cells(name)]
    [found] = recalculate_ironcalc(path, [{}], places)
    computed, text = report.frames["model"][name].tolist(), to_excel(report.catalog.metrics[name].ast, Letters)
    assert (computed, list(found.values()), f"={text}") == (values, values, cell)


REFUSED = [
    (
        "2 * match(«side», left: 1, up: 2)",
        "match(…) leaves out choices of 'side': right, down; give every choice an arm; a | b: value is one for both",
    ),
    ("match(side, left: 1, right | up | «dwn»: 2)", "'dwn' is not a choice of side; did you mean 'down'?"),
    (
        "match(side, «left»: 1, right | up: 2, left | down: 3)",
        "'left' has two arms in match(side, …); remove one of them",
    ),
    ("match(«sied», left: 1)", "'sied' is not an input with choices; did you mean 'side'?"),
    ("match(side, «left», 1, right: 2)", "an arm of match(…) without ':'; write choice: value"),
]


@pytest.mark.parametrize(("formula", "problem"), REFUSED)
def test_a_match_that_is_not_exhaustive_is_refused_at_its_place_in_the_spec(formula: str, problem: str) -> None:
    text = SPEC.replace("FORMULA", formula)
    before, marked, after = text.replace("»", "«").split("«")
    line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
    with pytest.raises(SpecError) as caught:
        spec_of(before + marked + after)
    assert str(caught.value) == (
        f"s.yaml:{line + 1}:{column + 1}: metrics[0].formula: {problem}\n"
        f"    {(before + marked + after).splitlines()[line]}\n    {' ' * column}{'^' * len(marked)}"
    )


def test_explain_shows_the_arm_that_counts() -> None:
    report = compute_spec(spec_of(SPEC.replace("FORMULA", "2 * match(side, left: d_model, right | up | down: 3)")))
    shown = [explain(report, "n_sides", model, None).splitlines()[-1].strip() for model in "ac"]
    formula = "2 · (D if side = left, 3 if right or up or down)"
    assert shown == [f"{formula} = 2 · 64 = 128", f"{formula} = 2 · 3 = 6"]


def test_the_arm_that_does_not_count_may_have_no_value() -> None:
    formula = "match(side, up: 1 / (d_model - 64), left | right | down: 2)"
    text = SPEC.replace("FORMULA", formula).replace("  c: {side: up}\n", "  c: {side: up, d_model: 128}\n")
    found = compute_spec(spec_of(text.replace("unit: width", "unit: ratio"))).frames["model"]["n_sides"].tolist()
    assert found == [2, 2, 1 / 64, 2]


def test_functions_nested_deeper_than_a_cell_allows_are_refused() -> None:
    arms = ", ".join(f"c{at}: {at}" for at in range(11))
    twelve = f"choices: [{', '.join(f'c{at}' for at in range(12))}], default: c0"
    inner = f"match(one, {arms}, c11: match(two, {arms}, c11: d_model))"
    formula = "where(d_model < 2, 1, " * 43 + inner + ")" * 43
    inputs = "".join(
        f"- {{name: {name}, label: X, grain: model, unit: text, {twelve}, doc: X.}}\n" for name in ("one", "two")
    )
    with pytest.raises(SpecError) as caught:
        spec_of(SPEC.replace("FORMULA", formula).replace("metrics:\n", f"{inputs}metrics:\n"))
    head = str(caught.value).splitlines()[0].partition("formula: ")[2]
    # 43 times where, 11 conditions tell 12 choices apart, twice
    assert head == "the formula would nest 65 functions in a cell; the limit is 64; split it into metrics"


# The catalogue -------------------------------------------------------------------------------------------------------


def written() -> dict[str, Node]:
    """The formulas of the catalogue as their authors wrote them."""
    ranges = {name for name in SHIPPED.metrics if name.startswith("check_input_")}
    metrics = {name: metric.source_ast for name, metric in SHIPPED.metrics.items() if name not in ranges}
    return metrics | {name: function.ast for name, function in SHIPPED.functions.items()}


def choices_compared(node: Node) -> list[str]:
    """The inputs with choices that a formula compares, once for each comparison; counts and flags are conditions."""
    compared = (part.left for part in walk(node) if isinstance(part, Operation) and part.symbol in {"==", "!="})
    names = [side.name for side in compared if isinstance(side, Name)]
    entries = [SHIPPED.inputs[name] for name in names if name in SHIPPED.inputs]
    return [entry.name for entry in entries if entry.choices and not entry.is_number and not entry.is_flag]


def test_a_choice_among_three_or_more_is_looked_up_by_match_alone() -> None:
    many = {name for name, entry in SHIPPED.inputs.items() if len(entry.choices) > 2}
    assert {name: found for name, node in written().items() if (found := many & set(choices_compared(node)))} == {}


def test_no_condition_on_a_choice_stands_inside_another() -> None:
    def nested(node: Node) -> bool:
        return any(
            isinstance(part, Call) and part.function == "where" and choices_compared(part.arguments[0])
            and any(choices_compared(argument) for argument in part.arguments[1:])
            for part in walk(node)
        )  # fmt: skip

    assert [name for name, node in written().items() if nested(node)] == []


def test_a_number_format_that_nobody_gave_a_size_is_refused_and_not_one_byte() -> None:
    entry = SHIPPED.inputs["weights"]
    inputs = {**SHIPPED.inputs, "weights": entry._replace(choices=(*entry.choices, "fp1"))}
    metric = SHIPPED.metrics["bytes_per_weight"]
    with pytest.raises(CatalogError, match="leaves out choices of 'weights': fp1"):
        expand(metric.source_ast, inputs, {}, SHIPPED.functions, refusal(metric.name, None))
