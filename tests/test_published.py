"""The published reports on the GPT-2 family come out figure by figure, and so do the counts that correct them."""

from __future__ import annotations

from functools import cache

import pytest

from figures import FIGURES, LARGE, MEDIUM, SMALL, XL
from flopsheet.api import Report, compute
from flopsheet.yamlio import source
from studies import SPECS

FAMILY = [SMALL, MEDIUM, LARGE, XL]


@cache
def report_of(spec: str) -> Report:
    return compute(SPECS / f"{spec}.yaml")


@pytest.fixture(scope="module")
def consistent() -> Report:
    """The published study without its convention for the FFN."""
    spec = dict(source.read_yaml(SPECS / "gpt2.yaml").data)
    return compute({key: value for key, value in spec.items() if key not in {"conventions", "expect"}})


@pytest.mark.parametrize("figure", FIGURES, ids=lambda f: f"{f.spec}-{f.model}-{f.context_length}-{f.metric}")
def test_a_published_figure_comes_out(figure):
    report = report_of(figure.spec)
    row = figure.row(report.values.tables[figure.grain])
    assert report.values.column(figure.grain, figure.metric)[row] == pytest.approx(
        figure.expected, rel=0, abs=figure.tolerance
    )


@pytest.mark.parametrize("spec", ["gpt2", "gpt2-swiglu"])
def test_the_expectations_of_a_spec_hold(spec):
    assert list(report_of(spec).findings) == []


def test_without_the_convention_every_ffn_matrix_is_counted(consistent):
    scenarios = consistent.frames["scenario"]["flops_forward"]
    # torch.utils.flop_counter on the same shapes, truth/cs336.json.
    assert [int(scenarios[name, 1024]) for name in FAMILY] == [
        349_630_365_696,
        1_033_109_504_000,
        2_257_754_521_600,
        4_513_336_524_800,
    ]
    assert int(scenarios[XL, 16384]) == 149_522_795_724_800


def test_without_the_convention_the_ratio_to_the_first_context_is_another(consistent):
    # By hand: 149,522,795,724,800 / 4,513,336,524,800.
    assert consistent.frames["scenario"]["flops_ratio"][XL, 16384] == pytest.approx(33.13, abs=0.005)


def test_without_the_convention_attention_crosses_at_other_lengths(consistent):
    # By hand, k 3, f 6400, D 1600: 3·6400/2, (3·6400 − 4·1600)/2, (3·6400 + 4·1600)/2.
    crossovers = consistent.frames["model"].loc[XL, ["crossover_ffn", "crossover_attention", "crossover_block"]]
    assert crossovers.tolist() == [9600, 6400, 12800]


def test_the_parameters_do_not_depend_on_the_convention(consistent):
    published = report_of("gpt2").frames["model"]["n_params"]
    assert consistent.frames["model"]["n_params"].tolist() == published.tolist()


def test_the_report_says_that_parameters_and_flops_count_the_ffn_differently(consistent):
    notes = [
        report.frames["scenario"]["note_ffn_count"].unique().tolist() for report in (report_of("gpt2"), consistent)
    ]
    assert notes == [["note"], ["ok"]]


def test_the_trend_with_size_and_with_context_is_told_from_the_numbers():
    frames = report_of("gpt2").frames
    words = frames["context"].loc[1024, ["trend_words", "trend_words_dense", "trend_words_other"]]
    # Shares as published: FFN 39.76 to 57.41 %, projections 19.88 to 28.71 %, head 27.10 to 4.70 %, attention 13.25 to
    # 9.19 %; with context, XL's attention from 9.19 to 61.8 % at 38.05 times the work.
    assert words.tolist() == [
        "With size (gpt2-small to gpt2-xl, 1,024 tokens), "
        "work moves to the per-token dense products of the layers (L·S·D²):",
        "FFN rises from 39.8 % to 57.4 %, Q/K/V/O rises from 19.9 % to 28.7 %;",
        "LM head (S·D·V) falls from 27.1 % to 4.7 %, QKᵀ + PV (L·S²·D) falls from 13.3 % to 9.2 %.",
    ]
    assert frames["scenario"]["context_words"][XL, 16384].startswith(
        "gpt2-xl: 16× the context costs 38.05× the work; QKᵀ + PV rises from 9.2 % to 61.8 %; QKᵀ + PV dominates;"
    )
