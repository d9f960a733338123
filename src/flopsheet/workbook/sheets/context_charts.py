"""Charts over the context lengths of the what-if: shares of the forward pass, and the cache."""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.workbook.layout.cells import TableSet
from flopsheet.workbook.layout.typed_cells import Live
from flopsheet.workbook.model.references import LABEL, CellRef, absolute_span
from flopsheet.workbook.model.sheet import Chart, Series
from flopsheet.workbook.model.styles import COLOURS, INK, PALETTE
from flopsheet.workbook.sheets import context

CACHE_COLOURS = dict(
    zip(("kv_cache_growing_gib", "kv_cache_fixed_gib", "kv_cache_gib"), (PALETTE[0], PALETTE[2], INK), strict=True)
)


def shares(
    what_if: TableSet,
    rows: Mapping[str, list[CellRef]],
    anchor: CellRef,
    title: Live,
    longest: float,
) -> Chart:
    """Shares against context length for the chosen model."""
    count = context.n_drawn(what_if, longest)
    rows = {name: cell_refs[:count] for name, cell_refs in rows.items()}
    colours = {name: colour for name, colour in COLOURS.items() if name != "share_non_matmul"}
    series = _lines(what_if, rows, {name: colour for name, colour in colours.items() if not _is_folded(what_if, name)})
    lengths = tuple(context.short(what_if, at) for at in range(count))
    return Chart(
        "lines", title.cell_ref.anywhere, str(title.value), anchor.address,
        "Context length (tokens)",
        "Share of FLOPs", absolute_span(context.ON_AXIS[:count]), lengths, series,
    )  # fmt: skip


def cache(
    what_if: TableSet,
    rows: Mapping[str, list[CellRef]],
    anchor: CellRef,
    title: Live,
    longest: float,
    has_states: bool,
) -> Chart:
    """The cache of the chosen model; where models of the study have states, also its fixed and its growing part.

    Axes are linear: the slope is what a token adds, and what doesn't grow is where the line begins.
    """
    count = context.n_drawn(what_if, longest)
    rows = {name: cell_refs[:count] for name, cell_refs in rows.items()}
    lines = CACHE_COLOURS if has_states else {"kv_cache_gib": CACHE_COLOURS["kv_cache_gib"]}
    lengths = tuple(what_if.value("context_length", at) for at in range(count))
    return Chart(
        "scatter", title.cell_ref.anywhere, str(title.value), anchor.address,
        "Context length (tokens)", "GiB",
        absolute_span(rows["context_length"]), lengths, _lines(what_if, rows, lines), y_format="#,##0", y_most=None,
        x_format='[>=1000000]#,##0,,"M";[>=1000]#,##0,"k";General',
    )  # fmt: skip


def _is_folded(what_if: TableSet, name: str) -> bool:
    return name in what_if.catalog.folded and what_if.is_unused(name)


def _lines(what_if: TableSet, rows: Mapping[str, list[CellRef]], colours: Mapping[str, str]) -> tuple[Series, ...]:
    """A line against the context lengths for each of some metrics."""
    listed = []
    for name, colour in colours.items():
        if name in rows:
            cell_refs = rows[name]
            points = tuple(float(what_if.value(name, at)) for at in range(len(cell_refs)))
            label = what_if.catalog.metrics[name].label
            heading = CellRef(context.SHEET, cell_refs[0].row, LABEL).anywhere
            listed.append(Series(heading, label, absolute_span(cell_refs), points, colour))
    return tuple(listed)
