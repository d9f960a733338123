"""Wording: files that cannot be read or written, studies that do not fit."""

from __future__ import annotations

import errno

from flopsheet.diagnostics.codes import diagnostic
from flopsheet.diagnostics.problem import Problem, shown


@diagnostic("FS001", "file-not-readable")
def cannot_read(source: str, reason: str) -> Problem:
    """A file cannot be read.

    Why: The path is wrong, or this user may not read the file.
    Fix: Check the path and its permissions.
    Example:
        $ flopsheet validate absent.yaml
    """
    return Problem(f"cannot read '{source}': {reason}", "check the path")


NEW_NAME = "choose another file with -o"
# What to do about a file that cannot be written, by the system's number for the reason.
REMEDIES = {
    errno.ENOENT: f"make the folder first, or {NEW_NAME}",
    errno.ENOTDIR: NEW_NAME,
    errno.EISDIR: "name a file in it with -o",
    errno.EEXIST: f"move it away, or {NEW_NAME}",
    errno.ENODEV: NEW_NAME,
    errno.ENOSPC: f"make room, or {NEW_NAME}",
    errno.EFBIG: f"make room, or {NEW_NAME}",
    errno.EDQUOT: f"make room, or {NEW_NAME}",
    errno.ENAMETOOLONG: "choose a shorter name with -o",
}


@diagnostic("FS002", "file-not-writable")
def cannot_write(target: str, reason: str, number: int | None) -> Problem:
    """A file cannot be written.

    Why: The folder is missing, the disk is full, or another program holds the file; the old file stays as it was.
    Fix: Do what the message says, or choose another file with -o.
    Example:
        $ flopsheet build spec.yaml -o absent/out.xlsx
    """
    remedy = REMEDIES.get(number or 0, f"close it in other programs, or {NEW_NAME}")
    return Problem(f"cannot write '{target}': {reason}", remedy)


@diagnostic("FS003", "workbook-name")
def no_workbook_name(target: str) -> Problem:
    """The target of a workbook does not end in .xlsx.

    Why: A spreadsheet program would not open it, and a name such as spec.yaml may be another file by mistake.
    Fix: End the name in .xlsx.
    Example:
        $ flopsheet build spec.yaml -o out.yaml
    """
    if target == "-":
        return Problem("a workbook cannot be written to stdout", "name a file with -o, such as -o review.xlsx")
    stem = target.rpartition(".")[0] if "." in target.rpartition("/")[2].lstrip(".") else target
    return Problem(f"'{shown(target)}' does not end in .xlsx", f"write -o {shown(stem)}.xlsx")


@diagnostic("FS004", "target-is-read")
def target_is_read(target: str) -> Problem:
    """The target is a file that the command reads.

    Why: What it reads would be lost.
    Fix: Choose another file with -o.
    Example:
        $ flopsheet show spec.yaml --format csv -o spec.yaml
    """
    return Problem(f"'{shown(target)}' is a file that this command reads", "choose another file with -o")


@diagnostic("FS005", "target-is-no-patch")
def not_a_patch(target: str) -> Problem:
    """The target of a patch exists and is not a patch.

    Why: Only a patch that `flopsheet pull` wrote is replaced without asking.
    Fix: Choose another file with -o.
    Example:
        $ flopsheet pull book.xlsx -o spec.yaml
    """
    return Problem(
        f"'{shown(target)}' already exists and is not a patch of 'flopsheet pull'", "choose another file with -o"
    )


@diagnostic("FS006", "stdin-in-place")
def not_in_place() -> Problem:
    """The spec to be edited in place is stdin.

    Why: There is no file that could be written.
    Fix: Name the file after --write, or write a patch with -o.
    Example:
        $ flopsheet pull book.xlsx --write -
    """
    return Problem("stdin cannot be edited in place", "name the spec's file after --write, or write a patch with -o")


@diagnostic("FS007", "target-exists")
def already_there(target: str) -> Problem:
    """The target already exists.

    Why: An import never replaces a spec that somebody may have edited.
    Fix: Choose another file with -o, or add --force.
    Example:
        $ flopsheet import config.json -o spec.yaml
    """
    return Problem(f"'{target}' already exists", "choose another file with -o, or add --force")


@diagnostic("FS801", "study-too-large")
def too_many_to_hold(count: int, most: int) -> Problem:
    """The study has more rows than are held at once.

    Why: A workbook and DataFrames hold all numbers in memory.
    Fix: Split the study, or sweep it and stream it as CSV.
    Example:
        In a spec: a million layer groups at context lengths, without a sweep.
    """
    fact = f"{count:,} combinations of layer group and context length exceed the limit of {most:,} held in memory"
    return Problem(fact, "split the study, or sweep it and stream it with 'flopsheet show --format csv'")


@diagnostic("FS802", "sheet-too-wide")
def too_wide_for_a_sheet(title: str, columns: int, most: int) -> Problem:
    """The study needs more columns than a sheet has.

    Why: Excel's sheets have 16,384 columns.
    Fix: Split the study, or print it with `flopsheet show --format csv`.
    Example:
        In a spec: two hundred models at a hundred context lengths; then `flopsheet build`.
    """
    fact = f"sheet '{title}' would need {columns:,} columns, but a sheet has at most {most:,}"
    return Problem(fact, "split the study, or print it with 'flopsheet show --format csv'")


@diagnostic("FS803", "source-date-epoch")
def no_epoch(text: str) -> Problem:
    """The environment variable SOURCE_DATE_EPOCH is not a time that a workbook can carry.

    Why: It sets the date inside the file, so that the same spec gives the same bytes.
    Fix: Write whole seconds since 1970, or unset it.
    Example:
        $ SOURCE_DATE_EPOCH=yesterday flopsheet build spec.yaml -o out.xlsx
    """
    remedy = "write whole seconds since 1970, up to the year 2107, or unset it"
    return Problem(f"SOURCE_DATE_EPOCH is '{shown(text)}', which is not a time", remedy)
