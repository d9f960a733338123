"""What stands in a workbook and is not read: other sheets, remarks and comments beside the inputs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from flopsheet import diagnostics
from flopsheet.review.rebuild import Returned
from flopsheet.review.xlsx.cells import Book
from flopsheet.workbook.model.references import CellRef
from flopsheet.workbook.plan import TITLES, WAY_BACK
from flopsheet.workbook.sheets import inputs

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
