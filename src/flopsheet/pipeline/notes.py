"""What a study should be told although it breaks no rule: each rule of level note that does not hold, in words."""

from __future__ import annotations

from collections.abc import Iterator

from flopsheet.catalog import Catalog, Rule
from flopsheet.catalog.entries import NOTICE, Scalar
from flopsheet.formula import evaluate
from flopsheet.pipeline.frames import Values


def notes(values: Values, catalog: Catalog) -> Iterator[str]:
    """`run: what is unusual; what to write instead`, a line for each row of a table that breaks such a rule."""
    for rule in catalog.rules.values():
        if rule.is_error or rule.grain not in values.tables:
            continue
        for row, verdict in enumerate(values.column(rule.grain, rule.name)):
            if verdict == NOTICE:
                yield _told(rule, values, catalog, row)


def _told(rule: Rule, values: Values, catalog: Catalog, row: int) -> str:
    table = values.tables[rule.grain]

    def value(name: str) -> Scalar:
        grain = catalog.entry(name).grain
        return values.plain(grain, name)[row if grain == rule.grain else table.above[grain][row]]

    return f"{table.keys[row][0]}: {evaluate(rule.message, value)}; {evaluate(rule.hint, value)}"
