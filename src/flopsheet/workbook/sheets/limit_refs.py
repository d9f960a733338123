"""What the formulas of a limit's working refer to, in one cell or in all that share a formula."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from flopsheet.formula.operators import picked
from flopsheet.pipeline.limits.program import at_point
from flopsheet.pipeline.limits.subjects import MAIN
from flopsheet.workbook.model.references import CellRef, between, held_span, span
from flopsheet.workbook.sheets.limit_links import SHEET
from flopsheet.workbook.sheets.limit_working import Working

LONG = 7500  # letters of a formula; Excel reads 8,192
Along: TypeAlias = Literal["nothing", "points", "groups"]  # what a row goes over with one formula that is moved along
COLUMN = 0xE000  # the first of the letters that stand for the columns of a point, in a formula that is not yet there


class RefsAt(dict[str, str]):
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
