"""The models that ship: each says where its numbers come from, and counts what other people's code counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import flopsheet
from engines import recalculate_ironcalc, spoil_cached_values
from flopsheet.spec import library

TRUTH = {model["name"]: model for model in json.loads((Path(__file__).parent / "truth" / "models.json").read_text())}
RENAMED = {"gemma-3-4b": "gemma-3-4b-text", "gemma-3-27b": "gemma-3-27b-text", "glm-4-9b": "glm-4-9b-hf"}


@pytest.fixture(scope="module")
def shipped() -> flopsheet.Report:
    models = {name: {"model": name} for name in library.load()}
    return flopsheet.compute(
        {"version": 1, "context_lengths": [1024], "conventions": {"sliding_window": "ignored"}, "models": models}
    )


def test_every_model_names_its_source() -> None:
    assert [name for name, model in library.load().items() if not model.source.strip()] == []


def test_at_least_25_models_over_at_least_12_architectures_ship() -> None:
    kinds = {TRUTH[RENAMED.get(name, name)]["hf_config"]["model_type"] for name in library.load()}
    assert (len(library.load()) >= 25, len(kinds) >= 12) == (True, True)


def test_every_model_has_the_parameters_that_torch_counts(shipped: flopsheet.Report) -> None:
    counted = shipped.frames["model"][["n_params", "n_params_active_with_embedding"]]
    # transformers 5.23.0 on the meta device: truth/models.json.
    expected = {name: TRUTH[RENAMED.get(name, name)] for name in library.load()}
    assert {name: (int(row.n_params), int(row.n_params_active_with_embedding)) for name, row in counted.iterrows()} == {
        name: (model["params_total"], model["active_params"]) for name, model in expected.items()
    }


def test_every_model_has_the_forward_flops_that_torch_counts(shipped: flopsheet.Report) -> None:
    counted = shipped.frames["scenario"]["flops_forward"]
    # torch.utils.flop_counter 2.13.0, S 1024: truth/models.json.
    expected = {name: TRUTH[RENAMED.get(name, name)]["forward_flops"]["1024"]["total"] for name in library.load()}
    assert {name: int(counted[name, 1024]) for name in library.load()} == expected


def test_a_spec_may_override_what_a_shipped_model_says() -> None:
    spec = {"version": 1, "context_lengths": [1024], "models": {"half": {"model": "llama-2-7b", "n_layers": 16}}}
    # By hand: 2·32000·4096 + 16·(4·4096² + 3·4096·11008 + 2·4096) + 4096.
    expected = 2 * 32000 * 4096 + 16 * (4 * 4096**2 + 3 * 4096 * 11008 + 2 * 4096) + 4096
    assert flopsheet.compute(spec).frames["model"]["n_params"]["half"] == expected


def test_a_model_that_does_not_ship_is_refused_with_the_nearest_name() -> None:
    spec = {"version": 1, "context_lengths": [1024], "models": {"m": {"model": "llama-3-71b"}}}
    with pytest.raises(flopsheet.FlopsheetError) as caught:
        flopsheet.compute(spec)
    expected = "the library has no model 'llama-3-71b'; did you mean 'llama-3-70b'? (flopsheet list models)"
    assert str(caught.value).splitlines()[0].endswith(f"models.m.model: {expected}")


def test_live_formulas_give_what_torch_counts_for_models_of_every_kind(tmp_path: Path) -> None:
    names = [
        "gpt-j-6b",
        "falcon-7b",
        "qwen1.5-moe-a2.7b",
        "gemma-2-9b",
        "deepseek-v3",
        "gpt-oss-20b",
        "opt-175b",
        "olmo-2-7b",
    ]
    models = {name: {"model": name} for name in names}
    study = {"version": 1, "context_lengths": [1024], "conventions": {"sliding_window": "ignored"}, "models": models}
    report = flopsheet.build(study, tmp_path / "book.xlsx")
    spoil_cached_values(tmp_path / "book.xlsx", tmp_path / "spoilt.xlsx")
    metrics = ("n_params", "n_params_active_with_embedding", "flops_forward")
    cells = {metric: [(spot.sheet, spot.address) for spot in report.cells(metric)] for metric in metrics}

    (got,) = recalculate_ironcalc(
        tmp_path / "spoilt.xlsx", [{}], [cell for listed in cells.values() for cell in listed]
    )

    live = {name: tuple(got[cells[metric][at]] for metric in metrics) for at, name in enumerate(names)}
    assert live == {
        name: (TRUTH[name]["params_total"], TRUTH[name]["active_params"], TRUTH[name]["forward_flops"]["1024"]["total"])
        for name in names
    }
