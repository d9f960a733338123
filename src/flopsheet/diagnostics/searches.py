"""Wording: layout searches that vary nothing, too much, or what cannot be varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import did_you_mean, nearest_metric, quoted, shown


@diagnostic("FS541", "no-automatic-values")
def no_automatic_values(key: str, known: Sequence[str]) -> Wording:
    """`auto` stands for an input that has no natural set of values.

    Why: A parallelism has the divisors of the devices, an input with choices has its choices; other numbers have none.
    Fix: Write a list of values.
    Example:
        search:
          best: {vary: {n_tokens: auto}}
    """
    return f"{key} has no automatic values", f"write a list; auto works for choices and for {quoted(known)}"


@diagnostic("FS542", "search-too-large")
def too_many_layouts(count: float, most: int) -> Wording:
    """A search has more layouts than can be evaluated.

    Why: Each of them is looked at: a thousand million take minutes, and more are likely a slip.
    Fix: List fewer values of some inputs.
    Example:
        search:
          best: {vary: {n_tokens: {from: 1, to: 100000}, global_batch_size: {from: 1, to: 100000}}}
    """
    return f"{count:,.0f} layouts, at most {most:,} are allowed", "list fewer values"


@diagnostic("FS543", "search-metric-unknown")
def no_such_objective(name: str, kind: str, known: Mapping[str, str]) -> Wording:
    """The metric to minimise, maximise or bound is not a number of such a run.

    Why: Layouts are compared by a number that each of them has.
    Fix: Write a metric of training runs, or of serving runs under `kind: serving`: `flopsheet list metrics`.
    Example:
        search:
          best: {vary: {tensor_parallel: auto}, minimise: second_per_step}
    """
    near = nearest_metric(name, known)
    remedy = f"did you mean '{near}'?" if near else "list them with 'flopsheet list metrics'"
    return f"'{shown(name)}' is not a number of a {kind} run", remedy


@diagnostic("FS544", "varied-expression")
def varied_expression(key: str, value: str) -> Wording:
    """A value under `vary:` is an expression.

    Why: Layouts are identified by the values of their inputs.
    Fix: Write numbers; put an input that follows from others beside `vary:`.
    Example:
        search:
          best: {vary: {global_batch_size: [8 * data_parallel]}}
    """
    return f"'{shown(value)}' is an expression", f"write numbers, or {key}: {shown(value)} beside vary"


@diagnostic("FS545", "search-varies-nothing")
def varies_nothing() -> Wording:
    """A search varies nothing.

    Why: There would be a single layout, which is a run.
    Fix: List inputs with their values, or `auto`.
    Example:
        search:
          best: {vary: {}}
    """
    return "vary names no input", "write inputs with their values, such as tensor_parallel: auto"


@diagnostic("FS546", "no-search")
def no_searches() -> Wording:
    """A spec has no layout search.

    Why: `search:` defines the layouts to compare and the metric to optimise.
    Fix: Write one.
    Example:
        $ flopsheet search specs/gpt2.yaml
    """
    fact = "the spec has no layout search"
    return fact, "write search: {NAME: {model: …, hardware: …, n_devices: …, vary: {…}}}"


@diagnostic("FS547", "layout-unknown")
def unknown_layout(name: str, kind: str, known: Sequence[str]) -> Wording:
    """`found` lists a name that is not a run of the spec.

    Why: The sheet Layouts compares these runs.
    Fix: List names of training runs, of serving runs under `kind: serving`, or omit `found`.
    Example:
        search:
          best: {vary: {tensor_parallel: auto}, found: [best 1]}
    """
    return f"no {kind} run is called '{shown(name)}'", did_you_mean(name, known)


@diagnostic("FS548", "name-like-layout")
def named_like_layout(name: str, search: str) -> Wording:
    """A run has the name of one of the best layouts of a search.

    Why: The two would be indistinguishable in the workbook.
    Fix: Choose another name.
    Example:
        training:
          best 1: {model: m, context_length: 1024, hardware: h100-sxm}
        search:
          best: {vary: {tensor_parallel: auto}}
    """
    return f"'{shown(name)}' is the name of a layout found by the search '{shown(search)}'", "choose another name"


@diagnostic("FS549", "input-of-other-runs")
def input_of_other_runs(key: str, kind: str, other: str) -> Wording:
    """A search sets or varies an input that runs of its kind do not have.

    Why: A search is over training runs, with `kind: serving` over serving runs; each kind has inputs of its own.
    Fix: Write the kind, or omit the input.
    Example:
        search:
          best: {vary: {n_sequences: [8, 16]}}
    """
    return (
        f"{key} is an input of {other} runs, and this search is of {kind} runs",
        f"write kind: {other}, or leave it out",
    )


@diagnostic("FS550", "list-beside-vary")
def list_beside_vary(key: str) -> Wording:
    """A search lists the values of an input beside `vary:`.

    Why: What stands beside `vary:` is the same in all layouts; only `hardware` and `n_devices` take lists there.
    Fix: Write the list under `vary:`.
    Example:
        search:
          best: {zero_stage: [1, 3], vary: {tensor_parallel: auto}}
    """
    return f"{key} has several values", f"write one, or {key}: […] under vary:"
