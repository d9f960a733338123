"""Where one limit is found on sheet Limits: a run computed anew at points side by side, and the steps below."""

from __future__ import annotations

from flopsheet.catalog.entries import Scalar
from flopsheet.pipeline.limits.program import CALLED, NOW, Points, Step, name_and_point, opening
from flopsheet.pipeline.limits.solve import Solved
from flopsheet.pipeline.limits.subjects import MAIN
from flopsheet.workbook.layout.typed_cells import Live
from flopsheet.workbook.model.references import FIRST, CellRef
from flopsheet.workbook.sheets.limit_links import SHEET, Links, Subject, by_family

POINTS = (NOW, *CALLED)


class Working:
    """One limit of a run: its points side by side with what is computed anew at each, then the steps below.

    The runs of a kind stand side by side in the same rows, as each has the same steps: `nth` says which stands where.
    """

    def __init__(self, links: Links, solved: Solved, run: int, subject: Subject, top: int, nth: int) -> None:
        self.source, self.elsewhere, self.solved, self.run, self.top = links.source, links, solved, run, top
        self.row_of, self.subject, self.n_groups = subject.row_of, subject, solved.subjects.n_groups
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
        self.links: dict[tuple[str, int], CellRef] = {}
        self.cell_refs: dict[tuple[str, int], CellRef] = {}
        self.finer: dict[str, bool] = {}

    def is_finer(self, name: str) -> bool:
        """Whether each layer group has one of its own."""
        if name not in self.finer:
            part = self.parts.get(name)
            self.finer[name] = part.is_finer if part else self.solved.subjects.is_finer(name)
        return self.finer[name]

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
        return found or self.source.cell_ref(metric, self.row_of(metric, group))

    def value(self, name: str, group: int = 0) -> Scalar:
        """The number of a step, or of a metric at a point."""
        metric, point = name_and_point(name)
        if name in self.solved.numbers:
            return float(self.solved.numbers[name][self.run])
        own = self.solved.points[point] if point and metric in self.moved else self.solved.fixed
        if metric in own:
            return float(own[metric][self.run * self.n_groups + group if self.is_finer(metric) else self.run])
        return self.source.value(metric, self.row_of(metric, group))

    def values(self, name: str, point: str) -> list[float]:
        """What varies, or a part that is moved, at a point: of each layer group that has one of its own."""
        first, count = (self.run * self.n_groups, self.n_groups) if self.is_finer(name) else (self.run, 1)
        found: list[float] = self.solved.points[point][name][first : first + count].tolist()
        return found

    def live(self, name: str, group: int = 0) -> Live:
        return Live(self.cell_ref(name, group), self.value(name, group))

    def groups_of(self, name: str) -> range:
        """The layer groups that have one of their own, or the first of them."""
        return range(self.n_groups if self.is_finer(name) else 1)
