"""The cells of a sheet as the file spells them: `<row><c><f>formula</f><v>value</v></c></row>`.

openpyxl writes everything else of a workbook. It has no place for the value of a formula, and an object of its own for
each cell costs a build half its time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from flopsheet.workbook.layout import letters
from flopsheet.workbook.model import Cell, Scalar, Sheet

LONGEST_TEXT = 32_767
EXACT = 2**53  # whole numbers below it are written as such
CHUNK = 10_000  # about as many cells are encoded and compressed at a time

MARKUP = re.compile("[&<>\r]")
# What XML 1.0 cannot hold, not even escaped.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def sheet_data(sheet: Sheet, style_of: Callable[[Cell], int]) -> Iterator[bytes]:
    """The `sheetData` element, piece by piece; `style_of` gives a cell's number among the workbook's styles."""
    yield b"<sheetData>"
    attributes = row_attributes(sheet)
    in_row: dict[int, list[int]] = {row: [] for row in attributes}
    for row, column in sheet.cells:
        in_row.setdefault(row, []).append(column)
    styles: dict[tuple[str, str, int], str] = {}
    pieces: list[str] = []
    for row in sorted(in_row):
        pieces.append(f'<row r="{row}"{attributes.get(row, "")}>')
        for column in sorted(in_row[row]):
            cell = sheet.cells[row, column]
            look = (cell.style, cell.format, cell.indent)
            style = styles.get(look)
            if style is None:
                style = styles[look] = f' s="{style_of(cell)}"'
            pieces.append(cell_text(cell, f'r="{letters(column)}{row}"{style}'))
        pieces.append("</row>")
        if len(pieces) > CHUNK:
            yield "".join(pieces).encode("ascii", "xmlcharrefreplace")
            pieces.clear()
    pieces.append("</sheetData>")
    yield "".join(pieces).encode("ascii", "xmlcharrefreplace")


def row_attributes(sheet: Sheet) -> dict[int, str]:
    """What is said of a row itself: whether it is folded away, its place in the outline, its height."""
    found = {}
    for first, last, closed in sheet.outline_rows:
        for row in range(first, last + 1):
            found[row] = (' hidden="1"' if closed else "") + ' outlineLevel="1"'
    for row, height in sheet.heights.items():
        found[row] = f'{found.get(row, "")} ht="{number(height)}" customHeight="1"'
    return found


def cell_text(cell: Cell, attributes: str) -> str:
    """One cell: a formula with its value, a number, or a text, which stays one though it begins with '='."""
    value = cell.value
    if cell.formula:
        if isinstance(value, str):
            return f'<c {attributes} t="str"><f>{escaped(cell.formula)}</f><v>{escaped(value)}</v></c>'
        return f"<c {attributes}><f>{escaped(cell.formula)}</f><v>{number(value)}</v></c>"
    if not isinstance(value, str):
        return f'<c {attributes} t="n"><v>{number(value)}</v></c>'
    text = shown_text(value)
    if not text:
        return f'<c {attributes} t="n"></c>'
    return f'<c {attributes} t="inlineStr"><is><t>{escaped(text)}</t></is></c>'


def shown_text(text: str) -> str:
    """As much of a text as a cell holds; without outer blanks, as what keeps them is no part of the schema."""
    return text.strip()[:LONGEST_TEXT]


def number(value: Scalar) -> str:
    """The shortest spelling that reads back as the same double."""
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)


def escaped(text: str) -> str:
    """A text between tags."""
    if FORBIDDEN.search(text):
        raise ValueError(f"{text!r} holds a character that no XML file can")
    if MARKUP.search(text):
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    return text
