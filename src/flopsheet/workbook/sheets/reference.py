"""The Formulas and Provenance sheets: the catalogue, and where the numbers come from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from itertools import repeat

from flopsheet.catalog import Catalog, Entry, Input
from flopsheet.catalog.build_digest import build_digest
from flopsheet.catalog.entries import Function
from flopsheet.formula import to_notation
from flopsheet.spec import Spec
from flopsheet.workbook.model import embedded
from flopsheet.workbook.model.sheet import Cell, Cells, Sheet, cells_alike

FORMULAS, PROVENANCE = "Formulas", "Provenance"
MADE_BY, BUILD_DIGEST, SPEC = "Made by", "SHA-256 of flopsheet", "Spec"
DATA, DATA_DIGEST = "Spec as data", "SHA-256 of the data"
MOST_LINES = 2_000
MOST_TEXT = 2_000
COLUMNS = (
    ("Name", 30.0),
    ("Label", 30.0),
    ("Unit", 12.0),
    ("Grain", 12.0),
    ("Formula", 60.0),
    ("Meaning", 60.0),
    ("Source", 36.0),
    ("Sheet", 16.0),
)
CALL = r"\b(\w+)\("
FIRST_LINE = 5  # the row of the first name on Formulas
FORMULA = [title for title, _ in COLUMNS].index("Formula")


def formulas(catalog: Catalog, place: Callable[[str], str]) -> tuple[Sheet, dict[str, str]]:
    """What of the catalogue this workbook has as a table, and the cell in which each name is explained.

    `place` gives the first cell of a name, an empty text for one that the workbook lacks.
    """
    cells = {
        (1, 1): Cell("Formulas", style="title"),
        (2, 1): Cell(
            "Every input and metric of this workbook as the catalogue defines it; each number comes from a line here.",
            style="subtitle",
        ),
    }
    for column, (title, _) in enumerate(COLUMNS, start=1):
        cells[FIRST_LINE - 1, column] = Cell(title, style="header_left")
    lines: list[tuple[str, ...]] = [
        (
            entry.name,
            entry.label,
            entry.unit,
            entry.grain,
            _written(entry, catalog),
            entry.doc,
            entry.source,
            section.sheet,
        )
        for section in catalog.sections
        for entry in section.entries
        if place(entry.name)
    ]
    lines += [
        (f"{name}({', '.join(shared.arguments)})", "function", "", "", to_notation(shared.ast), shared.doc, "", "")
        for name, shared in _called(lines, catalog)
    ]
    where, heights = {}, {}
    widths = {at: width for at, (_, width) in enumerate(COLUMNS, start=1)}
    letters_of = [int(width) for width in widths.values()]
    for row, texts in enumerate(lines, start=FIRST_LINE):
        cells.update(zip(zip(repeat(row), widths), cells_alike(texts, repeat(""), "wrapped"), strict=True))
        if target := place(texts[0]):
            cells[row, len(texts)] = Cell(texts[-1], style="link", link=target)
        heights[row] = 13.5 * max(1, *map(_lines, map(len, texts), letters_of))
        where[texts[0]] = f"{FORMULAS}!A{row}"
    return Sheet(FORMULAS, cells, widths, heights, freeze="B5", title_rows="4:4", is_printed=False), where


def _called(lines: Iterable[tuple[str, ...]], catalog: Catalog) -> list[tuple[str, Function]]:
    """The functions that formulas of some lines call, and those that these call."""
    text = "\n".join(line[FORMULA] for line in lines)
    found: set[str] = set()
    while called := (catalog.functions.keys() & re.findall(CALL, text)) - found:
        found |= called
        text = "\n".join(to_notation(catalog.functions[name].ast) for name in called)
    return [(name, shared) for name, shared in catalog.functions.items() if name in found]


def _written(entry: Entry, catalog: Catalog) -> str:
    """What stands in the formula column: what may be typed, the formula, or that it is a sentence."""
    if isinstance(entry, Input):
        return f"input: {', '.join(map(str, entry.choices)) or 'a number'}"
    return catalog.formula_text(entry.name)[:MOST_TEXT]


def _lines(length: int, width: int) -> int:
    """The lines that a text takes in a column that is so many letters wide."""
    return -(-length // width)


def digest(spec: Spec) -> str:
    """The hash of the spec's text."""
    return hashlib.sha256(spec.text.encode()).hexdigest()


def provenance(spec: Spec, version: str, catalog: Catalog) -> Sheet:
    """Version, spec text and hash, conventions and what they mean, how to send edits back."""
    cells: Cells = {(1, 1): Cell("Provenance", style="title")}
    data = embedded.to_lines(spec.data)
    facts = [
        (MADE_BY, f"flopsheet {version}"),
        (BUILD_DIGEST, build_digest()),
        (SPEC, spec.name),
        ("SHA-256 of the spec", digest(spec)),
        (DATA_DIGEST, embedded.digest(data)),
        (
            "Values",
            "Each result is a live formula that leads back to Inputs; cached values come from the same definitions.",
        ),
        (
            "What counts",
            "A product (m×k)·(k×n) is 2·m·k·n FLOP; GB is 1e9 bytes, GiB 2^30; an embedding look-up is no FLOP.",
        ),
        (
            "Sending edits back",
            "Change cells on Inputs, save as .xlsx and return the file to its author: orange cells are your changes, "
            "'flopsheet pull' imports them into the spec.",
        ),
    ]
    row = 3
    for label, text in facts:
        cells[row, 1] = Cell(label, style="header_left")
        cells[row, 2] = Cell(text, style="text")
        row += 1
    row += 1
    cells[row, 1] = Cell("Conventions", style="lead")
    for entry in catalog.conventions:
        row += 1
        cells[row, 1] = Cell(entry.name, style="label")
        cells[row, 2] = Cell(entry.doc, style="text")
    row += 2
    cells[row, 1] = Cell("Spec as read", style="lead")
    lines = spec.text.splitlines()
    for line in lines[:MOST_LINES]:
        row += 1
        cells[row, 1] = Cell(line.strip()[:MOST_TEXT], style="code", indent=len(line) - len(line.lstrip()))
    if len(lines) > MOST_LINES:
        row += 1
        cells[row, 1] = Cell(f"… {len(lines) - MOST_LINES:,} more lines", style="code")
    row += 2
    cells[row, 1] = Cell(DATA, style="lead")
    cells[row, 2] = Cell("the content of the spec, which 'flopsheet pull', 'diff' and 'check' read back", style="text")
    for at, line in enumerate(data, start=1):
        row += 1
        cells[row, 1] = Cell(f"{at} of {len(data)}", style="label")
        cells[row, 2] = Cell(line, style="code")
    return Sheet(PROVENANCE, cells, {1: 26.0, 2: 130.0}, is_printed=False)
