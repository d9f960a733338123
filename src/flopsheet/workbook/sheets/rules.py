"""The rules on the Checks sheet in words: of each that Inputs break, where it is broken and by which values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, reduce
from itertools import accumulate

from flopsheet.catalog import Input, Rule, ranges
from flopsheet.catalog.entries import FAIL, NOTICE, OK, Scalar
from flopsheet.catalog.sentences import grouped
from flopsheet.formula import Node, evaluate, to_excel
from flopsheet.formula.excel import literal
from flopsheet.formula.nodes import Call, Name, Operation, Text
from flopsheet.formula.operators import GathersNothing, indexed
from flopsheet.records import frozen
from flopsheet.workbook.layout.cells import Block
from flopsheet.workbook.layout.counting import reads
from flopsheet.workbook.layout.typed_cells import Live, local
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import FIRST, LABEL, MATHS, NAME, NOTE, TAIL, UNIT, CellRef, letters, span
from flopsheet.workbook.model.sheet import Cell, Cells, Fold
from flopsheet.workbook.model.styles import StyleName
from flopsheet.workbook.sheets.change_words import NOTHING

MOST_TOLD = 3  # sentences of what fails
NONE_FAILS = "No rule is broken."
HOLDS, SEE = "holds", "see Checks"
VERDICT, SENTENCE, WORKING, SO_FAR = UNIT, FIRST, FIRST, FIRST + 12  # columns


@frozen
class Told:
    """The cells, the sentence of the first rule that is broken, the rows of the verdicts and those that are folded."""

    cells: Cells
    first: Live
    broken: tuple[Cell, ...]
    """What the first rules that are broken say; a blank where fewer are."""
    verdicts: tuple[int, int]
    folded: tuple[Fold, ...]
    bottom: int


def told(sheet: str, blocks: Sequence[Block], top: int, links: Callable[[str], str]) -> Told:
    """A row for each rule, its working below; a sentence speaks of the first column that breaks its rule."""
    found, ranges = [*_rules(blocks)], [*_ranges(blocks)]
    cells = _heading(top)
    start = top + 2
    first = CellRef(sheet, start + len(found) + len(ranges), SENTENCE)
    row = working = first.row + 2
    cells[working - 1, LABEL] = Cell("Working of these sentences", style="band")
    for at, (block, rule) in enumerate(found, start=start):
        own, sentence = _working(sheet, block, rule, CellRef(sheet, at, VERDICT), row)
        cells |= own
        row += (len(own) - 1) // 2  # a label and a cell in each row of the working; the verdict stands above
        cells[at, LABEL] = Cell(rule.label, style="label")
        cells[at, NAME] = Cell(rule.name, style="name", link=links(rule.name))
        cells[at, MATHS] = Cell(rule.doc, style="maths")
        cells[at, NOTE] = Cell(rule.code, style="note")
        cells[at, SENTENCE] = sentence
    for at, (block, entry) in enumerate(ranges, start=start + len(found)):
        cells |= _range_row(sheet, block, entry, at, links)
    words = [CellRef(sheet, at, SENTENCE) for at in range(start, first.row)]
    verdicts = [CellRef(sheet, at, VERDICT) for at in range(start, first.row)]
    said = [
        str(cells[cell_ref.row, SENTENCE].value) for cell_ref in words if cells[cell_ref.row, VERDICT].value == FAIL
    ]
    among = span(verdicts, sheet)
    wanted = literal(FAIL)
    formula = f'IF({reads(wanted, among)},INDEX({span(words, sheet)},MATCH({wanted},{among},0)),"{SEE}")'
    cells[first.row, LABEL] = Cell("First broken rule", style="label")
    cells[first.row, first.column] = Cell(said[0] if said else SEE, formula, "text")
    live = Live(first, cells[first.row, first.column].value)
    counted = [int(cells[cell_ref.row, VERDICT].value == FAIL) for cell_ref in verdicts]
    for cell_ref, so_far in zip(verdicts, accumulate(counted), strict=True):
        above = f"{letters(SO_FAR)}{cell_ref.row - 1}+" if cell_ref.row > start else ""
        formula = f'{above}IF({cell_ref.address}="{FAIL}",1,0)'
        cells[cell_ref.row, SO_FAR] = Cell(float(so_far), formula, "calc", '0;-0;""')
    broken = tuple(_nth(at, said, words, verdicts) for at in range(MOST_TOLD))
    folded = ((start + len(found), first.row - 1, True), (working, row - 1, True))
    return Told(cells, live, broken, (start, first.row - 1), folded, row - 1)


def _nth(at: int, said: Sequence[str], words: Sequence[CellRef], verdicts: Sequence[CellRef]) -> Cell:
    """The sentence of the rule that is broken after `at` others, found by how many are up to each."""
    sheet = words[0].sheet
    so_far = [cell_ref._replace(column=SO_FAR) for cell_ref in verdicts]
    place = f"MATCH({at + 1},{span(so_far, sheet)},0)"
    otherwise = NOTHING if at else NONE_FAILS
    formula = f'IF({so_far[-1].address}<={at},"{otherwise}",INDEX({span(words, sheet)},{place}))'
    return Cell(said[at] if at < len(said) else otherwise, formula, "text")


def _rules(blocks: Sequence[Block]) -> Iterator[tuple[Block, Rule]]:
    for block in blocks:
        rules = block.table_set.catalog.rules
        for band in block.bands:
            yield from ((block, rules[name]) for name in band.names if band.kind == "metrics" and name in rules)


def _ranges(blocks: Sequence[Block]) -> Iterator[tuple[Block, Input]]:
    """The inputs of which a block checks the range."""
    for block in blocks:
        entries = {ranges.check_name(entry): entry for entry in block.table_set.catalog.inputs.values()}
        yield from ((block, entries[name]) for band in block.bands for name in band.names if name in entries)


def _range_row(sheet: str, block: Block, entry: Input, row: int, links: Callable[[str], str]) -> Cells:
    """The verdict on an input over all its columns, and what is said of the first value that is out of its range."""
    name = ranges.check_name(entry)
    values, among = block.table_set.column(name), _range(block, block.rows[name])
    at = values.index(FAIL) if FAIL in values else 0
    word = FAIL if FAIL in values else OK
    metric = block.table_set.catalog.metrics[name]
    subject = next(iter(block.headers))
    rows = {"subject": block.headers[subject], entry.name: block.rows[entry.name]}
    shown = {"subject": _value(block, subject, at), entry.name: _value(block, entry.name, at), "verdict": word}
    formulas = {key: _value_at(block, of, f'MATCH("{FAIL}",{among},0)') for key, of in rows.items()}
    message = block.table_set.catalog.out_of_range[entry.name]
    node = _unless_it_holds(message, of_study=block.grain == "study")
    formula = to_excel(node, _Inline({**formulas, "verdict": CellRef(sheet, row, VERDICT).address}))
    return {
        (row, LABEL): Cell(metric.label, style="fitted_label"),  # folded
        (row, NAME): Cell(name, style="name", link=links(name)),
        (row, VERDICT): Cell(word, _judged(FAIL, among), "verdict"),
        (row, MATHS): Cell(metric.doc, style="maths"),
        (row, SENTENCE): Cell(evaluate(node, shown.__getitem__), formula, "text"),
    }


@frozen
class _Inline(GathersNothing):
    """References that are look-ups."""

    formulas: Mapping[str, str]

    def cell(self, name: str) -> str:
        return self.formulas[name]


def _unless_it_holds(message: Node, *, of_study: bool = False) -> Node:
    """The subject, where the study has several, and the message; both where the verdict is not ok."""
    parts = (Name("subject"), Text(": "), message)
    words = message if of_study else reduce(lambda left, right: Operation("&", left, right), parts)
    return Call("where", (Operation("==", Name("verdict"), Text(OK)), Text(HOLDS), words))


def _heading(top: int) -> Cells:
    columns = (*range(LABEL, FIRST + 5), *TAIL)
    cells = dict(bar(top, "Rules between inputs", "block", columns))
    titles = (
        (LABEL, "Rule"),
        (NAME, "Name"),
        (VERDICT, "Verdict"),
        (MATHS, "What must hold"),
        (NOTE, "Code"),
        (SENTENCE, "What is wrong"),
    )
    for column, text in titles:
        cells[top + 1, column] = Cell(text, style="header_left")
    return cells


def _judged(word: str, among: str) -> str:
    """The formula of the verdict of a row: the word that a column may read, or else that it holds."""
    return f'IF({reads(literal(word), among)},"{word}","{OK}")'


def _working(sheet: str, block: Block, rule: Rule, verdict: CellRef, top: int) -> tuple[Cells, Cell]:
    """The verdict of a rule over all its columns, the values in the first that breaks it, and the sentence of these."""
    word = FAIL if rule.is_error else NOTICE
    values = block.table_set.column(rule.name)
    at = values.index(word) if word in values else 0
    among = _range(block, block.rows[rule.name])
    cells: Cells = {}
    cells[verdict.row, verdict.column] = Cell(word if word in values else OK, _judged(word, among), "verdict")
    live = {"verdict": Live(verdict, cells[verdict.row, verdict.column].value)}

    def add(label: str, value: Scalar, formula: str, style: StyleName) -> CellRef:
        cell_ref = CellRef(sheet, top + (len(cells) - 1) // 2, WORKING)
        cells[cell_ref.row, LABEL] = Cell(f"{rule.label}: {label}", style="sentence")  # runs over the empty cells
        cells[cell_ref.row, cell_ref.column] = Cell(value, formula, style, "General")
        return cell_ref

    formula = f'IF({verdict.address}="{OK}",1,MATCH("{word}",{among},0))'
    position = add("column", float(at + 1), formula, "calc").address
    subject, _ = next(iter(block.headers.items()))
    for name in (subject, *rule.message_reads):
        row = block.headers[name] if name == subject else block.rows[name]
        value = _value(block, name, at)
        cell_ref = add(name, value, _value_at(block, row, position), "linked")
        live["subject" if name == subject else name] = Live(cell_ref, value)
    for name, number in rule.numbers:
        cell = local(sheet, number, live)
        text = evaluate(GROUPED, {"x": cell.value}.__getitem__)
        live[name] = Live(add(name, text, _grouped().replace(NUMBER, cell.formula), "calc"), text)
    return cells, local(sheet, _unless_it_holds(rule.message_apart), live, "text")


GROUPED = grouped(Name("x"))
NUMBER = "\x00"  # stands for the number in the formula that spells one


@cache
def _grouped() -> str:
    """The formula of a number in groups of three digits."""
    return to_excel(GROUPED, _Inline({"x": NUMBER}))


def _range(block: Block, row: int) -> str:
    """The cells of a row of a block; COUNTIF and MATCH want a range, of one cell too."""
    return f"{letters(block.columns[0])}{row}:{letters(block.columns[-1])}{row}"


def _value_at(block: Block, row: int, position: str) -> str:
    """The formula of the value in a row of a block at a position."""
    return indexed(_range(block, row), position)


def _value(block: Block, name: str, at: int) -> Scalar:
    """The value of a name in a column of a block, as its header or a linked row shows it."""
    table = block.table_set.table(block.grain)
    if name in block.headers:
        return str(table.keys[at][table.key_names.index(name)])
    grain = block.table_set.grain(name)
    return block.table_set.value(name, at if grain == block.grain else table.above[grain][at])
