"""What the Summary says in sentences: of each run whether it fits, how long, how much; of the models what dominates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce

from flopsheet.catalog.entries import YES, Scalar
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import Node, evaluate, parse
from flopsheet.formula.nodes import Call, Name, Operation, Text, names, substitute
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.trend import OF_EVERY_FAMILY, trend
from flopsheet.workbook.layout.cells import CellIndex, TableSet
from flopsheet.workbook.layout.typed_cells import Live, first_that_holds, live_of, local, mirror
from flopsheet.workbook.model.sheet import Cell
from flopsheet.workbook.sheets.change_words import COMPUTED
from flopsheet.workbook.sheets.fits import BROKEN
from flopsheet.workbook.sheets.run_metrics import CAPACITY, COST, FITS, MARGIN_SHARE, MEMORY
from flopsheet.workbook.sheets.runs import SHEETS, run_names

SHEET = "Summary"
MOST_RUNS = 4  # of a kind
# That a run does not fit stands first, and which change would help: no figure behind it can be had. What is predicted
# of it stands in the table alone, so that the line has room.
SAYS = {"training": "{lack}{time}{room}.", "serving": "{lack}{sequences}{room}."}
LACK, REMEDY = "does not fit: a device needs {memory:.1} GiB and has {capacity:.1} usable; ", "{remedy}; "
ROOM = {
    "training": "{range}{off}{spare}",
    "serving": "; predicted (P10 to P90): {predicted_token_range} ms per token, {predicted_first_token_range} to the "
    "first token, {served_range_is}; {cost}{spare}",
}
SEQUENCES = [
    ("most == 0", "{n_sequences} sequences on {n_devices} {hardware}, no sequence fits"),
    ("", "{n_sequences} of at most {largest_batch} sequences on {n_devices} {hardware}"),
]
# Time and cost of a training run, named after what the time follows, and what to do where nobody could predict it.
TIMED = "{took} on {n_devices} {hardware} at {mfu:.0%} MFU ({time_is}), {cost}"
UNTIMED = "no prediction for {hardware}: give assumed_mfu or a measured speed"
RANGE = "; predicted (P10 to P90): {predicted}, {range_is}"
# What takes less than about an hour is told in seconds; a run without n_tokens is one step.
TOOK = [("days < 0.05", "{step}{86400 * days:.3} s"), ("", "{step}{in_days} days")]
STEP = [("n_tokens == global_batch_size * context_length", "one step takes "), ("", "")]
PREDICTED = [
    ("predicted_days_p90 < 0.05", "{86400 * predicted_days_p10:.3} to {86400 * predicted_days_p90:.3} s"),
    ("", "{predicted_days_range} days"),
]
# Where an assumed or measured speed and the prediction cannot both be right; beside the layout where that stands below.
OFF = "; {time_against_range}"
PRICED = {"training": "{run_cost} USD", "serving": "{predicted_cost_per_million_range} USD per million tokens"}
# Where a run fits but leaves less than what is not a tensor needs.
TIGHT = {
    "training": [
        ("is_tight == 1", "; fits tightly, with {margin:.0%} to spare, less than the {reserve_share:.0%} reserve"),
    ]
}
BREAKS = "a rule is broken, so that no figure of this run counts"

# How a run is laid out: what always stands there, then each that divides the run or changes its step.
LAYOUT: dict[RunKind, tuple[tuple[str, str], ...]] = {
    "training": (
        ("", "micro-batch {micro_batch_size:.0}"),
        ("tensor_parallel > 1", ", TP {tensor_parallel:.0}"),
        ("context_parallel > 1", ", CP {context_parallel:.0}"),
        ("pipeline_parallel > 1", ", PP {pipeline_parallel:.0}"),
        ("virtual_stages > 1", ", {virtual_stages:.0} stages per device"),
        ("expert_parallel > 1", ", EP {expert_parallel:.0}"),
        ("data_parallel > 1", ", DP {data_parallel:.0}"),
        ("zero_stage > 0", ", ZeRO {zero_stage:.0}"),
        ("recomputation != none", ", {recomputation} recomputation"),
        ("is_off_range == 1", "; {time_against_range}"),
    ),
    "serving": (
        ("n_replicas == 1", "1 replica"),
        ("n_replicas > 1", "{n_replicas:.0} replicas"),
        ("tensor_parallel > 1", ", TP {tensor_parallel:.0}"),
        ("pipeline_parallel > 1", ", PP {pipeline_parallel:.0}"),
        ("attention_data_parallel > 1", ", attention DP {attention_data_parallel:.0}"),
        ("expert_parallel > 1", ", EP {expert_parallel:.0}"),
    ),
}


def _laid_out(kind: RunKind) -> Node:
    """The layout of a run of a kind, in the words of its field."""
    parts = [first_that_holds([(when, say), ("", "")] if when else [("", say)]) for when, say in LAYOUT[kind]]
    return substitute(reduce(lambda left, right: Operation("&", left, right), parts), {"none": Text("none")})


def _number(name: str) -> Node:
    """A figure in words, rounded, or the word that stands in its place."""
    return substitute(COMPUTED, {"x": Name(name)})


def _of_run(kind: RunKind, *, has_layout: bool, has_remedy: bool) -> Node:
    """The sentence of a run of a kind, which may have its layout below it."""
    if_fits = Operation("==", Name("fits"), Text(YES))
    numbers = {name: _number(name) for name in ("largest_batch", "n_devices", "n_sequences", "run_cost")}
    off, priced = (substitute(first_that_holds([("", text)]), numbers) for text in (OFF, PRICED[kind]))
    cost = Name(COST[kind])
    words = {
        "sequences": substitute(first_that_holds(SEQUENCES), {**numbers, "most": Name("largest_batch")}),
        "off": Text("") if has_layout else Call("where", (parse("is_off_range == 1"), off, Text(""))),
        "cost": Call("where", (Call("given", (cost,)), priced, cost)),
        "spare": first_that_holds([*TIGHT.get(kind, ()), ("", "; fits with {margin:.0%} to spare")]),
    }
    words["took"] = substitute(first_that_holds(TOOK), {"in_days": _number("days"), "step": first_that_holds(STEP)})
    predicted = substitute(first_that_holds([("", RANGE)]), {"predicted": first_that_holds(PREDICTED)})
    timed, untimed = (substitute(first_that_holds([("", text)]), {**numbers, **words}) for text in (TIMED, UNTIMED))
    words["time"] = Call("where", (Call("given", (Name("days"),)), timed, untimed))
    words["range"] = Call("where", (Call("given", (Name("predicted_days"),)), predicted, Text("")))
    lack, room = first_that_holds([("", LACK + REMEDY * has_remedy)]), first_that_holds([("", ROOM[kind])])
    words["lack"] = Call("where", (if_fits, Text(""), lack))
    words["room"] = Call("where", (if_fits, substitute(room, words), Text("")))
    said = substitute(first_that_holds([("", SAYS[kind])]), {**numbers, **words})
    return Call("where", (Operation("==", Name("fits"), Text(BROKEN)), Text(BREAKS), said))


def _read(kind: RunKind, node: Node) -> dict[str, str]:
    """The metric of each name that the sentence of a run reads."""
    of_kind = {"fits": FITS[kind], "margin": MARGIN_SHARE[kind], "memory": MEMORY[kind], "capacity": CAPACITY[kind]}
    return {name: of_kind.get(name, name) for name in names(node) if name != "remedy"}


def of_runs(
    table_set: TableSet, cell_index: CellIndex, answers: Sequence[Live], remedies: Sequence[Live]
) -> Iterator[Cell]:
    """A sentence for each of the first runs of a kind, its layout below it, and how many more there are.

    `answers` say of each run whether it fits, or that its inputs break a rule; `remedies`, if any, which change would
    make it fit.
    """
    kind = table_set.run_kind
    laid_out, is_divided = _laid_out(kind), _is_divided(kind, table_set.built)
    read = _read(kind, node := _of_run(kind, has_layout=is_divided, has_remedy=bool(remedies)))
    named = substitute(first_that_holds([("", "{run}: {said}")]), {"said": node})
    runs = run_names(table_set, cell_index)
    for at, run in enumerate(runs[:MOST_RUNS]):
        live: dict[str, Live] = {said: live_of(table_set, cell_index, name, at) for said, name in read.items()}
        live |= {"run": run, "fits": answers[at]} | ({"remedy": remedies[at]} if remedies else {})
        yield local(SHEET, named, live, "text")
        if is_divided:
            live = {name: live_of(table_set, cell_index, name, at) for name in names(laid_out)}
            yield local(SHEET, laid_out, live, "sentence")
    if len(runs) > MOST_RUNS:
        yield Cell(f"… {len(runs) - MOST_RUNS:,} more on {SHEETS[kind]}", style="muted")


def of_run(kind: RunKind, values: Values, value_of: Callable[[str], Scalar], remedy: str) -> tuple[str, str]:
    """The same of one run, without its name, from its values; no layout where none of its kind is worth a line."""
    is_divided = _is_divided(kind, values)
    read = _read(kind, node := _of_run(kind, has_layout=is_divided, has_remedy=bool(remedy)))
    said = str(evaluate(node, lambda name: remedy if name == "remedy" else value_of(read[name])))
    return said, str(evaluate(_laid_out(kind), value_of)) if is_divided else ""


def _is_divided(kind: RunKind, values: Values) -> bool:
    """Whether some run has more than one device, and not just one server that splits every matrix over all of its."""
    n_devices = values.plain("run", "n_devices")
    whole = values.plain("run", "tensor_parallel") if kind == "serving" else [1.0] * len(n_devices)
    return any(n != 1 and n != split for n, split in zip(n_devices, whole, strict=True))


def of_models(table_set: TableSet, cell_index: CellIndex, largest: str, *, has_runs: bool) -> Iterator[Cell]:
    """Whether parameters and work count differently, what dominates, what a longer context costs the largest model.

    Below runs, which parts take how much is not told again: the table of models has it, but for other parts.
    """
    contexts = sorted({0, len(table_set.table("context")) - 1})  # the first and the last
    scenarios = [at for at, key in enumerate(table_set.table("scenario").keys) if key[0] == largest]
    differs = any(table_set.built.plain("context", "largest_ffn_left_out"))
    wanted = [("ffn_count_words", 0)] if differs else []
    of, *said = told = trend(table_set.built)
    if not has_runs or told != OF_EVERY_FAMILY:
        wanted += [(name, at) for at in contexts for name in (of, *said)]
    wanted.append(("context_words", scenarios[-1]))
    for name, at in wanted:
        live = live_of(table_set, cell_index, name, at)
        yield mirror(SHEET, live, "sentence" if name in said else "text")
