"""Muon whose states are shared by whole matrices, as its orthogonalisation needs them: by hand, as laws, in cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from edits import disagreements_of, formulas, planned
from engines import recalculate_ironcalc, spoil_cached_values
from flopsheet import compute
from flopsheet.api import build
from review_helpers import input_cells_of
from studies import frames_of
from test_run_laws import law, models, rising, training, training_runs

D, F, L, V, S = 1024, 4096, 8, 32000, 2048
MATRICES = L * (4 * D * D + 3 * D * F)
OTHERS = 2 * V * D + (2 * L + 1) * D
GATE_AND_UP = 2 * D * F  # the largest matrix of a layer, as Megatron-LM stores it
MODEL = {"n_layers": L, "d_model": D, "n_heads": 16, "d_ff": F, "ffn": "swiglu", "vocab_size": V}
WHOLE = {"optimizer": "muon", "zero_stage": 1, "muon_shards": "matrices"}


def study(*, model: Any = MODEL, **run: Any) -> dict[str, Any]:
    run = {"model": "m", "hardware": "h100-sxm", "context_length": S} | run
    return {"version": 1, "context_lengths": [S], "models": {"m": model}, "training": {"run": run}}


def states(**run: Any) -> list[float]:
    """Master weights and moments on one device."""
    row = frames_of(study(**run))["training_run"].loc["run"]
    return row[["master_weight_bytes_device", "optimizer_bytes_device"]].tolist()


@pytest.mark.parametrize(
    ("devices", "held"),
    [
        (4, MATRICES / 4),  # four times 33.6 million parameters: four matrices of 8.4 million each
        (64, GATE_AND_UP),  # one matrix, four times an even share
        (512, GATE_AND_UP),
    ],
)
def test_a_device_holds_the_states_of_whole_matrices(devices, held):
    # 4 bytes of the master weight and of the one momentum; everything else is AdamW's, in even shares.
    found = states(n_devices=devices, **WHOLE)
    assert found == [4 * (held + OTHERS / devices), 4 * held + 8 * OTHERS / devices]


def test_experts_are_shared_by_whole_matrices_of_their_own():
    # Mixtral: 8 experts of three 4,096 × 14,336 matrices in 32 layers on 512 devices: one pair of gate and up.
    run = frames_of(study(model={"model": "mixtral-8x7b"}, n_devices=512, **WHOLE))["training_run"].loc["run"]
    matrices = 32 * (4096 * 4096 * 2 + 4096 * 1024 * 2)
    experts = 32 * 8 * 3 * 4096 * 14_336
    others = 46_702_792_704 - matrices - experts
    query_key_value = 4096 * (4096 + 2 * 1024)
    pairs = 2 * -(-experts // 512 // (2 * 4096 * 14_336)) * 4096 * 14_336
    assert run["master_weight_bytes_device"] == 4 * (query_key_value + pairs + others / 512)


@pytest.mark.parametrize("run", [{"optimizer": "adamw"}, {"zero_stage": 0}, {"n_devices": 1}])
def test_other_optimizers_and_what_is_not_shared_are_as_before(run):
    run = {"n_devices": 64} | WHOLE | run
    assert states(**run) == states(**run | {"muon_shards": "values"})


@law(model=models(), run=training(optimizer="muon", zero_stage=1, muon_shards="matrices"))
def test_more_devices_never_hold_more_of_whole_matrices(model, run):
    found = yield training_runs(model, *(run | {"n_devices": devices} for devices in (64, 8, 2, 1)))
    assert rising(found["device_bytes"])


@law(model=models(), run=training(optimizer="muon"), devices=st.sampled_from([1, 4, 64]), zero=st.integers(0, 3))
def test_whole_matrices_never_need_less_than_even_shares(model, run, devices, zero):
    run |= {"n_devices": devices, "zero_stage": zero}
    found = yield training_runs(model, run | {"muon_shards": "values"}, run | {"muon_shards": "matrices"})
    assert rising(found["device_bytes"])


@law(model=models(), run=training(optimizer="muon", muon_shards="matrices"), stages=st.sampled_from([1, 2, 4]))
def test_classes_of_whole_matrices_add_up_to_the_memory(model, run, stages):
    layout = {"n_devices": 4 * stages, "pipeline_parallel": stages, "zero_stage": 1}
    row = (yield training_runs(model, run | layout)).iloc[0]
    whole = row["bytes_per_sequence"] * row["micro_batch_size"] + row["bytes_without_batch"]
    assert whole == pytest.approx(row["device_bytes"], rel=1e-12)


def test_whole_matrices_chosen_in_a_cell_give_what_pandas_gives(tmp_path: Path):
    base = {"model": {"model": "mixtral-8x7b"}, "pipeline_parallel": 4, "n_devices": 256, "optimizer": "muon",
            "zero_stage": 1, "global_batch_size": 512}  # fmt: skip
    report = build(study(**base), tmp_path / "book.xlsx")
    spoil_cached_values(tmp_path / "book.xlsx", tmp_path / "spoiled.xlsx")
    at = {cell.entry.name: (cell.cell_ref.sheet, cell.cell_ref.address) for cell in input_cells_of(report)}
    wanted = formulas(planned(compute(study(**base, muon_shards="matrices")), report))
    [got] = recalculate_ironcalc(tmp_path / "spoiled.xlsx", [{at["muon_shards"]: "matrices"}], list(wanted))
    assert disagreements_of(got, wanted) == {}
