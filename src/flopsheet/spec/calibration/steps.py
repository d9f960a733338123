"""The predicted time of one training run as a function of the hardware's efficiencies, without NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

from flopsheet import catalog
from flopsheet.formula import evaluate
from flopsheet.spec.entries import Device, ModelSpec, Run
from flopsheet.spec.resolve.draft import values_of

STEP, COMPUTE, SPEED = "predicted_seconds_per_step", "seconds_compute", "measured_speed"
LAYERED = frozenset({"layer_group", "layer_run", "run_layer", "training_layer"})
Scope = dict[str, Any]


@cache
def _order() -> tuple[str, ...]:
    return catalog.load_catalog().closure((STEP, SPEED))


@cache
def _depending(inputs: frozenset[str]) -> tuple[str, ...]:
    """The metrics that change with some inputs of the hardware, in the order of their evaluation."""
    metrics, found = catalog.load_catalog().metrics, set(inputs)
    for one in _order():
        if found.intersection((*metrics[one].dependencies, *metrics[one].aggregated)):
            found.add(one)
    return tuple(one for one in _order() if one in found)


class Step:
    """One optimizer step: everything that it is computed from, of which only the efficiencies change."""

    def __init__(self, study: Mapping[str, float | str], model: ModelSpec, device: Device, run: Run) -> None:
        self.run = run
        self.values: Scope = {
            **study, **values_of(model.inputs), **values_of(device.inputs), **values_of(run.inputs),
            "model": model.name,
        }  # fmt: skip
        self.groups: list[Scope] = [dict(values_of(group.inputs)) for group in model.groups]
        self.compute(_order())
        speed = float(self.values[SPEED])
        tokens = float(self.values["global_batch_size"]) * float(self.values["context_length"])
        self.measured = tokens / speed if speed else 0.0

    def compute(self, names: Sequence[str]) -> None:
        """Evaluates metrics in the order in which they read each other."""
        metrics, values = catalog.load_catalog().metrics, self.values
        for name in names:
            metric = metrics[name]
            if metric.grain not in LAYERED:
                values[name] = evaluate(metric.ast, values.__getitem__, self.gather)
                continue
            for group in self.groups:
                group[name] = evaluate(metric.ast, partial(_read, group, values))

    def gather(self, function: str, names: tuple[str, ...]) -> Any:
        """What a formula gathers of the layer groups."""
        columns = [[group[name] for group in self.groups] for name in names]
        match function:
            case "sum":
                return sum(columns[0])
            case "first":
                return columns[0][0]
        pick = {"at_min": min, "at_max": max}[function]
        return columns[1][columns[0].index(pick(columns[0]))]

    def seconds(self, efficiencies: Mapping[str, float], metric: str = STEP) -> float | str:
        """The predicted time, or a part of it, with these efficiencies; the words for none where it has no value."""
        changed = frozenset(name for name, value in efficiencies.items() if self.values[name] != value)
        self.values |= efficiencies
        self.compute(_depending(changed))
        found = self.values[metric]
        return found if isinstance(found, str) else float(found)


def _read(group: Scope, values: Scope, name: str) -> Any:
    return group[name] if name in group else values[name]
