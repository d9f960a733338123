"""Every kind of diagnostic by its code: those that code words, and the rules of the catalogue."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from flopsheet.catalog.load import load_inputs
from flopsheet.diagnostics import Diagnostic, documented


def diagnostics_by_code() -> dict[str, Diagnostic]:
    """What `flopsheet list diagnostics` lists, in the order of the codes."""
    found = {entry.code: entry for entry in (*documented(), *_of_rules())}
    return dict(sorted(found.items()))


def meaning(entry: Diagnostic) -> str:
    """What a diagnostic means in a line; of a rule, what it demands."""
    is_rule = any(rule.code == entry.code for rule in load_inputs().rules.values())
    return f"{entry.what} {entry.why}" if is_rule else entry.what


def explained(entry: Diagnostic) -> str:
    """What `flopsheet explain CODE` prints: what is wrong, why, what to write instead, and an example."""
    parts = [f"{entry.code} {entry.name} ({entry.level})", f"{entry.what} {entry.why}"]
    if entry.fix:
        parts.append(f"Fix: {entry.fix}")
    if entry.example:
        parts.append("Example:\n" + textwrap.indent(entry.example.strip(), "    "))
    return "\n\n".join(parts)


def _of_rules() -> Iterator[Diagnostic]:
    for rule in load_inputs().rules.values():
        name = rule.name.removeprefix("check_").replace("_", "-")
        what = f"Broken rule: {rule.label}."
        yield Diagnostic(rule.code, name, what, rule.doc, "", rule.example, "error" if rule.is_error else "note")
