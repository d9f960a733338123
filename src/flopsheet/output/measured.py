"""What the measured rows of a spec did to its hardware: tables for readers, JSON for programs, lines of a working."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from flopsheet.output.summary import Summary
from flopsheet.spec import Calibration, Spec

if TYPE_CHECKING:
    from flopsheet.catalog import Catalog

NONE = "none"
WHICH = ("before", "after", "left_out")


def tables(spec: Spec) -> Iterator[Summary]:
    """The measured rows beside their predictions, and the efficiencies that were fitted to them."""
    if not spec.calibrations:
        return
    rows: list[tuple[str, ...]] = []
    fitted: list[tuple[str, ...]] = []
    for one in spec.calibrations:
        for row in one.rows:
            off = f"{row.after / row.seconds - 1:+.1%}".replace("%", " %")
            predicted = (row.after, row.before, row.left_out)
            rows.append((row.run, one.hardware, _number(row.seconds), *map(_number, predicted), off))
        mean = [_share(one.error(which)) for which in ("after", "before", "left_out")]
        rows.append(("Mean error", one.hardware, "", *mean, ""))
        for each in one.fitted:
            before = each.before if isinstance(each.before, str) else f"{each.before:.4g}"
            fitted.append((each.name, one.hardware, before, f"{each.after:.4g}", f"{len(one.rows):,}"))
    of_rows = ("Step", "Hardware", "Measured s", "Predicted s", "Before the fit s", "Left out of the fit s", "Off")
    yield Summary("Measured", of_rows, tuple(rows), 1, frozenset({0, 1}))
    header = ("Figure", "Hardware", "Before", "Fitted", "Steps")
    yield Summary("Fitted to the measured steps", header, tuple(fitted), 1, frozenset({0, 1}))


def _number(seconds: float | None) -> str:
    return NONE if seconds is None else f"{seconds:,.4g}" if seconds < 10_000 else f"{seconds:,.0f}"


def _share(error: float | None) -> str:
    return NONE if error is None else f"{error:.1%}".replace("%", " %")


def as_json(spec: Spec) -> str:
    """By kind of hardware: the rows, the figures that were fitted, and the mean errors."""
    return json.dumps({one.hardware: _as_data(one) for one in spec.calibrations}, ensure_ascii=False)


def _as_data(one: Calibration) -> dict[str, Any]:
    predicted = {row.run: {f"predicted_{which}": getattr(row, which) for which in WHICH} for row in one.rows}
    return {
        "rows": {row.run: {"seconds": row.seconds, **predicted[row.run]} for row in one.rows},
        "fitted": {
            each.name: {"before": None if isinstance(each.before, str) else each.before, "after": each.after}
            for each in one.fitted
        },
        "n_fitted_in_effect": one.n_effective,
        "mean_error": {which: one.error(which) for which in WHICH},
    }


def of_metric(spec: Spec, catalog: Catalog, name: str) -> Iterator[str]:
    """Which of the figures that a metric depends on were fitted to measured rows."""
    read = {read for metric in catalog.closure([name]) for read in catalog.metrics[metric].dependencies}
    for one in spec.calibrations:
        for each in one.fitted:
            if each.name in read:
                before = each.before if isinstance(each.before, str) else f"{each.before:.4g} before"
                steps = f"{len(one.rows):,} measured {'step' if len(one.rows) == 1 else 'steps'}"
                yield f"{each.name} of {one.hardware}: {each.after:.4g}, fitted to {steps} ({before})"
