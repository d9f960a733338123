"""flopsheet diff: inputs, results and formulas of two specs or workbooks, in any mix."""

from __future__ import annotations

import json
from pathlib import Path

import openpyxl
import pytest

from commands import run
from flopsheet.api import build
from flopsheet.catalog.load import load_catalog
from flopsheet.output.changes import pair
from review_helpers import input_cells_of, type_into
from studies import SPECS

BASE = """\
version: 1
context_lengths: [1024]
models:
  a: {n_layers: 2, d_model: 64, n_heads: 4, vocab_size: 100, ffn: gelu, d_ff: 4 * d_model}
  b: {n_layers: 3, d_model: 64, n_heads: 4, vocab_size: 100, ffn: gelu, d_ff: 256}
"""
# By hand: embedding and head 2·100·D, a layer 4·D² + 2·D·4D + 2·D norms, D of the last norm; D 64 → 128.
BEFORE = 2 * 100 * 64 + 2 * (12 * 64**2 + 2 * 64) + 64
AFTER = 2 * 100 * 128 + 2 * (12 * 128**2 + 2 * 128) + 128
CLAIMED = (
    BASE
    + """\
expect:
- {that: a.n_params, at_most: 2M, at_least: 100}
- {that: a.kv_cache_bytes, at_most: 1GB}
- {that: b.n_params, equals: 163584, within: 0.01}
- {that: b.kv_cache_bytes, at_most_change: 5 %}
"""
)
WIDER = BASE.replace("a: {n_layers: 2, d_model: 64", "a: {n_layers: 2, d_model: 128")


def specs(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def as_json(*arguments: str, cwd: Path) -> dict[str, list[dict[str, object]]]:
    return json.loads(run("diff", *arguments, "--format", "json", cwd=cwd).stdout)


def edited(folder: Path) -> None:
    """wider.xlsx: the workbook of base.yaml in which a reviewer widened the model a."""
    report = build(folder / "base.yaml", folder / "base.xlsx")
    [width] = [
        input_cell.cell_ref for input_cell in input_cells_of(report) if input_cell.path == ("models", "a", "d_model")
    ]
    type_into(folder / "base.xlsx", {(width.sheet, width.address): 128.0}, folder / "wider.xlsx")


@pytest.mark.parametrize("one", ["base.yaml", "base.xlsx"])
@pytest.mark.parametrize("other", ["wider.yaml", "wider.xlsx"])
def test_specs_and_workbooks_differ_alike_in_any_mix(one: str, other: str, tmp_path: Path) -> None:
    specs(tmp_path, base=BASE, wider=WIDER)
    edited(tmp_path)
    found = as_json(one, other, cwd=tmp_path)
    [params] = [row for row in found["results"] if (row["of"], row["metric"]) == ("a", "n_params")]
    assert (found["only"], found["inputs"], params, found["formulas"], {row["of"] for row in found["results"]}) == (
        [],
        [{"name": "models.a.d_model", "a": 64, "b": 128, "change": 1.0}],
        {"of": "a", "metric": "n_params", "unit": "parameters", "a": BEFORE, "b": AFTER,
         "change": (AFTER - BEFORE) / BEFORE},
        [],
        {"a", "a at 1,024"},
    )  # fmt: skip


@pytest.mark.parametrize("pair", [("base.yaml", "base.yaml"), ("base.xlsx", "base.yaml"), ("base.yaml", "base.xlsx")])
def test_what_is_alike_has_no_difference(pair: tuple[str, str], tmp_path: Path) -> None:
    specs(tmp_path, base=f"title: Two\n{CLAIMED}")
    build(tmp_path / "base.yaml", tmp_path / "base.xlsx")
    done = run("diff", *pair, "--exit-code", "--all", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"A: {pair[0]}\nB: {pair[1]}\nNothing differs.\n")


def test_exit_code_tells_of_a_difference_only_where_it_is_asked_for(tmp_path: Path) -> None:
    specs(tmp_path, base=BASE, wider=WIDER)
    codes = [run("diff", "base.yaml", "wider.yaml", *flag, cwd=tmp_path).returncode for flag in ((), ("--exit-code",))]
    assert codes == [0, 1]


def test_models_and_context_lengths_that_only_one_side_has_are_named(tmp_path: Path) -> None:
    specs(tmp_path, base=BASE, other=BASE.replace("  b:", "  c:").replace("[1024]", "[1024, 2048]"))
    found = as_json("base.yaml", "other.yaml", cwd=tmp_path)
    assert (found["only"], found["inputs"], found["results"]) == (
        [
            {"side": "a", "model": "b"},
            {"side": "b", "model": "c"},
            {"side": "b", "context_length": "2,048"},
        ],
        [],
        [],
    )


def test_a_context_length_that_was_edited_in_place_is_compared_with_what_it_was(tmp_path: Path) -> None:
    several, edited = "context_lengths: [1024, 2048, 4096]", "context_lengths: [1024, 3072, 4096, 8192]"
    specs(tmp_path, base=BASE.replace("context_lengths: [1024]", several),
          other=BASE.replace("context_lengths: [1024]", edited))  # fmt: skip
    found = as_json("base.yaml", "other.yaml", cwd=tmp_path)
    assert (found["only"], found["inputs"], {row["of"] for row in found["results"]}) == (
        [{"side": "b", "context_length": "8,192"}],
        [{"name": "context_lengths[1]", "a": 2048, "b": 3072, "change": 0.5}],
        {"a at 3,072 (was 2,048)", "b at 3,072 (was 2,048)"},
    )


def test_a_budget_that_is_no_longer_met_comes_first(tmp_path: Path) -> None:
    claims = f"at_most: {BEFORE}, level: warn", "at_most_change: 5 %"
    budget = "expect:\n" + "".join(f"- {{that: a.n_params, {claim}}}\n" for claim in claims)
    specs(tmp_path, base=BASE + budget, wider=WIDER + budget)
    lines = run("diff", "base.yaml", "wider.yaml", "--format", "md", cwd=tmp_path).stdout.splitlines()
    found = as_json("base.yaml", "wider.yaml", cwd=tmp_path)["budgets"]
    at = lines.index("### Verdicts")
    assert (lines[at + 4 : at + 6], [(row["level"], row["a"], row["b"]) for row in found]) == (
        [
            f"| `a.n_params at most {BEFORE:,}` | met | warning: {AFTER:,} |",
            f"| `a.n_params a change of at most +5 %` | – | not met: {AFTER:,} |",
        ],
        [("warn", True, False), ("fail", None, False)],
    )


MOVED = {
    "at_most: 2M": "at_most: 3M",
    "at_most: 1GB}": "at_most: 1GB, level: warn}",
    "within: 0.01": "within: 0.02",
    "- {that: b.kv_cache_bytes, at_most_change: 5 %}": "- {that: b.flops_forward_per_token, at_least: 64}",
}


def test_what_is_expected_otherwise_is_told_in_every_format(tmp_path: Path) -> None:
    moved = CLAIMED
    for old, new in MOVED.items():
        moved = moved.replace(old, new)
    specs(tmp_path, base=CLAIMED, moved=moved)
    done, md = (run("diff", "base.yaml", "moved.yaml", "--exit-code", *more, cwd=tmp_path)
                for more in ((), ("--format", "md")))  # fmt: skip
    found = as_json("base.yaml", "moved.yaml", cwd=tmp_path)["expectations"]
    lines = [
        "budget a.n_params: at most 2 M → 3 M",
        "budget a.kv_cache_bytes at 1,024: at most 1 B → 1 B (warning)",
        "expected figure b.n_params: equals 163,584 within 0.01 → 163,584 within 0.02",
        "budget b.kv_cache_bytes at 1,024: a change of at most 5 % removed",
        "budget b.flops_forward_per_token at 1,024: at least 64 added",
    ]
    assert (done.returncode, done.stdout.splitlines()[2:], md.stdout.count("budget"), found[0], found[3]["b"]) == (
        1,
        lines,
        4,
        {"that": "a.n_params", "claim": "at_most", "a": 2_000_000, "b": 3_000_000, "message": lines[0]},
        None,
    )


def test_another_title_is_a_difference(tmp_path: Path) -> None:
    specs(tmp_path, base=BASE, named=f"title: Two\n{BASE}")
    done = run("diff", "base.yaml", "named.yaml", "--exit-code", cwd=tmp_path)
    found = as_json("base.yaml", "named.yaml", cwd=tmp_path)["inputs"]
    assert (done.returncode, found) == (1, [{"name": "title", "a": None, "b": "Two"}])


def test_an_input_that_only_one_side_has_is_told_as_nothing_on_the_other(tmp_path: Path) -> None:
    in_a_group = BASE.replace("b: {n_layers: 3,", "b: {layers: [{name: one, n_layers: 3}],")
    specs(tmp_path, base=BASE, grouped=in_a_group)
    found = as_json("base.yaml", "grouped.yaml", cwd=tmp_path)
    told = {row["name"]: (row["a"], row["b"]) for row in found["inputs"]}
    assert (told["models.b.d_ff"], told["models.b.layers[0].d_ff"], found["results"]) == ((256, None), (None, 256), [])


def test_an_expression_instead_of_its_value_is_a_difference_of_inputs_alone(tmp_path: Path) -> None:
    specs(tmp_path, base=BASE, expressed=BASE.replace("d_ff: 256", "d_ff: 4 * d_model"))
    found = as_json("base.yaml", "expressed.yaml", "--all", cwd=tmp_path)
    assert (found["inputs"], found["results"]) == ([{"name": "models.b.d_ff", "a": 256, "b": "4 * d_model"}], [])


def test_all_shows_more_than_the_headlines(tmp_path: Path) -> None:
    specs(tmp_path, base=BASE, wider=WIDER)
    few, many = (as_json("base.yaml", "wider.yaml", *flag, cwd=tmp_path)["results"] for flag in ((), ("--all",)))
    metrics = {row["metric"] for row in many}
    assert (len(few) < len(many), {row["metric"] for row in few} <= metrics, "flops_q_projection" in metrics) == (
        True,
        True,
        True,
    )


def test_a_formula_that_a_workbook_explains_otherwise_is_a_difference(tmp_path: Path) -> None:
    specs(tmp_path, base=BASE)
    build(tmp_path / "base.yaml", tmp_path / "base.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "base.xlsx")["Formulas"]
    [row] = [cell.row for cell in sheet["A"] if cell.value == "n_params"]
    type_into(tmp_path / "base.xlsx", {("Formulas", f"E{row}"): "as it was"}, tmp_path / "older.xlsx")
    found = as_json("older.xlsx", "base.xlsx", cwd=tmp_path)
    assert (found["inputs"], found["results"], found["formulas"]) == (
        [],
        [],
        [{"name": "n_params", "a": "as it was", "b": sheet.cell(row, 5).value}],
    )


def test_markdown_has_a_table_for_each_kind(tmp_path: Path) -> None:
    specs(tmp_path, base=BASE, wider=WIDER)
    lines = run("diff", "base.yaml", "wider.yaml", "--format", "md", cwd=tmp_path).stdout.splitlines()
    assert (lines[:8], f"| `a` | Parameters | {BEFORE:,} | {AFTER:,} | {AFTER / BEFORE:.1f}× |" in lines) == (
        [
            "* A: base.yaml",
            "* B: wider.yaml",
            "",
            "### Inputs",
            "",
            "| Input | A | B | Change |",
            "| --- | ---: | ---: | ---: |",
            "| `models.a.d_model` | 64 | 128 | 2× |",
        ],
        True,
    )


def test_the_table_names_both_sides_and_every_kind(tmp_path: Path) -> None:
    specs(tmp_path, base=BASE, wider=WIDER)
    done = run("diff", "base.yaml", "wider.yaml", cwd=tmp_path)
    shown = [word in done.stdout for word in ("A: base.yaml", "B: wider.yaml", "Inputs", "Results", "2×")]
    assert (done.returncode, all(shown), "Formulas" in done.stdout) == (0, True, False)


def test_a_workbook_whose_inputs_cannot_be_read_is_refused(tmp_path: Path) -> None:
    specs(tmp_path, base=BASE)
    report = build(tmp_path / "base.yaml", tmp_path / "base.xlsx")
    [width] = [
        input_cell.cell_ref for input_cell in input_cells_of(report) if input_cell.path == ("models", "a", "d_model")
    ]
    type_into(tmp_path / "base.xlsx", {(width.sheet, width.address): None}, tmp_path / "empty.xlsx")
    done = run("diff", "base.yaml", "empty.xlsx", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        f"models.a.d_model: Inputs!{width.address}: the cell is empty; it held 64\n",
    )


def test_the_studies_of_the_two_editions_differ_in_their_convention() -> None:
    found = as_json(str(SPECS / "gpt2.yaml"), str(SPECS / "gpt2-swiglu.yaml"), cwd=SPECS.parent)
    assert {"name": "conventions.ffn_matmuls", "a": 2, "b": "architecture"} in found["inputs"]


@pytest.mark.parametrize(
    ("before", "after", "unit", "told"),
    [
        (123.456789123456, 123.466789123456, "FLOP", ("123.46 FLOP", "123.47 FLOP")),
        (1.33333333333333, 1.33344444444444, "B", ("1.3333 B", "1.3334 B")),
        (70553706496.0, 70553706497.0, "parameters", ("70,553,706,496", "70,553,706,497")),
        (0.666666666666, 0.666666667666, "share", ("66.6666667 %", "66.6666668 %")),
    ],
)
def test_two_numbers_have_the_digits_that_tell_them_apart_and_no_more(
    before: float, after: float, unit: str, told: tuple[str, str]
) -> None:
    assert pair(before, after, load_catalog().units[unit]) == told
