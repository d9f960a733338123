"""The top of Conventions: which choice of each switch is in force, and what each other one would change."""

from __future__ import annotations

from typing import Any

import flopsheet
from flopsheet.catalog.load import load_catalog
from flopsheet.workbook import plan
from flopsheet.workbook.sheets.conventions import BOTTOM, IN_FORCE, SWITCHES

# One layer of width 64 with two heads: per token and layer 65,536 FLOP of FFN and 32,768 of Q/K/V/O, 256 S of QKᵀ and
# PV; an LM head of 12,800. At 128 tokens 143,872 FLOP a token, of which half the pairs are 16,384.
MODEL = {"n_layers": 1, "d_model": 64, "n_heads": 2, "vocab_size": 100, "ffn": "gelu", "d_ff": 256}
SPEC: dict[str, Any] = {"version": 1, "context_lengths": [128], "models": {"m": MODEL}}


def rows(**conventions: str) -> dict[str, tuple[str, float]]:
    """The mark and the change of each choice, by the metric that has its total."""
    sheet = plan.plan_workbook(flopsheet.compute(SPEC | {"conventions": conventions}).study).sheet("Conventions")
    cells = sheet.cells
    found = {}
    for (row, column), cell in cells.items():
        if column == sheet.tail and cell.value in METRICS and (row, 3) in cells and row <= BOTTOM:
            found[str(cell.value)] = (str(cells[row, 2].value).strip(), float(cells[row, 3].value))
    return found


METRICS = [choice.metric for _, choices in SWITCHES for choice in choices]


def test_each_choice_of_each_switch_has_a_row() -> None:
    listed = {(name, made) for _, choices in SWITCHES for one in choices for name, made in one.under.items()}
    switches = load_catalog().conventions
    assert {(one.name, made) for one in switches for made in one.choices} == listed


def test_the_choices_in_force_are_marked_and_the_others_say_what_they_change() -> None:
    found = rows(attention_pairs="full")
    marked = {metric for metric, (mark, _) in found.items() if mark == IN_FORCE}
    assert marked == {
        "flops_if_full", "flops_if_window_honoured", "flops_if_ffn_architecture", "flops_if_lm_head_all",
        "flops_if_non_matmul_left_out", "n_params_active_with_embedding",
    }  # fmt: skip
    assert {found[metric][1] for metric in marked} == {0.0}
    assert (found["flops_if_causal_half"], found["flops_if_lm_head_left_out"]) == (
        ("", -16_384 / 143_872),
        ("", -12_800 / 143_872),
    )


def test_what_is_in_force_follows_the_switch_also_where_two_go_together() -> None:
    found = rows(attention_pairs="causal_half", lm_head_positions="last")
    marked = [metric for metric, (mark, _) in found.items() if mark == IN_FORCE]
    # Twice the pairs: 16,384 of 127,488 + FLOP a token; the LM head of one position only is 100 a token.
    assert ("flops_if_causal_half" in marked, "flops_if_lm_head_last" in marked, "flops_if_lm_head_all" in marked) == (
        True,
        True,
        False,
    )
    assert found["flops_if_full"] == ("", 16_384 / (143_872 - 16_384 - 12_800 + 100))


def test_the_summary_says_what_is_counted_under_the_choices_in_force() -> None:
    switches = {"attention_pairs": "causal_half", "lm_head_positions": "last", "backward_multiple": 2.5}
    sheet = plan.plan_workbook(flopsheet.compute(SPEC | {"conventions": switches}).study, only=["Summary"]).sheet(
        "Summary"
    )
    assert sheet.cells[3, 1].value == (
        "Counted: half of the attention pairs · windows honoured · every FFN matmul · LM head at the last position ·"
        " matmuls only · embeddings counted as active · backward 2.5× forward"
    )
