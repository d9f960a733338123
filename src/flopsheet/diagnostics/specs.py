"""Wording: inputs of models that do not fit together."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.diagnostics.problem import Finding, did_you_mean, shown


def unknown_model(name: str, known: Sequence[str], kind: str = "model") -> Finding:
    return f"no {kind} is called '{shown(name)}'", did_you_mean(name, known)


def stands_for_variants(name: str, first: str) -> Finding:
    """A swept model or run, named where one of its variants belongs."""
    return f"'{shown(name)}' is swept, and stands for its variants", f"name one of them, such as '{first}'"


def model_of_the_library(name: str, *, extends: bool = False) -> Finding:
    """A model that ships, named where a model of the spec belongs."""
    if extends:
        return f"'{name}' is a model of the library", f"write model: {name}"
    fact = f"'{name}' is a model of the library, not of this spec"
    return fact, f"write it under models:, as {{{name}: {{model: {name}}}}}"


def unknown_input(name: str, known: Sequence[str]) -> Finding:
    return f"'{name}' is not a number that can be read here", did_you_mean(name, known)


def cycle(chain: Sequence[str]) -> Finding:
    return f"a cycle: {' → '.join(map(shown, chain))}", "break it at one of them"


def not_for_inputs(function: str) -> Finding:
    return f"{function}(…) has nothing to gather in an input", "write a number or an expression of other inputs"


def inherited(finding: Finding, kind: str, name: str) -> Finding:
    """What is wrong in a model with something that it does not say itself, or in a variant of a run."""
    return f"{finding[0]} in {'model' if kind == 'models' else 'run'} '{shown(name, 64)}'", finding[1]


def divisors(number: float, near: float) -> list[int]:
    """The divisors of a whole number nearest to a wish, in order."""
    whole = int(number)
    small = [low for low in range(1, min(int(whole**0.5), 10**6) + 1) if whole % low == 0]
    found = sorted({*small, *(whole // low for low in small)}, key=lambda one: (abs(one - near), one))
    return sorted(found[:4])


def ways(number: float, near: float) -> list[int]:
    """Into how many equal parts something can be split: all ways up to 64, or those nearest to a wish."""
    return [part for part in range(1, 65) if number % part == 0] if number <= 4096 else divisors(number, near)
