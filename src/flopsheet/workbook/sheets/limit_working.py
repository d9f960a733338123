"""How one limit is found, on sheet Limits: a run computed anew at some points side by side, and the steps between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal, TypeAlias

from flopsheet.catalog.entries import Scalar, inside_sentence
from flopsheet.formula.marked import pieces_of
from flopsheet.formula.operators import picked
from flopsheet.pipeline.limits.program import CALLED, NOW, Points, Step, at_point, name_and_point, opening
from flopsheet.pipeline.limits.solve import Solved
from flopsheet.pipeline.limits.subjects import MAIN
from flopsheet.workbook.layout.typed_cells import Live, mirror, unit_of
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import FIRST, LABEL, NAME, UNIT, CellRef, between, held_span, letters, span
from flopsheet.workbook.model.sheet import Cell, Placed, cells_alike
from flopsheet.workbook.sheets.limit_links import SHEET, Links, Subject, are_family, by_family

LONG = 7500  # letters of a formula; Excel reads 8,192
STEP = "[>=1000000000000000]0.000E+00;#,##0.##"  # where nothing limits, an end lies at 1e300
POINTS = (NOW, *CALLED)
Along: TypeAlias = Literal["nothing", "points", "groups"]  # what a row goes over with one formula that is moved along
Stack: TypeAlias = tuple[list[str], tuple[bool, ...]]  # rows with one formula, and what in it moves down with them
COLUMN = 0xE000  # the first of the letters that stand for the columns of a point, in a formula that is not yet there


class Working:
    """One limit of a run: its points side by side with what is computed anew at each, then the steps below.

    The runs of a kind stand side by side in the same rows, as each has the same steps: `nth` says which stands where.
    """

    def __init__(self, links: Links, solved: Solved, run: int, subject: Subject, top: int, nth: int) -> None:
        self.source, self.elsewhere, self.solved, self.run, self.top = links.source, links, solved, run, top
        self.row, self.subject, self.n_groups = subject.row, subject, solved.subjects.n_groups
        self.catalog = self.source.table_set.catalog
        found = {NOW, *(point for step in solved.program if isinstance(step, Points) for point in step.names)}
        self.points = [point for point in POINTS if point in found]
        self.steps = {step.name: step for step in solved.program if isinstance(step, Step)}
        self.given = [name for name in solved.numbers if name not in self.steps]
        self.parts = {part.name: part for part in solved.parts}
        parts_of = {moved: [part.name for part in solved.parts if part.is_moved == moved] for moved in (False, True)}
        self.fixed = by_family(parts_of[False])
        self.anew = [*solved.limit.varied, *by_family(parts_of[True])]
        self.moved = frozenset(self.anew)
        of_points = [name for name, point in map(name_and_point, self.steps) if point]
        of_run = [name for name, point in map(name_and_point, self.steps) if not point]
        first = [step.name for step in opening(solved.limit) if step.name in of_run]
        last = [name for name in of_run if name not in first]
        marked = [MAIN] if solved.limit.group_input else []
        begins = [*self.given, *first, *marked, *self.fixed]
        listed = [*begins, "", *dict.fromkeys(["x", *self.anew, *of_points]), *last]
        self.rows = {name: top + 1 + step for step, name in enumerate(listed)}
        self.left = FIRST + nth * len(self.points) * self.n_groups
        self.read: dict[tuple[str, int, bool, Along, bool | None], _At] = {}
        self.shared: list[tuple[CellRef, ...]] = []
        """Cells with one formula, moved along."""
        self.links: dict[tuple[str, int], CellRef] = {}
        self.cell_refs: dict[tuple[str, int], CellRef] = {}
        self.finer: dict[str, bool] = {}

    def is_finer(self, name: str) -> bool:
        """Whether each layer group has one of its own."""
        if name not in self.finer:
            part = self.parts.get(name)
            self.finer[name] = part.is_finer if part else self.solved.subjects.is_finer(name)
        return self.finer[name]

    def at(
        self, point: str, group: int, *, is_input: bool = False, along: Along = "nothing", down: bool | None = None
    ) -> _At:
        """What formulas at a point read, for one layer group."""
        key = point, group, is_input, along, down
        if key not in self.read:
            self.read[key] = _At(self, *key)
        return self.read[key]

    def linked(self, name: str, group: int) -> CellRef:
        """Where a value of another sheet stands here too, for formulas that would be too long with its name."""
        key = name, group if self.is_finer(name) else 0
        if key not in self.links:
            self.links[key] = CellRef(SHEET, self.bottom + 1, self.left)
        return self.links[key]

    @property
    def label(self) -> str:
        """The input, for a reader."""
        return self.source.table_set.catalog.entry(self.solved.limit.input).label

    @property
    def bottom(self) -> int:
        return max(self.rows.values()) + len(self.links)

    @property
    def right(self) -> int:
        """Its last column."""
        return self.column(self.points[-1], self.n_groups - 1)

    def column(self, point: str, group: int = 0) -> int:
        return self.left + self.points.index(point) * self.n_groups + group

    def cell_ref(self, name: str, group: int = 0) -> CellRef:
        """Where a name stands that a formula reads: a step, a metric at a point, or the run as it is."""
        found = self.cell_refs.get((name, group))
        if found is None:
            found = self.cell_refs[name, group] = self._cell_ref(name, group)
        return found

    def _cell_ref(self, name: str, group: int) -> CellRef:
        metric, point = name_and_point(name)
        if name == MAIN:
            return CellRef(SHEET, self.rows[MAIN], self.left + group)
        if name in self.solved.numbers:
            return CellRef(SHEET, self.rows[metric], self.column(point or NOW))
        if point and metric in self.moved:
            return CellRef(SHEET, self.rows[metric], self.column(point, group if self.is_finer(metric) else 0))
        if name in self.fixed:
            return CellRef(SHEET, self.rows[name], self.column(NOW, group if self.is_finer(name) else 0))
        found = self.elsewhere.cell_ref(self.subject.key, metric, group)
        return found or self.source.cell_ref(metric, self.row(metric, group))

    def value(self, name: str, group: int = 0) -> Scalar:
        """The number of a step, or of a metric at a point."""
        metric, point = name_and_point(name)
        if name in self.solved.numbers:
            return float(self.solved.numbers[name][self.run])
        own = self.solved.points[point] if point and metric in self.moved else self.solved.fixed
        if metric in own:
            return float(own[metric][self.run * self.n_groups + group if self.is_finer(metric) else self.run])
        return self.source.value(metric, self.row(metric, group))

    def values(self, name: str, point: str) -> list[float]:
        """What varies, or a part that is moved, at a point: of each layer group that has one of its own."""
        first, count = (self.run * self.n_groups, self.n_groups) if self.is_finer(name) else (self.run, 1)
        found: list[float] = self.solved.points[point][name][first : first + count].tolist()
        return found

    def live(self, name: str, group: int = 0) -> Live:
        return Live(self.cell_ref(name, group), self.value(name, group))

    def labels(self, right: int, within: str = "") -> Iterator[Placed]:
        """What each row is, for all runs; `right` is the last column of the band above."""
        title = f"{self.label}, {within}" if within else self.solved.limit.label
        yield from bar(self.top, title, "band", range(LABEL, right + 1))
        yield (self.rows[""], LABEL), Cell("Recomputed", style="header_left")
        for step in reversed(self.steps.values()):  # the first of those that share a row says what it is
            label = "Value that is tried" if step.name.startswith("x@") else step.label
            yield from self._label(self.cell_ref(step.name).row, label, name_and_point(step.name)[0])
        for name in self.given:
            yield from self._label(self.rows[name], "Budget", name)
        if self.solved.limit.group_input:
            yield from self._label(self.rows[MAIN], "Layers that are meant", MAIN)
        for name in (*self.fixed, *self.anew):
            part = self.parts.get(name)
            entry = self.catalog.entry(part.of if part else name)
            is_whole = part is None or part.name == part.of
            label = entry.label if is_whole else f"Part of {inside_sentence(entry.label)}"
            yield from self._label(self.rows[name], label, entry.name)
            if is_whole:
                yield (self.rows[name], UNIT), Cell(unit_of(entry), style="unit")

    def _label(self, row: int, label: str, name: str) -> Iterator[Placed]:
        yield (row, LABEL), Cell(label, style="fitted_label")
        yield (row, NAME), Cell(name, style="name")

    def cells(self) -> Iterator[Placed]:
        yield (self.top, self.left), Cell(self.subject.title, style="band")
        for point in self.points:
            yield (self.rows[""], self.column(point)), Cell(CALLED.get(point, "Now"), style="header")
        for name in self.given:
            yield self.cell_ref(name)[1:], Cell(self.value(name), style="as_built", format=STEP)
        for step in self.steps.values():
            formula = self.at("", 0).text(pieces_of(step.node))
            yield self.cell_ref(step.name)[1:], Cell(self.value(step.name), formula, "fitted_calc", STEP)
        if self.solved.limit.group_input:
            yield from self.main_cells()
        fixed, anew = self.stacked
        for names, goes in fixed:
            yield from self.fixed_cells(names, goes)
        for names, goes in anew:
            yield from self.cells_of(names, goes)
        for (name, group), cell_ref in self.links.items():
            yield from self._label(cell_ref.row, self.catalog.entry(name).label, name)
            yield cell_ref[1:], mirror(SHEET, self.live(name, group), format="General")

    def groups_of(self, name: str) -> range:
        """The layer groups that have one of their own, or the first of them."""
        return range(self.n_groups if self.is_finer(name) else 1)

    def fixed_cells(self, names: Sequence[str], goes: Sequence[bool]) -> Iterator[Placed]:
        """Parts that the input does not move."""
        for name in names:
            pieces = self.parts[name].pieces
            for group in self.groups_of(name):
                formula = self._shared(pieces, "", goes) if len(names) > 1 else self.at("", group).text(pieces)
                yield self.cell_ref(name, group)[1:], Cell(self.value(name, group), formula, "fitted_calc", STEP)
        if len(names) > 1:
            self.shared.append(tuple(map(self.cell_ref, names)))

    def cells_of(self, names: Sequence[str], goes: Sequence[bool]) -> Iterator[Placed]:
        """An input that varies, or parts that depend on it and have one formula, at every point."""
        part, groups, points = self.parts.get(names[0]), self.groups_of(names[0]), self.points[1:]
        along: Along = "groups" if len(groups) > 1 else "points"
        shared: list[list[CellRef]] = []
        for name in names:
            pieces = self.parts[name].pieces if part else pieces_of(self.solved.limit.varied[name])
            is_whole = part is None or name == self.parts[name].of
            format = self.catalog.units[self.catalog.entry(name).unit].format if is_whole else STEP
            written = ""
            if along == "points":  # once, then moved along
                read = self.at(points[0], 0, is_input=part is None, along=along)
                written = read.text(pieces) if len(names) == 1 else self._shared(pieces, points[0], goes)
            for point in points:
                cell_refs = [self.cell_ref(at_point(name, point), group) for group in groups]
                formulas = (
                    [self.moved_along(written, point)]
                    if along == "points"
                    else [self.at(point, group, is_input=part is None, along=along).text(pieces) for group in groups]
                )
                made = cells_alike(self.values(name, point), formulas, "fitted_calc", format)
                yield from zip([cell_ref[1:] for cell_ref in cell_refs], made, strict=True)
                shared.append(cell_refs)
        alike = shared if along == "groups" else [[cell_ref for cell_refs in shared for cell_ref in cell_refs]]
        self.shared += map(tuple, alike)

    def moved_along(self, formula: str, point: str) -> str:
        """A formula at a point, written for any of them."""
        for group in range(self.n_groups):
            formula = formula.replace(chr(COLUMN + group), letters(self.column(point, group)))
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
        return list(self.stacks(self.fixed, "")), list(self.stacks(self.anew, self.points[-1]))

    def stacks(self, rows: Sequence[str], point: str) -> Iterator[Stack]:
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
        if not are_family(above, below):
            return None
        parts = self.parts.get(above), self.parts.get(below)
        if parts[0] is None or parts[1] is None or (self.n_groups > 1 and (parts[0].is_finer or parts[1].is_finer)):
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

    def main_cells(self) -> Iterator[Placed]:
        """1 for the layer groups that are meant."""
        limit, groups = self.solved.limit, self.n_groups
        found = self.solved.subjects.main(limit).reshape(-1, groups)[self.run]
        own = [self.cell_ref(limit.group_input, group).seen_from(SHEET) for group in range(groups)]
        among = ",".join(own)
        for group in range(groups):
            formula = f"IF({own[group]}>0,1,0)"
            if groups > 1:
                formula = f"IF({own[group]}=MAX({among}),{formula},0)"
            if group and limit.first_alone:
                formula = f"IF(MAX({','.join(own[:group])})<{own[group]},{formula},0)"
            yield self.cell_ref(MAIN, group)[1:], Cell(float(found[group]), formula, "fitted_calc", "0")


class _At(dict[str, str]):
    """What stands for each mark of a formula at a point of a working, for one layer group.

    What does not depend on the input stands where the run does.
    """

    def __init__(
        self, working: Working, point: str, group: int, is_input: bool, along: Along, down: bool | None
    ) -> None:
        self.working, self.point, self.group = working, point, group
        self.is_input, self.along, self.down = is_input, along, down
        self.known: dict[str, list[CellRef]] = {}
        self.here: dict[str, bool] = {}

    def text(self, pieces: Sequence[str]) -> str:
        """A formula at this point; one that would be too long reads what it can from this sheet."""
        text, marks = list(pieces), pieces[1::2]
        text[1::2] = map(self.__getitem__, marks)
        if sum(map(len, text)) > LONG:
            text[1::2] = map(self.near, marks)
        return "".join(text)

    def near(self, mark: str) -> str:
        """What stands for a mark, on this sheet where it is a single cell."""
        kind, name, *_ = mark.split()
        is_here = self.working.cell_ref(self.named(name), self.group).sheet == SHEET if kind == "cell" else True
        return self[mark] if is_here else self.working.linked(name, self.group).address

    def __missing__(self, mark: str) -> str:
        kind, *names = mark.split()
        found: str = getattr(self, kind)(*names)
        self[mark] = found
        return found

    def is_moved(self, name: str) -> bool:
        """Whether it differs at the point; an input that varies is made from the values as they are."""
        return name == "x" or bool(self.point and not self.is_input and name in self.working.moved)

    def named(self, name: str) -> str:
        """The name at the point where it differs there."""
        return at_point(name, self.point) if self.is_moved(name) else name

    def cell(self, name: str) -> str:
        is_moved = self.is_moved(name)
        cell_ref = self.working.cell_ref(at_point(name, self.point) if is_moved else name, self.group)
        if self.along == "nothing":
            return cell_ref.seen_from(SHEET)
        return self.seen([cell_ref], goes_along=is_moved if self.along == "points" else self.goes_along(name))

    def goes_along(self, name: str) -> bool:
        """Whether its cell moves with that of the formula."""
        if self.along == "points":
            return self.is_moved(name)
        return self.along == "groups" and (name == MAIN or (name != "x" and self.working.is_finer(name)))

    def seen(self, cell_refs: Sequence[CellRef], *, goes_along: bool) -> str:
        if self.along == "nothing":
            return span(cell_refs, SHEET)
        assert cell_refs[0].sheet == SHEET, f"{cell_refs[0]} has no link: what is shared reads its own sheet alone"
        row = not (goes_along if self.down is None else self.down)
        if self.along == "groups" or not goes_along:
            return held_span(cell_refs, column=not goes_along, row=row)
        left = self.working.column(self.point)
        ends = (
            f"{chr(COLUMN + end.column - left)}{'$' if row else ''}{end.row}" for end in (cell_refs[0], cell_refs[-1])
        )
        return between(*ends)

    def cell_refs(self, mark: str) -> list[CellRef]:
        """What a mark stands for."""
        found = self.known.get(mark)
        if found is None:
            kind, *names = mark.split()
            read = names[1:] if kind == "pick" else names
            found = self.known[mark] = [self.working.cell_ref(self.named(name), self.group) for name in read]
        return found

    def is_here(self, mark: str) -> bool:
        """Whether all that a mark stands for is on this sheet."""
        if mark not in self.here:
            self.here[mark] = all(cell_ref.sheet == SHEET for cell_ref in self.cell_refs(mark))
        return self.here[mark]

    def all_groups(self, name: str) -> list[CellRef]:
        named = self.named(name)
        return [self.working.cell_ref(named, group) for group in range(self.working.n_groups)]

    def range(self, name: str) -> str:
        return self.seen(self.all_groups(name), goes_along=self.along == "points" and self.is_moved(name))

    def pick(self, pick: str, key: str, name: str) -> str:
        return picked(pick, self.range(key), self.range(name))

    def first(self, name: str) -> str:
        return self.seen(self.all_groups(name)[:1], goes_along=self.along == "points" and self.is_moved(name))
