"""Layers of each stage of a pipeline: a list, or a layout as Megatron-LM writes it, as the inputs that they are."""

from __future__ import annotations

import re
from typing import Any

from flopsheet import diagnostics
from flopsheet.diagnostics import Finding
from flopsheet.spec.resolve.draft import Draft, Fault, RawInput, RawInputs, Resolved
from flopsheet.spec.schema.listed import MOST_STAGES, STAGE_LAYERS
from flopsheet.yamlio.source import spell

STAGES, CHUNKS = "pipeline_parallel", "virtual_stages"
MOST_ITEMS = 10_000  # of a layout that is written out
# What is in parentheses, or one sign, and how often.
REPEATED = re.compile(r"\(([^()]*)\)(?:\*([0-9]{1,5}))?|(.)(?:\*([0-9]{1,5}))?")
LAYERS = "tm"  # a layer of the model, one of multi-token prediction; E and L are embedding and loss


def spread(draft: Draft, said: RawInputs) -> Resolved[RawInputs]:
    """The inputs of a run with one for each stage in the place of a list or layout of them."""
    if STAGE_LAYERS not in said:
        return Resolved(said, [])
    found = {key: value for key, value in said.items() if key != STAGE_LAYERS}
    listed = said[STAGE_LAYERS]
    if isinstance(listed.value, str):
        layers, implied = _of_layout(listed.value, said)
        if isinstance(layers, Finding):
            return Resolved(found, [draft.fault(listed.path, layers)])
        paths = [listed.path] * len(layers)
    else:
        layers, implied = listed.value, {STAGES: len(listed.value)}
        paths = [(*listed.path, at) for at in range(len(layers))]
    faults: list[Fault] = []
    for at, (count, path) in enumerate(zip(layers, paths, strict=True), 1):
        key = f"{STAGE_LAYERS}_{at}"
        if key in said:
            faults.append(draft.fault(said[key].path, diagnostics.said_twice(key, spell(listed.path)), key=True))
        found[key] = RawInput(count, path)
    return Resolved({key: RawInput(value, listed.path) for key, value in implied.items()} | found, faults)


def say(run: dict[str, Any], key: str, value: object) -> bool:
    """Says the layers of one stage in the list of a valid run; whether it has one, which may take a layout's place."""
    if STAGE_LAYERS not in run or not key.startswith(f"{STAGE_LAYERS}_"):
        return False
    if isinstance(run[STAGE_LAYERS], str):
        layers, implied = _of_layout(run[STAGE_LAYERS], {name: RawInput(said, ()) for name, said in run.items()})
        run |= {**implied, STAGE_LAYERS: layers}
    listed: list[Any] = run[STAGE_LAYERS]
    at = int(key.removeprefix(f"{STAGE_LAYERS}_"))
    listed += [0] * (at - len(listed))
    listed[at - 1] = value
    return True


def _of_layout(text: str, said: RawInputs) -> tuple[list[int] | Finding, dict[str, int]]:
    """The layers of each stage, all its chunks together, and how many stages and chunks that makes; or what is wrong.

    Chunk k of a layout is on stage k modulo the stages, as Megatron-LM has it.
    """
    written = _written_out(re.sub(r"[,\s]", "", text))
    if isinstance(written, Finding):
        return written, {}
    chunks = written.split("|")
    stages, virtual = (said[key].value if key in said else None for key in (STAGES, CHUNKS))
    if any(not (count is None or (isinstance(count, int) and count > 0)) for count in (stages, virtual)):
        return diagnostics.layout_beside_expression(), {}
    virtual = virtual or (len(chunks) // stages if stages else 1)
    stages = stages or len(chunks) // virtual
    if stages * virtual != len(chunks):
        return diagnostics.layout_of_other_stages(len(chunks), stages, virtual), {}
    if stages > MOST_STAGES:
        return diagnostics.layout_too_long(stages, MOST_STAGES), {}
    layers = [sum(map(chunk.count, LAYERS)) for chunk in chunks]
    return [sum(layers[at::stages]) for at in range(stages)], {STAGES: stages, CHUNKS: virtual}


def _written_out(text: str) -> str | Finding:
    """A layout without parentheses and multiplications, or what is wrong with it."""
    for _ in range(2):  # what is in parentheses, then what was within
        parts = []
        for found in REPEATED.finditer(text):
            group, often, sign, times = found.groups()
            parts.append((group if group is not None else sign) * int(often or times or 1))
            if sum(map(len, parts)) > MOST_ITEMS:
                return diagnostics.layout_unreadable(text, "it is too long")
        text = "".join(parts)
    if strange := next((sign for sign in text if sign not in "ELtm|"), ""):
        return diagnostics.layout_unreadable(text, f"it has '{strange}'")
    order = text.replace("|", "")
    if not re.fullmatch("Et*m*L", order):
        return diagnostics.layout_unreadable(text, "its order is another than E, t …, m …, L")
    return text
