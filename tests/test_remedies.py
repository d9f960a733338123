"""Of a run that does not fit, the single changes are told that would make it fit, as long as it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import flopsheet
from books import Book, book_for
from edits import sheet_of
from flopsheet.api import Report
from flopsheet.formula import evaluate
from flopsheet.output.html import to_page
from flopsheet.output.sentences import remedies
from flopsheet.pipeline.limits.remedies import remedy
from flopsheet.workbook.model.references import letters
from review_helpers import input_cells_of

# llama-3-8b in bf16 and its cache on a device of 80e9 bytes: 59 sequences of 8,192 tokens, by hand in test_limits.py.
CHAT = {"model": "m", "prompt_length": 8000, "generated_length": 192, "hardware": "own", "reserved_bytes": 0}
CHAT |= {"chunk_length": 1, "n_sequences": 40, "n_devices": 1, "tensor_parallel": 1}
TUNE = {"model": "m", "hardware": "h100-sxm", "n_devices": 8, "zero_stage": 3, "context_length": 4096}
SPEC: dict[str, Any] = {
    "version": 1,
    "context_lengths": [4096],
    "models": {"m": {"model": "llama-3-8b"}},
    "hardware": {"own": {"extends": "h100-sxm", "memory_bytes": 80_000_000_000}},
    "training": {"tune": TUNE},
    "serving": {"chat": CHAT},
}
HOPELESS = {
    "tune": "no micro-batch, context or number of replicas alone makes it fit: change the split, the recomputation or "
    "the hardware",
    "chat": "no batch, context or number of replicas alone makes it fit: change the split, the formats or the hardware",
}


def with_edits(edits: dict[str, Any]) -> dict[str, Any]:
    """The spec with other values of inputs of its runs, each named by its path."""
    spec = dict(SPEC)
    for path, value in edits.items():
        kind, name, key = path.split(".")
        spec[kind] = {**spec[kind], name: {**spec[kind][name], key: value}}
    return spec


def said_of(report: Report, name: str) -> str:
    """What the Summary says of a run, without its name and its end."""
    [said] = [str(one.value) for one in sheet_of("Summary", report).cells.values() if _is_about(one.value, name)]
    return said


def _is_about(value: object, name: str) -> bool:
    return isinstance(value, str) and value.startswith(f"{name}: ")


LONGER, MANY = {"training.tune.context_length": 16384}, {"serving.chat.n_sequences": 100}


def test_a_server_with_too_many_sequences_is_told_how_many_would_fit_for_how_long_and_on_what() -> None:
    # One device holds 59, so that two hold 100. Of 100 sequences each has 0.59 of the room for its cache.
    room, logits = 80e9 - 16_060_522_496, 100 * 5_284_823
    context = int((room - logits) / (100 * 131_072))
    wanted = (
        f"at most 59 sequences at once, a context of at most {context:,} tokens or at least 2 devices in replicas of 1"
    )
    assert said_of(flopsheet.compute(with_edits(MANY)), "chat").split("; ")[1] == f"would fit with {wanted}"


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (
            (2.0, 4096.0, 1024.0),
            "a micro-batch of at most 2, a context of at most 4,096 tokens or at least 1,024 devices",
        ),
        ((1.0, 4096.0, "–"), "a micro-batch of 1 or a context of at most 4,096 tokens"),
        ((1.0, "–", 16.0), "a micro-batch of 1 or at least 16 devices"),
        (("–", 1000.0, 16.0), "a context of at most 1,000 tokens or at least 16 devices"),
        ((3.0, "–", "–"), "a micro-batch of at most 3"),
        (("–", 999.0, "–"), "a context of at most 999 tokens"),
        (("–", "–", 2048.0), "at least 2,048 devices"),
    ],
)
def test_only_changes_that_have_a_value_are_told(limits: tuple[float | str, ...], says: str) -> None:
    values = dict(zip(("batch", "context", "devices"), limits, strict=True))
    assert evaluate(remedy("training"), values.__getitem__) == f"would fit with {says}"


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ((1.0, 1000.0, "–"), "1 sequence at once or a context of at most 1,000 tokens"),
        ((1200.0, "–", 1024.0), "at most 1,200 sequences at once or at least 1,024 devices in replicas of 8"),
    ],
)
def test_a_server_is_told_of_sequences_and_replicas(limits: tuple[float | str, ...], says: str) -> None:
    values = dict(zip(("batch", "context", "devices"), limits, strict=True)) | {"n_replica_devices": 8.0}
    assert evaluate(remedy("serving"), values.__getitem__) == f"would fit with {says}"


# Too much at once; each change that is told for it is the last that fits, typed into the spec.
TOO_MUCH = {
    "training": {"micro_batch_size": 16, "global_batch_size": 16 * 8 * 6, "recomputation": "full"},
    "serving": {"n_sequences": 100},
}
TYPED: dict[str, dict[str, Callable[[int], dict[str, Any]]]] = {
    "training": {
        "largest_micro_batch": lambda last: {"micro_batch_size": last, "global_batch_size": last * 8 * 6},
        "longest_context": lambda last: {"context_length": last},
    },
    "serving": {
        "largest_batch": lambda last: {"n_sequences": last},
        "longest_context": lambda last: {"prompt_length": last - 192},
        "fewest_devices": lambda last: {"n_devices": last},
    },
}


@pytest.mark.parametrize(("kind", "limit"), [(kind, limit) for kind, of_kind in TYPED.items() for limit in of_kind])
def test_a_run_with_a_change_that_is_told_fits(kind: str, limit: str) -> None:
    name = {"training": "tune", "serving": "chat"}[kind]
    lacking = flopsheet.compute({**SPEC, kind: {name: {**SPEC[kind][name], **TOO_MUCH[kind]}}})
    last = int(lacking.limits.loc[(name, limit), "limit"])
    changed = {**SPEC[kind][name], **TOO_MUCH[kind], **TYPED[kind][limit](last)}
    fits = {"training": "fits", "serving": "served_fits"}[kind]
    answers = [
        bool(report.frames[f"{kind}_run"].loc[name, fits])
        for report in (lacking, flopsheet.compute({**SPEC, kind: {name: changed}}))
    ]
    assert (f"{last:,}" in said_of(lacking, name), answers) == (True, [False, True])


def test_a_run_that_no_single_change_helps_is_told_what_to_change_instead() -> None:
    # 8 B parameters of 16 bytes are 128 GB, on no device sharded; of 70 B the weights alone are 141 GB.
    spec = with_edits({"training.tune.zero_stage": 0, "serving.chat.model": "large"})
    spec["models"] = {**spec["models"], "large": {"model": "llama-3-70b"}}
    report = flopsheet.compute(spec)
    assert {name: said_of(report, name).split("; ")[1] for name in HOPELESS} == HOPELESS


def test_what_would_help_is_said_with_what_a_device_lacks_and_no_prediction_behind_it() -> None:
    parts = said_of(flopsheet.compute(with_edits(MANY)), "chat").split("; ")
    # 16.06e9 bytes of weights, 100 caches of 8,192 tokens of 131,072 bytes and the logits; 80e9 bytes are 74.5 GiB.
    needed = (16_060_522_496 + 100 * (8192 * 131_072 + 5_284_823)) / 2**30
    assert [parts[0], *parts[2:]] == [
        f"chat: does not fit: a device needs {needed:.1f} GiB and has 74.5 usable",
        "100 of at most 59 sequences on 1 own.",
    ]


def test_where_every_run_fits_nothing_would_help() -> None:
    report = flopsheet.compute(SPEC)
    texts = [str(one.value) for one in sheet_of("Summary", report).cells.values()]
    assert ([text for text in texts if "would fit" in text], list(remedies(report))) == ([], [])


@pytest.fixture(scope="module")
def book() -> Book:
    return book_for("Summary", SPEC)


def told_cells(report: Report) -> dict[str, tuple[str, str]]:
    """The cells that tell of each run."""
    cells = sheet_of("Summary", report).cells
    return {
        name: ("Summary", f"{letters(column)}{row}")
        for name in HOPELESS
        for (row, column), cell in cells.items()
        if _is_about(cell.value, name)
    }


def test_what_would_help_comes_with_an_edit_and_goes_with_another(recalculate: Callable[..., Any], book: Book) -> None:
    homes = {".".join(map(str, one.path)): one.cell_ref for one in input_cells_of(book.report)}
    edits = [{}, LONGER | MANY, {**LONGER, "training.tune.recomputation": "full", "serving.chat.n_sequences": 59}]
    typed = [{(homes[path].sheet, homes[path].address): value for path, value in each.items()} for each in edits]
    cells = told_cells(book.report)
    got = recalculate(book.path, typed, cells.values())
    wanted = [flopsheet.compute(with_edits(each)) for each in edits]
    says = [["would fit with" in said_of(report, name) for name in cells] for report in wanted]
    assert (says, [list(each.values()) for each in got]) == (
        [[False, False], [True, True], [False, False]],
        [[said_of(report, name) for name in cells] for report in wanted],
    )


def test_limits_says_beside_the_name_of_a_run_whether_it_fits(recalculate: Callable[..., Any], book: Book) -> None:
    homes = {".".join(map(str, one.path)): one.cell_ref for one in input_cells_of(book.report)}
    [at] = [homes[path] for path in MANY]
    cells = sheet_of("Limits", book.report).cells
    [row] = [row for (row, column), cell in cells.items() if (column, cell.value) == (1, "chat")]
    got = recalculate(book.path, [{}, {(at.sheet, at.address): 100}], [("Limits", f"C{row}")])
    [told] = remedies(flopsheet.compute(with_edits(MANY)))
    assert [value for each in got for value in each.values()] == ["fits", told.partition(": ")[2]]


def test_a_page_and_a_terminal_say_what_the_summary_says() -> None:
    report = flopsheet.compute(with_edits(MANY))
    told = said_of(report, "chat")
    [line] = remedies(report)
    assert (told.removeprefix("chat: ") in to_page(report), line.removeprefix("chat: ") in told) == (True, True)
