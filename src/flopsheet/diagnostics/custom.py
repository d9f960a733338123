"""Wording: inputs and metrics that a spec defines itself."""

from __future__ import annotations

import re

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import shown
from flopsheet.diagnostics.values import kind_of

NAME = re.compile(r"[a-z][a-z0-9_]*")
LONGEST_CUSTOM_NAME = 60


@diagnostic("FS611", "custom-name")
def custom_name_problem(value: object) -> Wording | None:
    """The name of a custom input or metric cannot be used in formulas.

    Why: Formulas read it as one word.
    Fix: Use lower-case letters, digits and underscores, beginning with a letter.
    Example:
        metrics:
        - {name: My metric, label: Mine, unit: count, grain: model, formula: n_params, doc: Mine.}
    """
    if not isinstance(value, str):
        return f"{kind_of(value)} is not a name", "use lower-case letters, digits and _"
    if not NAME.fullmatch(value) or len(value) > LONGEST_CUSTOM_NAME:
        return f"'{shown(value)}' is not a name", f"use lower-case letters, digits and _, {LONGEST_CUSTOM_NAME} at most"
    return None


@diagnostic("FS612", "custom-choice")
def custom_choice_problem(value: object) -> Wording | None:
    """A choice of a custom input is neither a word nor a whole number.

    Why: Formulas compare the input with it.
    Fix: Write words such as low, or whole numbers.
    Example:
        inputs:
        - {name: level, label: Level, unit: text, grain: model, choices: [1.5, 2.5], doc: A level.}
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return f"{kind_of(value)} is neither a word nor a whole number", "write words such as low, or whole numbers"
    if isinstance(value, str) and (not NAME.fullmatch(value) or len(value) > 20):
        return f"'{shown(value)}' is not a word", "use lower-case letters, digits and _, 20 at most"
    return None


@diagnostic("FS613", "custom-default")
def custom_default_problem(value: object) -> Wording | None:
    """The default of a custom input is a list or a mapping.

    Why: An input has one value.
    Fix: Write a number, an expression or a choice.
    Example:
        inputs:
        - {name: level, label: Level, unit: count, grain: model, default: [1], doc: A level.}
    """
    if isinstance(value, bool | int | float | str):
        return None
    return f"{kind_of(value)} is not a value for an input", "write a number, an expression or a choice"


@diagnostic("FS614", "custom-name-built-in")
def name_is_built_in(name: str, kind: str) -> Wording:
    """A custom input or metric has the name of a built-in one.

    Why: Formulas that read the built-in one would read another number.
    Fix: Choose another name.
    Example:
        metrics:
        - {name: n_params, label: Mine, unit: count, grain: model, formula: n_layers, doc: Mine.}
    """
    return f"'{name}' is a built-in {kind}", "choose another name"


@diagnostic("FS615", "custom-name-reserved")
def name_is_reserved(name: str) -> Wording:
    """A custom input or metric has a name that already means something.

    Why: It is a key of specs, or a word of formulas.
    Fix: Choose another name.
    Example:
        metrics:
        - {name: models, label: Mine, unit: count, grain: model, formula: n_params, doc: Mine.}
    """
    return f"'{name}' already has a meaning in specs or formulas", "choose another name"


@diagnostic("FS616", "custom-name-taken")
def name_is_taken(name: str) -> Wording:
    """The spec defines one name twice.

    Why: Formulas could not tell the two apart.
    Fix: Choose another name.
    Example:
        metrics:
        - {name: mine, label: Mine, unit: count, grain: model, formula: n_params, doc: Mine.}
        - {name: mine, label: Mine, unit: count, grain: model, formula: n_params, doc: Mine.}
    """
    return f"the spec already defines '{name}'", "choose another name"


@diagnostic("FS617", "custom-bounds")
def least_above_most() -> Wording:
    """The lower bound of a custom input is above the upper one.

    Why: No value would be possible.
    Fix: Swap the two.
    Example:
        inputs:
        - {name: level, label: Level, unit: count, grain: model, least: 9, most: 1, default: 5, doc: A level.}
    """
    return "least is greater than most", "swap the two"


@diagnostic("FS618", "custom-bounds-and-choices")
def bounds_and_choices(key: str) -> Wording:
    """A custom input has both bounds and choices.

    Why: The choices already say what is possible.
    Fix: Keep one of the two.
    Example:
        inputs:
        - {name: level, label: Level, unit: count, grain: model, choices: [1, 2], least: 1, default: 1, doc: A level.}
    """
    return f"choices and {key} both limit the values", "keep one of the two"


@diagnostic("FS619", "custom-choices-unit")
def words_need_text() -> Wording:
    """Choices that are words have a unit of numbers.

    Why: A word has no unit.
    Fix: Write `unit: text`.
    Example:
        inputs:
        - {name: level, label: Level, unit: count, grain: model, choices: [low, high], default: low, doc: A level.}
    """
    return "choices that are words need the unit text", "write unit: text"


@diagnostic("FS620", "custom-text-without-choices")
def text_needs_words() -> Wording:
    """A custom input of unit text has no choices.

    Why: Formulas can only compare a text with its choices.
    Fix: Write `choices:`, or another unit.
    Example:
        inputs:
        - {name: level, label: Level, unit: text, grain: model, default: low, doc: A level.}
    """
    return "an input of unit text needs choices", "write choices: [low, high], or another unit"


@diagnostic("FS623", "formula-too-long")
def too_long_for_a_cell(length: int, most: int) -> Wording:
    """The formula of a metric would be too long for a cell.

    Why: Excel's formulas have 8,192 characters at most.
    Fix: Split it into several metrics.
    Example:
        In a spec: a metric that adds up a function of a hundred terms many times over.
    """
    return f"the formula would need {length:,} characters in a cell; the limit is {most:,}", "split it into metrics"


@diagnostic("FS624", "formula-too-deep")
def too_deep_for_a_cell(depth: int, most: int) -> Wording:
    """The formula of a metric would nest too many functions for a cell.

    Why: Excel allows 64 levels.
    Fix: Split it into several metrics.
    Example:
        In a spec: a metric of some seventy functions inside one another, once choices are written out.
    """
    return f"the formula would nest {depth} functions in a cell; the limit is {most}", "split it into metrics"


@diagnostic("FS625", "gather-scattered")
def gathers_no_range(function: str, grain: str, finer: str) -> Wording:
    """at_min or at_max is used over rows that are not adjacent in the workbook.

    Why: A spreadsheet looks up a minimum or maximum in one range of cells.
    Fix: Use sum, or a metric of grain context or study.
    Example:
        metrics:
        - {name: mine, label: M, unit: B, grain: model, formula: "at_min(flops_forward, kv_cache_bytes)", doc: M.}
    """
    fact = f"{function}(…) aggregates the {finer} rows of a {grain}, which are not adjacent in the workbook"
    return fact, "use sum(…), or aggregate at grain context or study"


@diagnostic("FS626", "gather-too-many")
def gathers_too_many(count: int, most: int) -> Wording:
    """A sum over context lengths has more terms than one formula holds.

    Why: Its rows are not adjacent, so each is an argument of its own, and SUM has 255 at most.
    Fix: Sum in a metric of grain context or study, or use fewer context lengths.
    Example:
        In a spec of three hundred context lengths: a metric of grain model with the formula `sum(flops_forward)`.
    """
    return f"a sum over {count:,} context lengths", f"at most {most} fit in one formula; sum at grain context or study"


@diagnostic("FS621", "custom-choices-mixed")
def mixed_choices() -> Wording:
    """Choices are partly words, partly numbers.

    Why: An input is one or the other.
    Fix: Write words only, or numbers only.
    Example:
        inputs:
        - {name: level, label: Level, unit: text, grain: model, choices: [low, 2], default: low, doc: A level.}
    """
    return "the choices mix words and numbers", "write words only, or numbers only"


@diagnostic("FS622", "custom-input-missing")
def missing_of_study(name: str) -> Wording:
    """A custom input of the whole study has no value.

    Why: It has no default, and the spec does not set it.
    Fix: Write it at the top of the spec, or give it a default.
    Example:
        inputs:
        - {name: level, label: Level, unit: count, grain: study, doc: A level.}
    """
    return f"{name} has no value", f"write {name}: … at the top of the spec, or give it a default"
