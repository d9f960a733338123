"""The predicted times of one run as a function of the hardware's efficiencies, without NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from math import fsum
from typing import Any

from flopsheet import catalog
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import OF_LAYERS
from flopsheet.formula import Node, evaluate, names
from flopsheet.records import frozen
from flopsheet.spec.calibration.kinds import Kind, Target
from flopsheet.spec.entries import Device, ModelSpec, Run
from flopsheet.spec.resolve.draft import values_of

Scope = dict[str, Any]


@cache
def _order(targets: tuple[Target, ...]) -> tuple[str, ...]:
    """The metrics that the measured and the predicted times are computed from, each after what it reads."""
    metrics = catalog.load_catalog().metrics
    read = [name for target in targets for node in (target.measured, target.least) for name in names(node)]
    return catalog.load_catalog().closure(
        (*(target.metric for target in targets), *(name for name in read if name in metrics))
    )


@cache
def _depending(targets: tuple[Target, ...], inputs: frozenset[str]) -> tuple[str, ...]:
    """The metrics that change with some inputs of the hardware, in the order of their evaluation."""
    metrics, found = catalog.load_catalog().metrics, set(inputs)
    for one in _order(targets):
        if found.intersection((*metrics[one].dependencies, *metrics[one].aggregated)):
            found.add(one)
    return tuple(one for one in _order(targets) if one in found)


class TimedRun:
    """A run: everything that its times are computed from, of which only the efficiencies change."""

    def __init__(self, study: Mapping[str, Scalar], model: ModelSpec, device: Device, run: Run, kind: Kind) -> None:
        self.run, self.kind, self.targets = run, kind, kind.targets
        self.values: Scope = {
            **study, **values_of(model.inputs), **values_of(device.inputs), **values_of(run.inputs),
            "model": model.name,
        }  # fmt: skip
        self.groups: list[Scope] = [dict(values_of(group.inputs)) for group in model.groups]
        self.compute(_order(self.targets))

    def compute(self, order: Sequence[str]) -> None:
        """Evaluates metrics in the order in which they read each other."""
        metrics, values = catalog.load_catalog().metrics, self.values
        for name in order:
            metric = metrics[name]
            if metric.grain not in OF_LAYERS:
                values[name] = evaluate(metric.ast, values.__getitem__, self.gather)
                continue
            for group in self.groups:
                group[name] = evaluate(metric.ast, partial(_read, group, values))

    def gather(self, function: str, gathered: tuple[str, ...]) -> Any:
        """What a formula gathers of the layer groups."""
        columns = [[group[name] for group in self.groups] for name in gathered]
        match function:
            case "sum":
                return fsum(columns[0])
            case "first":
                return columns[0][0]
        pick = {"at_min": min, "at_max": max}[function]
        return columns[1][columns[0].index(pick(columns[0]))]

    def take(self, efficiencies: Mapping[str, float]) -> None:
        """Computes what changes with these efficiencies."""
        changed = frozenset(name for name, value in efficiencies.items() if self.values[name] != value)
        if changed:
            self.values |= efficiencies
            self.compute(_depending(self.targets, changed))

    def value(self, node: Node) -> Scalar:
        """A formula of this run; the words for none where it has no value."""
        missing = next((found for name in names(node) if isinstance(found := self.values[name], str)), None)
        return missing if missing is not None else float(evaluate(node, self.values.__getitem__))


@frozen
class Point:
    """A measured time of a run."""

    step: TimedRun
    target: Target

    @property
    def run(self) -> Run:
        return self.step.run

    @property
    def measured(self) -> float:
        return float(self.step.value(self.target.measured))

    def seconds(self, efficiencies: Mapping[str, float]) -> Scalar:
        """The predicted time with these efficiencies; the words for none where it has no value."""
        self.step.take(efficiencies)
        found = self.step.values[self.target.metric]
        return found if isinstance(found, str) else float(found)

    def least(self, efficiencies: Mapping[str, float]) -> float:
        """The time below which no device is with these efficiencies; 0 where that is not known."""
        self.step.take(efficiencies)
        found = self.step.value(self.target.least)
        return 0.0 if isinstance(found, str) else found


def _read(group: Scope, values: Scope, name: str) -> Any:
    return group[name] if name in group else values[name]
