"""What measured rows tell of each kind of run: the times that are measured, and the efficiencies that these fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import Node, parse


class Says(NamedTuple):
    """Words of a measured time that cannot be."""

    what: str
    """What was measured."""
    least: str
    """What takes longer."""
    check: str
    """Where the mistake may be."""


class Target(NamedTuple):
    """A time that rows may measure."""

    metric: str
    """What predicts it."""
    word: str
    """What it is called where a row has several."""
    measured: Node
    key: str
    """Where a row says it."""
    least: Node
    """No device is faster, with the efficiencies of `at_best`."""
    ratios: tuple[str, str, str]
    """Measured over predicted: the inputs that make the range."""
    noise: float
    """Of one measurement: the standard deviation of its logarithm."""
    says: Says


class Kind(NamedTuple):
    """What the rows of one kind of run fit."""

    run: RunKind
    word: str
    words: str
    targets: tuple[Target, ...]
    prior: Mapping[str, float]
    """How far each efficiency may differ from the fit to published measurements: the standard deviation of its
    logarithm. A judgement, tried on the published measurements themselves: docs/measured-rows.md."""
    alone: str
    """The efficiency that one layout fits, and nothing else; empty where it fits all, each held back."""
    at_best: Mapping[str, float]
    fitted_to: str
    count_input: str

    @property
    def ratios(self) -> tuple[str, ...]:
        return tuple(name for target in self.targets for name in target.ratios)

    def target(self, metric: str) -> Target:
        """The measured time that a metric predicts."""
        [found] = [one for one in self.targets if one.metric == metric]
        return found

    def title(self, run: str, metric: str) -> str:
        """What a measured time of a run is called."""
        return run if len(self.targets) == 1 else f"{run}, {self.target(metric).word}"

    def count_of(self, count: int) -> str:
        """`3 measured steps`."""
        return f"{count:,} measured {self.word if count == 1 else self.words}"


STEP = Target(
    "predicted_seconds_per_step", "one step", parse("global_batch_size * context_length / measured_speed"), "seconds",
    parse("seconds_compute"), ("time_ratio_low", "time_ratio_median", "time_ratio_high"), 0.05,
    Says("one optimizer step", "the matmuls of a step take at the peak of the hardware",
         "global_batch_size, context_length and n_devices"),
)  # fmt: skip
PER_TOKEN = Target(
    "predicted_seconds_per_token", "per token", parse("measured_seconds_per_token"), "measured_seconds_per_token",
    parse("weight_bytes_read_dense / (n_stage_devices * memory_bandwidth) / tokens_per_step"),
    ("token_time_ratio_low", "token_time_ratio_median", "token_time_ratio_high"), 0.1,
    Says("one token of one sequence", "reading the weights that every token needs takes at the bandwidth of the memory",
         "the unit, weight_format, n_devices and n_draft_tokens"),
)  # fmt: skip
FIRST_TOKEN = Target(
    "predicted_time_to_first_token", "first token", parse("measured_time_to_first_token"),
    "measured_time_to_first_token", parse("seconds_prompt_products"),
    ("first_token_ratio_low", "first_token_ratio_median", "first_token_ratio_high"), 0.2,
    Says("one first token", "the products of the prompt take at the peak of the hardware",
         "the unit, prompt_length, n_devices and prefix_hit_rate"),
)  # fmt: skip
TRAINING = Kind(
    "training", "step", "steps", (STEP,),
    {
        "matmul_efficiency": 0.2, "fused_attention_efficiency": 0.25, "eager_attention_efficiency": 0.3,
        "collective_efficiency": 0.3, "collective_latency": 0.5, "small_matmul_width": 0.5, "kernel_traffic": 0.15,
        "weight_traffic": 0.3, "unhidden_gather": 0.3,
    },
    "matmul_efficiency", {"matmul_efficiency": 1.0}, "fitted_to", "n_measured",
)  # fmt: skip
SERVING = Kind(
    "serving", "serving run", "serving runs", (PER_TOKEN, FIRST_TOKEN),
    {
        "served_memory_efficiency": 0.2, "served_matmul_efficiency": 0.5, "prefill_efficiency": 0.4,
        "prefill_attention_efficiency": 0.6, "served_collective_efficiency": 0.4, "layer_latency": 0.5,
        "expert_latency": 0.5, "all_reduce_latency": 0.6, "prompt_layer_latency": 0.8, "prompt_expert_latency": 0.6,
        "prompt_queue": 0.7,
    },
    "", {"prefill_efficiency": 1.0}, "serving_fitted_to", "n_served_measured",
)  # fmt: skip
KINDS: Mapping[RunKind, Kind] = {one.run: one for one in (TRAINING, SERVING)}
# What a calibration may change.
FITTED = frozenset(name for one in KINDS.values() for name in (*one.prior, *one.ratios, one.fitted_to, one.count_input))


def is_given(seconds: Scalar) -> bool:
    """Whether a row measures a time: it may say why it does not."""
    return not isinstance(seconds, str) and 0 < seconds < math.inf
