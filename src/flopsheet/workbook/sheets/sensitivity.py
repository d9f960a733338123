"""The Sensitivity sheet: what one step of each main input would do to a scenario, one input at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from flopsheet.formula import parse
from flopsheet.formula.excel import literal
from flopsheet.numerics import HALF_OF_A_RANK
from flopsheet.pipeline import what_ifs
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.what_ifs import STEPPED, UNSTEPPED
from flopsheet.records import frozen
from flopsheet.spec import Spec
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.counting import counting_larger, counting_where
from flopsheet.workbook.layout.typed_cells import CHANGE, Live, local
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import FIRST, LABEL, NAME, NOTE, CellRef, column_span, letters
from flopsheet.workbook.model.sheet import Cell, Placed
from flopsheet.workbook.model.styles import StyleName

SHEET, LENGTH = "Sensitivity", "Context length"

EFFECTS = {
    "flops_forward": "Total FLOPs",
    "weights_and_cache_bytes": "Memory",
    "flops_forward_per_token": "FLOPs per token",
}
EFFECT_FORMAT = '[>=0.0005]+#,##0.0%;[<=-0.0005]-#,##0.0%;"–"'  # no +0.0 % and no -0.0 %
SWING_FORMAT = '#,##0.0#%;-#,##0.0#%;"0"'
FINEST = 1e9  # swings are ranked to this many parts, so that rounding cannot swap equals
SWING = parse(f"floor(abs(up - down) * {FINEST:.0f} + {HALF_OF_A_RANK}) / {FINEST:.0f}")


@frozen
class Base:
    """The cells that say which scenario is stepped, and by how much."""

    model: CellRef
    context_length: CellRef
    step: CellRef
    scenario: int
    share: float


@frozen
class Effect:
    """One line: what is stepped, the effects down and up on each total, how far those on the first lie apart."""

    tag: str
    values: tuple[float, ...]
    swing: float


@frozen
class SensitivityLayout:
    """Where everything stands on the sheet."""

    table_set: TableSet
    tags: tuple[str, ...]
    base: Base

    top = 5

    @property
    def swing_column(self) -> int:
        return FIRST + 2 * len(EFFECTS)

    @property
    def rank_column(self) -> int:
        return self.swing_column + 1

    @property
    def bottom(self) -> int:
        return self.top + len(self.tags) - 1

    @property
    def tag_row(self) -> int:
        """What each variant steps; its percentage stands below, then its context length."""
        return self.bottom + 3

    @property
    def working_row(self) -> int:
        return self.tag_row + 4

    @property
    def choices(self) -> tuple[CellRef, ...]:
        """The cell that names the model of each variant."""
        return (self.base.model,) * len(self.table_set.table("model"))

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """Every line in the order of inputs."""
        found = []
        for at, tag in enumerate(self.tags):
            values = tuple(float(cell.value) for _, cell in self.effect_cells(at, None))
            pair = {"down": Live(CellRef(SHEET, 1, 1), values[0]), "up": Live(CellRef(SHEET, 1, 1), values[1])}
            found.append(Effect(tag, values, float(local(SHEET, SWING, pair).value)))
        return tuple(found)

    @cached_property
    def ranks(self) -> list[int]:
        """The place of each line, the largest swing first; of equals, the first."""
        swings = [effect.swing for effect in self.effects]
        return [
            sum(other > swing for other in swings) + swings[: at + 1].count(swing) for at, swing in enumerate(swings)
        ]

    def effect_cells(self, at: int, cell_index: CellIndex | None) -> Iterator[Placed]:
        """The effects of one line; without homes, for their values alone."""
        nowhere = CellRef(SHEET, 1, 1)
        for step, name in enumerate(EFFECTS):
            cell_refs = (
                cell_index.of(self.table_set, name)
                if cell_index
                else (nowhere,) * len(self.table_set.table("scenario"))
            )
            for side in range(2):
                which = 1 + 2 * at + side
                pair = {
                    "live": Live(cell_refs[which], self.table_set.value(name, which)),
                    "built": Live(cell_refs[0], self.table_set.value(name, 0)),
                }
                place = (self.top + at, FIRST + 2 * step + side)
                yield place, local(SHEET, CHANGE, pair, "calc", EFFECT_FORMAT)


def stepped(table_set: TableSet) -> tuple[str, ...]:
    """What is stepped: inputs that some model of the study uses."""

    def is_used(tag: str) -> bool:
        return not all(table_set.is_unused(name) for name in STEPPED[tag])

    return tuple(tag for tag in STEPPED if is_used(tag))


def lay_out(
    spec: Spec, base: Base, built: tuple[Spec, Base], table_set: TableSet, cell_index: CellIndex
) -> SensitivityLayout:
    """The variants of a scenario, and where their context lengths stand; what is folded depends on what was built."""
    tags = stepped(table_set)

    def values_of(spec: Spec, base: Base) -> Values:
        return what_ifs.one_step_each(spec, base.scenario, base.share, tags, table_set.catalog, EFFECTS)

    now = values_of(spec, base)
    then = now if built == (spec, base) else values_of(*built)
    layout = SensitivityLayout(TableSet("sensitivity", now, table_set.catalog, then), tags, base)
    cell_refs = (CellRef(SHEET, layout.tag_row + 2, FIRST + at) for at in range(len(layout.choices)))
    cell_index.put(layout.table_set.name, "context_length", cell_refs)
    return layout


def tags_of_inputs() -> dict[str, str]:
    """What each scaled input is stepped with."""
    return {name: tag for tag, inputs in STEPPED.items() for name in inputs}


def cells(layout: SensitivityLayout, cell_index: CellIndex) -> Iterator[Placed]:
    """The effects with their ranks, and the head of the working below."""
    yield from bar(layout.top - 1, "Effects in the order of inputs", "block", range(LABEL, layout.rank_column + 1))
    yield from effect_titles(layout.top - 1, FIRST, "block_right")
    yield (layout.top - 1, layout.swing_column), Cell("Swing", style="block_right")
    yield (layout.top - 1, layout.rank_column), Cell("Rank", style="block_right")
    letter = letters(layout.swing_column)
    among = column_span(layout.swing_column, layout.top, layout.bottom)
    for at, effect in enumerate(layout.effects):
        row = layout.top + at
        yield (row, LABEL), Cell(effect.tag, style="label")
        yield (row, NAME), Cell(", ".join(STEPPED[effect.tag][:2]), style="name")
        yield from layout.effect_cells(at, cell_index)
        pair = {
            "down": Live(CellRef(SHEET, row, FIRST), effect.values[0]),
            "up": Live(CellRef(SHEET, row, FIRST + 1), effect.values[1]),
        }
        yield (row, layout.swing_column), local(SHEET, SWING, pair, "calc", SWING_FORMAT)
        own = f"{letter}{row}"
        as_large = counting_where(f"={own}", own, f"${letter}${layout.top}:{own}") if at else "1"
        formula = f"{counting_larger(own, among)}+{as_large}"
        yield (row, layout.rank_column), Cell(float(layout.ranks[at]), formula, "calc", "0")
    yield from _tag_cells(layout)


def effect_titles(row: int, first: int, style: StyleName) -> Iterator[Placed]:
    for step, label in enumerate(EFFECTS.values()):
        for side, sign in enumerate("−+"):
            yield (row, first + 2 * step + side), Cell(f"{label} {sign}", style=style)


def _tag_cells(layout: SensitivityLayout) -> Iterator[Placed]:
    """What each variant steps, to how many percent, and its context length."""
    row, base = layout.tag_row, layout.base
    columns = range(LABEL, FIRST + len(layout.choices))
    yield from bar(row - 1, "Working: the scenario and its variants", "block", columns)
    for at, label in enumerate(("Stepped input", "Percent of it", LENGTH)):
        yield (row + at, LABEL), Cell(label, style="label")
    yield (row + 2, NAME), Cell("context_length", style="name")
    yield (row + 2, NOTE), Cell(LENGTH, style="note")
    for at in range(len(layout.choices)):
        letter, tag = letters(FIRST + at), layout.tags[(at - 1) // 2] if at else UNSTEPPED
        yield (row, FIRST + at), Cell(tag, style="header")
        sign = "-" if at % 2 else "+"
        percent = 100.0 if not at else 100 - 100 * base.share if at % 2 else 100 + 100 * base.share
        formula = f"100{sign}100*{base.step.seen_from(SHEET)}" if at else ""
        yield (row + 1, FIRST + at), Cell(percent, formula, "calc", "0.##")
        length = base.context_length.seen_from(SHEET)
        formula = f"{length}*IF({letter}${row}={literal(LENGTH)},{letter}${row + 1},100)/100"
        yield (row + 2, FIRST + at), Cell(layout.table_set.value("context_length", at), formula, "linked", "#,##0.##")
