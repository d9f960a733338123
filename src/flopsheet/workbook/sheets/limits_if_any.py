"""Sheet Limits for a study that has limits: others do not wait until its dozens of formulas are parsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flopsheet.catalog import Catalog
from flopsheet.catalog.grains import RunKind
from flopsheet.spec import Spec
from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet, TableSetName
from flopsheet.workbook.layout.typed_cells import Live
from flopsheet.workbook.model.sheet import Sheet

if TYPE_CHECKING:
    from flopsheet.workbook.sheets import limits


def are_models(spec: Spec, catalog: Catalog) -> bool:
    """Whether the spec sets a budget on a model; where it has no bound at all, nobody needs to look."""
    if all(one.at_most is None and one.at_least is None for one in spec.expectations):
        return False
    from flopsheet.workbook.sheets import limits

    return limits.are_models(spec, catalog)


def listed(of_runs: Sequence[TableSet]) -> list[limits.Listed]:
    """What the sheet lists of runs, see `limits.listed`."""
    if not of_runs:
        return []
    from flopsheet.workbook.sheets import limits

    return limits.listed(of_runs)


def fitting(runs: Sequence[limits.Listed], cell_index: CellIndex) -> dict[RunKind, list[Live]]:
    """Of each run that the sheet lists which single change would make it fit, see `limits.fitting`."""
    if not runs:
        return {}
    from flopsheet.workbook.sheets import limits

    return {one.table_set.run_kind: limits.fitting(one, cell_index) for one in runs}


def sheet(
    specs: tuple[Spec, Spec],
    study: TableSet,
    runs: Sequence[limits.Listed],
    cell_index: CellIndex,
    blocks: Mapping[TableSetName, Sequence[Block]],
) -> Sheet:
    """The sheet, see `limits.sheet`."""
    from flopsheet.workbook.sheets import limits

    return limits.sheet(specs, study, runs, cell_index, blocks)
