"""What tables call the metrics: how somebody who has read one names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flopsheet.catalog.entries import Input, Metric, Unit
from flopsheet.quantities import NO_NUMBER


def headings(entries: Iterable[Metric | Input], units: Mapping[str, Unit]) -> dict[str, str]:
    """The label and unit of each metric and input by name, headlines first, since they are meant most often.

    Sentences and verdicts are not looked for by their words.
    """

    def heading(entry: Metric | Input) -> str:
        is_sought = entry.unit not in NO_NUMBER or is_headline(entry)
        return f"{entry.label} {units[entry.unit].heading}" if is_sought else ""

    def is_headline(entry: Metric | Input) -> bool:
        return isinstance(entry, Metric) and entry.headline

    return {entry.name: heading(entry) for entry in sorted(entries, key=lambda entry: not is_headline(entry))}
