"""A reviewer edits Inputs, and the Summary says in words what changed: verdicts before percentages."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from books import book_of
from engines import recalculate_ironcalc, recalculate_libreoffice
from flopsheet.api import Report
from flopsheet.formula import Node, evaluate
from flopsheet.workbook.layout.typed_cells import first_that_holds
from flopsheet.workbook.sheets.changed_results import BY, SIZE
from flopsheet.workbook.sheets.sensitivity import SWING
from review_helpers import input_cells_of
from studies import SPECS

ROWS = range(4, 8)  # the verdict, and below it what changed
LLAMA, GPT = "llama3-70b-512xh100", "gpt2"

MET = "✔ Every run fits. ✔ All 7 budgets and expected figures are met."

# Name of the story → its study, its edits, and the lines of the Summary. Figures by hand:
#   a day is 86,400 s; 15e12 tokens on 512 × 989.4 (H100) and 312 TFLOP/s (A100) are 412.5 · 989.4 / 312 = 1,308 days;
#   the price of the published run is 412.5 · 24 · 512 · 2.5 USD = 12.67 million;
#   gpt2-xl with D 2,048, two matmuls: 24 · S · D² · 48 + 4 · S² · D · 48 + 2 · S · D · V, 5.57 and 188.1 TFLOP;
#   of its parameters 2 · V · D + 48 · (4 · D² + 3 · D · 4D + 2 · D) + D = 3.43 B;
#   gpt2-xl of 2,048 tokens with three matmuls: 32 · S · D² · 48 + 4 · S² · D · 48 + 2 · S · D · V = 9.67 TFLOP;
#   gpt2-small of 2,048 tokens with three matmuls, by the same formula with D 768 and 12 layers: 776,570,142,720 FLOP;
#   25 heads do not divide 2,048: the widths of heads and of values are no whole numbers either, three checks.
STORIES: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "as built": (LLAMA, {}, [f"{MET} ✔ All N checks hold.", "As built.", "", ""]),
    "a run stops fitting": (
        LLAMA,
        {"training.pretraining.micro_batch_size": 4.0},
        [
            "✘ 1 of 6 runs does not fit: pretraining needs 155.3 GiB a device, h100-sxm has 79.6 usable (2×)."
            " ✘ 1 of 7 budgets and expected figures is not met: pretraining.fits is no (expected yes; budget)."
            " ✔ All N checks hold.",
            "Changed: pretraining micro_batch_size 1 → 4",
            "Moved, 2 results: pretraining memory per device 49.54 → 155.3 GiB (3.1×), no longer fits"
            " · budgets and expected figures not met 0 → 1",
            "",
        ],
    ),
    "a price vanishes": (
        LLAMA,
        {"training.pretraining-fsdp.hardware": "a100-80gb"},
        [
            f"{MET} ✔ All N checks hold.",
            "Changed: pretraining-fsdp hardware h100-sxm → a100-80gb",
            "Moved, 2 results: pretraining-fsdp cost 12.67 M USD → no price"
            " · pretraining-fsdp time 412.5 → 1,308 days (3.2×)",
            "",
        ],
    ),
    "a budget breaks": (
        LLAMA,
        {"training.pretraining.n_tokens": 15.5e12},
        [
            "✔ Every run fits. ✘ 1 of 7 budgets and expected figures is not met: pretraining.days is 426.2 days"
            " (expected 412; published: 412 days, every pair counted, 40 % MFU). ✔ All N checks hold.",
            "Changed: pretraining n_tokens 15 T → 15.5 T",
            "Moved, 3 results: budgets and expected figures not met 0 → 1"
            " · pretraining time 412.5 → 426.2 days (+3.3 %) · pretraining cost 12.67 M → 13.09 M USD (+3.3 %)",
            "",
        ],
    ),
    "a width that heads do not divide": (
        GPT,
        {"models.gpt2-xl.d_model": 2048.0},
        [
            "✘ 3 of N checks fail; gpt2-xl: n_heads 25 does not divide d_model 2,048."
            " ✘ 18 of 22 expected figures not matched.",
            "Changed: gpt2-xl d_model 1,600 → 2,048",
            "Moved, 7 results: checks that fail 0 → 3 · expected figures not matched 0 → 18"
            " · gpt2-xl parameters 2.13 B → 3.43 B (+61 %)",
            "and gpt2-xl forward pass at 1,024 3.51 → 5.57 TFLOP (+59 %)"
            " · gpt2-xl forward pass at 16,384 133.4 → 188.1 TFLOP (+41 %) · 2 more",
        ],
    ),
    "a context edited in place, and five inputs more": (
        GPT,
        {
            "context_lengths.0": 2048.0,
            "models.gpt2-small.n_heads": 6.0,
            "models.gpt2-medium.n_heads": 8.0,
            "models.gpt2-large.n_heads": 10.0,
            "kv_cache": "fp8",
            "conventions.ffn_matmuls": "architecture",
        },
        [
            "✘ 14 of 22 expected figures are not matched, the first: gpt2-small.flops_forward at 1,024 is"
            " 776,570,142,720 FLOP (expected 291,648,307,200; published). ✔ All N checks hold.",
            "Changed, 6 inputs: gpt2-small n_heads 12 → 6 and 2 more"
            " · context 1 context_length 1,024 → 2,048 · kv_cache bf16 → fp8 · ffn_matmuls 2 → architecture",
            "Moved, 16 results: expected figures not matched 0 → 14"
            " · gpt2-large forward pass at 2,048 (was 1,024) 1.77 → 4.9 TFLOP (2.8×)"
            " · gpt2-xl forward pass at 2,048 (was 1,024) 3.51 → 9.67 TFLOP (2.8×)",
            "and gpt2-xl-tied forward pass at 2,048 (was 1,024) 3.51 → 9.67 TFLOP (2.8×)"
            " · gpt2-medium forward pass at 2,048 (was 1,024) 0.827 → 2.27 TFLOP (2.7×) · 11 more",
        ],
    ),
}


@pytest.fixture(scope="module", params=[LLAMA, GPT])
def book(request: pytest.FixtureRequest) -> tuple[str, Path, Report]:
    shared = book_of(SPECS / f"{request.param}.yaml")
    return request.param, shared.path, shared.report


def edits_of(report: Report, edits: dict[str, Any]) -> dict[tuple[str, str], Any]:
    homes = {".".join(map(str, one.path)): one.cell_ref for one in input_cells_of(report)}
    return {(homes[path].sheet, homes[path].address): value for path, value in edits.items()}


def lines_of(said: list[Any]) -> list[str]:
    """The lines of the Summary; how many checks there are changes with every new input."""
    return [re.sub(r"[\d,]+ checks (hold|fails?;)", r"N checks \1", str(line).strip()) for line in said]


def assert_told(recalculate: Any, book: tuple[str, Path, Report]) -> None:
    study, path, report = book
    stories = {name: (edits, lines) for name, (of, edits, lines) in STORIES.items() if of == study}
    cells = [("Summary", f"A{row}") for row in ROWS]
    found = recalculate(path, [edits_of(report, edits) for edits, _ in stories.values()], cells)
    told = {name: lines_of([*one.values()]) for name, one in zip(stories, found, strict=True)}
    assert told == {name: lines for name, (_, lines) in stories.items()}


def test_the_summary_tells_each_story(book: tuple[str, Path, Report]) -> None:
    assert_told(recalculate_ironcalc, book)


@pytest.mark.libreoffice
def test_libreoffice_tells_each_story_in_the_same_words(book: tuple[str, Path, Report]) -> None:
    assert_told(recalculate_libreoffice, book)


@pytest.mark.parametrize(("change", "told"), [(1.3499999999999994, " (2.4×)"), (-0.1249999999999999, " (−13 %)")])
def test_a_change_that_is_half_but_for_the_last_bit_is_rounded_up(change: float, told: str) -> None:
    """As LibreOffice rounds it, which told 2.4× where pandas told 2.3×."""
    assert evaluate(first_that_holds(BY), {"built": 1.0, "change": change}.__getitem__) == told


@pytest.mark.parametrize(
    ("change", "told"), [(998.9, " (999.9×)"), (999.0, " (1,000× or more)"), (494500000000000.2, " (1,000× or more)")]
)
def test_a_thousandfold_change_is_told_without_its_digits(change: float, told: str) -> None:
    """Of 494500000000000.2 IronCalc writes all sixteen digits into a text, a spreadsheet program and pandas fifteen."""
    assert evaluate(first_that_holds(BY), {"built": 1.0, "change": change}.__getitem__) == told


@pytest.mark.parametrize(
    ("node", "below"),
    [
        (SIZE, {"change": math.nextafter(15 / 128, 0)}),  # 117,187.5 parts of a million
        (SWING, {"up": math.nextafter(2**-10, 0), "down": 0.0}),  # 976,562.5 parts of a billion
    ],
)
def test_what_rounding_leaves_under_a_half_ranks_as_a_half(node: Node, below: dict[str, float]) -> None:
    half = {name: math.nextafter(value, 1) if value else value for name, value in below.items()}
    assert evaluate(node, below.__getitem__) == evaluate(node, half.__getitem__)
