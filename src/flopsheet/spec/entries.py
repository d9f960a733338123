"""A valid spec: every input of every model with its value, and where it was an expression, the expression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from math import fsum, prod
from types import MappingProxyType
from typing import Literal

from flopsheet.catalog import Catalog, Input
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import RunKind
from flopsheet.diagnostics import Problem
from flopsheet.formula import Node
from flopsheet.records import NamedTuple, frozen
from flopsheet.yamlio.source import Data, Path

SPEC = "the spec"  # the source of what it gives itself
NONE = "none"  # how a spec says that a number is not given
SECONDS, SECONDS_INPUT = "seconds", "measured_seconds_per_step"  # what a row calls the time of a step, and a run


def is_time(key: str) -> bool:
    """Whether a key of a row, or an input of a run, says what was measured."""
    return key == SECONDS or key.startswith("measured_")


class InputValue(NamedTuple):
    """The value of one input; `ast` where the spec or a default says it as an expression, live in the workbook.

    Of a number that is not given the value is what cells say, such as "no price".
    """

    value: Scalar
    ast: Node | None = None


class Group(NamedTuple):
    """A run of identical layers."""

    name: str
    inputs: Mapping[str, InputValue]


class ModelSpec(NamedTuple):
    """One model variant: inputs of the whole model, and its layer groups from bottom to top."""

    name: str
    inputs: Mapping[str, InputValue]
    groups: tuple[Group, ...]


class Device(NamedTuple):
    """One kind of hardware, as it ships or as the spec defines it."""

    name: str
    inputs: Mapping[str, InputValue]
    sources: Mapping[str, str]
    """Where each figure is from; `SPEC` where the spec gives it."""

    def is_given(self, name: str) -> bool:
        """Whether the spec gives a figure itself."""
        return self.sources.get(name) == SPEC


class Run(NamedTuple):
    """A training or serving run: a model and a kind of device by name, and everything else that a spec says of it."""

    name: str
    model: str
    hardware: str
    inputs: Mapping[str, InputValue]


KEPT = 20  # layouts of a search that says nothing of how many
# What is least in the best layout where a search says nothing.
OBJECTIVES: Mapping[RunKind, str] = {"training": "predicted_seconds_per_step", "serving": "n_devices"}


class Search(NamedTuple):
    """Layouts of a run of which the best are looked for: combinations of the axes, the last fastest."""

    name: str
    model: str
    devices: Mapping[str, Device]
    """The kinds of hardware that are chosen among."""
    axes: Mapping[str, tuple[Scalar, ...]]
    """The values of each input that varies; of `hardware` names."""
    inputs: Mapping[str, InputValue]
    """Those that do not vary; of an expression that depends on what does the value is NaN."""
    metric: str = OBJECTIVES["training"]
    is_maximised: bool = False
    limits: Mapping[str, tuple[float | None, float | None]] = MappingProxyType({})
    """The least and the largest value of metrics."""
    keep: int = KEPT
    found: tuple[str, ...] = ()
    """The runs that are its best layouts, where the spec names them."""
    kind: RunKind = "training"
    """Of the runs that the layouts are."""

    @property
    def size(self) -> int:
        """How many layouts there are."""
        return prod(map(len, self.axes.values()))

    def layout(self, number: int) -> dict[str, Scalar]:
        """The values of one combination."""
        found: dict[str, Scalar] = {}
        for name, values in reversed(tuple(self.axes.items())):
            number, at = divmod(number, len(values))
            found[name] = values[at]
        return {name: found[name] for name in self.axes}


class MeasuredRow(NamedTuple):
    """A measured time beside its predictions: by the efficiencies of the hardware as they were, as fitted, and as
    fitted without its layout; None where there is none."""

    run: str
    metric: str
    """What predicts the time."""
    seconds: float
    before: float | None
    after: float
    left_out: float | None


class Fitted(NamedTuple):
    """An efficiency that was fitted: its value before, or what was said instead of one, and after."""

    name: str
    before: Scalar
    after: float


class Calibration(NamedTuple):
    """The efficiencies of one kind of hardware as fitted to the measured rows of a spec of one kind of run."""

    kind: RunKind
    hardware: str
    rows: tuple[MeasuredRow, ...]
    fitted: tuple[Fitted, ...]
    """Empty if the spec gives them all itself: the rows are then compared only."""
    n_effective: float
    """How many constants the rows settle in effect, of those that are held back."""

    @property
    def n_runs(self) -> int:
        """How many runs the rows are of, each of which may have several times."""
        return len({row.run for row in self.rows})

    @property
    def metrics(self) -> tuple[str, ...]:
        """What predicts the times that were measured."""
        return tuple(dict.fromkeys(row.metric for row in self.rows))

    def error(self, which: str, metric: str = "") -> float | None:
        """The mean error `before`, `after` or `left_out`, as a share; None where a row has no such prediction.

        Of all rows, or of those of one metric.
        """
        rows = [row for row in self.rows if metric in ("", row.metric)]
        found: list[float | None] = [getattr(row, which) for row in rows]
        off = [abs(one / row.seconds - 1) for one, row in zip(found, rows, strict=True) if one is not None]
        return fsum(off) / len(off) if off and len(off) == len(rows) else None


# What an expectation may claim: a value, bounds of it, bounds of its change against another spec.
BOUNDS = ("at_least", "at_most")
CHANGES = ("at_least_change", "at_most_change")
CLAIMS = ("equals", *BOUNDS, *CHANGES)
CLAIM_WORDS = {"equals": "equals", "text": "equals", "at_least": "at least", "at_most": "at most"}
LEVELS = ("fail", "warn")  # of an expectation that does not hold


class Expectation(NamedTuple):
    """What the author claims of one number: `equals` (with a relative tolerance `within`), `at_least`, `at_most`.

    `subject` is a model or a run. Bounds of a change hold against another spec, as `quantities.read_change` reads them.
    """

    subject: str
    metric: str
    context_length: float | None = None
    equals: Scalar | None = None
    at_least: float | None = None
    at_most: float | None = None
    at_least_change: float | str | None = None
    at_most_change: float | str | None = None
    within: float = 0.0
    level: Literal["fail", "warn"] = "fail"
    note: str = ""

    @property
    def is_warning(self) -> bool:
        """Whether to miss it is told and no more."""
        return self.level == "warn"


@frozen
class Spec:
    """A study: models × context lengths under one set of conventions, and runs of these models."""

    name: str
    title: str
    context_lengths: tuple[float, ...]
    study: Mapping[str, InputValue]
    models: tuple[ModelSpec, ...]
    hardware: tuple[Device, ...] = ()
    runs: Mapping[RunKind, tuple[Run, ...]] = field(default_factory=dict)
    """Training and serving runs by kind; a kind without any is absent. Measured rows are among them, the last."""
    calibrations: tuple[Calibration, ...] = ()
    """How the spec's measured rows changed the hardware, by kind."""
    searches: tuple[Search, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    text: str = field(default="", repr=False)
    catalog: Catalog | None = field(default=None, repr=False)
    """The catalogue with what the spec defines itself; None where it defines nothing."""
    data: Data = field(default_factory=dict, repr=False)
    """What the text says, without its comments."""


class CustomEntries(NamedTuple):
    """What a spec defines: its inputs, where their defaults stand, the names of inputs that are faulty."""

    inputs: tuple[Input, ...] = ()
    defaults: Mapping[str, Path] = MappingProxyType({})
    faulty: tuple[str, ...] = ()
    problems: tuple[tuple[Path, Problem], ...] = ()

    @property
    def is_faulty(self) -> bool:
        """Whether nothing can be said of what is defined."""
        return bool(self.problems or self.faulty)
