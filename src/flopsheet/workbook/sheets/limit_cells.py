"""How one limit is found, on sheet Limits, as cells: what is computed anew at each point, then the steps below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TypeAlias

from flopsheet.catalog.entries import inside_sentence
from flopsheet.formula.marked import pieces_of
from flopsheet.pipeline.limits.program import CALLED, at_point, name_and_point
from flopsheet.pipeline.limits.subjects import MAIN
from flopsheet.workbook.layout.typed_cells import mirror, unit_of
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import LABEL, NAME, UNIT, CellRef, letters
from flopsheet.workbook.model.sheet import Cell, Placed, cells_alike
from flopsheet.workbook.sheets.limit_links import SHEET, are_family
from flopsheet.workbook.sheets.limit_refs import COLUMN, Along, RefsAt
from flopsheet.workbook.sheets.limit_working import Working

STEP = "[>=1000000000000000]0.000E+00;#,##0.##"  # where nothing limits, an end lies at 1e300
Stack: TypeAlias = tuple[list[str], tuple[bool, ...]]  # rows with one formula, and what in it moves down with them


def _label(row: int, label: str, name: str) -> Iterator[Placed]:
    """What a row is, and its name."""
    yield (row, LABEL), Cell(label, style="fitted_label")
    yield (row, NAME), Cell(name, style="name")


class WorkingCells:
    """The cells of a working."""

    def __init__(self, working: Working) -> None:
        self.working = working
        self.read: dict[tuple[str, int, bool, Along, bool | None], RefsAt] = {}
        self.shared: list[tuple[CellRef, ...]] = []
        """Those with one formula, moved along."""

    def at(
        self, point: str, group: int, *, is_input: bool = False, along: Along = "nothing", down: bool | None = None
    ) -> RefsAt:
        """What formulas at a point read, for one layer group."""
        key = point, group, is_input, along, down
        if key not in self.read:
            self.read[key] = RefsAt(self.working, *key)
        return self.read[key]

    def labels(self, right: int, within: str = "") -> Iterator[Placed]:
        """What each row is, for all runs; `right` is the last column of the band above."""
        working = self.working
        title = f"{working.label}, {within}" if within else working.solved.limit.label
        yield from bar(working.top, title, "band", range(LABEL, right + 1))
        yield (working.rows[""], LABEL), Cell("Recomputed", style="header_left")
        for step in reversed(working.steps.values()):  # the first of those that share a row says what it is
            label = "Value that is tried" if step.name.startswith("x@") else step.label
            yield from _label(working.cell_ref(step.name).row, label, name_and_point(step.name)[0])
        for name in working.given:
            yield from _label(working.rows[name], "Budget", name)
        if working.solved.limit.group_input:
            yield from _label(working.rows[MAIN], "Layers that are meant", MAIN)
        for name in (*working.fixed, *working.anew):
            part = working.parts.get(name)
            entry = working.catalog.entry(part.of if part else name)
            is_whole = part is None or part.name == part.of
            label = entry.label if is_whole else f"Part of {inside_sentence(entry.label)}"
            yield from _label(working.rows[name], label, entry.name)
            if is_whole:
                yield (working.rows[name], UNIT), Cell(unit_of(entry), style="unit")

    def cells(self) -> Iterator[Placed]:
        working = self.working
        yield (working.top, working.left), Cell(working.subject.title, style="band")
        for point in working.points:
            yield (working.rows[""], working.column(point)), Cell(CALLED.get(point, "Now"), style="header")
        for name in working.given:
            yield working.cell_ref(name)[1:], Cell(working.value(name), style="as_built", format=STEP)
        for step in working.steps.values():
            formula = self.at("", 0).text(pieces_of(step.node))
            yield working.cell_ref(step.name)[1:], Cell(working.value(step.name), formula, "fitted_calc", STEP)
        if working.solved.limit.group_input:
            yield from self._main_cells()
        fixed, anew = self.stacked
        for names, goes in fixed:
            yield from self._fixed_cells(names, goes)
        for names, goes in anew:
            yield from self._varied_cells(names, goes)
        for (name, group), cell_ref in working.links.items():
            yield from _label(cell_ref.row, working.catalog.entry(name).label, name)
            yield cell_ref[1:], mirror(SHEET, working.live(name, group), format="General")

    def _fixed_cells(self, names: Sequence[str], goes: Sequence[bool]) -> Iterator[Placed]:
        """Parts that the input does not move."""
        working = self.working
        for name in names:
            pieces = working.parts[name].pieces
            for group in working.groups_of(name):
                formula = self._shared(pieces, "", goes) if len(names) > 1 else self.at("", group).text(pieces)
                made = Cell(working.value(name, group), formula, "fitted_calc", STEP)
                yield working.cell_ref(name, group)[1:], made
        if len(names) > 1:
            self.shared.append(tuple(map(working.cell_ref, names)))

    def _varied_cells(self, names: Sequence[str], goes: Sequence[bool]) -> Iterator[Placed]:
        """An input that varies, or parts that depend on it and have one formula, at every point."""
        working = self.working
        part, groups, points = working.parts.get(names[0]), working.groups_of(names[0]), working.points[1:]
        along: Along = "groups" if len(groups) > 1 else "points"
        shared: list[list[CellRef]] = []
        for name in names:
            pieces = working.parts[name].pieces if part else pieces_of(working.solved.limit.varied[name])
            is_whole = part is None or name == working.parts[name].of
            format = working.catalog.units[working.catalog.entry(name).unit].format if is_whole else STEP
            written = ""
            if along == "points":  # once, then moved along
                read = self.at(points[0], 0, is_input=part is None, along=along)
                written = read.text(pieces) if len(names) == 1 else self._shared(pieces, points[0], goes)
            for point in points:
                cell_refs = [working.cell_ref(at_point(name, point), group) for group in groups]
                formulas = (
                    [self._moved_along(written, point)]
                    if along == "points"
                    else [self.at(point, group, is_input=part is None, along=along).text(pieces) for group in groups]
                )
                made = cells_alike(working.values(name, point), formulas, "fitted_calc", format)
                yield from zip([cell_ref[1:] for cell_ref in cell_refs], made, strict=True)
                shared.append(cell_refs)
        alike = shared if along == "groups" else [[cell_ref for cell_refs in shared for cell_ref in cell_refs]]
        self.shared += map(tuple, alike)

    def _moved_along(self, formula: str, point: str) -> str:
        """A formula at a point, written for any of them."""
        for group in range(self.working.n_groups):
            formula = formula.replace(chr(COLUMN + group), letters(self.working.column(point, group)))
        return formula

    def _shared(self, pieces: Sequence[str], point: str, goes: Sequence[bool]) -> str:
        """A formula that several rows have; `goes` says of each reference whether it moves down with it."""
        read = {down: self.at(point, 0, along="points", down=down) for down in (False, True)}
        text = list(pieces)
        text[1::2] = [read[down][mark] for mark, down in zip(pieces[1::2], goes, strict=True)]
        return "".join(text)

    @cached_property
    def stacked(self) -> tuple[list[Stack], list[Stack]]:
        """The rows of what the input does not move, and of what it moves."""
        working = self.working
        return list(self._stacks(working.fixed, "")), list(self._stacks(working.anew, working.points[-1]))

    def _stacks(self, rows: Sequence[str], point: str) -> Iterator[Stack]:
        """Rows with those together that have one formula, moved down, and with what moves down in it."""
        names: list[str] = []
        goes: tuple[bool, ...] = ()
        for name in rows:
            found = self._moved_down(names[-1], name, point) if names else None
            if found is not None and (len(names) == 1 or found == goes):
                names.append(name)
                goes = found
                continue
            if names:
                yield names, goes
            names = [name]
        if names:
            yield names, goes

    def _moved_down(self, above: str, below: str, point: str) -> tuple[bool, ...] | None:
        """Of each reference of a formula, whether it is that of the row above moved down; None where they differ."""
        working = self.working
        if not are_family(above, below):
            return None
        parts = working.parts.get(above), working.parts.get(below)
        if parts[0] is None or parts[1] is None or (working.n_groups > 1 and (parts[0].is_finer or parts[1].is_finer)):
            return None
        first, second = parts[0].pieces, parts[1].pieces
        if first[::2] != second[::2]:
            return None
        read, goes = self.at(point, 0), []
        for one, other in zip(first[1::2], second[1::2], strict=True):
            is_alike = one.partition(" ")[0] == other.partition(" ")[0]
            if not (is_alike and read.is_here(one) and read.is_here(other)):
                return None
            if one == other:
                goes.append(False)
                continue
            steps = {down.row - up.row for up, down in zip(*map(read.cell_refs, (one, other)), strict=True)}
            if steps not in ({0}, {1}):
                return None
            goes.append(steps == {1})
        return tuple(goes)

    def _main_cells(self) -> Iterator[Placed]:
        """1 for the layer groups that are meant."""
        working = self.working
        limit, groups = working.solved.limit, working.n_groups
        found = working.solved.subjects.main(limit).reshape(-1, groups)[working.run]
        own = [working.cell_ref(limit.group_input, group).seen_from(SHEET) for group in range(groups)]
        among = ",".join(own)
        for group in range(groups):
            formula = f"IF({own[group]}>0,1,0)"
            if groups > 1:
                formula = f"IF({own[group]}=MAX({among}),{formula},0)"
            if group and limit.first_alone:
                formula = f"IF(MAX({','.join(own[:group])})<{own[group]},{formula},0)"
            yield working.cell_ref(MAIN, group)[1:], Cell(float(found[group]), formula, "fitted_calc", "0")
