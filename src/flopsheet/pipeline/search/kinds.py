"""What a search reads of each kind of run: its time and the terms of it, its memory by class, what is shown."""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.catalog import RUNS, Catalog
from flopsheet.catalog.grains import Grain, RunKind
from flopsheet.records import frozen


@frozen
class Kind:
    """The metrics of a kind of run that a search compares layouts by."""

    name: RunKind
    time: str
    """Of layouts that are equal in what is minimised the one with less time is better."""
    margin: str
    """Memory that is left on the fullest device: a layout fits where this is not negative."""
    margin_share: str
    used: str
    classes: tuple[str, ...]
    """What fills a device, in the order in which equals are told."""
    classes_gib: tuple[str, ...]
    """The same in GiB, some of them together."""
    shown: tuple[str, ...]
    """Beside the time."""
    terms: tuple[str, ...] = ()
    """The parts of the time; where none is said, what its formula adds."""

    @property
    def grain(self) -> Grain:
        return RUNS[self.name][0]

    @property
    def rule_grains(self) -> tuple[Grain, ...]:
        return ("run", "run_layer", *RUNS[self.name])

    def time_terms(self, catalog: Catalog) -> tuple[str, ...]:
        return self.terms or catalog.metrics[self.time].dependencies

    def front(self, metric: str) -> tuple[str, bool]:
        """What the front weighs against a metric, and whether more of it is better."""
        if self.name == "training" or metric == self.time:
            return self.margin_share, True
        return self.time, False


KINDS: Mapping[RunKind, Kind] = {
    "training": Kind(
        "training",
        time="predicted_seconds_per_step",
        margin="margin_bytes",
        margin_share="margin_share",
        used="device_bytes",
        classes=(
            "weight_bytes_device", "gradient_bytes_device", "master_weight_bytes_device", "optimizer_bytes_device",
            "activation_bytes_device", "recomputed_bytes_device", "logits_bytes_device", "working_bytes_device",
            "gathered_bytes_device", "fixed_bytes_device", "reserved_bytes_device",
        ),
        classes_gib=(
            "weight_gib_device", "gradient_gib_device", "optimizer_gib_device", "activation_gib_device",
            "logits_gib_device", "working_gib_device", "reserved_gib_device",
        ),
        shown=("predicted_mfu", "device_gib", "margin_share"),
    ),
    "serving": Kind(
        "serving",
        time="predicted_seconds_per_token",
        margin="served_margin_bytes",
        margin_share="served_margin_share",
        used="served_bytes_device",
        classes=(
            "served_weight_bytes_device", "served_cache_bytes_device", "served_workspace_bytes_device",
            "served_reserved_bytes_device",
        ),
        classes_gib=(
            "served_weight_gib_device", "served_cache_gib_device", "served_workspace_gib_device",
            "served_reserved_gib_device",
        ),
        shown=(
            "predicted_time_to_first_token", "predicted_served_tokens_per_second", "predicted_cost_per_million",
            "served_gib_device", "served_margin_share",
        ),
        terms=(
            "seconds_step_weights", "seconds_step_cache", "seconds_step_layers", "seconds_step_all_reduces",
            "seconds_step_tensor_parallel", "seconds_step_expert_parallel", "seconds_interleaved_prefill",
        ),
    ),
}  # fmt: skip
