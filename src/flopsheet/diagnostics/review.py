"""Wording: workbooks that come back from review."""

from __future__ import annotations

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import Finding, Problem, shown

SAVE_AS = "save it as .xlsx in a spreadsheet program"
BUILD_IT = "name the workbook that 'flopsheet build' made of it"


@diagnostic("FS811", "not-a-workbook")
def no_workbook(source: str, reason: str, remedy: str = SAVE_AS) -> Problem:
    """The file is not an .xlsx workbook.

    Why: Only that format is read.
    Fix: Save it as .xlsx in a spreadsheet program.
    Example:
        $ flopsheet check spec.yaml
    """
    return Problem(f"'{shown(source, 200)}' is not an .xlsx workbook: {reason}", remedy)


@diagnostic("FS812", "workbook-too-large")
def too_much(source: str, what: str) -> Problem:
    """A workbook is larger than any that flopsheet builds.

    Why: A small file can inflate to gigabytes, so there are limits.
    Fix: Check that it is the workbook that flopsheet built.
    Example:
        In a workbook: more than a hundred thousand sheets or other parts.
    """
    return Problem(f"'{shown(source, 200)}' is too large: {what}", "check that it is the workbook that flopsheet built")


@diagnostic("FS813", "not-built-by-flopsheet")
def not_ours(source: str, reason: str) -> Problem:
    """The workbook was not built by flopsheet.

    Why: Edits are found by comparing it with what `flopsheet build` would write.
    Fix: Build the spec again, and make the changes there.
    Example:
        $ flopsheet check another.xlsx
    """
    fact = f"'{shown(source, 200)}' is not a workbook that 'flopsheet build' wrote: {reason}"
    return Problem(fact, "build the spec again and make the changes there")


@diagnostic("FS818", "brief-report")
def brief_report(source: str) -> Problem:
    """The workbook holds results without what they were computed from.

    Why: A brief report has values alone: no formulas, and no Provenance to take the spec from.
    Fix: Make the edits in the whole workbook.
    Example:
        $ flopsheet build spec.yaml --report brief -o brief.xlsx && flopsheet pull brief.xlsx
    """
    fact = f"'{shown(source, 200)}' has no sheet Provenance, as a brief report has none: it holds values alone"
    return Problem(fact, "make the edits in the whole workbook, which 'flopsheet build' writes")


@diagnostic("FS814", "provenance-changed")
def data_changed(source: str) -> Problem:
    """The spec that is stored on Provenance was changed.

    Why: It says what the workbook was built from.
    Fix: Restore it from the original workbook.
    Example:
        In the workbook: the spec stored on Provenance is edited.
    """
    fact = f"'{shown(source, 200)}': the spec stored on Provenance was changed"
    return Problem(fact, "restore it from the original workbook")


@diagnostic("FS815", "layout-changed")
def other_layout(source: str, writer: str, address: str, wanted: str, found: str) -> Problem:
    """A label is missing from the cell where it was built.

    Why: After inserted rows, moved columns or a change of version one cell would be taken for another.
    Fix: Undo that, or make the changes in a fresh workbook.
    Example:
        In the workbook: a label in column A of Inputs is overwritten.
    """
    holds = f"contains '{shown(found)}'" if found else "is empty"
    fact = f"'{shown(source, 200)}': {address} should contain '{shown(wanted)}' but {holds}"
    if writer:
        return Problem(fact, _with_that_one(writer))
    return Problem(fact, "rows, columns or names were changed: undo that, or make the changes in a fresh workbook")


@diagnostic("FS819", "spec-of-other-version")
def spec_not_valid_here(source: str, version: str, ours: str, reason: str) -> Problem:
    """The spec that is stored on Provenance is not valid in this version of flopsheet.

    Why: Another version wrote the workbook, with keys or limits that this one does not have.
    Fix: Use that version, or build the spec again and make the changes there.
    Example:
        In a workbook of another version: its spec has a key that this version does not know.
    """
    fact = f"'{shown(source, 200)}': the spec stored on Provenance is not valid here ({reason})"
    return Problem(fact, _with_that_one(writer(version, ours)))


def writer(version: str, ours: str) -> str:
    """Which flopsheet wrote a workbook that this one did not write."""
    if version != ours:
        return f"was written by flopsheet {shown(version)}, this is {ours}"
    return f"was written by a different build of flopsheet {ours}"


def _with_that_one(writer: str) -> str:
    return f"it {writer}: use that one, or build the spec again and make the changes there"


def written_elsewhere(source: str, version: str, ours: str) -> str:
    return f"'{shown(source, 200)}' {writer(version, ours)}: formulas and positions may differ"


def in_cell(address: str, path: str, finding: Finding) -> Problem:
    return Problem(f"{address}: {finding.fact}", finding.remedy, path, None, finding.code)


@diagnostic("FS821", "input-empty")
def empty_cell(built: str) -> Wording:
    """An input cell was emptied.

    Why: An input has a value; an empty cell counts as zero in formulas.
    Fix: Write the value; the message shows the one that was built.
    Example:
        In the workbook: the cell of d_model on Inputs is emptied.
    """
    return "the cell is empty", f"it held {shown(built)}"


@diagnostic("FS822", "input-text")
def text_for_number(text: str, built: str) -> Wording:
    """An input cell holds a text where a number belongs.

    Why: Formulas would show an error, or count it as zero.
    Fix: Type a number.
    Example:
        In the workbook: d_model on Inputs is "wide".
    """
    return f"'{shown(text)}' is not a number", f"the cell held {shown(built)}"


def number_as_text(address: str, text: str, number: str = "") -> str:
    """`number` is what a text with a suffix says; nothing in the workbook understands one."""
    fact = f"{address}: '{shown(text)}' is stored as text and is read as {number or 'a number'}"
    return f"{fact}; {f'formulas cannot read it: type {number}' if number else 'sums in the workbook ignore it'}"


def choice_counts_as(address: str, text: str, choice: str) -> str:
    fact = f"{address}: '{shown(text)}' is read as {choice}, but the workbook's formulas do not recognise it"
    return f"{fact}; choose {choice} from the list of the cell"


def sheet_unread(title: str) -> str:
    return f"the sheet '{shown(title)}' was not read: edits are taken from Inputs alone"


def remark_unread(address: str, text: str) -> str:
    return f"{address}: '{shown(text)}' is a remark, not an input, and was not read"


def more_remarks_unread(title: str, count: int) -> str:
    return f"{title}: {count:,} more {'remark was' if count == 1 else 'remarks were'} not read"


def results_typed_over(address: str, count: int) -> str:
    what = f"{address} and {count - 1:,} more results are" if count > 1 else f"the result in {address} is"
    return f"{what} typed over, and results are not read: see 'flopsheet check'"


def formula_as_value(address: str, formula: str, value: str) -> str:
    return f"{address}: '={shown(formula)}' cannot be written as an expression of a spec, so its value {value} is used"


@diagnostic("FS823", "input-error")
def error_in_cell(text: str, built: str) -> Wording:
    """An input cell shows an error of the spreadsheet.

    Why: Everything that depends on it shows the error, too.
    Fix: Type a value, or a formula that has one.
    Example:
        In the workbook: d_model on Inputs is #DIV/0!.
    """
    return f"the cell shows {shown(text)}", f"it held {shown(built)}"


@diagnostic("FS824", "input-choice")
def no_choice_in_cell(text: str, choices: str) -> Wording:
    """An input cell holds something that is not one of its choices.

    Why: Formulas are defined for the listed choices only.
    Fix: Choose one from the drop-down list.
    Example:
        In the workbook: weights on Inputs is "bf61".
    """
    return f"'{shown(text)}' is not a choice", f"choices: {choices}"


@diagnostic("FS825", "what-if-length")
def no_length_in_cell(text: str) -> Wording:
    """A context length of the what-if on Context is not a whole number of 1 or more.

    Why: The what-if computes a model at that length.
    Fix: Type a whole number.
    Example:
        In the workbook: a context length on Context is "long"; then `flopsheet check`.
    """
    return f"'{shown(text)}' is not a context length", "type a whole number of 1 or more"


@diagnostic("FS826", "sensitivity-step")
def no_step_in_cell(text: str) -> Wording:
    """The step of the sensitivity on Compare is not a number above -100 %.

    Why: Inputs are varied by it.
    Fix: Type a number such as 10 %.
    Example:
        In the workbook: the step on Compare is "some"; then `flopsheet check`.
    """
    return f"'{shown(text)}' is not a step", "type a number such as 10 %"


@diagnostic("FS827", "edit-of-variant")
def variant_of_a_sweep(name: str, kind: str) -> Wording:
    """An edit changes one variant of a sweep.

    Why: The spec does not have a key for each variant.
    Fix: Change the sweep, or write the variant out as a model or run of its own.
    Example:
        In the workbook of a sweep: d_ff of one variant is edited.
    """
    fact = f"'{shown(name)}' is a variant of a sweep and has no entry of its own in the spec"
    return fact, f"change the sweep, or write the variant out as a {kind} of its own"


@diagnostic("FS828", "edit-of-derived")
def derived_cell(text: str) -> Wording:
    """An edit changes a cell that is derived from others.

    Why: The spec has no key for it.
    Fix: Change what it is derived from.
    Example:
        In the workbook: a derived cell on Inputs is overwritten.
    """
    return f"{shown(text)} was typed into a derived cell", "change what it is derived from"


@diagnostic("FS829", "edit-not-computed")
def formula_without_value(formula: str) -> Wording:
    """A formula that a reviewer typed has no stored value.

    Why: The program that saved the workbook did not compute it.
    Fix: Open it in a spreadsheet program and save it.
    Example:
        In the workbook: d_model on Inputs is =SUM(1), without a stored value.
    """
    return f"'={shown(formula)}' has no stored value", "open the workbook in a spreadsheet program and save it"


@diagnostic("FS830", "edit-without-value")
def no_value_in_cell(formula: str) -> Wording:
    """A formula that a reviewer typed has no value.

    Why: It divides by zero, or reads itself.
    Fix: Correct the formula.
    Example:
        In the workbook: d_model on Inputs is =1/0.
    """
    return f"'={shown(formula)}' has no value", "check for a division by zero or a circular reference"


@diagnostic("FS841", "other-spec")
def not_the_spec(spec: str, path: str, theirs: str, ours: str) -> Problem:
    """The spec to be edited is not the one that the workbook was built from.

    Why: The edits would overwrite other changes.
    Fix: Write the changes as a patch with -o, or build the workbook again.
    Example:
        $ flopsheet pull book.xlsx --write another.yaml
    """
    differs = f"{path} is {theirs} in the workbook, {ours} in the spec"
    fact = f"'{shown(spec, 200)}' is not the spec that the workbook was built from: {differs}"
    return Problem(fact, "write the changes as a patch with -o, or build the workbook again")


@diagnostic("FS842", "edit-not-expressible")
def would_differ(spec: str, path: str) -> Problem:
    """The spec cannot be edited to match the workbook.

    Why: Some edits have no place in the file as it is written.
    Fix: Nothing was written; apply the patch by hand.
    Example:
        In the workbook: an edit that the spec cannot express where it stands; then `flopsheet pull --write`.
    """
    fact = f"'{shown(spec, 200)}' cannot be edited to match the workbook: {path} would differ"
    return Problem(fact, "nothing was written; the patch is above; apply it by hand")


@diagnostic("FS843", "edits-incomplete")
def not_all_understood(spec: str) -> Problem:
    """Some cells of the workbook cannot be read, so the spec is not written.

    Why: A spec with half of the edits would be neither the old one nor the new one.
    Fix: Correct them in the workbook, or write the other changes as a patch.
    Example:
        In the workbook: d_model on Inputs is "wide"; then `flopsheet pull --write`.
    """
    fact = f"'{shown(spec, 200)}' was not written, because some cells cannot be read"
    return Problem(fact, "correct them in the workbook, or write the other changes as a patch with -o")


@diagnostic("FS817", "values-not-stored")
def no_stored_values(source: str, count: int, total: int) -> Problem:
    """Formula cells have no stored values.

    Why: The program that saved the workbook did not compute it.
    Fix: Open it in a spreadsheet program and save it.
    Example:
        In the workbook: the stored values of formulas are removed; then `flopsheet check`.
    """
    fact = f"'{shown(source, 200)}': {count:,} of {total:,} formula cells have no stored value"
    return Problem(fact, "open the workbook in a spreadsheet program, save it and check it again")


@diagnostic("FS816", "sheet-missing")
def sheet_missing(source: str, title: str) -> Problem:
    """A sheet of the workbook is missing.

    Why: It was removed or renamed.
    Fix: Restore its name, or make the changes in a fresh workbook.
    Example:
        In the workbook: the sheet Inputs is renamed.
    """
    fact = f"'{shown(source, 200)}' has no sheet '{shown(title)}'"
    return Problem(fact, "restore its name if it was renamed, or make the changes in a fresh workbook")


@diagnostic("FS831", "input-without-value")
def no_value_with_edits(name: str, about: str) -> Problem:
    """An input has no value with the edits.

    Why: Its expression cannot be computed.
    Fix: Correct the inputs that it depends on.
    Example:
        In the workbook: an edit makes the expression of another input divide by zero; then `flopsheet check`.
    """
    return Problem(f"{about} has no value with these inputs", "correct the inputs that it depends on", name)
