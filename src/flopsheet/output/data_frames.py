"""The frames of a report for pandas users: whole counts as integers, yes and no as booleans, units beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial, wraps
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from flopsheet import diagnostics
from flopsheet.catalog import GRAINS, KEYS, RUNS, Catalog, Metric
from flopsheet.catalog.entries import YES, YES_NO
from flopsheet.catalog.grains import Grain, RunKind
from flopsheet.diagnostics import UsageError
from flopsheet.formula.nodes import Call, Name, Node, Text
from flopsheet.numerics import EXACT
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.tables import Array, Column, Numbers, arrays_of, frame_by_type
from flopsheet.spec import Spec

# The tables of a summary, as `show --format json` names them, each with the grain of its rows.
SUMMARY: dict[str, Grain] = {"models": "model", "scenarios": "scenario"}
SUMMARY |= {kind: of_run for kind, (of_run, _) in RUNS.items()}


class UnknownFrameError(UsageError, KeyError):
    """A report has no frame of this name: a KeyError whose text names the frames that it has."""

    def __str__(self) -> str:
        return str(self.problems[0])


class Frames(dict[str, pd.DataFrame]):
    """DataFrames by grain; a name that is none is refused with those that there are.

    A frame is made when it is first asked for: that takes as long as to compute it, and most readers want one or two.
    """

    def __init__(self, makers: Mapping[str, Callable[[], pd.DataFrame]]) -> None:
        super().__init__()
        for name, make in makers.items():
            self.make_as(name, make)

    def make_as(self, name: str, make: Callable[[], pd.DataFrame]) -> None:
        """How to make a frame that is asked for."""
        self[name] = make  # type: ignore[assignment]  # in the frame's place until then

    def __getitem__(self, name: str) -> pd.DataFrame:
        found = super().__getitem__(name)
        if not isinstance(found, pd.DataFrame):
            found = self[name] = found()
        return found

    def __iter__(self) -> Iterator[str]:  # its own, so that dict(frames) asks for each of them
        return super().__iter__()

    def _whole(self) -> Frames:
        for name in self:
            self[name]
        return self

    def __missing__(self, name: object) -> NoReturn:
        known = list(self)
        if name in GRAINS and name not in known:
            raise UnknownFrameError(diagnostics.located(diagnostics.frame_of_nothing(name, known), "", None))
        raise UnknownFrameError(diagnostics.located(diagnostics.unknown_frame(str(name), known), "", None))


def _of_all(name: str) -> Callable[..., Any]:
    """A method of dict, once every frame is made."""
    method = getattr(dict, name)
    return wraps(method)(lambda frames, *arguments: method(frames._whole(), *arguments))


OF_ALL = "get values items pop popitem setdefault copy __eq__ __or__ __ror__ __repr__"
for _name in OF_ALL.split():
    setattr(Frames, _name, _of_all(_name))


# The columns of limits, each with the field of what is told.
COLUMNS_OF_LIMITS = {
    "limit": "last",
    **{name: name for name in ("left_bytes", "next", "left_next_bytes", "says", "now")},
}


def to_frames(values: Values, runs: Mapping[RunKind, Values], catalog: Catalog) -> Frames:
    """The frames of a study and of its runs.

    A run's frame has its context length and what it shares with runs of the other kind; a scenario's has `n_params`.
    """
    parts = {grain: [frame] for grain, frame in values.frames.items()}
    for kind, of_kind in runs.items():
        of_run, of_layer = RUNS[kind]
        parts[of_run] = [of_kind.frames[grain] for grain in ("context", "run", of_run)]
        parts[of_layer] = [of_kind.frames[of_layer]]
    frames = Frames({grain: partial(_readable, of_grain, catalog) for grain, of_grain in parts.items()})
    frames.make_as("scenario", lambda: _with_params(frames, _readable(parts["scenario"], catalog)))
    return frames


def _with_params(frames: Frames, scenario: pd.DataFrame) -> pd.DataFrame:
    """The scenarios with the parameters of their models first."""
    n_params = frames["model"]["n_params"]
    beside = n_params.loc[scenario.index.get_level_values("model")].to_numpy()
    scenario.insert(0, "n_params", beside)
    scenario.attrs["units"] = {"n_params": "parameters", **scenario.attrs["units"]}
    return scenario


def summarise(frames: Mapping[str, pd.DataFrame], catalog: Catalog) -> dict[str, pd.DataFrame]:
    """The headline columns of the frames that a Summary has a table of."""
    tables = {}
    for title, grain in SUMMARY.items():
        if grain in frames:
            headlines = [metric.name for metric in catalog.headlines if metric.grain == grain]
            names = [name for name in headlines if name not in catalog.folded or frames[grain][name].any()]
            tables[title] = frames[grain][names].copy()
            tables[title].attrs["units"] = {name: frames[grain].attrs["units"][name] for name in names}
    return tables


def limits(runs: Mapping[RunKind, Values], catalog: Catalog) -> pd.DataFrame:
    """How far each run can go in one input, a row for each (run, input)."""
    from flopsheet.pipeline.limits.told import tell  # its formulas are parsed as it is imported

    every = list(tell(runs, catalog))
    rows = [{name: getattr(told, field) for name, field in COLUMNS_OF_LIMITS.items()} for told in every]
    index = pd.MultiIndex.from_arrays(
        [[told.run for told in every], [told.limit.name for told in every]], names=["run", "input"]
    )
    return pd.DataFrame(rows, index, columns=list(COLUMNS_OF_LIMITS))


def budget_limits(spec: Spec, runs: Mapping[RunKind, Values], catalog: Catalog) -> pd.DataFrame:
    """The same within each budget of a run or model, a row for each (run, metric, claim, input)."""
    from flopsheet.output.limits import within_budgets

    index = ["run", "metric", "claim", "input"]
    columns = [*index, "context_length", "bound", "now", "limit", "limit_is", "value", "next", "next_value", "says"]
    return pd.DataFrame([dict(line) for line in within_budgets(spec, runs, catalog)], columns=columns).set_index(index)


def _readable(parts: Sequence[pd.DataFrame], catalog: Catalog) -> pd.DataFrame:
    index = parts[0].index
    columns = {
        name: _typed(column, name, catalog)
        for part in parts
        for name, column in arrays_of(part).items()
        if name not in index.names
    }
    typed = frame_by_type(columns, index)
    typed.attrs["units"] = {name: catalog.entry(name).unit for name in columns if name not in KEYS}
    return typed


def _typed(column: Column, name: str, catalog: Catalog) -> Array:
    """The column as bool, as int64 where it counts whole things exactly, else as it is."""
    if column.dtype == object:
        return np.asarray(column == YES, bool) if _says_yes_or_no(name, catalog) else column
    if name in KEYS or not catalog.units[catalog.entry(name).unit].whole or column.dtype != np.float64:
        return column
    numbers: Numbers = np.asarray(column, np.float64)
    is_exact = (numbers % 1 == 0) & (abs(numbers) < EXACT)
    return numbers.astype(np.int64) if is_exact.all() else numbers


def _says_yes_or_no(name: str, catalog: Catalog) -> bool:
    """Whether an input or metric is yes or no whatever the spec says."""
    if name in catalog.inputs:
        return catalog.inputs[name].is_flag
    metric = catalog.metrics.get(name)
    return isinstance(metric, Metric) and set(_texts(metric.ast, catalog)) == YES_NO


def _texts(node: Node, catalog: Catalog) -> Iterable[str]:
    """The texts that a formula gives; anything else gives one that is neither yes nor no."""
    match node:
        case Text(value):
            return [value]
        case Call("where", (_, one, other)):
            return [*_texts(one, catalog), *_texts(other, catalog)]
        case Name(name) if _says_yes_or_no(name, catalog):
            return YES_NO
    return [""]
