"""The AdamW accounting of a published exercise, and the specs with runs that ship."""

from __future__ import annotations

from functools import cache

import pytest

from flopsheet.api import compute
from studies import SPECS, frames_of


@cache
def exercise():
    return frames_of(SPECS / "gpt2-adamw.yaml")["training_run"]


@pytest.mark.parametrize(
    ("run", "metric", "published"),
    [
        ("three-matrices", "bytes_per_sequence", 15_517_753_344),
        ("two-matrices", "bytes_per_sequence", 15_517_753_344),
        ("later-edition", "bytes_per_sequence", 16_373_391_360),
        ("three-matrices", "bytes_without_batch", 34_032_921_600),
        ("two-matrices", "bytes_without_batch", 26_168_601_600),
        ("later-edition", "bytes_without_batch", 26_247_244_800),
        ("three-matrices", "largest_micro_batch", 2),
        ("two-matrices", "largest_micro_batch", 3),
        ("later-edition", "largest_micro_batch", 3),
        ("three-matrices", "largest_micro_batch_binary", 3),
        ("two-matrices", "largest_micro_batch_binary", 3),
        ("later-edition", "largest_micro_batch_binary", 3),
        ("three-matrices", "n_steps", 400_000),
        ("three-matrices", "flops_optimizer_step", 14 * 2_127_057_600),
        ("three-matrices", "flops_step", 3 * 1024 * 4_513_336_524_800),
        ("two-matrices", "flops_step", 3 * 1024 * 3_506_703_564_800),
        ("later-edition", "flops_step", 3 * 1024 * 3_516_769_894_400),
    ],
)
def test_the_adamw_accounting_comes_out_exactly(run, metric, published):
    assert exercise().loc[run, metric] == published


@pytest.mark.parametrize(
    ("run", "metric", "published"),
    [("three-matrices", "days", 6583.56), ("two-matrices", "days", 5115.19), ("later-edition", "hours", 4850.06)],
)
def test_the_time_of_the_adamw_exercise_comes_out_to_its_two_decimals(run, metric, published):
    assert exercise().loc[run, metric] == pytest.approx(published, abs=0.005)


def test_a_is_the_exercises_own_list():
    # Per layer 8SD + 2HS² + 2Sf (4Sf in the later edition), final norm SD, logits SV, cross-entropy SV; fp32.
    L, D, H, V, S = 48, 1600, 25, 50257, 1024
    by_hand = [
        4 * (L * (8 * S * D + 2 * H * S * S + kept * S * f) + S * D + 2 * S * V)
        for kept, f in ((2, 6400), (2, 6400), (4, 4288))
    ]
    assert exercise()["bytes_per_sequence"].tolist() == by_hand


# Specs that ship -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["gpt2-adamw", "llama3-70b-512xh100", "deepseek-v3"])
def test_the_expectations_of_a_spec_with_runs_hold(spec):
    assert list(compute(SPECS / f"{spec}.yaml").findings) == []


def test_deepseek_v3_takes_its_published_device_hours():
    # arXiv:2412.19437, table 1: 2,664 thousand H800 hours of pre-training.
    assert frames_of(SPECS / "deepseek-v3.yaml")["training_run"].loc["pretraining", "device_hours"] == pytest.approx(
        2664e3, rel=1e-12
    )
