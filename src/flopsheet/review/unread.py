"""What stands in a workbook and is not read: other sheets, remarks and comments beside the inputs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from flopsheet import diagnostics
from flopsheet.review.rebuild import Returned
from flopsheet.review.xlsx.cells import Book, Stored
from flopsheet.workbook.model.references import CellRef
from flopsheet.workbook.plan import TITLES, WAY_BACK
from flopsheet.workbook.sheets import inputs, summary

MOST_TOLD = 5


def list_unread(returned: Returned) -> list[str]:
    """A line for each sheet, remark and comment that a person may take for an edit."""
    others = [title for title in returned.book.parts if title not in TITLES]
    remarks = [*_remarks(returned), *_comments(returned.book, inputs.SHEET)]
    told = [diagnostics.remark_unread(address, text) for address, text in remarks[:MOST_TOLD]]
    more = len(remarks) - MOST_TOLD
    return [
        *map(diagnostics.sheet_unread, others),
        *told,
        *([diagnostics.more_remarks_unread(inputs.SHEET, more)] if more > 0 else []),
    ]


def find_overwritten(returned: Returned) -> list[CellRef]:
    """The results whose formula something else was typed over: those of metrics, and numbers on Summary."""
    metrics, cell_index = returned.built.catalog.metrics, returned.layout.cell_index
    results = {cell_ref for (_, name), refs in cell_index.cell_refs.items() if name in metrics for cell_ref in refs}
    found = [one for one in results if one.sheet in returned.book.parts and _is_typed(returned.stored(one))]
    # Every number that is built on Summary is a formula.
    for (row, column), stored in (
        returned.book.cells(summary.SHEET).items() if summary.SHEET in returned.book.parts else ()
    ):
        if _is_typed(stored) and isinstance(stored.value, float):
            found.append(CellRef(summary.SHEET, row, column))
    return sorted(found)


def _is_typed(stored: Stored) -> bool:
    return not stored.formula and stored.value is not None


def _remarks(returned: Returned) -> Iterator[tuple[str, str]]:
    """What stands on Inputs where nothing was built."""
    built = returned.inputs_sheet.cells
    for (row, column), stored in sorted(returned.book.cells(inputs.SHEET).items()):
        planned = built.get((row, column))
        is_free = (planned is None or (planned.value == "" and not planned.formula)) and (row, column) != WAY_BACK
        if is_free and (text := f"={stored.formula}" if stored.formula else _words(stored.value)):
            yield CellRef(inputs.SHEET, row, column).seen_from(""), text


def _words(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value).strip() if value is not None else ""


def _comments(book: Book, title: str) -> Iterator[tuple[str, str]]:
    """The comments of a sheet: each cell, and what is said there."""
    part = book.parts[title]
    folder, name = posixpath.split(part)
    if posixpath.join(folder, "_rels", f"{name}.rels").lower() not in book.package.names:
        return
    found: list[tuple[str, list[str]]] = []
    for kind, target in book.package.related(part).values():
        if kind == "comments":
            book.package.parse(target, lambda *element: _begin(found, *element), _skip, lambda text: _say(found, text))
    yield from ((f"{title}!{address}", " ".join("".join(pieces).split())) for address, pieces in found)


def _begin(found: list[tuple[str, list[str]]], element: str, attributes: Mapping[str, str]) -> None:
    if element == "comment" and len(found) <= MOST_TOLD * 1000:
        found.append((attributes.get("ref", ""), []))


def _say(found: list[tuple[str, list[str]]], text: str) -> None:
    if found and len(found[-1][1]) < 100:
        found[-1][1].append(text)


def _skip(_: str) -> None:
    pass
