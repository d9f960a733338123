"""The catalogue: what ships holds its own vocabulary, and a mistake in it is told where it stands."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import pytest

from flopsheet import catalog
from flopsheet.catalog import CycleError, coarser, sort_by_dependencies
from flopsheet.catalog.build import build_catalog
from flopsheet.catalog.load import TOPICS
from flopsheet.formula import aggregated, names, to_notation

SHIPPED = catalog.load_catalog()
ENTRIES = {**SHIPPED.inputs, **SHIPPED.metrics}

# What a word in a name says about the unit.
WORDS = {
    r"n_.*": {"count", "parameters", "token"},
    r"d_.*": {"width"},
    r"(.*_)?bytes(_.*)?": {"B", "B/parameter"},
    r"(.*_)?gb(_.*)?": {"GB"},
    r"(.*_)?gib(_.*)?": {"GiB"},
    r"(.*_)?tflop(_.*)?": {"TFLOP"},
    r"flops_(?!ratio).*": {"FLOP", "FLOP/token"},
    r"share_.*": {"share"},
    r"(?!compress_ratio).*_ratio": {"ratio"},  # as config.json has it: tokens per key
    r"(base_)?context_length": {"token"},
    r"(.*_)?words(_.*)?": {"text"},
    r"(check|note)_.*": {"verdict"},
}

# And the unit about the name.
UNITS = {
    "parameters": r"(.*_)?params(_.*)?",
    "B": r"(.*_)?bytes(_.*)?",
    "GB": r"(.*_)?gb(_.*)?",
    "GiB": r"(.*_)?gib(_.*)?",
    "FLOP": r"((.*_)?flops|estimate)_.*",
    "TFLOP": r"(.*_)?tflop(_.*)?",
    "verdict": r"(check|note)_.*",
}


def test_every_entry_has_a_label_a_doc_and_a_unit_from_the_list():
    bare = [name for name, entry in ENTRIES.items() if not entry.label or not entry.doc.endswith(".")]
    assert (bare, {entry.unit for entry in ENTRIES.values()}) == ([], SHIPPED.units.keys())


def test_every_entry_stands_in_one_section_of_its_own_grain():
    listed = [(entry.name, section.grain) for section in SHIPPED.sections for entry in section.entries]
    assert sorted(listed) == sorted((name, entry.grain) for name, entry in ENTRIES.items())


def test_names_are_lower_case_words_that_no_spreadsheet_takes_for_a_cell():
    words, cell = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*"), re.compile(r"[a-z]{1,3}[0-9]+|[rc]")
    assert [name for name in ENTRIES if not words.fullmatch(name) or cell.fullmatch(name)] == []


@pytest.mark.parametrize(("word", "units"), WORDS.items())
def test_a_word_in_a_name_tells_the_unit(word, units):
    told = {name: entry.unit for name, entry in ENTRIES.items() if not name.startswith("check_input_")}
    named = {name: unit for name, unit in told.items() if re.fullmatch(word, name)}
    assert named
    assert {name: unit for name, unit in named.items() if unit not in units} == {}


@pytest.mark.parametrize(("unit", "words"), UNITS.items())
def test_a_unit_is_told_by_a_word_in_the_name(unit, words):
    measured = [name for name, entry in ENTRIES.items() if entry.unit == unit]
    assert measured
    assert [name for name in measured if not re.fullmatch(words, name)] == []


def test_flop_is_an_amount_and_never_written_as_a_rate():
    told = {name: f"{entry.label} {entry.doc}" for name, entry in ENTRIES.items()}
    assert {name: text for name, text in told.items() if "FLOPS" in text or "FLOPs/s" in text} == {}


def test_a_metric_follows_in_order_what_it_reads():
    place = {name: at for at, name in enumerate(SHIPPED.order)}
    reads = {name: (*names(metric.ast), *aggregated(metric.ast)) for name, metric in SHIPPED.metrics.items()}
    late = [(name, read) for name in reads for read in reads[name] if read in place and place[read] >= place[name]]
    assert (late, place.keys()) == ([], SHIPPED.metrics.keys())


def test_a_catalogue_to_which_a_spec_adds_nothing_is_the_one_that_its_texts_say():
    folder = Path(catalog.__file__).parent / "data"
    said = build_catalog(
        {topic: (folder / f"{topic}.yaml").read_text(encoding="utf-8") for topic in ("units", *TOPICS)}
    )
    extended = dataclasses.replace(catalog.extend([], []), base=None)
    assert extended == said
    assert (list(extended.metrics), list(extended.inputs)) == (list(said.metrics), list(said.inputs))


def test_the_formulas_of_the_catalogue_have_not_changed_unnoticed(golden):
    """`pytest --update-golden` writes the file anew; its difference belongs into the review."""
    lines = [
        f"{metric.name} | {metric.grain} | {metric.unit} | {to_notation(metric.ast, SHIPPED.symbol)}\n"
        for metric in SHIPPED.metrics.values()
    ]
    golden("formulas.txt", "".join(lines))


# Order and grains ----------------------------------------------------------------------------------------------------


def test_a_chain_of_thousands_does_not_exhaust_the_stack():
    count = 5 * sys.getrecursionlimit()
    chain = {f"n_{at}": [f"n_{at + 1}"] for at in range(count)}
    assert sort_by_dependencies(chain) == tuple(f"n_{at}" for at in reversed(range(count)))


def test_a_cycle_of_thousands_is_found():
    circle = {str(at): [str((at + 1) % 5000)] for at in range(5000)}
    with pytest.raises(CycleError) as caught:
        sort_by_dependencies(circle)
    assert caught.value.chain == (*map(str, range(5000)), "0")


def test_names_that_do_not_read_each_other_keep_their_order():
    assert sort_by_dependencies({"b": [], "a": ["given"], "d": ["c"], "c": ["b"]}) == ("b", "a", "c", "d")


def test_a_layer_of_a_scenario_reads_its_group_its_scenario_and_all_above():
    assert set(coarser("layer_run")) == {"layer_group", "scenario", "model", "context", "study"}
