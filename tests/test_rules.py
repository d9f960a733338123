"""Rules and checks can fail: for each an edit after which an engine that isn't ours reads FAIL, and a rule says why."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from books import book_for
from edited_studies import EVERYTHING
from engines import name_column, recalculate_ironcalc
from flopsheet import catalog
from flopsheet.api import Report
from flopsheet.catalog import Input
from kept import kept

SHIPPED = catalog.load_catalog()
RANGE = "check_input_"

# A name (of an input, or of a metric whose cell is overwritten), the row of its table, and what is typed there.
Edit = tuple[str, str, float | str]

# Rule → the edit of Inputs that breaks it, and the sentence that Checks must say of it.
BROKEN: dict[str, tuple[list[Edit], str]] = {
    "check_kv_heads_divide": ([("n_kv_heads", "plain", 3)], "plain: n_kv_heads 3 does not divide n_heads 8"),
    "check_heads_divide_width": ([("n_heads", "plain", 6)], "plain: n_heads 6 does not divide d_model 512"),
    "check_latent_widths": (
        [("d_qk_rope", "latent experts", 0)],
        "latent: latent attention with kv_lora_rank 64 needs d_qk_rope",
    ),
    "check_latent_rank": (
        [("q_lora_rank", "plain", 64)],
        "plain: q_lora_rank 64 belongs to latent attention, but kv_lora_rank is 0",
    ),
    "check_active_experts": (
        [("n_active_experts", "latent experts", 17)],
        "latent: n_active_experts 17 is more than n_experts 16",
    ),
    "check_experts_active": ([("n_active_experts", "latent experts", 0)], "latent: 16 experts need n_active_experts"),
    "check_expert_width": ([("d_expert", "latent experts", 0)], "latent: 16 experts need d_expert"),
    "check_experts_or_dense": (
        [("d_ff", "latent experts", 1024)],
        "latent: a layer has a dense FFN or experts, not both: d_ff is 1,024 and n_experts 16",
    ),
    "check_shared_experts": (
        [("n_shared_experts", "latent dense", 2)],
        "latent: a dense layer has no shared experts, but n_shared_experts is 2",
    ),
    "check_shared_expert_width": (
        [("d_shared_expert", "latent experts", 0)],
        "latent: 1 shared expert needs d_shared_expert",
    ),
    "check_shared_expert_gate": (
        [("shared_expert_gate", "windows local", "yes")],
        "windows: shared_expert_gate is yes, but n_shared_experts is 0",
    ),
    "check_layers": (
        [("n_layers", "latent", 13)],
        "latent: n_layers is 13, but the groups under layers: have 12",
    ),
    "check_learned_positions": (
        [("max_positions", "plain", 0)],
        "plain: positions are learned, but max_positions is 0",
    ),
    "check_devices_split": (
        [("n_devices", "spread", 34)],
        "spread: n_devices 34 is not divisible by tensor 2 · pipeline 2 · context 1",
    ),
    "check_devices": (
        [("data_parallel", "spread", 4)],
        "spread: tensor 2 · pipeline 2 · context 1 · data 4 is 16, not the 32 devices",
    ),
    "check_stages": ([("pipeline_parallel", "small", 9)], "small: 9 stages are more than the 8 layers"),
    "check_virtual_stages": (
        [("virtual_stages", "spread", 7)],
        "spread: 2 stages of 7 chunks are more than the 12 layers",
    ),
    "check_interleaving": (
        [("virtual_stages", "measured", 2)],
        "measured: 2 interleaved stages need a pipeline, but pipeline_parallel is 1",
    ),
    "check_stage_layers": (
        [("last_stage_layers", "spread", 12)],
        "spread: a first stage of 0 and a last stage of 12 layers do not add up to 12 layers in 2 stages",
    ),
    "check_listed_layers": (
        [("stage_layers_2", "spread", 3)],
        "spread: the stages hold 3 layers, the model has 12",
    ),
    "check_frozen_layers": ([("frozen_layers", "small", 9)], "small: 9 frozen layers are more than the 8 layers"),
    "check_recomputed_layers": (
        [("recomputed_layers", "spread", 7)],
        "spread: recomputed_every 1 and recomputed_layers 7 are more than the 6 layers of a stage",
    ),
    "check_frozen_format": (
        [("frozen_format", "measured", "nf4")],
        "measured: frozen_format is nf4, but no weight is frozen: adapter_rank is 0",
    ),
    "check_fp8_weights": (
        [("fp8_weights", "measured", "only")],
        "measured: fp8_weights is only, but precision is mixed_bf16",
    ),
    "check_offloaded": (
        [("offloaded", "spread", "all")],
        "spread: offloaded is all, but zero_stage is 1",
    ),
    "check_measured": (
        [("measured_flops_per_device", "measured", 1e14)],
        "measured: 2 measured speeds are given",
    ),
    "check_recomputed_by": (
        [("recomputed_layers", "measured", 2), ("recomputed_every", "measured", 2)],
        "measured: recomputed_layers 2 and recomputed_every 2 are both given",
    ),
    "check_micro_batches": (
        [("global_batch_size", "spread", 1001)],
        "spread: a global batch of 1,001 is not a multiple of micro-batch 1 · data parallel 8",
    ),
    "check_context_split": (
        [("context_parallel", "measured", 16), ("context_length", "measured", 8200)],
        "measured: context_parallel 16 does not divide the context of 8,200",
    ),
    "check_expert_parallel": (
        [("expert_parallel", "measured", 4)],
        "measured: expert_parallel is 4, but the model has no experts to share",
    ),
    "check_expert_shards": (
        [("expert_parallel", "spread", 16)],
        "spread: expert_parallel 16 does not divide data · context parallel 8",
    ),
    "check_expert_devices": (
        [("expert_tensor_parallel", "spread", 16)],
        "spread: expert tensor 16 · expert parallel 4 does not divide tensor · data · context parallel 16",
    ),
    "check_expert_split_width": (
        [("expert_tensor_parallel", "spread", 7)],
        "spread: expert_tensor_parallel 7 does not divide the 128 channels of an expert",
    ),
    "check_peak": ([("peak_flops_bf16", "box", 0)], "small: box does not support mixed_bf16"),
    "check_heads_split": (
        [("tensor_parallel", "small", 3)],
        "small: tensor_parallel 3 does not divide the 8 heads",
    ),
    "check_experts_split": (
        [("expert_parallel", "spread", 3)],
        "spread: expert_parallel 3 does not divide the 16 experts",
    ),
    "check_time_basis": (
        [("time_basis", "small", "assumed")],
        "small: time_basis is assumed, but no such figure is given",
    ),
    "check_served_peak": (
        [("compute_format", "many", "int8"), ("peak_flops_int8", "crate", 0)],
        "many: crate does not support int8",
    ),
    "check_served_devices": (
        [("n_devices", "many", 20)],
        "many: n_devices 20 is not divisible by tensor 2 · pipeline 2 · attention data 2",
    ),
    "check_served_experts": (
        [("expert_parallel", "many", 8)],
        "many: expert_parallel 8 does not divide tensor · attention data parallel 4",
    ),
    "note_less_than_a_step": (
        [("n_tokens", "spread", 500)],
        "spread: n_tokens 500 is less than one step, whose batch has 262,144 tokens",  # 64 sequences of 4,096
    ),
    "note_tensor_parallel_in_a_node": (
        [("tensor_parallel", "spread", 8), ("n_devices_per_node", "box", 4)],
        "spread: tensor_parallel 8 is more than the 4 devices of a node",
    ),
    "note_experts_without_sequence_parallel": (
        [("sequence_parallel", "spread", "no")],
        "spread: with experts and tensor_parallel 2, Megatron-LM asks for sequence parallelism",
    ),
    "note_idle_devices": (
        [("n_sequences", "many", 3)],
        "many: 3 sequences leave devices idle: 16 devices form 4 groups, each with sequences of its own",
    ),
    "check_blocks_divide": (
        [("n_o_groups", "plain", 3)],
        "plain: n_o_groups 3 does not divide n_heads 8",
    ),
    "check_some_mixer": (
        [("n_heads", "plain", 0), ("d_ff", "plain", 0)],
        "plain: the layer has no attention, no other mixer, no FFN and no experts",
    ),
    "check_expert_forms": (
        [("n_zero_experts", "plain", 2)],
        "plain: n_zero_experts is 2, but there are no experts",
    ),
    "check_other_params_idle": (
        [("n_other_params_idle", "plain", 5)],
        "plain: 5 idle parameters are more than the 0 other parameters",
    ),
    "check_attention_parts": (
        [("n_heads", "latent dense", 0)],
        "latent: n_heads is 0, but there is a latent of 160",
    ),
    "check_attention_reach": (
        [("attention_chunk", "windows local", 256)],
        "windows: attention_chunk 256 cannot be combined with window 512, index_top_k 0 or compressed keys",
    ),
    "check_stored_layers": (
        [("n_stored_layers", "plain", 9)],
        "plain: n_stored_layers is 9, but the group has 8 layers",
    ),
    "check_linear_parts": (
        [("n_linear_value_heads", "plain", 4)],
        "plain: n_linear_value_heads is 4, but n_linear_key_heads is 0",
    ),
    "check_state_space_parts": (
        [("d_state", "plain", 16)],
        "plain: n_ssm_heads is 0, but there are widths of a state space",
    ),
    "check_indexer_parts": (
        [("n_index_heads", "plain", 4)],
        "plain: 4 indexer heads need d_index and index_top_k",
    ),
}

# Check → the edit that breaks it. No input can break a sum: the cell of one of its parts is overwritten.
OVERWRITTEN: dict[str, list[Edit]] = {
    "check_group_params": [("n_group_params_attention", "plain", 1000)],
    "check_params": [("n_params_attention", "plain", 1000)],
    "check_share_params": [("share_params_ffn", "plain", 0.01)],
    "check_flops": [("flops_ffn_dense", "plain", 1000)],
    "check_share_flops": [("share_ffn", "plain", 0.01)],
    "check_flops_against_params": [("flops_attention_projections", "plain", 1000)],
    "check_memory": [("bytes_without_batch", "small", 1000)],
    "note_ffn_count": [("ffn_matmuls", "", 2)],
    "note_tight": [("is_tight", "small", 1)],
}


def impossible(entry: Input) -> list[float | str]:
    """Values that an input does not allow: another word, one below its least, above its most, a half."""
    if entry.choices:
        return ["nonsense", 17]
    least = 0 if entry.least is None else entry.least
    return [
        least - 1 if entry.whole else -1,
        *([2 * entry.most] if entry.most is not None else []),
        *([least + 0.5] if entry.whole else []),
    ]


report = pytest.fixture(scope="module")(lambda: book_for("Checks", EVERYTHING).report)
book = pytest.fixture(scope="module")(lambda: book_for("Checks", EVERYTHING).path)
VERDICTS = {name for name, metric in SHIPPED.metrics.items() if metric.unit == "verdict"}


@pytest.fixture(scope="module")
def cells(report: Report) -> Mapping[str, dict[str, tuple[str, str]]]:
    """Name → row of its table → the cell in which it is typed or computed."""
    laid = report._layout
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for line in laid.inputs.rows:
        for key, cell_ref in zip(line.table_set.table(line.entry.grain).keys, line.live, strict=True):
            found.setdefault(line.entry.name, {})[row_name(line.entry.grain, key)] = (cell_ref.sheet, cell_ref.address)
    for table_set in laid.table_sets:
        for name, metric in SHIPPED.metrics.items():
            for key, cell_ref in zip(
                table_set.table(metric.grain).keys if metric.grain in table_set.values.tables else (),
                laid.cell_index.cell_refs.get((table_set.name, name), ()),
                strict=False,
            ):
                found.setdefault(name, {}).setdefault(row_name(metric.grain, key), (cell_ref.sheet, cell_ref.address))
    return found


def row_name(grain: str, key: tuple[object, ...]) -> str:
    """`latent experts` of a layer group; a scenario is named by its model, the first context counts."""
    if grain == "study":
        return ""
    return " ".join(str(part) for part in key if part and not isinstance(part, int))


def together(edits: Mapping[str, list[Edit]]) -> list[list[str]]:
    """The names of edits that can be made at once: no two are of the same model, run or hardware."""
    found: list[tuple[list[str], set[str]]] = []
    for name, edit in edits.items():
        rows = {row.partition(" ")[0] for _, row, _ in edit}
        names, taken = next((one for one in found if one[1].isdisjoint(rows)), ([], set()))
        if not names:
            found.append((names, taken))
        names.append(name)
        taken |= rows
    return [names for names, _ in found]


@pytest.fixture(scope="module")
def recomputed(book: Path, cells: Mapping[str, dict[str, tuple[str, str]]], verdict_cells):
    """What IronCalc computes for nothing ("") and for the edit of each rule and check, once for all processes.

    Edits of several models and runs are made at once: of a check its own row is read, the sentence of a rule says which
    row and which values break it. A rule of which another row's values are said is broken alone.
    """
    edits: dict[str, list[Edit]] = {name: edit for name, (edit, _) in BROKEN.items()} | OVERWRITTEN
    said = sentence_cells(book)
    wanted = [("Checks", "A2"), *said.values(), *verdict_cells]

    def made(batches: list[list[str]]) -> dict[str, Any]:
        typed = [{cells[name][row]: value for one in batch for name, row, value in edits[one]} for batch in batches]
        values = recalculate_ironcalc(book, typed, wanted)
        return {name: found for batch, found in zip(batches, values, strict=True) for name in batch or [""]}

    def all_made(path: Path) -> None:
        found = made([[], *together(edits)])
        alone = [[name] for name in BROKEN if found[name][said[name]] != BROKEN[name][1]]
        path.write_bytes(pickle.dumps(found | made(alone)))

    return pickle.loads(kept(f"recomputed {book}", ".pickle", all_made).read_bytes())


@pytest.fixture(scope="module")
def verdict_cells(report: Report) -> list[tuple[str, str]]:
    """The cells of all rules and checks, for every row."""
    found = report._layout.cell_index.cell_refs.items()
    at = [cell_ref for (_, name), cell_refs in found if name in VERDICTS for cell_ref in cell_refs]
    return [(cell_ref.sheet, cell_ref.address) for cell_ref in at if cell_ref.sheet == "Checks"]


@cache
def sentence_cells(book: Path) -> dict[str, tuple[str, str]]:
    """Rule → the cell of its sentence, below the heading of its list."""
    import openpyxl

    sheet = openpyxl.load_workbook(book, read_only=True)["Checks"]
    rows = [*sheet.iter_rows(values_only=True)]
    start, named = next(at for at, row in enumerate(rows) if row[2] == "What is wrong"), name_column(rows) - 1
    found: dict[str, tuple[str, str]] = {}  # the first: inputs of runs are checked for training and for serving
    for at, row in enumerate(rows[start + 1 :], start=start + 2):
        found.setdefault(str(row[named]), ("Checks", f"C{at}"))
    return found


def test_every_rule_and_every_check_has_an_edit_that_breaks_it() -> None:
    ranges = {f"{RANGE}{name}" for name, entry in SHIPPED.inputs.items() if not entry.chooses and impossible(entry)}
    in_workbooks = {name for name, rule in SHIPPED.rules.items() if not rule.unless_said}
    assert (VERDICTS, in_workbooks) == ({*BROKEN, *OVERWRITTEN, *ranges}, {*BROKEN})


@pytest.mark.parametrize("name", [*BROKEN, *OVERWRITTEN])
def test_a_rule_or_check_holds_as_built_and_fails_after_its_edit(name: str, recomputed, cells) -> None:
    edit = BROKEN[name][0] if name in BROKEN else OVERWRITTEN[name]
    edited = {row.partition(" ")[0] for _, row, _ in edit}
    own = [cell for row, cell in cells[name].items() if row.partition(" ")[0] in edited] or [*cells[name].values()]
    before = {recomputed[""][cell] for cell in cells[name].values()}
    word = "note" if name.startswith("note") else "FAIL"
    assert (before, word in {recomputed[name][cell] for cell in own}) == ({"ok"}, True)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_says_what_is_wrong_with_the_values(name: str, recomputed, book: Path) -> None:
    own = sentence_cells(book)[name]
    assert (recomputed[""][own], recomputed[name][own]) == ("holds", BROKEN[name][1])


@pytest.mark.parametrize("name", [name for name in (*BROKEN, *OVERWRITTEN) if name.startswith("check")])
def test_what_breaks_a_rule_or_check_turns_the_verdict_of_the_workbook(name: str, recomputed, verdict_cells) -> None:
    before, after = (str(recomputed[of]["Checks", "A2"]) for of in ("", name))
    failed = sum(recomputed[name][cell] not in {"ok", "note"} for cell in verdict_cells)
    assert (before[:3], after.partition(" of ")[0], failed > 0) == ("✔ E", f"✘ {failed:,}", True)


def test_every_impossible_value_of_every_input_fails_its_check(book: Path, cells) -> None:
    inputs = {name: entry for name, entry in SHIPPED.inputs.items() if not entry.chooses}
    missed, said = [], sentence_cells(book)
    # All inputs at once: a check of a range reads its own input alone.
    bad = [
        {name: values[at] for name, entry in inputs.items() if len(values := impossible(entry)) > at} for at in range(3)
    ]
    first = {name: next(iter(cells[name])) for name in inputs}
    own = {name: cells[f"{RANGE}{name}"][first[name]] for one in bad for name in one}
    words = {name: said[f"{RANGE}{name}"] for name in own}
    typed = [{cells[name][first[name]]: value for name, value in one.items()} for one in bad]
    results = recalculate_ironcalc(book, typed, [*own.values(), *words.values()])
    for values, found in zip(bad, results, strict=True):
        for name, value in values.items():
            sentence = str(found[words[name]]).rpartition(": ")[2]
            spelled = value if isinstance(value, str) else f"{value:.15f}".rstrip("0").rstrip(".")
            spelled = f"'{spelled}'" if inputs[name].choices or isinstance(value, str) else spelled
            expected = f"{name} is {spelled}, " if len(spelled) <= 20 else ""
            if (found[own[name]], sentence[: len(expected)]) != ("FAIL", expected):
                missed.append((name, value, found[own[name]], found[words[name]]))
    assert missed == []


TEXTS = ["d_model", "n_heads", "context_length", "global_batch_size", "memory_bytes"]


def test_a_text_typed_for_a_number_turns_the_verdict_although_checks_become_errors(book: Path, cells) -> None:
    typed = [{next(iter(cells[name].values())): "many"} for name in TEXTS]
    found = recalculate_ironcalc(book, typed, [("Checks", "A2")])
    assert [str(one["Checks", "A2"])[:2] for one in found] == ["✘ "] * len(TEXTS)
