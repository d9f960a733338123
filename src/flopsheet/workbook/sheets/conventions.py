"""The top of the Conventions sheet: the choice in force of each switch, and what each other one would change, in %."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce

from flopsheet.catalog.entries import Scalar
from flopsheet.formula import Node
from flopsheet.formula.nodes import Call, Name, Number, Operation, Text
from flopsheet.records import frozen
from flopsheet.workbook.layout.blocks import HEADER_LABELS, header_cell, name_header
from flopsheet.workbook.layout.cells import Block, CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import CHANGE, first_that_holds, live_of, local
from flopsheet.workbook.model.bars import bar
from flopsheet.workbook.model.references import LABEL, MATHS, NAME, TAIL, UNIT, letters
from flopsheet.workbook.model.sheet import Cell, Highlight, Placed
from flopsheet.workbook.model.styles import NAME_INDENT
from flopsheet.workbook.sheets.change_words import NOTHING

SHEET = "Conventions"
TOP = 4
IN_FORCE = "● in force"
FORMAT = "+0.00%;-0.00%;0%"
WORK, ACTIVE = "flops_forward", "n_params_active"


@frozen
class Choice:
    """One choice of a switch, or of two that go together; the metric has the total under it."""

    label: str
    metric: str
    under: Mapping[str, Scalar]
    counted: str
    """What is counted under it, in the line of the Summary."""


def _of(switch: str, totals: Mapping[Scalar, tuple[str, str]]) -> tuple[Choice, ...]:
    return tuple(
        Choice(choice if isinstance(choice, str) else f"{choice:.0f}", metric, {switch: choice}, counted)
        for choice, (metric, counted) in totals.items()
    )


# What is changed, and the choices of a switch.
SWITCHES: tuple[tuple[str, tuple[Choice, ...]], ...] = (
    (
        WORK,
        _of(
            "attention_pairs",
            {
                "full": ("flops_if_full", "all attention pairs"),
                "causal_half": ("flops_if_causal_half", "half of the attention pairs"),
                "causal_exact": ("flops_if_causal_exact", "attention pairs that a causal mask leaves"),
            },
        ),
    ),
    (
        WORK,
        _of(
            "sliding_window",
            {
                "honoured": ("flops_if_window_honoured", "windows honoured"),
                "ignored": ("flops_if_window_ignored", "windows ignored"),
            },
        ),
    ),
    (
        WORK,
        _of(
            "ffn_matmuls",
            {
                "architecture": ("flops_if_ffn_architecture", "every FFN matmul"),
                2.0: ("flops_if_ffn_2", "two FFN matmuls"),
            },
        ),
    ),
    (
        WORK,
        (
            Choice("left out", "flops_if_lm_head_left_out", {"lm_head": "left_out"}, "no LM head"),
            Choice(
                "counted, at all positions",
                "flops_if_lm_head_all",
                {"lm_head": "counted", "lm_head_positions": "all"},
                "LM head at every position",
            ),
            Choice(
                "counted, at the last position",
                "flops_if_lm_head_last",
                {"lm_head": "counted", "lm_head_positions": "last"},
                "LM head at the last position",
            ),
        ),
    ),
    (
        WORK,
        _of(
            "non_matmul",
            {
                "counted": ("flops_if_non_matmul_counted", "softmax, norms and activations too"),
                "left_out": ("flops_if_non_matmul_left_out", "matmuls only"),
            },
        ),
    ),
    (
        ACTIVE,
        _of(
            "active_params",
            {
                "with_embedding": ("n_params_active_with_embedding", "embeddings counted as active"),
                "without_embedding": ("n_params_active_without_embedding", "embeddings not counted as active"),
            },
        ),
    ),
)
SAYS = {WORK: "change of the forward pass", ACTIVE: "change of the active parameters"}
MULTIPLE = "backward {backward_multiple:.3}× forward"
HEADERS = 2  # rows of model and context length
BOTTOM = TOP + HEADERS + sum(1 + len(choices) for _, choices in SWITCHES)


def cells(block: Block, cell_index: CellIndex) -> Iterator[Placed]:
    """A row for each choice above the block of the scenarios, in its columns."""
    table_set, table = block.table_set, block.table_set.table(block.grain)
    columns = (*range(LABEL, block.columns[-1] + 1), *TAIL)
    yield from bar(TOP, "What each convention changes, everything else unchanged", "block", columns)
    for row, name in enumerate(block.headers, start=TOP + 1):
        yield (row, LABEL), Cell(HEADER_LABELS[name], style="header_left")
        for column in (UNIT, *TAIL):
            yield (row, column), Cell("", style="header_left")
        yield (row, NAME), name_header(name, is_first=row == TOP + 1)
        for at, column in enumerate(block.columns):
            yield (row, column), header_cell(block, cell_index, name, at)
    row = TOP + HEADERS + 1
    for of, choices in SWITCHES:
        switches = [table_set.catalog.inputs[name] for name in choices[-1].under]
        for column in columns:
            said = {LABEL: f"{switches[0].label}: {SAYS[of]}", NAME: ", ".join(one.name for one in switches)}
            yield (row, column), Cell(said.get(column, ""), style="band", indent=NAME_INDENT * (column == NAME))
        for choice in choices:
            row += 1
            yield (row, LABEL), Cell(choice.label, style="label")
            yield (row, UNIT), _mark(block, cell_index, choice)
            yield (row, NAME), Cell(choice.metric, style="name")
            yield (row, MATHS), Cell(f"{choice.metric} against {of}", style="maths")
            for at, column in enumerate(block.columns):
                live = {}
                for key, name in (("live", choice.metric), ("built", of)):
                    grain = table_set.grain(name)
                    place = at if grain == block.grain else int(table.above[grain][at])
                    live[key] = live_of(table_set, cell_index, name, place)
                yield (row, column), local(SHEET, CHANGE, live, "calc", FORMAT)
        row += 1


def highlights(block: Block) -> Iterator[Highlight]:
    """The choices in force in bold letters."""
    first = TOP + HEADERS + 1
    yield Highlight(f"A{first}:{letters(block.columns[-1])}{BOTTOM}", "chosen", f'$B{first}="{IN_FORCE}"')


def _mark(block: Block, cell_index: CellIndex, choice: Choice) -> Cell:
    """What stands beside a choice while it is in force, a blank that nobody sees otherwise."""
    table_set = block.table_set
    live = {name: live_of(table_set, cell_index, name) for name in choice.under}
    return local(SHEET, _where(choice, Text(IN_FORCE), Text(NOTHING)), live, "linked_left")


def _where(choice: Choice, then: Node, otherwise: Node) -> Node:
    """One thing where a choice is in force, else the other."""
    node = then
    for name, choice_made in choice.under.items():
        made = Number(choice_made) if isinstance(choice_made, float) else Text(choice_made)
        node = Call("where", (Operation("==", Name(name), made), node, otherwise))
    return node


def in_words(sheet: str, table_set: TableSet, cell_index: CellIndex) -> Cell:
    """What is counted under the choices in force, in one line: `Counted: all attention pairs · …`."""
    live = {entry.name: live_of(table_set, cell_index, entry.name) for entry in table_set.catalog.conventions}
    parts: list[Node] = []
    for _, choices in SWITCHES:
        *others, last = choices
        part: Node = Text(last.counted)
        for choice in others:
            part = _where(choice, Text(choice.counted), part)
        parts.append(part)
    parts.append(first_that_holds([("", MULTIPLE)]))
    joined = reduce(lambda left, right: Operation("&", Operation("&", left, Text(" · ")), right), parts)
    return local(sheet, Operation("&", Text("Counted: "), joined), live, "muted")
