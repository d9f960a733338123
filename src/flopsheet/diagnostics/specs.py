"""Wording: inputs of models that do not fit together."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import Finding, did_you_mean, shown


@diagnostic("FS431", "model-unknown")
def unknown_model(name: str, known: Sequence[str], kind: str = "model") -> Wording:
    """A run, an expectation or `extends:` names a model that the spec does not have.

    Why: The name refers to nothing.
    Fix: Write the name of a model of this spec.
    Example:
        models:
          m: {extends: base}
    """
    return f"no {kind} is called '{shown(name)}'", did_you_mean(name, known)


@diagnostic("FS432", "swept-model-named")
def stands_for_variants(name: str, first: str) -> Wording:
    """A swept model or run is named where one of its variants belongs.

    Why: A sweep stands for many models; it is unclear which of them is meant.
    Fix: Name one of the variants.
    Example:
        models:
          m: {model: gpt2-small, sweep: {n_layers: [12, 24]}}
        expect:
        - {that: m.n_params, at_most: 1e9}
    """
    return f"'{shown(name)}' is swept, and stands for its variants", f"name one of them, such as '{first}'"


@diagnostic("FS433", "library-model-not-in-spec")
def model_of_the_library(name: str, *, extends: bool = False) -> Wording:
    """A model of the library is named where a model of the spec belongs.

    Why: Runs, expectations and `extends:` refer to the models of the spec.
    Fix: Write it under `models:` first, or write `model:` instead of `extends:`.
    Example:
        models:
          m: {extends: llama-3-70b}
    """
    if extends:
        return f"'{name}' is a model of the library", f"write model: {name}"
    fact = f"'{name}' is a model of the library, not of this spec"
    return fact, f"write it under models:, as {{{name}: {{model: {name}}}}}"


@diagnostic("FS434", "expression-name-unknown")
def unknown_input(name: str, known: Sequence[str]) -> Wording:
    """An expression reads a name that is not an input here.

    Why: An expression reads other inputs of the same model or run.
    Fix: Write the name of an input that it can read.
    Example:
        models:
          m: {model: gpt2-small, d_ff: 4 * d_modle}
    """
    return f"'{name}' is not a number that can be read here", did_you_mean(name, known)


@diagnostic("FS435", "cycle")
def cycle(chain: Sequence[str]) -> Wording:
    """Models extend one another, or expressions read one another, in a circle.

    Why: None of them would have a value.
    Fix: Break the circle at one of them.
    Example:
        models:
          a: {extends: b}
          b: {extends: a}
    """
    return f"a cycle: {' → '.join(map(shown, chain))}", "break it at one of them"


@diagnostic("FS436", "aggregate-in-input")
def not_for_inputs(function: str) -> Wording:
    """An expression of an input uses a function that only metrics have.

    Why: An input has no finer rows to aggregate.
    Fix: Write a number, or an expression of other inputs.
    Example:
        models:
          m: {model: gpt2-small, d_ff: sum(d_model)}
    """
    return f"{function}(…) has nothing to aggregate in an input", "write a number or an expression of other inputs"


def inherited(finding: Finding, kind: str, name: str) -> Finding:
    """What is wrong in a model with something that it does not say itself, or in a variant of a run."""
    return finding._replace(fact=f"{finding.fact} in {'model' if kind == 'models' else 'run'} '{shown(name, 64)}'")


def divisors(number: float, near: float) -> list[int]:
    """The divisors of a whole number nearest to a wish, in order."""
    whole = int(number)
    small = [low for low in range(1, min(int(whole**0.5), 10**6) + 1) if whole % low == 0]
    found = sorted({*small, *(whole // low for low in small)}, key=lambda one: (abs(one - near), one))
    return sorted(found[:4])


def ways(number: float, near: float) -> list[int]:
    """Into how many equal parts something can be split: all ways up to 64, or those nearest to a wish."""
    return [part for part in range(1, 65) if number % part == 0] if number <= 4096 else divisors(number, near)
