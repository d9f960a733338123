"""Wording: expectations that claim nothing, or something of what is not there."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet import quantities
from flopsheet.diagnostics.problem import Finding, nearest, quoted, shown
from flopsheet.diagnostics.values import kind_of


def unknown_metric(name: str, known: Sequence[str], inputs: Sequence[str], of: str = "model or scenario") -> Finding:
    if name in inputs:
        return f"{name} is an input, not a metric", "name a metric (flopsheet list metrics)"
    near = nearest(name, known)
    remedy = f"did you mean '{near}'?" if near else "list them with 'flopsheet list metrics'"
    return f"no metric of a {of} is called '{shown(name)}'", remedy


def not_a_claim(that: str) -> Finding:
    return f"'{shown(that)}' names no number", "write MODEL.METRIC, such as gpt2-xl.n_params"


def claims_nothing() -> Finding:
    return "the expectation claims nothing", "write equals:, at_least: or at_most:"


def tolerance_of_nothing() -> Finding:
    return "it is the tolerance of equals:, which is missing", "write equals:, or remove it"


def claim_of_another_type(metric: str, value: object, unit: str, *, is_text: bool) -> Finding:
    if isinstance(value, str) and not is_text and (finding := quantities.refusal(value, unit)):
        return finding
    kind, remedy = ("a text", "write equals: and a text") if is_text else ("a number", "write a number")
    return f"{metric} is {kind}, which {kind_of(value)} is not", remedy


def claim_without_context(metric: str) -> Finding:
    return f"{metric} does not depend on the context length", "remove context_length"


def claim_needs_context(length: float | None, lengths: Sequence[float]) -> Finding:
    remedy = f"write one of context_length: {quoted(f'{one:.0f}' for one in lengths)}"
    if length is None:
        return "the number depends on the context length", remedy
    return f"{length:,.0f} is not a context length of this spec", remedy
