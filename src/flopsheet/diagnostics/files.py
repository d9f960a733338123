"""Wording: files that cannot be read or written, studies that do not fit."""

from __future__ import annotations

import errno

from flopsheet.diagnostics.problem import Problem, shown


def cannot_read(source: str, reason: str) -> Problem:
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


def cannot_write(target: str, reason: str, number: int | None) -> Problem:
    """`number` is the system's errno, which says what to do; the reason is its wording."""
    remedy = REMEDIES.get(number or 0, f"close it where it is open, or {NEW_NAME}")
    return Problem(f"cannot write '{target}': {reason}", remedy)


def no_workbook_name(target: str) -> Problem:
    """A target that no spreadsheet program would open, and that may be another file by mistake."""
    if target == "-":
        return Problem("a workbook is not written to stdout", "name a file with -o, such as -o review.xlsx")
    stem = target.rpartition(".")[0] if "." in target.rpartition("/")[2].lstrip(".") else target
    return Problem(f"'{shown(target)}' does not end in .xlsx", f"write -o {shown(stem)}.xlsx")


def target_is_read(target: str) -> Problem:
    return Problem(f"'{shown(target)}' is a spec that this command reads", "choose another file with -o")


def not_a_patch(target: str) -> Problem:
    return Problem(
        f"'{shown(target)}' exists already, and is no patch of 'flopsheet pull'", "choose another file with -o"
    )


def not_in_place() -> Problem:
    return Problem("stdin cannot be edited in place", "name the spec's file after --write, or write a patch with -o")


def already_there(target: str) -> Problem:
    return Problem(f"'{target}' exists already", "choose another file with -o, or add --force")


def too_many_to_hold(count: int, most: int) -> Problem:
    fact = f"{count:,} layer groups at context lengths are more than the {most:,} that are held at once"
    return Problem(fact, "split the study, or sweep it and stream it with 'flopsheet show --format csv'")


def too_wide_for_a_sheet(title: str, columns: int, most: int) -> Problem:
    fact = f"sheet '{title}' would need {columns:,} columns, a sheet holds {most:,}"
    return Problem(fact, "split the study, or print it with 'flopsheet show --format csv'")


def no_epoch(text: str) -> Problem:
    remedy = "write whole seconds since 1970, up to the year 2107, or unset it"
    return Problem(f"SOURCE_DATE_EPOCH is '{shown(text)}'", remedy)
