"""Charts of a report as SVG, narrow enough for a telephone: a name above each bar, its parts in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import fsum

from flopsheet.catalog import RUNS, Catalog
from flopsheet.catalog.grains import RunKind
from flopsheet.output.number_styles import percent
from flopsheet.pipeline.frames import Values
from flopsheet.records import frozen
from flopsheet.workbook.model.styles import COLOURS, PALETTE
from flopsheet.workbook.sheets.run_metrics import CAPACITY, CLASSES, FITS

WIDTH, ROW, BAR = 360, 38, 16
MOST_BARS, MOST_LETTERS = 12, 34


@frozen
class Drawn:
    """A chart: its title, its markup, the colour of each name."""

    title: str
    markup: str
    legend: Mapping[str, str]


@frozen
class Bar:
    """A bar with its name on the left and its figure on the right above it."""

    name: str
    figure: str
    parts: Sequence[tuple[float, str]]
    """How long each is, and its colour."""
    mark: float | None = None
    """Where a mark stands."""


def _bars(bars: Sequence[Bar], most: float, title: str) -> str:
    """The bars below each other, `most` being as long as there is room."""
    height = ROW * len(bars)
    return "".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">',
            *(piece for at, bar in enumerate(bars) for piece in _bar(bar, at * ROW, most)),
            "</svg>",
        ]
    )


def _bar(bar: Bar, top: int, most: float) -> Iterator[str]:
    shown = bar.name if len(bar.name) <= MOST_LETTERS else f"{bar.name[: MOST_LETTERS - 1]}…"
    yield f'<text x="0" y="{top + 13}"><title>{escape(bar.name)}</title>{escape(shown)}</text>'
    yield f'<text x="{WIDTH}" y="{top + 13}" text-anchor="end">{escape(bar.figure)}</text>'
    at = 0.0
    for value, colour in bar.parts:
        wide = value / most * WIDTH
        yield f'<rect x="{at:.2f}" y="{top + 18}" width="{wide:.2f}" height="{BAR}" fill="#{colour}"/>'
        at += wide
    if bar.mark is not None:
        x = min(bar.mark / most * WIDTH, WIDTH - 1)
        yield f'<line class="mark" x1="{x:.2f}" x2="{x:.2f}" y1="{top + 15}" y2="{top + 18 + BAR + 2}"/>'


def _first(title: str, n_rows: int) -> str:
    """The title of a chart, which says so where it has the first rows only."""
    return f"{title}, the first {MOST_BARS} of {n_rows:,}" if n_rows > MOST_BARS else title


def memory(catalog: Catalog, values: Values, kind: RunKind) -> Drawn:
    """Memory of the fullest device of each run by class; a mark at its capacity."""
    grain = RUNS[kind][0]
    table, column = values.tables[grain], {}
    for name in (*CLASSES[kind], CAPACITY[kind]):
        column[name] = [float(value) for value in values.plain(grain, name)]
    fits = values.plain(grain, FITS[kind])
    used = [name for name in CLASSES[kind] if any(column[name])]
    colours = {name: PALETTE[CLASSES[kind].index(name)] for name in used}
    bars, most = [], 0.0
    for at, (run,) in enumerate(table.keys[:MOST_BARS]):
        needed, capacity = fsum(column[name][at] for name in used), column[CAPACITY[kind]][at]
        sign = "✔" if fits[at] == "yes" else "✘"
        parts = [(column[name][at], colours[name]) for name in used]
        bars.append(Bar(str(run), f"{sign} {needed:,.1f} of {capacity:,.1f} GiB", parts, capacity))
        most = max(most, needed, capacity)
    title = _first(f"{kind.capitalize()}: memory of the fullest device against its capacity", len(table))
    legend = {catalog.metrics[name].label: colour for name, colour in colours.items()}
    return Drawn(title, _bars(bars, most, title), legend)


def shares(catalog: Catalog, values: Values) -> Drawn:
    """Where the forward pass goes: a bar for each model at each context length."""
    table = values.tables["scenario"]
    column = {name: [float(value) for value in values.plain("scenario", name)] for name in COLOURS}
    used = [name for name in COLOURS if any(column[name])]
    bars = []
    for at, (model, length) in enumerate(table.keys[:MOST_BARS]):
        largest = max(used, key=lambda name: column[name][at])
        figure = f"{catalog.metrics[largest].label} {percent(column[largest][at], '.0%')}"
        bars.append(Bar(f"{model} at {length:,}", figure, [(column[name][at], COLOURS[name]) for name in used]))
    title = _first("Where the forward pass goes", len(table))
    return Drawn(title, _bars(bars, 1.0, title), {catalog.metrics[name].label: COLOURS[name] for name in used})
