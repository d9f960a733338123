"""The cells of a sheet as the file spells them: `<row><c><f>formula</f><v>value</v></c></row>`.

openpyxl writes everything else of a workbook. It has no place for the value of a formula, and an object of its own for
each cell costs a build half its time.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from operator import itemgetter

from openpyxl.xml.constants import SHEET_MAIN_NS

from flopsheet.catalog.entries import Scalar
from flopsheet.numerics import EXACT
from flopsheet.workbook.model.references import letters
from flopsheet.workbook.model.sheet import Cell, Sheet
from flopsheet.workbook.model.styles import UNSEEN

LONGEST_TEXT = 32_767
CHUNK = 10_000  # about as many cells are encoded and compressed at a time

# What XML 1.0 cannot hold, not even escaped.
FORBIDDEN = "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ud800-\\udfff\\ufffe\\uffff"
IMPOSSIBLE = re.compile(f"[{FORBIDDEN}]")
UNUSUAL = re.compile(f"[&<>\\r{FORBIDDEN}]")  # one pass over most texts, which have neither
UNUSUAL_INSIDE = re.compile(f'[&<>\\r"\\n\\t{FORBIDDEN}]')  # the same of attributes


def sheet_data(sheet: Sheet, style_of: Callable[[Cell], int], texts: Texts) -> Iterator[bytes]:
    """The `sheetData` element, piece by piece; `style_of` gives a cell's number among the workbook's styles."""
    yield b"<sheetData>"
    attributes = row_attributes(sheet)
    in_row: dict[int, list[tuple[int, Cell]]] = defaultdict(list, {row: [] for row in attributes})
    for (row, column), cell in sheet.cells.items():
        in_row[row].append((column, cell))
    styles: dict[tuple[str, str, int], str] = {}
    numbers, shared = _Numbers(), _shared(sheet)
    pieces: list[str] = []
    add, of_column = pieces.append, itemgetter(0)
    for row in sorted(in_row):
        add(f'<row r="{row}"{attributes.get(row, "")}>')
        listed, style_before, format_before, indent_before = in_row[row], "", "", 0
        listed.sort(key=of_column)
        for column, cell in listed:
            value, formula, style, format, _, indent = cell
            if not formula and value == "" and style in UNSEEN:
                continue
            if style is not style_before or format is not format_before or indent != indent_before:  # as few are
                style_before, format_before, indent_before = style, format, indent
                said_of_row = styles.get((style, format, indent))
                if said_of_row is None:
                    said_of_row = styles[style, format, indent] = f'" s="{style_of(cell)}"'
                at_row = f"{row}{said_of_row}"
            if not formula:
                content = texts[value] if isinstance(value, str) else f"><v>{numbers[value]}</v></c>"
                add(f'<c r="{letters(column)}{at_row}{content}')
                continue
            if unusual := UNUSUAL.search(formula):
                formula = _escaped(formula, unusual)
            if shared and (alike := shared.get((row, column))):
                said = f"<f{alike}>{formula}</f>" if "ref" in alike else f"<f{alike}/>"
            else:
                said = f"<f>{formula}</f>"
            if isinstance(value, str):
                add(f'<c r="{letters(column)}{at_row} t="str">{said}<v>{escaped(value)}</v></c>')
            else:
                add(f'<c r="{letters(column)}{at_row}>{said}<v>{numbers[value]}</v></c>')
        add("</row>")
        if len(pieces) > CHUNK:
            yield "".join(pieces).encode()
            pieces.clear()
    add("</sheetData>")
    yield "".join(pieces).encode()


def _shared(sheet: Sheet) -> dict[tuple[int, int], str]:
    """What is said of formulas that are one, moved along: the first has its text, each other one its number."""
    found = {}
    for number, (first, *others) in enumerate(sorted(sheet.shared)):
        last = others[-1] if others else first
        group = f' t="shared" si="{number}"'
        found[first] = f'{group} ref="{letters(first[1])}{first[0]}:{letters(last[1])}{last[0]}"'
        found |= dict.fromkeys(others, group)
    return found


def hyperlinks(sheet: Sheet) -> bytes:
    """The `hyperlinks` element; nothing where no cell leads anywhere."""
    linked = sorted([(place, cell) for place, cell in sheet.cells.items() if cell[4]])  # links
    links = [
        f'<hyperlink ref="{letters(column)}{row}" location="{quoted(cell.link)}"'
        f' display="{quoted(shown_text(str(cell.value)))}"/>'
        for (row, column), cell in linked
    ]
    return f"<hyperlinks>{''.join(links)}</hyperlinks>".encode() if linked else b""


def row_attributes(sheet: Sheet) -> dict[int, str]:
    """What is said of a row itself: whether it is folded away, its place in the outline, its height."""
    found = {}
    for first, last, collapsed in sheet.outline_rows:
        for row in range(first, last + 1):
            found[row] = (' hidden="1"' if collapsed else "") + ' outlineLevel="1"'
    for row, height in sheet.heights.items():
        found[row] = f'{found.get(row, "")} ht="{number(height)}" customHeight="1"'
    return found


class _Numbers(dict[float, str]):
    """The spelling of numbers: side by side, cells repeat each other."""

    def __missing__(self, value: float) -> str:
        text = self[value] = number(value)
        return text


class Texts(dict[str, str]):
    """What follows the place and style of a text: its number in the table of all texts of the workbook.

    Labels, notes and formulas in words stand on several sheets; a text stays one though it begins with '='.
    """

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __missing__(self, value: str) -> str:
        text = shown_text(value)
        content = f' t="s"><v>{self.numbers.setdefault(text, len(self.numbers))}</v></c>' if text else "/>"
        self[value] = content
        return content

    def table(self) -> bytes:
        """The part of the workbook that holds them."""
        items = "".join(f"<si><t>{escaped(text)}</t></si>" for text in self.numbers)
        return f'<sst xmlns="{SHEET_MAIN_NS}" uniqueCount="{len(self.numbers)}">{items}</sst>'.encode()


def shown_text(text: str) -> str:
    """As much of a text as a cell holds; without outer blanks, as what keeps them is no part of the schema."""
    return text.strip()[:LONGEST_TEXT]


def number(value: Scalar) -> str:
    """The shortest spelling that reads back as the same double."""
    value = float(value)
    return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)


def escaped(text: str) -> str:
    """A text between tags."""
    unusual = UNUSUAL.search(text)
    return _escaped(text, unusual) if unusual else text


def _escaped(text: str, unusual: re.Match[str]) -> str:
    """The same of a text that has something unusual, from the first of that on."""
    if IMPOSSIBLE.search(text, unusual.start()):
        raise ValueError(f"{text!r} holds a character that no XML file can")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def quoted(text: str) -> str:
    """A text inside an attribute."""
    if not UNUSUAL_INSIDE.search(text):
        return text
    return escaped(text).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
