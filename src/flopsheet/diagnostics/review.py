"""Wording: workbooks that come back from review."""

from __future__ import annotations

from flopsheet.diagnostics.problem import Finding, Problem, shown

SAVE_AS = "save it as .xlsx in a spreadsheet program"
BUILD_IT = "name the workbook that 'flopsheet build' made of it"


def no_workbook(source: str, reason: str, remedy: str = SAVE_AS) -> Problem:
    return Problem(f"'{shown(source, 200)}' is no .xlsx workbook: {reason}", remedy)


def too_much(source: str, what: str) -> Problem:
    return Problem(f"'{shown(source, 200)}' is too large: {what}", "check that it is the workbook that flopsheet built")


def not_ours(source: str, reason: str) -> Problem:
    fact = f"'{shown(source, 200)}' is no workbook that 'flopsheet build' wrote: {reason}"
    return Problem(fact, "build the spec again and make the changes there")


def data_changed(source: str) -> Problem:
    fact = f"'{shown(source, 200)}': the spec as data on Provenance was changed"
    return Problem(fact, "copy that part from the workbook as it was built")


def other_layout(source: str, version: str, ours: str, address: str, wanted: str, found: str) -> Problem:
    holds = f"holds '{shown(found)}'" if found else "is empty"
    fact = f"'{shown(source, 200)}': {address} should hold '{shown(wanted)}' and {holds}"
    if version != ours:
        remedy = f"it was made by flopsheet {shown(version)}, this is {ours}: use that version"
        return Problem(fact, f"{remedy}, or build the spec again and make the changes there")
    return Problem(fact, "rows, columns or names were changed: undo that, or make the changes in a fresh workbook")


def other_version(source: str, version: str, ours: str) -> str:
    return f"'{shown(source, 200)}' was made by flopsheet {shown(version)}, this is {ours}"


def in_cell(address: str, path: str, finding: Finding) -> Problem:
    fact, remedy = finding
    return Problem(f"{address}: {fact}", remedy, path)


def empty_cell(built: str) -> Finding:
    return "the cell is empty", f"it held {shown(built)}"


def text_for_number(text: str, built: str) -> Finding:
    return f"'{shown(text)}' is not a number", f"it held {shown(built)}"


def number_as_text(address: str, text: str) -> str:
    return f"{address}: '{shown(text)}' is a text and counts as that number; sums in the workbook leave it out"


def formula_as_value(address: str, formula: str, value: str) -> str:
    return f"{address}: '={shown(formula)}' is no expression of a spec, so its value {value} counts"


def error_in_cell(text: str, built: str) -> Finding:
    return f"the cell shows {shown(text)}", f"it held {shown(built)}"


def no_choice_in_cell(text: str, choices: str) -> Finding:
    return f"'{shown(text)}' is not a choice", f"choices: {choices}"


def no_length_in_cell(text: str) -> Finding:
    return f"'{shown(text)}' is no context length", "type a whole number of 1 or more"


def no_step_in_cell(text: str) -> Finding:
    return f"'{shown(text)}' is no step", "type a number such as 10 %"


def variant_of_a_sweep(name: str) -> Finding:
    fact = f"'{shown(name)}' is a variant of a sweep, which the spec does not say one by one"
    return fact, "change the sweep, or write the variant out as a model of its own"


def derived_cell(text: str) -> Finding:
    return f"{shown(text)} stands in a cell that is derived", "change what it is derived from"


def formula_without_value(formula: str) -> Finding:
    return f"'={shown(formula)}' has no stored value", "open the workbook in a spreadsheet program and save it"


def no_value_in_cell(formula: str) -> Finding:
    return f"'={shown(formula)}' has no value", "check for a division by zero, or a circle"


def not_the_spec(spec: str, path: str, theirs: str, ours: str) -> Problem:
    fact = f"'{shown(spec, 200)}' is not what the workbook was built from: {path} is {theirs} there, {ours} here"
    return Problem(fact, "write the changes as a patch with -o, or build the workbook again")


def would_differ(spec: str, path: str) -> Problem:
    fact = f"'{shown(spec, 200)}' cannot be edited so that it says what the workbook says: {path} would differ"
    return Problem(fact, "nothing was written; the patch stands above, take it over by hand")


def not_all_understood(spec: str) -> Problem:
    fact = f"'{shown(spec, 200)}' was not written, since some cells cannot be read"
    return Problem(fact, "correct them in the workbook, or write the other changes as a patch with -o")


def no_stored_values(source: str, count: int, total: int) -> Problem:
    fact = f"'{shown(source, 200)}': {count:,} of {total:,} formula cells have no stored value"
    return Problem(fact, "open the workbook in a spreadsheet program, save it and check it again")


def sheet_missing(source: str, title: str) -> Problem:
    fact = f"'{shown(source, 200)}' has no sheet '{shown(title)}'"
    return Problem(fact, "give it its name again where it was renamed, or make the changes in a fresh workbook")


def no_value_with_edits(name: str, about: str) -> Problem:
    return Problem(f"{about} has no value with these inputs", "correct the inputs that it follows from", name)
