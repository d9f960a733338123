"""Budgets in review: expectations that fail or only warn, and bounds of a change against the spec of a base."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from books import book_of
from commands import run
from edits import plan_of
from engines import recalculate_ironcalc
from flopsheet.api import build, compute
from flopsheet.output.html import to_page
from flopsheet.quantities import read_change
from flopsheet.workbook.model.references import CellRef
from review_helpers import input_cells_of
from studies import SPECS

# By hand: embedding and head 2·100·D, a layer 4·D² + 2·D·4D + 2·D norms, D of the last norm; D of 64 or 128.
BEFORE = 2 * 100 * 64 + 2 * (12 * 64**2 + 2 * 64) + 64  # 111,424
AFTER = 2 * 100 * 128 + 2 * (12 * 128**2 + 2 * 128) + 128  # 419,456, 276.5 % more
SPEC = """\
version: 1
context_lengths: [1024]
models:
  a: {{n_layers: 2, d_model: {width}, n_heads: 4, vocab_size: 100, ffn: gelu, d_ff: 4 * d_model}}
expect:
- {{that: a.n_params, {claim}}}
"""


def judged(folder: Path, claim: str, width: int = 128, *more: str) -> tuple[int, list[str]]:
    """The exit code and stderr of `validate` with the base of 64."""
    for name, wide in (("base", 64), ("spec", width)):
        (folder / f"{name}.yaml").write_text(SPEC.format(width=wide, claim=claim), encoding="utf-8")
    done = run("validate", "spec.yaml", "--base", "base.yaml", *more, cwd=folder)
    return done.returncode, [re.sub(r"^spec\.yaml:\d+:\d+: ", "", line) for line in done.stderr.splitlines()]


# claim | exit code | what is told
CLAIMS = [
    ("at_most_change: 276 %", 1, "budget not met: a.n_params is 419,456, was 111,424 (+276 %), {}+276 %"),
    ("at_most_change: 277 %", 0, ""),
    ("at_most_change: 308031", 1, "budget not met: a.n_params is 419,456, was 111,424 (+308,032), {}+308,031"),
    ("at_most_change: 308032", 0, ""),
    ("at_most_change: 0.3M", 1, "budget not met: a.n_params is 419,456, was 111,424 (+308,032), {}+300,000"),
    ("at_most_change: 5 %, level: warn", 0, "warning: a.n_params is 419,456, was 111,424 (+276 %), {}+5 %"),
    ("at_least_change: -5 %", 0, ""),
    ("at_most: 400000, level: warn", 0, "warning: a.n_params is 419,456, expected at most 400,000 (+4.86 %)"),
    ("at_most: 400000, level: fail", 1, "budget not met: a.n_params is 419,456, expected at most 400,000 (+4.86 %)"),
]


@pytest.mark.parametrize(("claim", "code", "told"), CLAIMS)
def test_a_budget_is_told_as_its_level_says(claim: str, code: int, told: str, tmp_path: Path) -> None:
    lines = [told.format("expected a change of at most ")] if told else []
    assert judged(tmp_path, claim) == (code, [*lines, f"{0 if told else 1} of 1 expectations hold"])


def test_a_budget_that_is_not_met_is_told_with_its_place_note_and_the_memory_that_is_missing(tmp_path: Path) -> None:
    # Llama 3 8B has 8,030,261,248 parameters; 2 bytes each are 14.96 GiB, of 12 GiB at 90 %: 10.8.
    spec = {
        "version": 1,
        "context_lengths": [8],
        "models": {"m": {"model": "llama-3-8b"}},
        "hardware": {"small": {"extends": "h100-sxm", "memory_bytes": "12GiB"}},
        "serving": {"chat": {"model": "m", "hardware": "small", "prompt_length": 8, "generated_length": 1,
                             "n_sequences": 1, "memory_utilisation": 0.9}},
        "expect": [{"that": "chat.served_fits", "equals": "yes", "note": "one card"}],
    }  # fmt: skip
    (tmp_path / "spec.yaml").write_text(json.dumps(spec), encoding="utf-8")
    [line, _] = run("validate", "spec.yaml", cwd=tmp_path).stderr.splitlines()
    found = re.fullmatch(
        r"spec\.yaml:1:\d+: budget not met: chat\.served_fits is no, expected yes \((\S+) GiB short\): one card", line
    )
    assert found and 14.96 - 10.8 < float(found[1]) < 14.96 - 10.8 + 2


def test_what_falls_is_bounded_from_below(tmp_path: Path) -> None:
    code, lines = judged(tmp_path, "at_least_change: -10 %, at_most_change: 0", 32)
    # 2·100·32 + 2·(12·32² + 2·32) + 32 = 31,136, which is 72.1 % less
    told = "budget not met: a.n_params is 31,136, was 111,424 (-72.1 %), expected a change of at least -10 %"
    assert (code, lines[0]) == (1, told)


def test_bounds_of_a_change_wait_for_a_base(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.format(width=128, claim="at_most_change: 5 %"), encoding="utf-8")
    done = run("validate", "spec.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "1 of 1 expectations hold; 1 needs --base\n")


def test_what_the_base_does_not_have_may_be_anything(tmp_path: Path) -> None:
    text = SPEC.format(width=128, claim="at_most_change: 5 %")
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "base.yaml").write_text(text.replace("  a:", "  b:").replace("a.n", "b.n"), encoding="utf-8")
    assert run("validate", "spec.yaml", "--base", "base.yaml", cwd=tmp_path).returncode == 0


def test_programs_are_told_the_level(tmp_path: Path) -> None:
    claim = "at_most: 400000, level: warn"
    judged(tmp_path, claim)
    formats = [
        run("validate", "spec.yaml", "--format", style, cwd=tmp_path).stdout for style in ("github", "json", "sarif")
    ]
    [told] = json.loads(formats[1])["specs"]
    [result] = json.loads(formats[2])["runs"][0]["results"]
    assert (formats[0].partition(" ")[0], told["passed"], told["problems"][0]["level"], result["level"]) == (
        "::warning",
        True,
        "warning",
        "warning",
    )


def test_show_lists_the_budgets_that_are_not_met_below_its_tables(tmp_path: Path) -> None:
    claim = "at_most: 400000, note: small}\n- {that: a.n_params, at_most: 410000, level: warn"
    (tmp_path / "spec.yaml").write_text(SPEC.format(width=128, claim=claim), encoding="utf-8")
    lines = run("show", "spec.yaml", cwd=tmp_path).stdout.splitlines()
    assert [line.strip() for line in lines[-3:]] == [
        "",
        "✘ a.n_params is 419,456, expected at most 400,000 (+4.86 %): small",
        "! a.n_params is 419,456, expected at most 410,000 (+2.31 %)",
    ]


# value | what it says
CHANGES = [
    ("5 %", (0.05, True)),
    ("-12.5%", (-0.125, True)),
    (3, (3.0, False)),
    ("5 pct", None),
    (True, None),
    ("%", None),
]


@pytest.mark.parametrize(("value", "said"), CHANGES)
def test_a_change_is_a_percentage_or_an_amount(value: object, said: object) -> None:
    assert read_change(value) == said


# claim | what is wrong with it
WRONG = [
    ("at_most_change: much", "expect[0].at_most_change: 'much' is not a number; write a number"),
    ("level: warn", "expect[0].that: the expectation has no condition; write equals:, at_least:, at_most:, "
     "at_least_change: or at_most_change:"),
    ("at_most: 1, level: note", "expect[0].level: 'note' is not a choice; did you mean"),
]  # fmt: skip


@pytest.mark.parametrize(("claim", "told"), WRONG)
def test_what_claims_nothing_is_refused(claim: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.format(width=64, claim=claim), encoding="utf-8")
    done = run("validate", "spec.yaml", cwd=tmp_path)
    assert (done.returncode, told.partition("; did")[0] in done.stderr) == (1, True), done.stderr


def test_in_the_workbook_what_only_warns_is_neither_met_nor_missed(tmp_path: Path) -> None:
    claim = "at_most: 200000, level: warn}\n- {that: a.n_params, at_least: 1"
    (tmp_path / "spec.yaml").write_text(SPEC.format(width=64, claim=claim), encoding="utf-8")
    report = build(tmp_path / "spec.yaml", tmp_path / "book.xlsx")
    [width] = [one.cell_ref for one in input_cells_of(report) if one.path == ("models", "a", "d_model")]
    typed = {(width.sheet, width.address): 128.0}
    cells = [("Checks", cell) for cell in ("C7", "C8", "C12", "A2")]
    told = [[*found.values()] for found in recalculate_ironcalc(tmp_path / "book.xlsx", [{}, typed], cells)]
    assert [(found[:3], found[3].partition(".")[0]) for found in told] == [
        ([2.0, 0.0, 0.0], "✔ All 2 budgets are met"), ([1.0, 0.0, 1.0], "! 1 of 2 budgets met, 1 warning"),
    ]  # fmt: skip


def test_a_report_tells_warnings_apart() -> None:
    model = {"n_layers": 2, "d_model": 64, "n_heads": 4, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
    claims = [
        {"that": "a.n_params", "at_most": 1, "level": "warn"},
        {"that": "a.n_params", "at_most": 2},
    ]
    report = compute({"version": 1, "context_lengths": [8], "models": {"a": model}, "expect": claims})
    assert ([one.claimed for one in report.findings], [one.claimed for one in report.warnings]) == ([2.0], [1.0])


def test_a_budget_of_what_has_no_value_is_told_in_the_workbook_without_a_unit() -> None:
    model = {"n_layers": 2, "d_model": 64, "n_heads": 4, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
    chip = {"peak_flops_bf16": 1e15, "memory_bytes": "80GB", "memory_bandwidth": "3TB/s"}  # nobody measured it
    run = {"model": "a", "context_length": 8, "n_tokens": "1M", "hardware": "chip", "global_batch_size": 8}
    spec = {
        "version": 1,
        "context_lengths": [8],
        "models": {"a": model},
        "hardware": {"chip": chip},
        "training": {"pre": run},
        "expect": [{"that": "pre.days", "at_most": 10}],
    }
    checks = plan_of(compute(spec)).sheet("Checks")
    assert {cell.value for cell in checks.cells.values() if str(cell.value).startswith("pre.days is")} == {
        "pre.days is not fitted (at most 10)"
    }


def test_budgets_that_summary_leaves_out_are_told_with_how_many_are_not_met() -> None:
    book = book_of(SPECS / "gpt2.yaml")
    [width] = [one.cell_ref for one in input_cells_of(book.report) if one.path == ("models", "gpt2-xl", "d_model")]
    summary = plan_of(book.report).sheet("Summary")
    lines = [at for at, cell in summary.cells.items() if str(cell.value)[:2] == "✔ " and at[0] > 4]
    [more] = [at for at, cell in summary.cells.items() if str(cell.value).startswith("… ")]
    cells = [("Summary", CellRef("Summary", *at).address) for at in (*lines, more)]
    before, after = recalculate_ironcalc(
        book.path, [{}, {(width.sheet, width.address): 2048.0}], [*cells, ("Checks", "C8")]
    )
    seen = [str(after[cell])[0] for cell in cells[:-1]].count("✘")
    told = re.fullmatch(r"… 18 more, (\d+) of them not matched, on Checks", str(after[cells[-1]]))
    assert (before[cells[-1]], told is not None) == ("… 18 more on Checks", True)
    assert told is not None and seen + int(told[1]) == after["Checks", "C8"]


def test_budgets_that_are_missed_are_told_beside_those_that_only_warn() -> None:
    model = {"n_layers": 2, "d_model": 64, "n_heads": 4, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
    levels = ("fail", "fail", "fail", "warn")
    claims = [{"that": "a.n_params", "at_most": at, "level": level} for at, level in enumerate(levels, start=1)]
    report = compute({"version": 1, "context_lengths": [8], "models": {"a": model}, "expect": claims})
    said = str(plan_of(report).sheet("Summary").cells[4, 1].value)
    assert max(len(cell.formula) for cell in plan_of(report).sheet("Checks").cells.values()) < 8192
    assert said.startswith("✘ 3 of 4 budgets are not met, 1 warning, the first: a.n_params is ")
    assert "<p>0 of 4 budgets met.</p>" in to_page(report)


def test_a_budget_on_a_bound_says_that_it_is_one() -> None:
    model = {"n_layers": 2, "d_model": 64, "n_heads": 4, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
    run = {"model": "a", "hardware": "h100-sxm", "prompt_length": 8, "generated_length": 8, "n_sequences": 1}
    named = {"decode_tokens_per_second_user": True, "decode_seconds": True, "predicted_seconds_per_token": False}
    claims = [{"that": f"chat.{name}", "at_least": 1e-9} for name in named]
    spec = {"version": 1, "context_lengths": [8], "models": {"a": model}, "serving": {"chat": run}, "expect": claims}
    cells = plan_of(compute(spec)).sheet("Summary").cells.values()
    said = [str(cell.value).endswith("), a bound") for cell in cells if str(cell.value).startswith("✔ chat.")]
    assert said == [*named.values()]
