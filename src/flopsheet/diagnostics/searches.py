"""Wording: searches of layouts that look for nothing, vary too much, or vary what cannot be varied."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import did_you_mean, quoted, shown


@diagnostic("FS541", "no-automatic-values")
def no_automatic_values(key: str, known: Sequence[str]) -> Wording:
    """`auto` stands for an input that has no natural set of values.

    Why: Parallelisms have the divisors of the devices, choices have all of theirs; other numbers are anybody's guess.
    Fix: Write a list of values.
    Example:
        search:
          best: {model: m, context_length: 1024, hardware: h100-sxm, n_devices: 8, vary: {n_tokens: auto}}
    """
    return f"{key} has no values of its own", f"write a list; auto is for choices and for {quoted(known)}"


@diagnostic("FS542", "search-too-large")
def too_many_layouts(count: float, most: int) -> Wording:
    """A search has more layouts than are looked at.

    Why: A hundred million layouts take minutes; this would take days.
    Fix: List fewer values of some inputs.
    Example:
        search:
          best:
            model: m
            context_length: 1024
            hardware: h100-sxm
            n_devices: 8
            vary: {n_tokens: {from: 1, to: 100000}, global_batch_size: {from: 1, to: 100000}}
    """
    return f"{count:,.0f} layouts, at most {most:,} are allowed", "list fewer values"


@diagnostic("FS543", "search-metric-unknown")
def no_such_objective(name: str, kind: str, known: Sequence[str]) -> Wording:
    """What is minimised, maximised or bounded is no number of such a run.

    Why: Layouts are compared by a number that each of them has.
    Fix: Write a metric of training runs, or of serving runs under `kind: serving`: `flopsheet list metrics`.
    Example:
        search:
          best:
            model: m
            context_length: 1024
            hardware: h100-sxm
            n_devices: 8
            vary: {tensor_parallel: auto}
            minimise: second_per_step
    """
    return f"'{shown(name)}' is no number of a {kind} run", did_you_mean(name, known)


@diagnostic("FS544", "varied-expression")
def varied_expression(key: str, value: str) -> Wording:
    """A value under `vary:` is an expression.

    Why: The values of an input are what layouts are told apart by.
    Fix: Write numbers; an input that follows from others stands beside `vary:`.
    Example:
        search:
          best:
            model: m
            context_length: 1024
            hardware: h100-sxm
            n_devices: 8
            vary: {global_batch_size: [8 * data_parallel]}
    """
    return f"'{shown(value)}' is an expression", f"write numbers, or {key}: {shown(value)} beside vary"


@diagnostic("FS545", "search-varies-nothing")
def varies_nothing() -> Wording:
    """A search varies nothing.

    Why: There would be one layout, which a training run says.
    Fix: Write inputs with the values that they take, or `auto`.
    Example:
        search:
          best: {model: m, context_length: 1024, hardware: h100-sxm, n_devices: 8, vary: {}}
    """
    return "vary names no input", "write inputs with their values, such as tensor_parallel: auto"


@diagnostic("FS546", "no-search")
def no_searches() -> Wording:
    """A spec has no search of layouts.

    Why: What is looked for, and among which layouts, stands under `search:`.
    Fix: Write one.
    Example:
        $ flopsheet search specs/gpt2.yaml
    """
    fact = "the spec searches no layouts"
    return fact, "write search: {NAME: {model: …, hardware: …, n_devices: …, vary: {…}}}"


@diagnostic("FS547", "layout-unknown")
def unknown_layout(name: str, kind: str, known: Sequence[str]) -> Wording:
    """What a search names as found is no run of the spec.

    Why: The sheet Layouts compares these runs.
    Fix: Write the names of training runs, or of serving runs under `kind: serving`, or leave `found` out.
    Example:
        search:
          best:
            model: m
            context_length: 1024
            hardware: h100-sxm
            n_devices: 8
            vary: {tensor_parallel: auto}
            found: [best 1]
    """
    return f"no {kind} run is called '{shown(name)}'", did_you_mean(name, known)


@diagnostic("FS548", "name-like-layout")
def named_like_layout(name: str, search: str) -> Wording:
    """A run has the name that one of the best layouts of a search gets.

    Why: In the workbook the two could not be told apart.
    Fix: Choose another name.
    Example:
        training:
          best 1: {model: m, context_length: 1024, hardware: h100-sxm}
        search:
          best: {model: m, context_length: 1024, hardware: h100-sxm, n_devices: 8, vary: {tensor_parallel: auto}}
    """
    return f"'{shown(name)}' is what a layout that the search '{shown(search)}' finds is called", "choose another name"


@diagnostic("FS549", "input-of-other-runs")
def input_of_other_runs(key: str, kind: str, other: str) -> Wording:
    """A search says or varies an input that runs of its kind do not have.

    Why: A search is of training runs, or with `kind: serving` of serving runs; each has inputs of its own.
    Fix: Write the kind, or leave the input out.
    Example:
        search:
          best:
            model: m
            context_length: 1024
            hardware: h100-sxm
            n_devices: 8
            vary: {n_sequences: [8, 16]}
    """
    return (
        f"{key} is an input of {other} runs, and this search is of {kind} runs",
        f"write kind: {other}, or leave it out",
    )
