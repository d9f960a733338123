"""Wording: files that cannot be read or written, studies that do not fit."""

from __future__ import annotations

from flopsheet.errors.problem import Problem, shown


def cannot_read(source: str, reason: str) -> Problem:
    return Problem(f"cannot read '{source}': {reason}", "check the path")


# What to do about a file that cannot be written, by the system's reason.
REMEDIES = {
    "no such file or directory": "make the folder first, or choose another file with -o",
    "not a directory": "choose another file with -o",
    "it is a directory": "name a file in it with -o",
    "it is no folder": "move it away, or choose another file with -o",
    "it is no regular file": "choose another file with -o",
    "no space left on device": "make room, or choose another file with -o",
    "file too large": "make room, or choose another file with -o",
    "disk quota exceeded": "make room, or choose another file with -o",
    "file name too long": "choose a shorter name with -o",
}


def cannot_write(target: str, reason: str) -> Problem:
    remedy = REMEDIES.get(reason, "close it where it is open, or choose another file with -o")
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
