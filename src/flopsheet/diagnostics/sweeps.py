"""Wording: sweeps that make no variants, too many, or variants without a name."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import Finding, Problem, did_you_mean, nearest, quoted, shown
from flopsheet.diagnostics.values import kind_of


@diagnostic("FS501", "sweep-empty")
def sweeps_nothing() -> Wording:
    """A sweep varies nothing.

    Why: It would describe only the model that is there already.
    Fix: Write inputs with the values that they take.
    Example:
        models:
          m: {model: gpt2-small, sweep: {}}
    """
    return "the sweep varies nothing", "write inputs with the values they take, such as d_model: [4096, 5120]"


@diagnostic("FS502", "not-sweepable")
def not_swept_here(key: str, study: Sequence[str]) -> Wording | None:
    """A key under `sweep:` cannot be swept there.

    Why: A sweep varies numbers and choices of one model or run; context lengths have a list of their own.
    Fix: Do what the message says.
    Example:
        models:
          m: {model: gpt2-small, sweep: {context_lengths: [1024, 2048]}}
    """
    if key in {"context_length", "context_lengths"}:
        return (
            "context lengths are swept through their own list",
            "write context_lengths: [a, b] at the top of the spec",
        )
    if key in study:
        fact = f"{key} belongs to the whole study, but a sweep varies inputs of a model or run"
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


@diagnostic("FS531", "metric-not-streamable")
def not_streamed(name: str) -> Wording:
    """A metric aggregates over all models, and the sweep is streamed.

    Why: A stream holds one model at a time.
    Fix: Sweep fewer values, or remove the metric.
    Example:
        In a spec with a sweep: a metric of grain study that sums over models; then `flopsheet show --format csv`.
    """
    return (
        f"{name} aggregates over all models, but a streamed sweep holds one at a time",
        "sweep fewer values, or remove the metric",
    )


@diagnostic("FS921", "rows-option")
def no_rows_of(style: str) -> Wording:
    """--rows is used with a format that has no choice of rows.

    Why: JSON, tables and Markdown include the runs as well as the models.
    Fix: Leave --rows out, or choose csv or parquet.
    Example:
        $ flopsheet show spec.yaml --format json --rows training
    """
    return f"--rows works with csv and parquet, not with {style}", "leave it out: json, table and md include the runs"


@diagnostic("FS922", "no-runs")
def no_runs_of(kinds: Sequence[str]) -> Wording:
    """--rows asks for runs that the spec does not have.

    Why: There is nothing to print.
    Fix: Write some under `training:` or `serving:`.
    Example:
        $ flopsheet show spec.yaml --format csv --rows training
    """
    return f"the spec has no {' or '.join(kinds)} runs", f"write some under {' or '.join(f'{kind}:' for kind in kinds)}"


@diagnostic("FS923", "pyarrow-missing")
def no_pyarrow() -> Wording:
    """Parquet needs pyarrow, which is not installed.

    Why: It is an optional dependency.
    Fix: Install pyarrow, or write csv.
    Example:
        Without pyarrow: `flopsheet show spec.yaml --format parquet -o out.parquet`
    """
    return "Parquet needs pyarrow, which is not installed", "pip install pyarrow, or write csv"


@diagnostic("FS924", "parquet-on-terminal")
def parquet_on_a_terminal() -> Wording:
    """Parquet would be written to a terminal.

    Why: It is not text.
    Fix: Name a file with -o, or use a pipe.
    Example:
        On a terminal: `flopsheet show spec.yaml --format parquet`
    """
    return "Parquet is binary and cannot be shown in a terminal", "name a file with -o, or use a pipe"


def failing_variants(problem: Problem, failed: int, count: int) -> Problem:
    """What is wrong in the first of some variants."""
    if failed == count:
        return problem
    return problem._replace(remedy=f"{problem.remedy}; or exclude: such combinations ({failed:,} of {count:,} fail)")


@diagnostic("FS503", "sweep-value-twice")
def repeated_value(label: str) -> Wording:
    """A value occurs twice among those of a swept input.

    Why: Two variants would have the same name.
    Fix: Keep one of the two.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: [12, 12]}}
    """
    return f"{label} is already in the list", "keep one of the two"


@diagnostic("FS504", "range-empty")
def empty_range(first: float, last: float) -> Wording:
    """A range ends before it begins.

    Why: It contains no value.
    Fix: Write the smaller number after `from:`, the larger after `to:`.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: {from: 24, to: 12, step: 4}}}
    """
    return f"the range from {kind_of(first)} to {kind_of(last)} is empty", "write from: the smaller, to: the larger"


@diagnostic("FS505", "step-not-positive")
def step_not_positive(step: float) -> Wording:
    """The step of a range is zero or negative.

    Why: The range would never end.
    Fix: Write more than 0.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: {from: 12, to: 24, step: 0}}}
    """
    return f"{kind_of(step)} is not a step", "write more than 0"


@diagnostic("FS506", "range-too-fine")
def values_of_one_input(count: float, most: int) -> Wording:
    """A range has more values than one input may have.

    Why: Every value is a variant with a name.
    Fix: Take larger steps.
    Example:
        models:
          m: {model: gpt2-small, sweep: {d_ff: {from: 1, to: 1e12, step: 1}}}
    """
    return f"the range has {count:,.0f} values", f"at most {most:,} are allowed for one input; take larger steps"


@diagnostic("FS507", "zip-lengths")
def zip_of_different_lengths(counts: Sequence[tuple[str, int]]) -> Wording:
    """Lists under `zip:` have different lengths.

    Why: They are paired one by one.
    Fix: Give every list the same number of values.
    Example:
        models:
          m: {model: gpt2-small, sweep: {zip: {n_layers: [12, 24], d_ff: [3072, 4096, 5120]}}}
    """
    listed = ", ".join(f"{key} {count:,}" for key, count in counts)
    return f"zip pairs lists of different lengths: {listed}", "give every list the same number of values"


@diagnostic("FS508", "sweep-hidden")
def said_by_a_group(key: str, group: str) -> Wording:
    """A layer group sets an input that the model sweeps.

    Why: The swept value would not reach the group.
    Fix: Remove the key from the group.
    Example:
        models:
          base: {model: gpt2-small}
          m: {extends: base, layers: [{n_layers: 12, d_ff: 3072}], sweep: {d_ff: [3072, 4096]}}
    """
    return f"{group} sets {key} itself, so the sweep would not reach it", f"remove {key} there"


@diagnostic("FS509", "too-many-combinations")
def too_many_combinations(count: int, most: int) -> Wording:
    """A sweep has too many combinations.

    Why: The counts of its inputs are multiplied.
    Fix: Take fewer values, or pair them under `zip:`.
    Example:
        models:
          m:
            model: gpt2-small
            sweep:
              d_ff: {from: 1, to: 9000, step: 1}
              vocab_size: {from: 1, to: 9000, step: 1}
    """
    return (
        f"the sweep has {count:,} combinations",
        f"at most {most:,} are allowed; take fewer values, or pair them under zip:",
    )


@diagnostic("FS510", "too-many-variants")
def too_many_variants(count: int, most: int, kind: object) -> Wording:
    """A study has more models or runs than are held at once.

    Why: A workbook and DataFrames hold all of them in memory.
    Fix: Sweep fewer values, or stream the study as CSV, JSON or Parquet.
    Example:
        >>> flopsheet.compute("sweep.yaml")  # of 40,000 models
    """
    if kind != "models":
        return f"{count:,} {kind} runs exceed the limit of {most:,}", "sweep fewer values"
    fact = f"{count:,} models exceed the limit of {most:,} held in memory"
    return fact, "sweep fewer values, or stream them with 'flopsheet show --format csv', json or parquet"


@diagnostic("FS521", "all-excluded")
def excludes_everything() -> Wording:
    """Every combination of a sweep is excluded.

    Why: No model is left.
    Fix: Exclude fewer.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: [12, 24], exclude: [n_layers > 1]}}
    """
    return "every combination is excluded", "exclude fewer"


@diagnostic("FS522", "exclusion-empty")
def excludes_nothing() -> Wording:
    """An entry of `exclude:` names no input.

    Why: It means no combination.
    Fix: Write `{input: value}` or a condition.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: [12, 24], exclude: [{}]}}
    """
    return "this excludes no combination", "write input: value, or a condition such as d_model > 4096"


@diagnostic("FS523", "exclusion-of-fixed-input")
def not_varied(key: str, known: Sequence[str]) -> Wording:
    """An entry of `exclude:` names an input that the sweep does not vary.

    Why: It would exclude all combinations or none.
    Fix: Name an input of the sweep.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: [12, 24], exclude: [{d_ff: 3072}]}}
    """
    near = nearest(key, known)
    return f"the sweep does not vary {shown(key)}", f"did you mean '{near}'?" if near else f"it varies {quoted(known)}"


@diagnostic("FS524", "exclusion-of-absent-value")
def not_a_value_of(key: str, label: str, known: Sequence[str]) -> Wording:
    """An entry of `exclude:` names a value that the sweep does not take.

    Why: It would exclude nothing, which is probably a typing error.
    Fix: Write one of the swept values.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: [12, 24], exclude: [{n_layers: 13}]}}
    """
    return f"{label} is not among the swept values of {key}", f"write one of {quoted(known)}"


@diagnostic("FS525", "not-an-exclusion")
def not_an_exclusion(value: object) -> Wording:
    """An entry of `exclude:` is neither a mapping nor a condition.

    Why: Only these say which combinations are meant.
    Fix: Write `{input: value}` or a condition.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: [12, 24], exclude: [12]}}
    """
    return f"{kind_of(value)} is not an exclusion", "write {input: value}, or a condition such as d_model > 4096"


@diagnostic("FS526", "not-a-condition")
def not_a_condition(text: str) -> Wording:
    """An expression under `exclude:` gives a number.

    Why: Only true or false says whether a combination is excluded.
    Fix: Write a comparison.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: [12, 24], exclude: [n_layers + 1]}}
    """
    return f"'{shown(text)}' is a number, not a condition", "write a comparison, such as d_model > 4096"


@diagnostic("FS527", "condition-name-unknown")
def unknown_in_condition(name: str, known: Sequence[str]) -> Wording:
    """A condition under `exclude:` reads a name that is not an input here.

    Why: It reads the inputs of one model or run.
    Fix: Write the name of an input.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: [12, 24], exclude: [n_layer > 12]}}
    """
    return f"'{shown(name)}' is not an input that can be read here", did_you_mean(name, known)


@diagnostic("FS511", "variant-name-too-long")
def variant_names_too_long(count: int, most: int) -> Wording:
    """The names of the variants would be too long.

    Why: A variant is named by its model and the values that it takes, and that name heads its columns.
    Fix: Shorten the name of the model.
    Example:
        models:
          a-name-of-sixty-three-characters-leaves-no-room-for-its-variant:
            model: gpt2-small
            sweep: {n_layers: [12, 24]}
    """
    return f"its variants would have names of {count:,} characters, at most {most} are allowed", "shorten the name"


@diagnostic("FS512", "name-like-variant")
def could_be_a_variant(name: str, base: str) -> Wording:
    """A name reads like a variant of a swept model.

    Why: It would be unclear which of the two an expectation means.
    Fix: Choose another name.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: [12, 24]}}
          m n_layers=8: {model: gpt2-small}
    """
    return f"'{shown(name)}' reads like a variant of '{shown(base)}', which is swept", "choose another name"
