"""Wording: Hugging Face configurations that are not understood."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from flopsheet.diagnostics.problem import Finding, Place, Problem, quoted, shown
from flopsheet.diagnostics.specs import divisors
from flopsheet.diagnostics.values import kind_of

MOST_EDITS = 2  # of a typing error in the name of a model type


def not_json(place: Place, complaint: str) -> Problem:
    fact = f"this is not JSON ({complaint[:1].lower()}{complaint[1:]})"
    return Problem(fact, "give the config.json of a model", "", place)


def no_configuration(name: str, reason: str) -> Problem:
    return Problem(f"'{shown(name)}' is no configuration: {reason}", "give the config.json of a model")


def said_twice_in_json(name: str, key: str) -> Problem:
    return Problem(f"'{shown(name)}' says '{shown(key)}' twice", "keep one of the two")


def no_model_type(value: object) -> Problem:
    fact = "is missing" if value is None else f"{kind_of(value)} is not a text"
    return Problem(fact, "give a config.json as Hugging Face transformers writes it", "model_type")


def unknown_model_type(name: str, known: Sequence[str]) -> Problem:
    near = mistyped(name, known)
    remedy = f"did you mean '{near}'? " if near else ""
    listed = f"{len(known)} are known, see 'flopsheet list model-types'"
    return Problem(f"'{shown(name)}' is not known", remedy + listed, "model_type")


def model_type_not_modelled(name: str, what: str) -> Problem:
    return Problem(f"'{shown(name)}' is {what}", "flopsheet models decoders that predict the next token", "model_type")


def mistyped(name: str, known: Sequence[str]) -> str | None:
    """The known model type of which a name is a typing error.

    `qwen3_vl` and `glm5` are none of `qwen3` and `glm4`: a part added or another number is another architecture.
    """

    def is_typing_error(other: str) -> bool:
        same_digits = re.sub(r"\D+", " ", name) == re.sub(r"\D+", " ", other)
        return same_digits and not name.startswith(other) and _distance(name.lower(), other.lower()) <= MOST_EDITS

    return min(filter(is_typing_error, known), key=lambda other: _distance(name.lower(), other.lower()), default=None)


def _distance(one: str, other: str) -> int:
    """Letters to insert, delete, replace or swap with the next until one word is the other (restricted Damerau)."""
    if abs(len(one) - len(other)) > MOST_EDITS:
        return MOST_EDITS + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [at]
        for to, wanted in enumerate(other, start=1):
            row.append(min(before[to] + 1, row[to - 1] + 1, before[to - 1] + (letter != wanted)))
            if at > 1 and to > 1 and letter == other[to - 2] and one[at - 2] == wanted:
                row[to] = min(row[to], earlier[to - 2] + 1)
    return row[-1]


def experts_from_defaults(model_type: str) -> Finding:
    fact = f"is missing, and the file says nothing of experts, which model_type {model_type} has"
    return fact, "write it, or check the model_type"


def key_not_understood(key: str, model_type: str, known: Sequence[str]) -> Problem:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    remedy = f"did you mean '{near[0]}'? If not, remove" if near else "remove"
    return Problem(f"not understood for model_type {model_type}", f"{remedy} it if it changes no count", shown(key))


def value_not_understood(value: object, accepted: Sequence[object]) -> Finding:
    words = " or ".join(kind_of(one) for one in accepted) or "null"
    return f"{kind_of(value)} may change a count and is not understood", f"only {words} is"


def not_a_language_model(name: str, heads: Sequence[str]) -> Finding:
    fact = f"'{shown(name)}' is not known to have the head of a language model"
    return fact, f"known are names that end in {quoted(heads)}; remove it if this is one"


def no_default(model_type: str) -> Finding:
    return "is missing", f"write it: model_type {model_type} has no default"


def keys_disagree(other: str) -> Finding:
    return f"differs from {other}, which says the same thing", "keep one of the two"


def does_not_divide(value: int, other: str, number: int) -> Finding:
    return f"{value:,} does not divide {other} {number:,}", f"write one of {quoted(divisors(number, value))}"


def more_than(value: int, other: str, most: int) -> Finding:
    return f"{value:,} is more than {other} {most:,}", f"write at most {most:,}"


def wrong_layer_count(count: int, n_layers: int) -> Finding:
    return f"the list has {count:,} entries, the model {n_layers:,} layers", "write one for each layer"


def no_layers() -> Finding:
    return "is empty", "write one item for each layer"


def not_layer_numbers(value: object) -> Finding:
    return f"{kind_of(value)} is not a list of layer numbers", "write whole numbers, 0 for the first layer"


def not_attention_types() -> Finding:
    return "this is not a list of patterns and how often each stands", 'write [[["global", "local"], 12]]'
