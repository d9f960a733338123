"""Wording: expectations without a condition, or about something that does not exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import Finding, called, nearest_metric, quoted, shown
from flopsheet.diagnostics.values import kind_of, refused_suffix


def unknown_metric(
    name: str, known: Mapping[str, str], inputs: Sequence[str], of: str, grains: Mapping[str, str]
) -> Finding:
    """A metric that a row does not have; `known` are those that it has with their headings, `grains` of all metrics."""
    return input_for_metric(name) if name in inputs else no_such_metric(name, known, of, grains)


@diagnostic("FS651", "expectation-of-input")
def input_for_metric(name: str) -> Wording:
    """An expectation names an input.

    Why: An input is what the spec says; there is nothing to check.
    Fix: Name a metric from `flopsheet list metrics`.
    Example:
        expect:
        - {that: m.n_layers, equals: 12}
    """
    return f"{name} is an input, not a metric", "name a metric (flopsheet list metrics)"


@diagnostic("FS652", "metric-unknown")
def no_such_metric(name: str, known: Mapping[str, str], of: str, grains: Mapping[str, str]) -> Wording:
    """No metric of that row has that name.

    Why: An expectation, or `flopsheet explain`, names one metric.
    Fix: Write a name from `flopsheet list metrics`.
    Example:
        expect:
        - {that: m.n_parms, equals: 12}
    """
    near, meant = nearest_metric(name, known), called(name)
    elsewhere = next((one for one in meant if one in grains), "") if set(meant).isdisjoint(known) else ""
    remedy = f"did you mean '{near}'?" if near else "list them with 'flopsheet list metrics'"
    if elsewhere:
        about = f"{elsewhere} is one of a {grains[elsewhere].replace('_', ' ')}"
        remedy = f"{about}; {remedy}" if near and elsewhere == name else about
    return f"no metric{f' of a {of}' if of else ''} is called '{shown(name)}'", remedy


@diagnostic("FS653", "expectation-names-nothing")
def not_a_claim(that: str) -> Wording:
    """An expectation does not name a number.

    Why: It needs a model or run and a metric of it.
    Fix: Write `MODEL.METRIC`.
    Example:
        expect:
        - {that: n_params, at_most: 1e9}
    """
    return f"'{shown(that)}' does not name a number", "write MODEL.METRIC, such as gpt2-xl.n_params"


@diagnostic("FS654", "expectation-empty")
def claims_nothing() -> Wording:
    """An expectation has no condition.

    Why: It could never fail.
    Fix: Write `equals:`, `at_least:`, `at_most:`, `at_least_change:` or `at_most_change:`.
    Example:
        expect:
        - {that: m.n_params}
    """
    remedy = "write equals:, at_least:, at_most:, at_least_change: or at_most_change:"
    return "the expectation has no condition", remedy


@diagnostic("FS655", "tolerance-alone")
def tolerance_of_nothing() -> Wording:
    """`within:` is given without `equals:`.

    Why: It is the tolerance of `equals:`.
    Fix: Write `equals:`, or remove it.
    Example:
        expect:
        - {that: m.n_params, at_most: 1e9, within: 0.1}
    """
    return "this is the tolerance of equals:, which is missing", "write equals:, or remove it"


def claim_of_another_type(metric: str, value: object, unit: str, *, is_text: bool) -> Finding:
    if isinstance(value, str) and not is_text and (finding := refused_suffix(value, unit)):
        return finding
    return text_or_number(metric, value, is_text=is_text)


@diagnostic("FS656", "expectation-type")
def text_or_number(metric: str, value: object, *, is_text: bool) -> Wording:
    """A text is expected of a number, or a number of a text.

    Why: The two can never be equal.
    Fix: Write a value of the metric's type.
    Example:
        expect:
        - {that: m.n_params, equals: many}
    """
    kind, remedy = ("a text", "write equals: and a text") if is_text else ("a number", "write a number")
    return f"{metric} is {kind}, but {kind_of(value)} is not", remedy


@diagnostic("FS664", "change-of-text")
def change_of_text(metric: str) -> Wording:
    """A bound of a change is given for a text.

    Why: A text changes or does not; it has no percentage.
    Fix: Write `equals:`, or name a metric that is a number.
    Example:
        expect:
        - {that: m.dominant, at_most_change: 5 %}
    """
    return f"{metric} is a text, which has no percentage change", "write equals:, or name a number"


@diagnostic("FS657", "context-superfluous")
def claim_without_context(metric: str) -> Wording:
    """A context length is given for a number that does not depend on it.

    Why: The metric may have been misunderstood.
    Fix: Remove `context_length`.
    Example:
        expect:
        - {that: m.n_params, context_length: 1024, at_most: 1e9}
    """
    return f"{metric} does not depend on the context length", "remove context_length"


def claim_needs_context(length: float | None, lengths: Sequence[float]) -> Finding:
    return context_not_said(lengths) if length is None else unknown_context(length, lengths)


def _one_of(lengths: Sequence[float]) -> str:
    return f"write one of context_length: {quoted(f'{one:.0f}' for one in lengths)}"


@diagnostic("FS658", "context-missing")
def context_not_said(lengths: Sequence[float]) -> Wording:
    """A number depends on the context length, and the spec has several.

    Why: It is unclear which of them is meant.
    Fix: Write one of them as `context_length:`.
    Example:
        context_lengths: [1024, 2048]
        expect:
        - {that: m.flops_forward, at_most: 1e15}
    """
    return "the number depends on the context length", _one_of(lengths)


@diagnostic("FS659", "context-unknown")
def unknown_context(length: float, lengths: Sequence[float]) -> Wording:
    """A context length is not in the spec.

    Why: Its scenario is not computed.
    Fix: Write one of those in `context_lengths:`.
    Example:
        expect:
        - {that: m.flops_forward, context_length: 2048, at_most: 1e15}
    """
    return f"{length:,.0f} is not a context length of this spec", _one_of(lengths)


@diagnostic("FS661", "expectation-fails")
def expectation_fails(sentence: str) -> Wording:
    """A number of the study is not what the spec expects.

    Why: An expectation is a budget or a published number that the study must reproduce.
    Fix: Change the inputs that the number depends on, or the expectation.
    Example:
        expect:
        - {that: m.n_params, at_most: 100M}
    """
    return sentence, "change the model or run, or what is expected"


@diagnostic("FS662", "expectation-warns", level="warning")
def expectation_warns(sentence: str) -> Wording:
    """A number of the study is not what the spec expects, and the expectation says `level: warn`.

    Why: The author wants a report, but no failure.
    Fix: Check the inputs that the number depends on.
    Example:
        expect:
        - {that: m.n_params, at_most: 100M, level: warn}
    """
    return sentence, "a warning: check what changed it"
