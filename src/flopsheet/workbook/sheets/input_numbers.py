"""Numbers on Inputs as people write them, where a condition brings a format: 15 T, 80 GB, 76.8 of what is counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flopsheet.catalog import Input
from flopsheet.workbook.model.references import FIRST, CellRef
from flopsheet.workbook.model.sheet import Cells, Highlight
from flopsheet.workbook.model.styles import Written

# How a whole number of billions and of trillions is shown, by unit: 15 T of tokens, 80 GB.
WHOLE: dict[str, tuple[tuple[float, Written], ...]] = {
    "token": ((1e12, "whole T"), (1e9, "whole B")),
    "B": ((1e12, "whole TB"), (1e9, "whole GB")),
}
Line = tuple[Input, Sequence[CellRef]]


def as_written(lines: Sequence[Line], cells: Cells) -> Iterator[Highlight]:
    """Large round numbers without their zeros, and the decimals of what should be whole and is not."""
    for unit, powers in WHOLE.items():
        large = [live for entry, live in lines if entry.unit == unit and _is_large(live, cells, powers[-1][0])]
        for power, style in powers if large else ():
            first = _first(large[0])
            # 14.8 T is a whole number of billions, and no 14,800 B.
            yield Highlight(
                _union(large), style, f"AND({first}>={power:.0f},{first}<{power * 1000:.0f},MOD({first},{power:.0f})=0)"
            )
    counted = [live for entry, live in lines if entry.whole and entry.is_number and not entry.choices]
    computed = [live for live in counted if any(cells[cell_ref[1:]].formula for cell_ref in live)]
    if computed:
        first = _first(computed[0])
        yield Highlight(_union(computed), "decimals", f"AND(ISNUMBER({first}),{first}<>INT({first}))")


def _is_large(live: Sequence[CellRef], cells: Cells, least: float) -> bool:
    """Whether an input has such numbers as it is built."""
    values = (cells[cell_ref[1:]].value for cell_ref in live)
    return any(not isinstance(value, str) and value >= least for value in values)


def _first(live: Sequence[CellRef]) -> str:
    """What a condition on a row speaks of: its first column of values, whatever stands in it."""
    return live[0]._replace(column=FIRST).address


def _union(rows: Sequence[Sequence[CellRef]]) -> str:
    """The cells of some rows, all from the first column of values on."""
    return " ".join(f"{_first(live)}:{max(live).address}" for live in rows)
