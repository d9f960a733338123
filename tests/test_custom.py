"""`inputs:` and `metrics:` of a spec: numbers, sheets, commands, and what is refused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from books import book_of
from edited_studies import OWN
from edits import disagreements_of, formulas, planned, write_workbook
from engines import name_column, recalculate_ironcalc, spoil_cached_values
from exported import as_json
from flopsheet import build, compute
from flopsheet.api import compute_spec
from flopsheet.diagnostics import ComputeError, SpecError
from flopsheet.output.explain import explain
from studies import spec_of

TEXT = """\
version: 1
context_lengths: [1024, 2048]
defaults: {vocab_size: 100, ffn: gelu, d_ff: 4 * d_model}
rent: 2.5
inputs:
- {name: rent, label: Rent, grain: study, unit: ratio, default: 1, most: 9, doc: Per unit.}
- {name: rank, label: Rank, grain: model, unit: width, default: d_model / 8, doc: Of adapters.}
- name: side
  label: Side
  grain: layer_group
  unit: text
  choices: [left, right]
  default: left
  doc: Which one.
metrics:
- {name: n_extra, label: Extra, grain: model, unit: parameters, formula: 2 * d_model * rank, doc: Twice.}
- {name: share_extra, label: Share, grain: model, unit: share, formula: n_extra / n_params, doc: Of all.}
- name: paid
  label: Paid
  grain: scenario
  unit: TFLOP
  formula: rent * tflop_forward
  doc: What it costs.
models:
  a: {n_layers: 2, d_model: 64, n_heads: 4}
  b: {extends: a, rank: 5, side: right}
expect:
- {that: a.n_extra, equals: 1024}
"""


def test_metrics_of_a_spec_are_computed_like_built_in_ones() -> None:
    frames = compute_text(TEXT).frames
    model, scenario = frames["model"], frames["scenario"]
    assert (list(model["rank"]), list(model["n_extra"]), list(scenario["paid"] == 2.5 * scenario["tflop_forward"])) == (
        [8.0, 5.0],
        [2.0 * 64 * 8, 2.0 * 64 * 5],
        [True] * 4,
    )


def compute_text(text: str) -> Any:
    from flopsheet.api import compute_spec

    return compute_spec(spec_of(text))


def test_an_input_of_a_spec_is_swept_and_excluded_like_any_other() -> None:
    text = TEXT.replace("rank: 5, side: right", "sweep: {rank: [1, 2, 4], side: [left, right], exclude: ['rank > 2']}")
    model = compute_text(text).frames["model"]
    assert {name: model.loc[name, "n_extra"] for name in model.index} == {
        "a": 1024.0,
        "b rank=1 side=left": 128.0,
        "b rank=1 side=right": 128.0,
        "b rank=2 side=left": 256.0,
        "b rank=2 side=right": 256.0,
    }


def test_json_explain_and_expectations_know_them() -> None:
    report = compute_text(TEXT.replace("equals: 1024", "equals: 1023"))
    shown = as_json(yaml.safe_load(TEXT))
    explained = explain(report, "n_extra", "b", None).splitlines()
    assert (
        shown["models"]["b"]["n_extra"],
        shown["models"]["b"]["rank"],
        "paid" in shown["scenarios"][0],
        explained[-1],
        [finding.found for finding in report.findings],
    ) == (640, 5, True, "  2 · D · rank = 2 · 64 · 5 = 640", [1024.0])


def test_the_workbook_has_a_sheet_of_them_and_no_text_of_the_spec_is_a_formula(tmp_path: Path) -> None:
    import openpyxl

    spec = copy.deepcopy(OWN)
    spec["metrics"][0] |= {"label": "=1+1", "doc": '=HYPERLINK("x")', "source": "@SUM(A1)", "shape": "+1"}
    report = build(spec, tmp_path / "own.xlsx")
    book = openpyxl.load_workbook(tmp_path / "own.xlsx")
    rows = [*book["Metrics"].iter_rows()]
    named = name_column([cell.value for cell in row] for row in rows) - 1
    row = next(row for row in rows if row[named].value == "n_group_lora")
    formulas = {cell.value for cell in book["Formulas"][f"A{explained_at(book)}:H{explained_at(book)}"][0]}
    assert (
        [row[at].data_type for at in (0, 1, named, named + 1, named + 2, 2)],
        row[2].value,
        {'=HYPERLINK("x")', "=1+1", "@SUM(A1)"} <= formulas,
        report.cells("n_group_lora")[0].sheet,
        report.cells("check_share_lora")[0].sheet,
        report.cells("lora_rank")[0].sheet,
    ) == (
        ["s", "s", "s", "s", "s", "f"],
        '=IF(C29="none",0,C30*C31*(2*C32+C27))',
        True,
        "Metrics",
        "Checks",
        "Inputs",
    )


def explained_at(book: Any) -> int:
    return next(cell.row for cell in book["Formulas"]["A"] if cell.value == "n_group_lora")


def test_an_edit_of_an_input_of_the_spec_reaches_its_metrics_through_another_engine() -> None:
    report = book_of(OWN).report
    load = report.cells("load_factor")[0]
    paid = [(cell_ref.sheet, cell_ref.address) for cell_ref in report.cells("loaded_tflop")]
    edits = [{}, {(load.sheet, load.address): 1.5}]
    before, after = recalculate_ironcalc(book_of(OWN).spoiled, edits, paid)
    wanted = list(report.frames["scenario"]["loaded_tflop"])
    assert ([before[cell] for cell in paid], [after[cell] for cell in paid]) == (
        pytest.approx(wanted, rel=1e-12),
        pytest.approx([3 * value for value in wanted], rel=1e-12),
    )


def test_a_spec_without_metrics_has_no_sheet_for_them(tmp_path: Path) -> None:
    from edited_studies import GROUPS
    from flopsheet.workbook import plan

    titles = [sheet.title for sheet in plan.plan_workbook(compute(GROUPS).study).sheets]
    assert "Metrics" not in titles


def test_a_metric_without_a_finite_value_is_named() -> None:
    with pytest.raises(ComputeError) as caught:
        compute_text(
            TEXT.replace("2 * d_model * rank", "d_model / (rank - 5)").replace(
                "- {that: a.n_extra", "- {that: a.n_params"
            )
        )
    assert str(caught.value).startswith("n_extra (model b): the result is not a finite number")


REFUSED = [
    ("name: rent,", "name: «n_params»,", "inputs[0].name: 'n_params' is a built-in metric; choose another name"),
    ("name: rent,", "name: «d_model»,", "inputs[0].name: 'd_model' is a built-in input; choose another name"),
    (
        "name: rent,",
        "name: «sweep»,",
        "inputs[0].name: 'sweep' already has a meaning in specs or formulas; choose another name",
    ),
    (
        "name: rent,",
        "name: «min»,",
        "inputs[0].name: 'min' already has a meaning in specs or formulas; choose another name",
    ),
    ("name: n_extra,", "name: «rank»,", "metrics[0].name: the spec already defines 'rank'; choose another name"),
    (
        "name: n_extra,",
        "name: «N extra»,",
        "metrics[0].name: 'N extra' is not a name; use lower-case letters, digits and _, 60 at most",
    ),
    ("- {name: n_extra,", "- {«nam»: n_extra,", "metrics[0].nam: unknown key 'nam'; did you mean 'name'?"),
    (
        "unit: parameters",
        "unit: «FLOPS»",
        "metrics[0].unit: 'FLOPS' is not a choice; did you mean 'FLOP'? choices: count, parameters, token, width, "
        "FLOP, FLOP/token, TFLOP/s, TFLOP, B, B/parameter, GB, GiB, … (29 in all)",
    ),
    (
        "grain: scenario",
        "grain: «scenari»",
        "metrics[2].grain: 'scenari' is not a choice; did you mean 'scenario'? "
        "choices: study, model, layer_group, context, scenario, layer_run, "
        "training_run, training_layer, serving_run, serving_layer",
    ),
    (
        "2 * d_model * rank",
        "2 * d_model * «rnk»",
        "metrics[0].formula: unknown name 'rnk'; did you mean 'rank'?",
    ),
    (
        "2 * d_model * rank",
        "2 * «flops_forward»",
        "metrics[0].formula: 'flops_forward' has grain scenario, which a metric of grain model cannot read; "
        "write sum(flops_forward)",
    ),
    (
        "2 * d_model * rank",
        "«2 % rank»",
        "metrics[0].formula: the operator '%' is not part of the language; "
        "write a - b * floor(a / b) for the remainder of a division",
    ),
    (
        "2 * d_model * rank",
        "«n_params + d_model»",
        "metrics[0].formula: parameters and width in one sum, comparison or choice; all sides need the same unit",
    ),
    (
        "2 * d_model * rank",
        "«share_extra»",
        "metrics[0].formula: the formula gives share, but the metric has the unit parameters; write unit: share",
    ),
    (
        "rent * tflop_forward",
        "where(side == «lefty», 1, 2) * rent * tflop_forward",
        "metrics[2].formula: 'lefty' is not a choice of side; did you mean 'left'?",
    ),
    (
        "default: d_model / 8",
        "default: «d_modle» / 8",
        "inputs[1].default: 'd_modle' is not a number that can be read here; did you mean 'd_model'?",
    ),
    ("default: 1,", "default: «10»,", "inputs[0].default: 10 is out of range; write 0 to 9"),
    ("most: 9", "least: «10», most: 9", "inputs[0].least: least is greater than most; swap the two"),
    (
        "rent: 2.5",
        "rent: «high»",
        "rent: 'high' is not a number that can be read here; known: backward_multiple, batch_size, rent",
    ),
    ("rank: 5", "rank: «5.5»", "models.b.rank: 5.5 is not a whole number; write 5 or 6"),
    ("rank: 5", "«rnk»: 5", "models.b.rnk: unknown key 'rnk'; did you mean 'rank'?"),
    ("side: right", "side: «up»", "models.b.side: 'up' is not a choice; choices: left, right"),
    ("unit: text", "unit: «ratio»", "inputs[2].unit: choices that are words need the unit text; write unit: text"),
    (
        "choices: [left, right]\n",
        "choices: [left, «Right»]\n",
        "inputs[2].choices[1]: 'Right' is not a word; use lower-case letters, digits and _, 20 at most",
    ),
]  # fmt: skip


def edited(old: str, new: str) -> str:
    assert TEXT.count(old) == 1
    text = TEXT.replace(old, new).replace("- {that: a.n_extra", "- {that: a.n_params").replace("equals", "at_least")
    if old == "name: rent,":  # nothing else may speak of the input that is lost
        text = text.replace("rent: 2.5\n", "").replace("rent * tflop", "2 * tflop")
    return text


@pytest.mark.parametrize(("old", "new", "message"), REFUSED)
def test_a_mistake_in_what_a_spec_defines_has_one_message(old: str, new: str, message: str) -> None:
    text = edited(old, new)
    before, marked, after = text.replace("»", "«").split("«")
    line, column = before.count("\n"), len(before) - (before.rfind("\n") + 1)
    text = before + marked + after
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    assert str(caught.value) == (
        f"s.yaml:{line + 1}:{column + 1}: {message}\n"
        f"    {text.splitlines()[line]}\n    {' ' * column}{'^' * len(marked)}"
    )


def refusals(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    return [line for line in str(caught.value).splitlines() if line.startswith("s.yaml")]


def test_a_cycle_is_told_as_a_chain() -> None:
    text = TEXT.replace("2 * d_model * rank", "share_extra * n_params")
    assert refusals(text) == [
        "s.yaml:16:74: metrics[0].formula: a cycle: n_extra → share_extra → n_extra; break it at one of them"
    ]


def test_a_missing_field_is_named() -> None:
    assert refusals(TEXT.replace(", doc: Twice.}", "}")) == ["s.yaml:16:3: metrics[0]: doc is missing; write doc: …"]


def test_what_no_cell_can_hold_is_refused() -> None:
    gathered = (
        TEXT.replace("2 * d_model * rank", "'at_max(flops_forward, flops_forward)'")
        .replace("unit: parameters", "unit: FLOP")
        .replace("n_extra / n_params", "rent - rent")
        .replace("unit: share", "unit: ratio")
    )
    long = TEXT.replace("2 * d_model * rank", "+".join(["2 * rank"] * 180) + " - 0")
    assert (refusals(gathered), len(refusals(long.replace("unit: parameters", "unit: width")))) == (
        [
            "s.yaml:16:68: metrics[0].formula: at_max(…) aggregates the scenario rows of a model, which are not "
            "adjacent in the workbook; use sum(…), or aggregate at grain context or study"
        ],
        1,
    )


RUNS = """\
version: 1
context_lengths: [1024]
models:
  a: {n_layers: 2, d_model: 64, n_heads: 4, vocab_size: 10, ffn: gelu, d_ff: 8}
training:
  t: {model: a, hardware: h100-sxm, context_length: 1024, n_tokens: 1e12}
  u: {model: a, hardware: h200, context_length: 1024, n_tokens: 2e12, n_devices: 8}
serving:
  s: {model: a, hardware: h200, prompt_length: 8, generated_length: 8}
inputs:
- {name: rent, label: Rent, grain: study, unit: USD/h, doc: What one hour costs., default: 3}
metrics:
- {name: rent_of_run, label: Rent, grain: training_run, unit: USD, formula: rent * device_hours, doc: Of the run.}
- {name: layers_share, label: Share, grain: training_layer, unit: share, formula: n_group_layers / n_layers, doc: Own.}
- {name: shares, label: Shares, grain: training_run, unit: share, formula: sum(layers_share), doc: All of them.}
- {name: is_cheap, label: Cheap, grain: training_run, unit: verdict, formula: rent_of_run < 1e9, doc: Below.}
- {name: both, label: Both, grain: serving_run, unit: token/s, formula: 2 * decode_tokens_per_second, doc: Two of them.}
expect:
- {that: t.shares, equals: 1}
"""


def test_a_metric_of_runs_reads_what_runs_have(tmp_path: Path) -> None:
    report = compute_spec(spec_of(RUNS))
    write_workbook(report, tmp_path / "book.xlsx")
    frames = report.frames
    hours, rents = (frames["training_run"][name].tolist() for name in ("device_hours", "rent_of_run"))
    speed, both = (frames["serving_run"][name].tolist() for name in ("decode_tokens_per_second", "both"))
    assert (rents, both, list(report.findings)) == ([3 * one for one in hours], [2 * speed[0]], [])
    wanted = formulas(planned(report, report))
    spoil_cached_values(tmp_path / "book.xlsx", tmp_path / "spoilt.xlsx")
    (got,) = recalculate_ironcalc(tmp_path / "spoilt.xlsx", [{}], list(wanted))
    assert (disagreements_of(got, wanted), {cell_ref.sheet for cell_ref in report.cells("rent_of_run")}) == (
        {},
        {"Training"},
    )


@pytest.mark.parametrize("formula", ["days", "sum(days)", "at_max(days, hours)"])
def test_what_belongs_to_runs_is_read_by_metrics_of_runs_alone(formula: str) -> None:
    metric = f'- {{name: m, label: M, grain: model, unit: day, formula: "{formula}", doc: x}}\n'
    with pytest.raises(SpecError) as raised:
        spec_of(RUNS.replace("metrics:\n", f"metrics:\n{metric}"))
    head = str(raised.value).splitlines()[0]
    assert (head.count("'days' has grain training_run"), head.partition("; ")[2]) == (
        1,
        "a metric of grain training_run can read it",
    )


def test_an_input_of_the_study_that_nobody_gives_a_value_is_named() -> None:
    with pytest.raises(SpecError) as raised:
        spec_of(RUNS.replace(", default: 3}", "}"))
    assert str(raised.value).splitlines()[0] == (
        "s.yaml:11:3: inputs[0]: rent has no value; write rent: … at the top of the spec, or give it a default"
    )
