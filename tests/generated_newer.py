"""What random studies have beside plain transformers: mixers, formats by part, layouts, adapters, drafts, any choice.

Each of these is tried on a study and kept where the spec is still valid, so that a study has several of them.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import mixed
from flopsheet.diagnostics import FlopsheetError
from flopsheet.spec.load import load_spec
from flopsheet.spec.schema import data_model

Spec = dict[str, Any]
ARCHITECTURES = [getattr(mixed, name) for name in dir(mixed) if name[0].isalpha() and name.isupper()]
PARTS = [
    "embedding", "lm_head", "attention", "index_head_weights", "ffn", "experts", "shared_experts", "router", "norms",
    "state_space",
]  # fmt: skip
PART_FORMATS = ["fp32", "bf16", "fp8", "int8", "int4", "mxfp4", "nvfp4"]
WHOLE = [0, 1, 2, 3, 4, 8, 16, 64, 512]
SHARES = [0, 0.1, 0.5, 0.8, 1]


def with_newer(spec: Spec, number: int) -> Spec:
    """A valid study with what newer models, formats and layouts make of it."""
    dice = random.Random(f"newer in study {number}")
    changes = [*dice.sample(ADDITIONS, dice.randint(2, len(ADDITIONS))), *[_any_choice] * 12]
    for change in changes:
        changed = copy.deepcopy(spec)
        change(dice, changed)
        try:
            load_spec(changed)
        except FlopsheetError:
            continue  # a layout that the model doesn't divide, say
        spec = changed
    return spec


def _architecture(dice: random.Random, spec: Spec) -> None:
    """A model of 2026, which a run of each kind takes."""
    spec["models"]["newer"] = copy.deepcopy(dice.choice(ARCHITECTURES))
    for kind in ("training", "serving"):
        if kind in spec and dice.random() < 0.7:
            dice.choice(list(spec[kind].values()))["model"] = "newer"


def _formats_of_study(dice: random.Random, spec: Spec) -> None:
    spec["weights"] = _by_part(dice, spec["weights"])
    spec["kv_cache"] = {"default": spec["kv_cache"], dice.choice(["k", "v", "rope"]): dice.choice(["bf16", "fp8"])}


def _formats_of_serving(dice: random.Random, spec: Spec) -> None:
    for run in _runs(dice, spec, "serving"):
        run["weight_format"] = _by_part(dice, run["weight_format"])
        run["cache_format"] = {"default": run["cache_format"], "v": dice.choice(["bf16", "fp8", "q4_0"])}


def _by_part(dice: random.Random, default: str) -> dict[str, str]:
    return {"default": default} | {part: dice.choice(PART_FORMATS) for part in dice.sample(PARTS, dice.randint(1, 4))}


def _layout_of_serving(dice: random.Random, spec: Spec) -> None:
    for run in _runs(dice, spec, "serving"):
        tensor, stages, groups = dice.choice([1, 2, 4, 8]), dice.choice([1, 1, 2]), dice.choice([1, 1, 2, 4])
        run |= {"tensor_parallel": tensor, "pipeline_parallel": stages, "attention_data_parallel": groups}
        run["n_devices"] = tensor * stages * groups * dice.choice([1, 2])
        run["expert_parallel"] = dice.choice([1, tensor * groups])


def _stages(dice: random.Random, spec: Spec) -> None:
    for run in _runs(dice, spec, "training"):
        run |= {"virtual_stages": dice.choice([1, 2]), "first_stage_layers": dice.choice([0, 1, 3])}
        run |= {"last_stage_layers": dice.choice([0, 1, 2])}


def _experts_apart(dice: random.Random, spec: Spec) -> None:
    for run in _runs(dice, spec, "training"):
        run |= {"expert_parallel": dice.choice([1, 2, 4, 8]), "expert_imbalance": dice.choice([1, 1.1, 1.5])}


def _adapters(dice: random.Random, spec: Spec) -> None:
    for run in _runs(dice, spec, "training"):
        run |= {"adapter_rank": dice.choice([1, 8, 64]), "frozen_format": dice.choice(["bf16", "int8", "nf4"])}


def _recomputed(dice: random.Random, spec: Spec) -> None:
    for run in _runs(dice, spec, "training"):
        run |= dice.choice([{"recomputed_every": dice.choice([2, 3])}, {"recomputed_layers": dice.choice([1, 4])}])


def _predicted(dice: random.Random, spec: Spec) -> None:
    """Time from the hardware, with overlaps of its own."""
    for run in _runs(dice, spec, "training"):
        run.pop("assumed_mfu", None)
        run |= {"time_basis": "predicted"}
        run |= {f"{kind}_overlap": dice.choice(SHARES) for kind in ("tensor_parallel", "pipeline", "data_parallel")}


def _drafts(dice: random.Random, spec: Spec) -> None:
    for run in _runs(dice, spec, "serving"):
        run |= {"n_draft_tokens": dice.choice([1, 2, 3]), "acceptance_rate": dice.choice(SHARES), "draft_cost": 0.05}
        run |= {"acceptance_rate_2": dice.choice(SHARES)}


def _any_number(dice: random.Random, spec: Spec) -> None:
    """Some numbers of a run that nothing above varies."""
    for kind in ("training", "serving"):
        for run in _runs(dice, spec, kind):
            numbers = [entry for entry in data_model.inputs_of(f"{kind}_run") if not (entry.choices or entry.chooses)]
            for entry in dice.sample([entry for entry in numbers if entry.name not in run], 2):
                values = WHOLE if entry.whole else SHARES
                fitting = [each for each in values if (entry.least or 0) <= each <= (entry.most or 1e9)]
                run[entry.name] = dice.choice(fitting)


def _any_choice(dice: random.Random, spec: Spec) -> None:
    """Another word for one input of one training run."""
    if runs := list(spec.get("training", {}).values()):
        choices = [entry for entry in data_model.inputs_of("training_run") if entry.choices and not entry.chooses]
        entry = dice.choice(choices)
        dice.choice(runs)[entry.name] = dice.random() < 0.5 if entry.is_flag else dice.choice(entry.choices)


def _runs(dice: random.Random, spec: Spec, kind: str) -> Iterator[Spec]:
    """Each run of a kind, with even chances."""
    yield from (run for run in spec.get(kind, {}).values() if dice.random() < 0.6)


ADDITIONS: list[Callable[[random.Random, Spec], None]] = [
    _architecture,
    _formats_of_study,
    _formats_of_serving,
    _layout_of_serving,
    _stages,
    _experts_apart,
    _adapters,
    _recomputed,
    _predicted,
    _drafts,
    _any_number,
]
