"""Wording: sweeps that make no variants, too many, or variants without a name."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.diagnostics.problem import Finding, Problem, did_you_mean, nearest, quoted, shown
from flopsheet.diagnostics.values import kind_of


def sweeps_nothing() -> Finding:
    return "the sweep varies nothing", "write inputs with the values they take, such as d_model: [4096, 5120]"


def not_swept_here(key: str, study: Sequence[str]) -> Finding | None:
    """An input that is no model's, under `sweep:`."""
    if key in {"context_length", "context_lengths"}:
        return "context lengths are swept by their list", "write context_lengths: [a, b] at the top of the spec"
    if key in study:
        fact = f"{key} belongs to the whole study, a sweep varies inputs of a model or run"
        return fact, "write one spec for each value"
    if key in {"grid", "list"}:
        return f"unknown key '{key}'", "write the inputs and their values right under sweep:"
    if key in {"attention", "moe", "layers"}:
        return f"{key} cannot be swept as a whole", "sweep inputs of it, such as n_kv_heads: [4, 8]"
    return None


def exclusion_problem(value: object) -> Finding | None:
    return None if isinstance(value, str | dict) else not_an_exclusion(value)


def or_exclude(problem: Problem) -> Problem:
    """What is wrong in a variant, where the others were not looked at."""
    return problem._replace(remedy=f"{problem.remedy}; or exclude: such combinations")


def not_streamed(name: str) -> Finding:
    return f"{name} gathers over all models, which a stream does not hold", "sweep fewer values, or remove the metric"


def no_rows_of(style: str) -> Finding:
    return f"--rows goes with csv and parquet, not with {style}", "leave it out: json, table and md have the runs"


def no_runs_of(kind: str) -> Finding:
    return f"the spec has no {kind} runs", f"write some under {kind}:"


def no_pyarrow() -> Finding:
    return "Parquet needs pyarrow, which is not installed", "pip install pyarrow, or write csv"


def parquet_on_a_terminal() -> Finding:
    return "Parquet is no text for a terminal", "name a file with -o, or send it on with a pipe"


def failing_variants(problem: Problem, failed: int, count: int) -> Problem:
    """What is wrong in the first of some variants."""
    if failed == count:
        return problem
    return problem._replace(remedy=f"{problem.remedy}; or exclude: such combinations ({failed:,} of {count:,} fail)")


def repeated_value(label: str) -> Finding:
    return f"{label} is already in the list", "keep one of the two"


def empty_range(first: float, last: float) -> Finding:
    return f"nothing lies from {kind_of(first)} to {kind_of(last)}", "write from: the smaller, to: the larger"


def step_not_positive(step: float) -> Finding:
    return f"{kind_of(step)} is no step", "write more than 0"


def values_of_one_input(count: float, most: int) -> Finding:
    return f"{count:,.0f} values", f"{most:,} are the most for one input; take larger steps"


def zip_of_different_lengths(counts: Sequence[tuple[str, int]]) -> Finding:
    listed = ", ".join(f"{key} {count:,}" for key, count in counts)
    return f"zip pairs lists of different lengths: {listed}", "give every list the same number of values"


def said_by_a_group(key: str, group: str) -> Finding:
    return f"{group} says {key} itself, so the sweep would not reach it", f"remove {key} there"


def too_many_combinations(count: int, most: int) -> Finding:
    return f"the sweep has {count:,} combinations", f"{most:,} are the most; take fewer values, or pair them under zip:"


def too_many_variants(count: int, most: int, kind: object) -> Finding:
    if kind != "models":
        return f"{count:,} {kind} runs are more than the {most:,} that a spec may have", "sweep fewer values"
    fact = f"{count:,} models are more than the {most:,} that are held at once"
    return fact, "sweep fewer values, or stream them with 'flopsheet show --format csv', json or parquet"


def excludes_everything() -> Finding:
    return "every combination is excluded", "exclude fewer"


def excludes_nothing() -> Finding:
    return "no combination is meant", "write input: value, or a condition such as d_model > 4096"


def not_varied(key: str, known: Sequence[str]) -> Finding:
    near = nearest(key, known)
    return f"the sweep does not vary {shown(key)}", f"did you mean '{near}'?" if near else f"it varies {quoted(known)}"


def not_a_value_of(key: str, label: str, known: Sequence[str]) -> Finding:
    return f"{label} is not among the swept values of {key}", f"write one of {quoted(known)}"


def not_an_exclusion(value: object) -> Finding:
    return f"{kind_of(value)} excludes nothing", "write {input: value}, or a condition such as d_model > 4096"


def not_a_condition(text: str) -> Finding:
    return f"'{shown(text)}' is a number, not a condition", "write a comparison, such as d_model > 4096"


def unknown_in_condition(name: str, known: Sequence[str]) -> Finding:
    return f"'{shown(name)}' is no input that can be read here", did_you_mean(name, known)


def variant_names_too_long(count: int, most: int) -> Finding:
    return f"its variants would have names of {count:,} characters, {most} are the most", "shorten the name"


def could_be_a_variant(name: str, base: str) -> Finding:
    return f"'{shown(name)}' reads like a variant of '{shown(base)}', which is swept", "choose another name"
