"""Workbooks as reviewers send them back: with random typing in the cells of Inputs."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

from lxml import etree

from engines import MAIN
from flopsheet.api import Report
from flopsheet.review.input_cells import InputCell, list_input_cells

TEXTS = "xl/sharedStrings.xml"  # the part that holds the texts of all cells
SWOLLEN = 16 * 2**20  # bytes from which on a part is compressed
Cell = tuple[str, str]
File = Path | IO[bytes]
T = TypeVar("T", Path, IO[bytes])
Typing = dict[Cell, float | str]

# Every way in which a spec can say inputs: inherited, from the library, together under attention: and moe:, in layer
# groups of its own and of another model, as expressions, in blocks and in braces.
EVERY_WAY = """\
# A study of many ways to say things.
version: 1
title: "every way"          # in quotes
context_lengths: [1024, 4096, 16384]   # three
weights: bf16
conventions:
  attention_pairs: causal_half   # a convention
defaults: {vocab_size: 50257, ffn: swiglu, tie_embeddings: false}
models:
  # the first
  base: {n_layers: 12, d_model: 768, n_heads: 12, d_ff: 4 * d_model}  # after the braces
  child: {extends: base, tie_embeddings: true}
  grandchild:
    extends: child
    n_layers: 24   # twice as many
  block:
    n_layers: 8
    d_model: 512    # width
    n_heads: 8

    ffn: gelu
    d_ff: 2048
  shipped: {model: llama-3-70b}
  latent:
    extends: base
    attention: {kind: mla, kv_lora_rank: 512, q_lora_rank: 1536, d_qk_nope: 128, d_qk_rope: 64, d_v: 128}
  grouped: {extends: base, attention: {kind: gqa, n_kv_heads: 4}}
  many: {extends: block, attention: {kind: mha}}
  one: {extends: base, attention: {kind: mqa, window: 256}}
  experts:
    extends: base
    moe:
      n_experts: 8
      n_active_experts: 2   # top two
      d_expert: 1024
    d_ff: 0
  layered:
    d_model: 640
    n_heads: 10
    layers:
    - {name: first, n_layers: 1, ffn: gelu, d_ff: 2560}
    - name: middle   # the most
      n_layers: 10
      d_ff: 3 * d_model
      n_kv_heads: 5
    - {n_layers: 1, d_ff: 2560, d_head: 128}
  layered-child: {extends: layered, vocab_size: 1000}
  layered-grandchild: {extends: layered-child, norm: layernorm}
  deepseek: {model: deepseek-v3}
expect:
- {that: base.n_params, at_least: 1}
"""

# Training and serving runs, and hardware of the spec's own.
RUNS = """\
version: 1
context_lengths: [1024, 8192]
models:
  base: {n_layers: 12, d_model: 768, n_heads: 12, vocab_size: 50257, ffn: swiglu, d_ff: 4 * d_model}
  larger: {extends: base, n_layers: 24}
hardware:
  mine: {extends: h100-sxm, memory_bytes: 100e9}   # of our own
training:
  small: {model: base, context_length: 1024, global_batch_size: 64, n_tokens: 20e9, hardware: a100-80gb}
  large:
    model: larger
    context_length: 4096   # as trained
    global_batch_size: 4 * micro_batch_size
    micro_batch_size: 8
    hardware: mine
serving:
  chat: {model: larger, prompt_length: 512, generated_length: 128, n_sequences: 4, hardware: mine}
"""


def input_cells_of(report: Report) -> list[InputCell]:
    """Every input cell of a report's workbook."""
    return list(
        list_input_cells(report._layout, report.spec.data)
    )  # laid out once for all that ask a report where its cells are


def typings(report: Report, count: int, seed: int) -> Iterator[Typing]:
    """What somebody types into one to four input cells, over every kind of input."""
    dice = random.Random(seed)
    input_cells = [input_cell for input_cell in input_cells_of(report) if not input_cell.is_derived]
    names = sorted({input_cell.entry.name for input_cell in input_cells})
    for _ in range(count):
        typing: Typing = {}
        for _ in range(dice.randint(1, 4)):
            name = dice.choice(names)
            input_cell = dice.choice([input_cell for input_cell in input_cells if input_cell.entry.name == name])
            typing[input_cell.cell_ref.sheet, input_cell.cell_ref.address] = _random(dice, input_cell)
        yield typing


def _random(dice: random.Random, input_cell: InputCell) -> float | str:
    entry = input_cell.entry
    if input_cell.choices:
        choice = dice.choice(input_cell.choices)
        return choice if isinstance(choice, str) else float(choice)
    if entry.absent and (isinstance(input_cell.given.value, str) or dice.random() < 0.2):
        return dice.choice(["none", entry.absent, float(max(entry.least or 0, 1)), 2.5e9])
    if input_cell.given.ast is None and dice.random() < 0.3:
        return float(input_cell.given.value) * 2
    most = int(min(entry.most or 4096, 4096))
    if not entry.whole:
        return dice.choice([0.25, 0.5, 1.0]) * (1.0 if most <= 1 else 4.0 * max(1.0, float(input_cell.given.value)))
    return float(dice.choice([1, 2, 4, 8, 64, 128, dice.randint(1, most)]) if most > 8 else dice.randint(1, most))


def type_into(source: File, typing: Mapping[Cell, Any], target: Path) -> Path:
    """A copy of a workbook with numbers, texts, truth values, formulas or nothing (None) typed into cells.

    What is stored beside formulas stays as it was.
    """
    book = sheet_parts(source)
    by_part: dict[str, dict[str, Any]] = {}
    for (sheet, address), value in typing.items():
        by_part.setdefault(book[sheet], {})[address] = value

    def change(name: str, content: bytes) -> bytes:
        if name not in by_part:
            return content
        root = etree.fromstring(content)
        for address, value in by_part[name].items():
            _set(root.find(f".//{MAIN}c[@r='{address}']"), value)
        return etree.tostring(root)

    return change_parts(source, target, change)


def sheet_parts(source: File) -> dict[str, str]:
    """The part of each sheet; openpyxl numbers them in order."""
    with zipfile.ZipFile(source) as archive:
        listed = etree.fromstring(archive.read("xl/workbook.xml")).findall(f"{MAIN}sheets/{MAIN}sheet")
    return {sheet.get("name"): f"xl/worksheets/sheet{at}.xml" for at, sheet in enumerate(listed, start=1)}


def change_parts(source: File, target: T, change: Callable[[str, bytes], bytes]) -> T:
    """A copy of a workbook whose parts went through `change`."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            content = change(entry.filename, old.read(entry))
            new.writestr(entry.filename, content, zipfile.ZIP_DEFLATED if len(content) > SWOLLEN else None)
    return target


def _set(cell: Any, value: Any) -> None:
    for child in list(cell):
        cell.remove(child)
    cell.attrib.pop("t", None)
    if isinstance(value, tuple):  # a formula and the value stored with it
        etree.SubElement(cell, f"{MAIN}f").text = value[0][1:]
        etree.SubElement(cell, f"{MAIN}v").text = repr(value[1])
    elif isinstance(value, str) and value.startswith("="):
        etree.SubElement(cell, f"{MAIN}f").text = value[1:]
    elif isinstance(value, str):
        cell.set("t", "inlineStr")
        etree.SubElement(etree.SubElement(cell, f"{MAIN}is"), f"{MAIN}t").text = value
    elif isinstance(value, bool):
        cell.set("t", "b")
        etree.SubElement(cell, f"{MAIN}v").text = str(int(value))
    elif value is not None:
        etree.SubElement(cell, f"{MAIN}v").text = repr(value)
