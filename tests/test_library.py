"""The models that ship: each says where its numbers come from, and counts what other people's code counts."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

import flopsheet
from engines import recalculate_ironcalc, spoil_cached_values
from flopsheet.spec import library

ROOT = Path(__file__).parent.parent
TRUTH = {model["name"]: model for model in json.loads((ROOT / "tests" / "truth" / "models.json").read_text())}
MORE, MODELS_2026 = (
    {model["name"]: model for model in json.loads((ROOT / "tests" / "truth" / f"{file}.json").read_text())["models"]}
    for file in ("more_models", "models_2026")
)
MADE = runpy.run_path(str(ROOT / "tools" / "make_library.py"))
# The configuration of each model, by its name in tests/truth/.
CONFIGURATIONS = {name: entry.get("configuration", "") for name, entry in MADE["listed"]().items()}
COUNTED = {name: said for name, said in CONFIGURATIONS.items() if said in TRUTH}  # of which torch counted the FLOPs


@pytest.fixture(scope="module")
def shipped() -> flopsheet.Report:
    models = {name: {"model": name} for name in library.load_library()}
    return flopsheet.compute(
        {"version": 1, "context_lengths": [1024], "conventions": {"sliding_window": "ignored"}, "models": models}
    )


def test_every_model_names_its_source() -> None:
    assert [name for name, model in library.load_library().items() if not model.source.strip()] == []


def test_every_model_is_what_the_importer_makes_of_its_configuration() -> None:
    assert (ROOT / "src" / "flopsheet" / "spec" / "library.yaml").read_text(encoding="utf-8") == MADE["text"]()


def test_at_least_80_models_over_at_least_50_model_types_ship() -> None:
    configs = MADE["configurations"]()
    kinds = {configs[said]["model_type"] for said in CONFIGURATIONS.values() if said}
    assert (len(library.load_library()) >= 80, len(kinds) >= 50) == (True, True)


# RecurrentGemma-2B, arXiv:2404.07839, table 1: 2.7B, of which 0.7B are the embedding; width 2,560, 26 layers, one in
# three of them attention with one key/value head of 256, an FFN three times as wide. By hand, biases included:
WIDTH, WIDE = 2_560, 3 * 2_560
RECURRENT = (
    3 * (WIDTH**2 + WIDTH) + 5 * WIDTH + 2 * (10 * 256**2 + WIDTH) + WIDTH
)  # in, gate, out; kernel; gates; decay
ATTENTION = 2 * WIDTH**2 + 2 * WIDTH * 256 + WIDTH
FFN = 3 * WIDTH * WIDE + 2 * WIDE + WIDTH
RECURRENTGEMMA = 18 * RECURRENT + 8 * ATTENTION + 26 * (FFN + 2 * WIDTH) + WIDTH + 256_000 * WIDTH  # 2,682,862,080


def test_every_model_has_the_parameters_that_torch_counts(shipped: flopsheet.Report) -> None:
    counted = shipped.frames["model"]["n_params"]
    # transformers 5.23.0 and 5.24.0 on the meta device; of Llama-3-8B its model card has 8.03 billion, torch
    # 8,030,261,248: 2·128256·4096 + 32·(2·4096² + 2·1024·4096 + 3·14336·4096 + 2·4096) + 4096.
    tables = {
        name: model.get("params_total") or model["n_params"]
        for table in (TRUTH, MORE, MODELS_2026)
        for name, model in table.items()
    }
    by_hand = {"llama-3-8b": 8_030_261_248, "recurrentgemma-2b": RECURRENTGEMMA}
    expected = {name: by_hand.get(name) or tables[CONFIGURATIONS[name]] for name in library.load_library()}
    assert {name: int(counted[name]) for name in library.load_library()} == expected


def test_every_model_has_the_active_parameters_that_torch_counts(shipped: flopsheet.Report) -> None:
    counted = shipped.frames["model"]["n_params_active_with_embedding"]
    # As above: all parameters less the routed experts that a token skips.
    expected = {name: TRUTH[said]["active_params"] for name, said in COUNTED.items()} | {
        name: MODELS_2026[said]["n_params_active"]
        for name, said in CONFIGURATIONS.items()
        if said in MODELS_2026 and MODELS_2026[said]["n_params_active"] is not None
    }
    assert {name: int(counted[name]) for name in expected} == expected


def test_every_model_has_the_forward_flops_that_torch_counts(shipped: flopsheet.Report) -> None:
    counted = shipped.frames["scenario"]["flops_forward"]
    # torch.utils.flop_counter 2.13.0, S 1024: truth/models.json.
    expected = {name: TRUTH[said]["forward_flops"]["1024"]["total"] for name, said in COUNTED.items()}
    assert {name: int(counted[name, 1024]) for name in expected} == expected


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
    cells = {metric: [(cell_ref.sheet, cell_ref.address) for cell_ref in report.cells(metric)] for metric in metrics}

    (got,) = recalculate_ironcalc(
        tmp_path / "spoilt.xlsx", [{}], [cell for listed in cells.values() for cell in listed]
    )

    live = {name: tuple(got[cells[metric][at]] for metric in metrics) for at, name in enumerate(names)}
    assert live == {
        name: (TRUTH[name]["params_total"], TRUTH[name]["active_params"], TRUTH[name]["forward_flops"]["1024"]["total"])
        for name in names
    }
