"""A broken rule on the Summary and on Checks of other workbooks, and on whole columns."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flopsheet
from books import book_of
from commands import ROOT
from engines import recalculate_ironcalc
from flopsheet import catalog
from flopsheet.catalog.build import build_catalog
from flopsheet.catalog.load import TOPICS
from flopsheet.formula.evaluate import vectorised
from flopsheet.spec.resolve import rules
from flopsheet.workbook.model.references import letters
from test_rules import SHIPPED, sentence_cells

MODEL = {"n_layers": 2, "d_model": 64, "n_heads": 4, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
TINY = {"version": 1, "context_lengths": [128], "models": {"m": MODEL}}

# What a reviewer may type into the first column of GPT-2 that no model can be, and what the Summary must say of it.
GPT2: list[tuple[dict[str, float | str], str]] = [
    ({"n_kv_heads": 5}, "n_kv_heads 5 does not divide n_heads 12"),
    ({"n_experts": 8}, "8 experts need n_active_experts"),
    (
        {"n_experts": 8, "n_active_experts": 2, "d_expert": 100},
        "a layer has a dense FFN or experts, not both: d_ff is 3,072 and n_experts 8",
    ),
    ({"positions": "learned"}, "positions are learned, but max_positions is 0"),
    ({"kv_lora_rank": 64}, "latent attention with kv_lora_rank 64 needs d_qk_nope, d_qk_rope"),
    ({"q_lora_rank": 64}, "q_lora_rank 64 belongs to latent attention, but kv_lora_rank is 0"),
    ({"d_ff": 0}, "d_ff is 0 and there are no experts"),
    ({"n_shared_experts": 1}, "a dense layer has no shared experts, but n_shared_experts is 1"),
]


@pytest.fixture(scope="module")
def gpt2() -> tuple[Path, dict[str, tuple[str, str]]]:
    """The workbook of the GPT-2 family, and the first cell of every input."""
    book = book_of(ROOT / "specs" / "gpt2.yaml")
    laid = book.report._layout
    return book.path, {line.entry.name: (line.live[0].sheet, line.live[0].address) for line in laid.inputs.rows}


def _of_checks(verdict: object) -> str:
    """A verdict without the number of published figures that an impossible model does not match."""
    return re.sub(r" ✘ \d+ of 22 expected figures not matched\.$", "", str(verdict))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("vocab_size", 0, "gpt2-small: vocab_size is 0, which must be a whole number of 1 or more"),
        ("window", 100.5, "gpt2-small: window is 100.5, which must be a whole number of 0 or more"),
        ("n_norms", 9, "gpt2-small: n_norms is 9, which must be a whole number from 0 to 8"),
        ("weights", "fp31", "weights is 'fp31', which must be a number format"),
    ],
)
def test_a_value_out_of_range_is_told_on_the_summary(name: str, value: float | str, said: str, gpt2) -> None:
    path, at = gpt2
    verdict = ("Summary", "A4")
    [found] = recalculate_ironcalc(path, [{at[name]: value}], [verdict])
    told = re.sub(r"\d+ of \d+ checks fails?", "some checks fail", _of_checks(found[verdict]))
    assert told == f"✘ some checks fail; {said}."


def test_a_broken_note_is_told_on_checks_and_no_spec_is_refused_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = Path(catalog.__file__).parent / "data"
    texts = {topic: (folder / f"{topic}.yaml").read_text(encoding="utf-8") for topic in ("units", *TOPICS)}
    rule = "  - name: check_kv_heads_divide\n"
    head, _, rest = texts["rules"].partition(rule)
    texts["rules"] = head + rule + rest.replace("level: error", "level: note", 1)
    noted = build_catalog(texts)
    monkeypatch.setattr(catalog, "load_inputs", lambda: noted)
    monkeypatch.setattr("flopsheet.api.load_catalog", lambda: noted)
    rules.of_grains.cache_clear()
    report = flopsheet.build({**TINY, "models": {"m": {**MODEL, "n_kv_heads": 3}}}, tmp_path / "noted.xlsx")
    rules.of_grains.cache_clear()
    own = sentence_cells(tmp_path / "noted.xlsx")["check_kv_heads_divide"]
    [found] = recalculate_ironcalc(tmp_path / "noted.xlsx", [{}], [("Checks", "A2"), own])
    assert (
        noted.rules["check_kv_heads_divide"].is_error,
        report.frames["layer_group"].check_kv_heads_divide.iloc[0],
    ) == (
        False,
        "note",
    )
    assert (str(found["Checks", "A2"])[:6], str(found["Checks", "A2"])[-33:], found[own]) == (
        "✔ All ",
        " checks hold; 1 note, see Checks.",
        "m: n_kv_heads 3 does not divide n_heads 4",
    )


def test_an_impossible_gpt2_is_told_on_the_summary_by_its_first_broken_rule(gpt2) -> None:
    path, at = gpt2
    edits = [{at[name]: value for name, value in edit.items()} for edit, _ in GPT2]
    verdict = ("Summary", "A4")
    said = [_of_checks(found[verdict]) for found in recalculate_ironcalc(path, edits, [verdict])]
    failed = [1, 3, 1, 1, 1, 1, 1, 1]  # experts alone lack their number, their width, and stand beside the dense FFN
    assert [re.sub(r" of \d+ ", " of all ", words) for words in said] == [
        f"✘ {count} of all checks fail{'s' if count == 1 else ''}; gpt2-small: {words}."
        for count, (_, words) in zip(failed, GPT2, strict=True)
    ]


def test_a_run_that_breaks_a_rule_says_so_in_the_place_of_fitting() -> None:
    """Three devices share no four heads; the other run fits as before."""
    run = {"model": "m", "hardware": "h100-sxm", "context_length": 128, "n_tokens": 1e6, "n_devices": 12}
    book = book_of({**TINY, "training": {"one": run, "other": run}})
    [line] = [line for line in book.report._layout.inputs.rows if line.entry.name == "tensor_parallel"]
    table = book.plan.sheet("Summary").cells
    [column] = [at for (_, at), cell in table.items() if cell.value == "Fits"]
    [first] = [row for (row, at), cell in table.items() if (at, cell.value) == (1, "one")]
    answers = [("Summary", f"{letters(column)}{row}") for row in (first, first + 1)]
    typed = {(line.live[0].sheet, line.live[0].address): 3}
    found = recalculate_ironcalc(book.path, [{}, typed], answers)
    assert [[one[at] for at in answers] for one in found] == [["yes", "yes"], ["rule broken", "yes"]]


def test_a_run_that_breaks_a_rule_is_no_candidate_and_no_line_says_that_it_fits() -> None:
    """A batch of 13 sequences is no multiple of the 12 devices' micro-batches; the other two runs are compared."""
    run = {"model": "m", "hardware": "h100-sxm", "context_length": 128, "n_tokens": 1e6, "n_devices": 12}
    runs = {name: {**run, "assumed_mfu": 0.4, "global_batch_size": 12} for name in ("one", "two", "three")}
    book = book_of({**TINY, "hardware": {"h100-sxm": {"price_per_hour": 2}}, "training": runs})
    [line] = [line for line in book.report._layout.inputs.rows if line.entry.name == "global_batch_size"]
    summary = book.plan.sheet("Summary").cells
    begun = ("Every training", "one: ", "Moved", "As built")
    rows = [row for (row, at), cell in summary.items() if at == 1 and str(cell.value).startswith(begun)]
    moved = min(rows) + 1
    cells = [("Summary", f"A{row}") for row in (*rows, moved)]
    typed = {(line.live[0].sheet, line.live[0].address): 13}
    [found] = recalculate_ironcalc(book.path, [typed], cells)
    said = " ".join(str(found[at]) for at in cells)
    told = (
        "2 of 3 training runs fit; cheapest two",
        "one: a rule is broken",
        "breaks a rule",
        "checks that fail 0 → 1",
    )
    assert [words for words in (*told, "fits now", "no longer fits") if words in said] == [*told]


def test_a_rule_says_of_whole_columns_what_it_says_of_each_row() -> None:
    dice, functions = np.random.default_rng(15), vectorised()
    numbers = [name for name, entry in SHIPPED.inputs.items() if not entry.choices and not entry.chooses]
    columns: dict[str, Any] = {name: dice.choice([1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0], 400) for name in numbers}
    for name in numbers:  # zero where it may be
        if not SHIPPED.inputs[name].least:
            columns[name] = np.where(dice.random(400) < 0.5, columns[name], 0.0)
            columns[name][:4] = 0.0  # and all of them at once, which chance leaves out
        if name.startswith("peak_flops_"):
            columns[name] *= 1e12
    columns["d_head"] = columns["d_model"] / np.maximum(columns["n_heads"], 1)
    words = {name: entry.choices for name, entry in SHIPPED.inputs.items() if entry.choices}
    columns |= {name: dice.choice(np.array(choices, dtype=object), 400) for name, choices in words.items()}
    groups = [{**columns, "n_group_layers": columns["n_layers"]}]
    whole = rules.Row(columns, groups, functions)
    rows = [
        rules.Row({k: v[at] for k, v in columns.items()}, [{k: v[at] for k, v in groups[0].items()}])
        for at in range(400)
    ]
    said = {name: np.asarray(whole.holds(rule)).tolist() for name, rule in SHIPPED.rules.items()}
    assert said == {name: [bool(row.holds(rule)) for row in rows] for name, rule in SHIPPED.rules.items()}
    assert {name for name, verdicts in said.items() if len({*verdicts}) < 2} == {"check_layers"}  # one group holds all
