"""Which run fits and is cheapest or fastest, and which model is smallest, in words that follow an edit."""

from __future__ import annotations

from typing import Any

import pytest

from books import book_of
from edits import sheet_of
from engines import recalculate_ironcalc
from flopsheet import compute
from review_helpers import input_cells_of
from studies import SPECS

# Of the published run 15e12 tokens take 412.5 days on 512 H100 at 40 % MFU, with 2.5 USD an hour 12.67 million; at 50 %
# 412.49 · 4 / 5 = 330 days. The run of long contexts has 0.8e12 tokens unless it is edited; an H200 has the same peak
# and no price.
ALIKE = {"training.long-context.n_tokens": 15e12}
STORIES: dict[str, tuple[dict[str, Any], str]] = {
    "as built": (
        {},
        "Every training run fits; they train on different numbers of tokens, so none is called cheapest or fastest.",
    ),
    "with the same tokens": (
        ALIKE,
        "Every training run fits; cheapest pretraining (12.67 M USD), fastest pretraining (412.5 days).",
    ),
    "the cheapest no longer fits": (
        {**ALIKE, "training.pretraining.micro_batch_size": 4.0},
        "2 of 3 training runs fit; cheapest pretraining-fsdp (12.67 M USD), fastest pretraining-fsdp (412.5 days).",
    ),
    "the fastest has no price": (
        {**ALIKE, "training.pretraining-fsdp.hardware": "h200", "training.pretraining-fsdp.assumed_mfu": 0.5},
        "Every training run fits; fastest pretraining-fsdp (330 days), not all have a price.",
    ),
    "one fits, which is the best of none": (
        {**ALIKE, **{f"training.{run}.micro_batch_size": 64.0 for run in ("pretraining", "long-context")}},
        "1 of 3 training runs fits.",
    ),
    "none fits": (
        {f"training.{run}.micro_batch_size": 64.0 for run in ("pretraining", "pretraining-fsdp", "long-context")},
        "None of 3 training runs fits.",
    ),
}


@pytest.mark.parametrize("name", ["gpt2", "llama3-70b-512xh100"])
def test_compare_and_summary_say_the_same_of_the_candidates(name: str) -> None:
    shared = book_of(SPECS / f"{name}.yaml")
    whole = str(shared.plan.sheet("Compare").cells[3, 1].value)
    lines = {str(cell.value) for cell in shared.plan.sheet("Summary").cells.values()}
    assert [line for line in whole.replace(". ", ".|").split("|") if line not in lines] == []


def test_the_smallest_model_is_named() -> None:
    # 2 · V · D + 12 · (4 · D² + 3 · D · 4D + 2 · D) + D with D 768 and V 50,257; the published work of gpt2-small.
    said = book_of(SPECS / "gpt2.yaml").plan.sheet("Compare").cells[3, 1].value
    assert said == (
        "Of 5 models gpt2-small is smallest (190.46 M parameters); the forward pass at 1,024 tokens is least for"
        " gpt2-small (0.292 TFLOP)."
    )


def test_the_words_about_runs_follow_an_edit() -> None:
    shared = book_of(SPECS / "llama3-70b-512xh100.yaml")
    homes = {".".join(map(str, one.path)): one.cell_ref for one in input_cells_of(shared.report)}
    edits = [
        {(homes[path].sheet, homes[path].address): value for path, value in edit.items()}
        for edit, _ in STORIES.values()
    ]
    found = recalculate_ironcalc(shared.path, edits, [("Compare", "A3")])
    told = {
        name: str(one["Compare", "A3"]).partition(" Every serving run fits")[0]
        for name, one in zip(STORIES, found, strict=True)
    }
    assert told == {name: words for name, (_, words) in STORIES.items()}


def test_runs_of_different_models_are_not_ranked_and_of_two_models_one_is_smaller() -> None:
    """Two bytes of 6.74 and 8.03 billion parameters fit an H100; both runs do the same work."""
    run = {"hardware": "h100-sxm", "prompt_length": 1024, "generated_length": 64, "n_sequences": 8}
    models = {"seven": {"model": "llama-2-7b"}, "eight": {"model": "llama-3-8b"}}
    spec = {"version": 1, "context_lengths": [1024], "models": models, "hardware": {"h100-sxm": {"price_per_hour": 2}}}
    report = compute({**spec, "serving": {f"chat-{name}": {**run, "model": name} for name in models}})
    begun = "Every serving run fits; they are of different models, so none is called cheapest or fastest."
    said = str(sheet_of("Compare", report).cells[3, 1].value)
    assert said.startswith(f"{begun} Of 2 models seven is smaller (6.74 B parameters); the forward pass at")
