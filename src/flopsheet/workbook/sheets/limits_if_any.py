"""Sheet Limits for a study that has limits: others do not wait until its dozens of formulas are parsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopsheet.catalog import Catalog
from flopsheet.spec import Spec
from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet, TableSetName
from flopsheet.workbook.model.sheet import Sheet


def are_models(spec: Spec, catalog: Catalog) -> bool:
    """Whether the spec sets a budget on a model; where it has no bound at all, nobody needs to look."""
    if all(one.at_most is None and one.at_least is None for one in spec.expectations):
        return False
    from flopsheet.workbook.sheets import limits

    return limits.are_models(spec, catalog)


def sheet(
    specs: tuple[Spec, Spec],
    study: TableSet,
    of_kinds: Sequence[TableSet],
    cell_index: CellIndex,
    blocks: Mapping[TableSetName, Sequence[Block]],
) -> Sheet:
    """The sheet, see `limits.sheet`."""
    from flopsheet.workbook.sheets import limits

    return limits.sheet(specs, study, of_kinds, cell_index, blocks)
