"""Layers of each stage as a list and as Megatron-LM writes a layout: by its documentation, by hand, in two engines."""

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
from flopsheet.output.headline import summarise
from flopsheet.review.pull import pull, write_spec
from flopsheet.yamlio.from_mapping import to_yaml
from flopsheet.yamlio.source import read_yaml
from review_helpers import input_cells_of, type_into
from studies import frames_of
from test_run_laws import law, models, training, training_runs

GIB = 2**30
D, F, L, V, S = 1024, 4096, 40, 32000, 2048
LAYER = 4 * D * D + 3 * D * F + 2 * D  # attention, FFN, two norms
MODEL = {"n_layers": L, "d_model": D, "n_heads": 16, "d_ff": F, "ffn": "swiglu", "vocab_size": V}
DEEPSEEK = {"model": "deepseek-v3", "n_mtp_layers": 1}
ROWS = [f"n_layers_stage_{at}" for at in range(1, 17)]
GIBS = [f"stage_gib_{at}" for at in range(1, 17)]
MEGATRON = "Et*3|(tt|)*29,m|L"


def study(*, model: Any = MODEL, **run: Any) -> dict[str, Any]:
    run = {"model": "m", "hardware": "h100-sxm", "context_length": S, "recomputation": "full"} | run
    return {"version": 1, "context_lengths": [S], "models": {"m": model}, "training": {"run": run}}


def run_of(**said: Any) -> Any:
    """One training run as a row."""
    return frames_of(study(**said))["training_run"].loc["run"]


def layers_of(count: int, **said: Any) -> list[float]:
    return run_of(**said)[ROWS].tolist()[:count]


def test_a_list_says_the_layers_of_each_stage_and_how_many_there_are():
    run = run_of(stage_layers=[10, 10, 11, 9], n_devices=4)
    assert (run["pipeline_parallel"], run[ROWS].tolist()) == (4, [10, 10, 11, 9] + [0] * 12)


def test_a_layout_of_megatron_has_the_stages_of_its_documentation():
    # Megatron-LM, docs, Custom Pipeline Model Parallel Layout: of PP16 VPP2 rank 0 has the embedding, 3 and 2 layers,
    # ranks 1 to 13 have 2 and 2, rank 14 has 2 and the MTP layer, rank 15 has 2 and the loss.
    run = run_of(model=DEEPSEEK, stage_layers=MEGATRON, pipeline_parallel=16, n_devices=16, global_batch_size=32)
    assert (run["virtual_stages"], run[ROWS].tolist()) == (2, [3 + 2] + [2 + 2] * 13 + [2 + 1, 2])


@pytest.mark.parametrize(
    ("layout", "layers"),
    [
        ("Et*10|t*10|t*11|t*9L", [10, 10, 11, 9]),
        ("E,(t*10|)*2,t*11,|t*9,L", [10, 10, 11, 9]),  # commas are cosmetic
        ("E|(t*20|)*2L", [0, 20, 20, 0]),  # embedding and loss on stages of their own
    ],
)
def test_layouts_are_written_out_as_megatron_does(layout, layers):
    assert layers_of(4, stage_layers=layout, n_devices=4) == layers


def test_layers_of_an_even_share_listed_are_the_even_share():
    even = run_of(pipeline_parallel=4, n_devices=4, global_batch_size=8)
    listed = run_of(stage_layers=[10] * 4, n_devices=4, global_batch_size=8)
    inputs = [f"stage_layers_{at}" for at in range(1, 17)]
    own = [*inputs, "n_layers_listed", "n_last_listed_layers", "fullest_between_stage", "n_fullest_between_layers",
           "most_between_gib", "fullest_stage", "stages_are_searched"]  # fmt: skip
    assert listed.drop(own).equals(even.drop(own))


def test_a_stage_holds_the_states_and_activations_of_its_layers():
    # 16 bytes of a parameter; full recomputation keeps the input of each layer, 2·S·D bytes, of 4 − i micro-batches.
    run = run_of(stage_layers=[5, 9, 17, 9], n_devices=4, global_batch_size=8, activation_method="korthikanti")
    second, third = (16 * n * LAYER + in_flight * n * 2 * S * D for n, in_flight in ((9, 3), (17, 2)))
    assert (run["stage_gib_3"] - run["stage_gib_2"]) * GIB == pytest.approx(third - second, rel=1e-9)


@pytest.mark.parametrize(
    ("layers", "fullest"), [([5, 9, 17, 9], "stage 3"), ([5, 17, 9, 9], "stage 2"), ([22, 6, 6, 6], "first")]
)
def test_the_fullest_stage_of_a_list_is_the_memory_of_the_run(layers, fullest):
    run = run_of(stage_layers=layers, n_devices=4, global_batch_size=8)
    assert (run["device_gib"], run["n_stage_layers"], run["fullest_stage"]) == (
        max(run[GIBS]),
        max(layers),
        fullest,
    )


def test_the_longest_stage_of_a_list_is_the_slowest():
    assert run_of(stage_layers=[5, 9, 17, 9], n_devices=4, global_batch_size=8)["n_slowest_stage_layers"] == 17


def test_where_a_stage_of_the_head_alone_is_the_slowest_the_pipeline_fills_in_the_time_of_the_layers():
    # Narayanan et al. 2021, arXiv:2104.04473, section 2.2: before the slowest stage begins, and after it ends, a
    # micro-batch passes every other stage.
    run = run_of(model={**MODEL, "n_layers": 2, "vocab_size": 256000}, stage_layers=[2, 0], n_devices=2)
    assert (run["n_slowest_stage_layers"], run["seconds_pipeline_bubble"]) == (0, pytest.approx(run["longest_seconds"]))


@st.composite
def listed_runs(draw: Any) -> tuple[Any, Any]:
    """A model, and a run that lists the layers of its stages in some way."""
    model, run = draw(models()), draw(training())
    n_layers = model.get("n_layers") or sum(group["n_layers"] for group in model["layers"])
    stages = draw(st.integers(2, 6))
    ends = sorted(draw(st.lists(st.integers(0, n_layers), min_size=stages - 1, max_size=stages - 1)))
    layers = [end - start for start, end in pairwise([0, *ends, n_layers])]
    more = {"n_devices": stages, "global_batch_size": draw(st.sampled_from([1, 4])) * run["micro_batch_size"]}
    return model, run | more | {"stage_layers": layers, "frozen_layers": draw(st.sampled_from([0, 0, 3]))}


@law(at_once=20, both=listed_runs())
def test_the_fullest_of_any_stages_is_the_memory_of_the_run(both):
    model, run = both
    row = (yield training_runs(model, run)).iloc[0]
    whole = row["bytes_per_sequence"] * row["micro_batch_size"] + row["bytes_without_batch"]
    assert row[ROWS].tolist() == run["stage_layers"] + [0] * (16 - len(run["stage_layers"]))
    assert [max(row[GIBS]) * GIB, whole] == pytest.approx([row["device_bytes"]] * 2, rel=1e-12)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"stage_layers": [10, 10, 10]}, "the stages hold 30 layers, the model has 40; list 40 layers"),
        ({"stage_layers": [20, 20], "pipeline_parallel": 1}, "layers are listed for more stages than"),
        (
            {"stage_layers": [20, 20], "first_stage_layers": 20},
            "but first_stage_layers 20 and last_stage_layers 0 are given",
        ),
        (
            {"stage_layers": [20, 20], "stage_layers_1": 20},
            "stage_layers_1 and training.run.stage_layers set the same thing",
        ),
        ({"stage_layers": [20, -20]}, "training.run.stage_layers[1]: -20 is out of range"),
        ({"stage_layers": [1] * 17}, "there are 17 entries; at most 16 are allowed"),
        ({"stage_layers": "Et*40|x|L"}, "cannot be read: it has 'x'"),
        ({"stage_layers": "t*40|L"}, "cannot be read: its order is another than E, t …, m …, L"),
        ({"stage_layers": "E(t*99999)*99999L"}, "cannot be read: it is too long"),
        ({"stage_layers": "Et*20|t*20L", "pipeline_parallel": 4}, "the layout has 2 stages, not 4 · "),
        ({"stage_layers": "E|(t|)*15|t*25L"}, "the layout has 18 stages, at most 16 can be listed"),
        ({"stage_layers": "Et*20|t*20L", "pipeline_parallel": "n_devices"}, "a layout needs pipeline_parallel and"),
        ({"stage_layers": "Et*39|t*2L"}, "the stages hold 41 layers, the model has 40"),
    ],
)
def test_what_is_wrong_with_a_list_is_told(said, message):
    with pytest.raises(SpecError) as refused:
        compute(study(n_devices=2, **said))
    assert message in str(refused.value)


def test_listed_layers_that_are_edited_in_cells_give_what_pandas_gives():
    spec = study(stage_layers=[10, 10, 11, 9], n_devices=4, global_batch_size=8)
    [run] = spec["training"].values()
    book = book_of(spec | {"training": {"same": run, "more": run}})
    at = {cell.path: (cell.cell_ref.sheet, cell.cell_ref.address) for cell in input_cells_of(book.report)}
    changes = {
        "same": {"stage_layers_1": 4, "stage_layers_3": 17},
        "more": {"stage_layers_1": 8, "stage_layers_2": 6, "stage_layers_3": 9, "stage_layers_4": 8,
                 "stage_layers_5": 9, "pipeline_parallel": 5, "n_devices": 5},
    }  # fmt: skip
    typed = {at["training", name, key]: value for name, change in changes.items() for key, value in change.items()}
    same, more = {"stage_layers": [4, 10, 17, 9]}, {"stage_layers": [8, 6, 9, 8, 9], "n_devices": 5}
    edited = compute(spec | {"training": {"same": run | same, "more": run | more}})
    wanted = formulas(planned(edited, book.report))
    [got] = recalculate_ironcalc(book.spoiled, [typed], list(wanted))
    assert disagreements_of(got, wanted) == {}


@pytest.mark.parametrize("said", [[10, 10, 11, 9], "Et*10|t*10|t*11|t*9L"])
def test_an_edit_of_a_listed_stage_is_pulled_into_the_list(said, tmp_path: Path):
    spec = study(stage_layers=said, n_devices=4, global_batch_size=8)
    (tmp_path / "spec.yaml").write_text(to_yaml(spec), encoding="utf-8")
    report = build(tmp_path / "spec.yaml", tmp_path / "book.xlsx")
    at = {cell.entry.name: (cell.cell_ref.sheet, cell.cell_ref.address) for cell in input_cells_of(report)}
    type_into(tmp_path / "book.xlsx", {at["stage_layers_1"]: 12, at["stage_layers_4"]: 7}, tmp_path / "edited.xlsx")
    problems = write_spec(pull(tmp_path / "edited.xlsx"), tmp_path / "spec.yaml")
    found: Any = read_yaml(tmp_path / "spec.yaml").data
    assert (problems, found["training"]["run"]["stage_layers"]) == ([], [12, 10, 11, 7])


def test_show_has_a_table_of_the_memory_of_each_stage(tmp_path: Path):
    spec = study(stage_layers=[5, 9, 17, 9], n_devices=4, global_batch_size=8)
    spec["training"] |= {
        "two": spec["training"]["run"] | {"stage_layers": [20, 20], "n_devices": 2},
        "alone": {"model": "m", "hardware": "h100-sxm", "context_length": S},
    }
    report = compute(spec)
    [table] = [one for one in summarise(report) if one.title == "Memory by stage"]
    gib = report.frames["training_run"][GIBS]
    rows = [
        ("run", *(f"{one:,.2f}" for one in gib.loc["run"][:4])),
        ("two", *(f"{one:,.2f}" for one in gib.loc["two"][:2]), "", ""),
    ]
    assert (table.header[1:], list(table.body)) == (tuple(f"Stage {at} GiB" for at in range(1, 5)), rows)
