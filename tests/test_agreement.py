"""A sample of what `make agreement` does: random studies and edits, recomputed by engines, held against pandas."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest

import agreement
from agreement import Prepared, against
from flopsheet.api import compute
from generated import said_alone, spec_of, study
from gnumeric_engine import has_gnumeric, recalculate_gnumeric
from studies import SPECS, assert_alike


@functools.lru_cache(2)  # tests ask for one study after the other
def prepared(number: int) -> Prepared:
    """A random study with one edit; `make agreement` makes more of both."""
    return agreement.prepared(number, 1)


@pytest.mark.parametrize("number", [0, 1001, 25])  # 25 has runs of both kinds
def test_every_formula_cell_of_a_random_study_follows_random_edits_as_pandas_does(number: int) -> None:
    outcome = against(prepared(number), {"IronCalc": 1, "formualizer": 1})
    assert (outcome.mismatches, outcome.n_edits, min(outcome.cells.values()) > 20_000) == ([], 1, True)


@pytest.mark.libreoffice
def test_libreoffice_follows_a_random_study_with_runs() -> None:
    outcome = against(prepared(25), {"LibreOffice": 1})
    assert (outcome.mismatches, outcome.cells["LibreOffice"] > 10_000) == ([], True)


@pytest.mark.libreoffice
def test_libreoffice_computes_what_many_sequences_read_of_few_experts() -> None:
    """0.5^4,096 is smaller than doubles hold: pandas takes it for 0, LibreOffice for an error."""
    layers = {"ffn": "swiglu", "moe": {"n_experts": 2, "n_active_experts": 1, "d_expert": 64}}
    model = {"d_model": 64, "n_heads": 4, "vocab_size": 512, "layers": [{"n_layers": 2, **layers}]}
    run = {"model": "m", "hardware": "h100-sxm", "prompt_length": 64, "generated_length": 8, "n_sequences": 4096}
    raw = {"version": 1, "context_lengths": [128], "models": {"m": model}, "serving": {"many": run}}
    outcome = against(agreement.prepare("many sequences", raw, compute(raw), 0), {"LibreOffice": 0})
    assert (outcome.mismatches, outcome.cells["LibreOffice"] > 10_000) == ([], True)


@pytest.mark.skipif(not has_gnumeric(), reason="Gnumeric is not installed (Debian: gnumeric)")
def test_gnumeric_follows_a_random_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(agreement.ENGINES, "Gnumeric", recalculate_gnumeric)
    outcome = against(prepared(13), {"Gnumeric": 1})
    assert (outcome.mismatches, outcome.cells["Gnumeric"] > 15_000) == ([], True)


def test_one_cell_that_differs_in_the_twelfth_digit_is_a_mismatch(monkeypatch: pytest.MonkeyPatch) -> None:
    def off(path, edits, cells):
        [got] = recalculate(path, edits, cells)
        name = next(cell for cell, value in got.items() if isinstance(value, float) and value > 1)
        return [got | {name: got[name] * (1 + 3e-12)}]

    recalculate = agreement.ENGINES["IronCalc"]
    monkeypatch.setitem(agreement.ENGINES, "IronCalc", off)
    assert len(against(prepared(1001), {"IronCalc": 0}).mismatches) == 1


def test_an_edit_that_the_spec_does_not_say_is_a_mismatch() -> None:
    study = prepared(1001)
    assert len(against(replace(study, typed=[{}, {}]), {"IronCalc": 1}).mismatches) > 10


@pytest.mark.parametrize("spec", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_spec_in_which_nothing_is_inherited_says_the_same(spec) -> None:
    report = compute(spec)
    alone = compute(said_alone(report, agreement.yaml.safe_load(spec.read_text(encoding="utf-8"))))
    assert alone.frames.keys() == report.frames.keys()
    for grain, frame in report.frames.items():
        same = [
            each.reset_index(drop=grain == "study") for each in (alone.frames[grain], frame)
        ]  # a mapping has no name
        assert_alike(*same)


def test_the_same_number_gives_the_same_study() -> None:
    assert study(17)[0] == study(17)[0] != study(18)[0]


def test_random_studies_have_everything_that_a_spec_can_have() -> None:
    missing = {"training", "serving", "hardware", "inputs", "metrics", "expect", "conventions"}
    missing |= {"layers", "sweep", "extends", "kv_lora_rank", "n_experts", "window"}
    for number in (25, 16, 10):  # few have everything together, and making one takes a quarter of a second
        spec = spec_of(number)
        missing -= {*spec, *(key for model in spec["models"].values() for key in model)}
    assert missing == set()
