"""A sample of what `make agreement` does: random studies and edits, recomputed by engines, held against pandas."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import agreement
from agreement import held
from flopsheet.api import compute
from generated import said_alone, spec_of, study
from gnumeric_engine import has_gnumeric, recalculate_gnumeric
from studies import SPECS


@pytest.mark.parametrize(("number", "n_edits"), [(0, 2), (25, 1), (1001, 2)])  # 25 has runs of both kinds
def test_every_formula_cell_of_a_random_study_follows_random_edits_as_pandas_does(number: int, n_edits: int) -> None:
    outcome = held(number, n_edits, {"IronCalc": n_edits, "formualizer": n_edits})
    assert (outcome.mismatches, outcome.n_edits, min(outcome.cells.values()) > 20_000) == ([], n_edits, True)


@pytest.mark.libreoffice
def test_libreoffice_follows_a_random_study_with_runs() -> None:
    outcome = held(25, 1, {"LibreOffice": 1})
    assert (outcome.mismatches, outcome.cells["LibreOffice"] > 10_000) == ([], True)


@pytest.mark.skipif(not has_gnumeric(), reason="Gnumeric is not installed (Debian: gnumeric)")
def test_gnumeric_follows_a_random_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(agreement.ENGINES, "Gnumeric", recalculate_gnumeric)
    outcome = held(13, 1, {"Gnumeric": 1})
    assert (outcome.mismatches, outcome.cells["Gnumeric"] > 20_000) == ([], True)


def test_one_cell_that_differs_in_the_twelfth_digit_is_a_mismatch(monkeypatch: pytest.MonkeyPatch) -> None:
    def off(path, edits, cells):
        [got] = recalculate(path, edits, cells)
        name = next(cell for cell, value in got.items() if isinstance(value, float) and value > 1)
        return [got | {name: got[name] * (1 + 3e-12)}]

    recalculate = agreement.ENGINES["IronCalc"]
    monkeypatch.setitem(agreement.ENGINES, "IronCalc", off)
    assert len(held(1001, 0, {"IronCalc": 0}).mismatches) == 1


def test_an_edit_that_the_spec_does_not_say_is_a_mismatch(monkeypatch: pytest.MonkeyPatch) -> None:
    edit = agreement.Edit
    monkeypatch.setattr(agreement, "Edit", lambda spec, cells: replace(edit(spec, cells), cells={}))
    assert len(held(1001, 1, {"IronCalc": 1}).mismatches) > 10


@pytest.mark.parametrize("spec", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_spec_in_which_nothing_is_inherited_says_the_same(spec) -> None:
    report = compute(spec)
    alone = compute(said_alone(report, agreement.yaml.safe_load(spec.read_text(encoding="utf-8"))))
    assert alone.frames.keys() == report.frames.keys()
    for grain, frame in report.frames.items():
        same = [
            each.reset_index(drop=grain == "study") for each in (alone.frames[grain], frame)
        ]  # a mapping has no name
        pd.testing.assert_frame_equal(*same, check_exact=True)


def test_the_same_number_gives_the_same_study() -> None:
    assert study(17)[0] == study(17)[0] != study(18)[0]


def test_random_studies_have_everything_that_a_spec_can_have() -> None:
    missing = {"training", "serving", "hardware", "inputs", "metrics", "expect", "conventions"}
    missing |= {"layers", "sweep", "extends", "kv_lora_rank", "n_experts", "window"}
    for number in range(40):
        spec = spec_of(number)
        missing -= {*spec, *(key for model in spec["models"].values() for key in model)}
        if not missing:  # making one takes a quarter of a second
            break
    assert missing == set()
