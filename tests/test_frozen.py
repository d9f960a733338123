"""Parts and layers that are not trained: their states, activations and work by hand, as laws, in two engines."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from books import book_of
from edits import disagreements_of, formulas, planned
from engines import recalculate_ironcalc
from flopsheet import compute
from flopsheet.api import build
from flopsheet.diagnostics import SpecError
from flopsheet.review.pull import pull, write_spec
from flopsheet.spec.schema.listed import frozen_parts
from flopsheet.yamlio.from_mapping import to_yaml
from flopsheet.yamlio.source import read_yaml
from review_helpers import input_cells_of, type_into
from studies import frames_of
from test_run_laws import law, models, training, training_runs

D, F, L, V, S = 1024, 4096, 8, 32000, 2048
ATTENTION, FFN = 4 * D * D, 3 * D * F
LAYER = ATTENTION + FFN + 2 * D
N = L * LAYER + 2 * V * D + D
MODEL = {"n_layers": L, "d_model": D, "n_heads": 16, "d_ff": F, "ffn": "swiglu", "vocab_size": V}
CLASSES = ["weight_bytes_device", "gradient_bytes_device", "master_weight_bytes_device", "optimizer_bytes_device"]
MIXTRAL = {"model": "mixtral-8x7b"}


def study(*, model: Any = MODEL, conventions: Any = None, **run: Any) -> dict[str, Any]:
    run = {"model": "m", "hardware": "h100-sxm", "context_length": S} | run
    return {
        "version": 1,
        "context_lengths": [S],
        "conventions": conventions or {},
        "models": {"m": model},
        "training": {"run": run},
    }


def run_of(**said: Any) -> Any:
    """One training run as a row."""
    return frames_of(study(**said))["training_run"].loc["run"]


@pytest.mark.parametrize(
    ("said", "trained"),
    [
        ({"frozen": ["embedding"]}, N - V * D),
        ({"frozen": ["attention", "norms"]}, N - L * (ATTENTION + 2 * D) - D),
        ({"frozen": ["ffn", "lm_head"]}, N - L * FFN - V * D),
        ({"frozen_layers": 3}, N - 3 * LAYER),
        ({"frozen": ["embedding", "ffn"], "frozen_layers": 2}, N - V * D - 2 * LAYER - 6 * FFN),
    ],
)
def test_frozen_parameters_have_weights_and_no_other_states(said, trained):
    # Mixed precision: 2 bytes of a weight and of its gradient, 4 of its master weight and of each of two moments.
    run = run_of(**said)
    assert (run["n_params_trained"], run[CLASSES].tolist()) == (trained, [2 * N, 2 * trained, 4 * trained, 8 * trained])


def test_frozen_experts_of_mixtral_leave_a_thirtieth_to_train():
    # transformers counts 46,702,792,704 parameters; 8 experts of three 4,096 × 14,336 matrices in 32 layers.
    run = run_of(model=MIXTRAL, frozen=["experts"])
    trained = 46_702_792_704 - 32 * 8 * 3 * 4096 * 14_336
    assert (run["n_params_trained"], run["optimizer_bytes_device"]) == (trained, 8 * trained)


def test_a_frozen_weight_of_fsdp2_keeps_its_fp32_shard():
    # FSDP2 shards parameters in fp32 whether or not they are trained, and casts what it gathers.
    run = run_of(frozen=["ffn"], zero_stage=3, n_devices=8, sharded_weights="master")
    trained = N - L * FFN
    assert run[CLASSES].tolist() == pytest.approx([0, 2 * trained / 8, 4 * N / 8, 8 * trained / 8], rel=1e-12)


def test_frozen_layers_above_a_frozen_embedding_keep_no_activations():
    # autograd saves nothing where no input and no weight needs a gradient.
    full, frozen = (run_of(**said) for said in ({}, {"frozen": ["embedding"], "frozen_layers": 2}))
    tokens = 8 * S  # the embedding's token numbers, which stay counted
    kept = (full["activation_bytes_device"] - tokens) * (L - 2) / L
    assert frozen["activation_bytes_device"] == pytest.approx(kept + tokens, rel=1e-12)


def test_frozen_layers_below_a_trained_embedding_keep_theirs():
    assert run_of(frozen_layers=2)["activation_bytes_device"] == run_of()["activation_bytes_device"]


def test_no_gradients_of_frozen_weights_are_computed():
    full, frozen = (run_of(**said)["flops_step"] for said in ({}, {"frozen": ["ffn", "lm_head"]}))
    assert full - frozen == 2 * S * (L * FFN + V * D)


def test_frozen_layers_above_a_frozen_embedding_have_a_forward_pass_alone():
    # The layers are three passes of their products and scores; frozen ones one, of three of eight layers.
    conventions = {"attention_pairs": "full", "backward_multiple": 2}
    runs = [
        run_of(conventions=conventions, **said)["flops_step"]
        for said in ({}, {"frozen": ["embedding"], "frozen_layers": 3})
    ]
    layers = L * (2 * S * (ATTENTION + FFN) + 4 * S * S * D)
    assert runs[0] - runs[1] == pytest.approx(2 * layers * 3 / 8, rel=1e-12)


def test_frozen_layers_are_the_first_of_the_pipeline():
    run = run_of(frozen_layers=3, pipeline_parallel=4, n_devices=4, global_batch_size=8)
    first = run[["n_frozen_stage_1", "n_frozen_stage_2", "n_frozen_stage_3", "n_frozen_stage_4", "n_frozen_stage_5"]]
    assert first.tolist() == [2, 1, 0, 0, 0]


def test_the_fullest_stage_of_frozen_layers_may_be_a_later_one():
    layers = {"pipeline_parallel": 4, "n_devices": 4, "recomputation": "full", "global_batch_size": 8}
    run = run_of(model=MODEL | {"n_layers": 40, "vocab_size": 100}, frozen_layers=20, **layers)
    gib = run[[f"stage_gib_{at}" for at in range(1, 17)]]
    assert (run["fullest_stage"], run["device_gib"]) == ("stage 3", gib.max())


def test_all_parts_frozen_leave_weights_and_activations():
    run = run_of(frozen=list(frozen_parts()))
    assert (run["n_params_trained"], run[CLASSES].tolist()) == (0, [2 * N, 0, 0, 0])


@pytest.mark.parametrize("order", ["listed", "interleaved"])
@pytest.mark.parametrize("frozen", [["embedding"], ["lm_head"], ["embedding", "lm_head"]])
def test_frozen_tables_leave_the_order_of_the_layers_as_it_is(order, frozen):
    wide = {"layer_order": order, "layers": [{"n_layers": 2, "d_ff": 8 * F}, {"n_layers": 6, "d_ff": F}]}
    model = {key: value for key, value in MODEL.items() if key not in ("n_layers", "d_ff")} | wide
    stages = {"pipeline_parallel": 4, "n_devices": 4, "global_batch_size": 8}
    trained, held = run_of(model=model, **stages), run_of(model=model, frozen=frozen, **stages)
    of_layers = ["activation_bytes_device", "n_params_stage_matrices"]
    assert held[of_layers].tolist() == trained[of_layers].tolist()


def test_frozen_parts_of_layers_keep_no_more_activations_of_interleaved_layers():
    wide = {"layer_order": "interleaved", "layers": [{"n_layers": 2, "d_ff": 8 * F}, {"n_layers": 6, "d_ff": F}]}
    model = {key: value for key, value in MODEL.items() if key not in ("n_layers", "d_ff")} | wide
    stages = {"model": model, "pipeline_parallel": 4, "n_devices": 4, "global_batch_size": 8}
    trained, held = run_of(**stages), run_of(frozen=["norms"], **stages)
    assert held["activation_bytes_device"] == trained["activation_bytes_device"]


# Laws ----------------------------------------------------------------------------------------------------------------

frozen_runs = st.fixed_dictionaries(
    {"frozen": st.lists(st.sampled_from(frozen_parts()), min_size=1, unique=True), "frozen_layers": st.integers(0, 8)}
)


@law(model=models(), run=training(), frozen=frozen_runs, stages=st.sampled_from([1, 2, 4]), zero=st.integers(0, 3))
def test_freezing_never_needs_more_memory_and_never_works_more(model, run, frozen, stages, zero):
    run |= {"n_devices": 2 * stages, "pipeline_parallel": stages, "zero_stage": zero}
    found = yield training_runs(model, run | frozen, run | {"frozen": frozen["frozen"]}, run)
    for column in ("device_bytes", "flops_step", "n_params_trained"):
        values = found[column].tolist()
        assert all(later >= earlier * (1 - 1e-12) for earlier, later in pairwise(values)), column
    # What is offloaded is that of the fullest device, which may be one with a norm more after the embedding is frozen.
    of_stage = found[["fullest_stage", "host_bytes_device"]].values.tolist()
    assert all(two[1] >= one[1] * (1 - 1e-12) for one, two in pairwise(of_stage) if one[0] == two[0])


@law(model=models(), run=training(), frozen=frozen_runs, stages=st.sampled_from([1, 2, 4]))
def test_classes_of_a_frozen_run_add_up_to_its_memory(model, run, frozen, stages):
    layout = {"n_devices": stages, "pipeline_parallel": stages}
    row = (yield training_runs(model, run | frozen | layout)).iloc[0]
    whole = row["bytes_per_sequence"] * row["micro_batch_size"] + row["bytes_without_batch"]
    assert whole == pytest.approx(row["device_bytes"], rel=1e-12)


# Messages, cells, the way back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"frozen": ["mlp"]}, "training.run.frozen[0]: 'mlp' is not"),
        ({"frozen": ["ffn", "ffn"]}, "ffn and training.run.frozen[0] set the same thing"),
        ({"frozen_layers": 9}, "9 frozen layers are more than the 8 layers; write at most 8"),
    ],
)
def test_what_is_wrong_with_frozen_parts_is_told(said, message):
    with pytest.raises(SpecError) as refused:
        compute(study(**said))
    assert message in str(refused.value)


def test_parts_that_are_frozen_in_cells_give_what_pandas_gives():
    base = {"pipeline_parallel": 2, "n_devices": 4, "zero_stage": 1}
    changes = {
        "experts": {"frozen": ["experts", "embedding"], "frozen_layers": 5},
        "most": {"frozen": [part for part in frozen_parts() if part != "norms"]},
        "norms": {"frozen": ["norms"], "frozen_layers": 32},
    }
    spec = study(model=MIXTRAL, **base)
    [run] = spec["training"].values()
    book = book_of(spec | {"training": {name: run for name in changes}})
    at = {cell.path: (cell.cell_ref.sheet, cell.cell_ref.address) for cell in input_cells_of(book.report)}
    typed = {
        at["training", name, part]: value
        for name, change in changes.items()
        for part, value in {
            **{f"frozen_{part}": "yes" for part in change["frozen"]},
            "frozen_layers": change.get("frozen_layers", 0),
        }.items()
    }
    edited = compute(spec | {"training": {name: run | change for name, change in changes.items()}})
    wanted = formulas(planned(edited, book.report))
    [got] = recalculate_ironcalc(book.spoiled, [typed], list(wanted))
    assert disagreements_of(got, wanted) == {}


def test_an_edit_of_a_frozen_part_is_pulled_into_the_list(tmp_path: Path):
    (tmp_path / "spec.yaml").write_text(to_yaml(study(frozen=["embedding", "ffn"])), encoding="utf-8")
    report = build(tmp_path / "spec.yaml", tmp_path / "book.xlsx")
    at = {cell.entry.name: (cell.cell_ref.sheet, cell.cell_ref.address) for cell in input_cells_of(report)}
    typed = {at["frozen_ffn"]: "no", at["frozen_norms"]: "yes", at["frozen_layers"]: 2}
    type_into(tmp_path / "book.xlsx", typed, tmp_path / "edited.xlsx")
    problems = write_spec(pull(tmp_path / "edited.xlsx"), tmp_path / "spec.yaml")
    run: Any = read_yaml(tmp_path / "spec.yaml").data["training"]["run"]
    assert (problems, run["frozen"], run["frozen_layers"]) == ([], ["embedding", "norms"], 2)
