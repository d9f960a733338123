"""What the measured rows of a spec did to its hardware: tables for readers, JSON for programs, lines of a working."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flopsheet.catalog.grains import RunKind
from flopsheet.output.number_styles import percent
from flopsheet.output.summary import Summary
from flopsheet.spec import Calibration, Spec
from flopsheet.spec.calibration.kinds import KINDS, Kind

if TYPE_CHECKING:
    from flopsheet.catalog import Catalog

NONE = "none"
WHICH = ("before", "after", "left_out")
MEASURED: Mapping[RunKind, str] = {"training": "measured", "serving": "measured_serving"}  # keys of JSON


def tables(spec: Spec) -> Iterator[Summary]:
    """The measured rows beside their predictions, and the efficiencies that were fitted to them, by kind of run."""
    for kind, calibrations in _by_kind(spec).items():
        yield from _tables(KINDS[kind], calibrations)


def _by_kind(spec: Spec) -> Mapping[RunKind, Sequence[Calibration]]:
    found: dict[RunKind, list[Calibration]] = {}
    for one in spec.calibrations:
        found.setdefault(one.kind, []).append(one)
    return found


def _tables(kind: Kind, calibrations: Sequence[Calibration]) -> Iterator[Summary]:
    rows: list[tuple[str, ...]] = []
    fitted: list[tuple[str, ...]] = []
    for one in calibrations:
        for row in one.rows:
            off = percent(row.after / row.seconds - 1, "+.1%")
            predicted = (row.after, row.before, row.left_out)
            name = kind.title(row.run, row.metric)
            rows.append((name, one.hardware, _number(row.seconds), *map(_number, predicted), off))
        for metric in one.metrics:
            mean = [_share(one.error(which, metric)) for which in ("after", "before", "left_out")]
            rows.append((kind.title("Mean error", metric), one.hardware, "", *mean, ""))
        for each in one.fitted:
            before = each.before if isinstance(each.before, str) else f"{each.before:.4g}"
            fitted.append((each.name, one.hardware, before, f"{each.after:.4g}", f"{one.n_runs:,}"))
    word, words = kind.word.capitalize(), kind.words.capitalize()
    of_rows = (word, "Hardware", "Measured s", "Predicted s", "Before the fit s", "Left out of the fit s", "Off")
    yield Summary(f"Measured {kind.words}", of_rows, tuple(rows), 1, frozenset({0, 1}))
    header = ("Figure", "Hardware", "Before", "Fitted", words)
    yield Summary(f"Fitted to the measured {kind.words}", header, tuple(fitted), 1, frozenset({0, 1}))


def _number(seconds: float | None) -> str:
    return NONE if seconds is None else f"{seconds:,.4g}" if seconds < 10_000 else f"{seconds:,.0f}"


def _share(error: float | None) -> str:
    return NONE if error is None else percent(error, ".1%")


def as_json(spec: Spec) -> Iterator[tuple[str, str]]:
    """By kind of run and of hardware: the rows, the figures that were fitted, and the mean errors."""
    for kind, calibrations in _by_kind(spec).items():
        found = {one.hardware: _as_data(one) for one in calibrations}
        yield MEASURED[kind], json.dumps(found, ensure_ascii=False)


def _as_data(one: Calibration) -> dict[str, Any]:
    """Where a kind has several times, each under its name."""
    kind = KINDS[one.kind]
    rows: dict[str, dict[str, Any]] = {}
    for row in one.rows:
        told = {"seconds": row.seconds, **{f"predicted_{which}": getattr(row, which) for which in WHICH}}
        if len(kind.targets) == 1:
            rows[row.run] = told
        else:
            rows.setdefault(row.run, {})[row.metric.removeprefix("predicted_")] = told
    errors = {metric: {which: one.error(which, metric) for which in WHICH} for metric in one.metrics}
    by_name = {metric.removeprefix("predicted_"): error for metric, error in errors.items()}
    return {
        "rows": rows,
        "fitted": {
            each.name: {"before": None if isinstance(each.before, str) else each.before, "after": each.after}
            for each in one.fitted
        },
        "n_fitted_in_effect": one.n_effective,
        "mean_error": by_name if len(kind.targets) > 1 else next(iter(by_name.values())),
    }


def of_metric(spec: Spec, catalog: Catalog, name: str) -> Iterator[str]:
    """Which of the figures that a metric depends on were fitted to measured rows."""
    read = {read for metric in catalog.closure([name]) for read in catalog.metrics[metric].dependencies}
    for one in spec.calibrations:
        for each in one.fitted:
            if each.name in read:
                before = each.before if isinstance(each.before, str) else f"{each.before:.4g} before"
                runs = KINDS[one.kind].count_of(one.n_runs)
                yield f"{each.name} of {one.hardware}: {each.after:.4g}, fitted to {runs} ({before})"
