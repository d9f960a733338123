"""What a data model is made of: fields with their checks, mappings, lists; validated by pydantic's core.

The model classes of pydantic would say the same, and take twice as long to import and to make as everything else
that a mistake in a spec waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, ValidationError, core_schema

from flopsheet import diagnostics, quantities
from flopsheet.diagnostics import Finding
from flopsheet.numerics import LARGEST_INPUT

Shape = CoreSchema
Field = core_schema.TypedDictField
# What metadata hold: the JSON Schema of a checked value, the description of a field, the unit of a number.
DRAWN, DOC, UNIT = "drawn", "doc", "unit"
ANYTHING: Shape = core_schema.any_schema()
MOST_NAME = 64  # letters of the name of a model, run or kind of hardware
WILDCARDS = "*?~"  # a spreadsheet's MATCH reads them as patterns
# What tells the ways to write one value apart; part of pydantic's paths, not of ours.
ONE, LIST, RANGE, ALL, WHOLE, BY_PART, LAYOUT = (
    "[one]", "[list]", "[range]", "[auto]", "[whole]", "[by part]", "[layout]",
)  # fmt: skip
TAGS = frozenset({ONE, LIST, RANGE, ALL, WHOLE, BY_PART, LAYOUT})
IS_FORMULA = "is formula"  # marks the JSON Schema of a formula, which has a pattern of its own
FORMULA = {"type": "string", "description": "an expression of other inputs, such as 4 * d_model", IS_FORMULA: True}


def checked(check: Callable[[Any], Finding | None], drawn: Mapping[str, object], unit: str = "") -> Shape:
    """A value of which `check` says what is wrong; `drawn` is its JSON Schema, `unit` that of a number."""

    def validate(value: object) -> object:
        problem = check(value)
        if problem:
            raise PydanticCustomError("flopsheet", "{fact}", problem._asdict())
        return value

    # As pydantic_core's own functions make them, which takes several times as long; a spec has a thousand of these.
    function: core_schema.NoInfoValidatorFunctionSchema = {"type": "no-info", "function": validate}
    return {"type": "function-plain", "function": function, "metadata": {DRAWN: drawn, UNIT: unit}}


def number(
    least: float | None,
    most: float | None,
    *,
    whole: bool,
    expression: bool,
    unit: str = "count",
    lists: Callable[[], Finding] | None = None,
    absent: str = "",
) -> Shape:
    """A number of a unit within bounds, or an expression that gives one; `lists` words what is wrong with a list.

    `absent` is the word for no number, where there may be none.
    """

    def check(value: object) -> Finding | None:
        if absent and value == absent:
            return None
        if isinstance(value, str) and expression:
            # Else it is parsed and evaluated once every input is known.
            return diagnostics.number_written_otherwise(value, unit)
        if isinstance(value, list) and lists:
            return lists()
        return diagnostics.number_problem(value, least, LARGEST_INPUT if most is None else most, whole=whole, unit=unit)

    drawn = drawn_number(least, most, whole=whole, expression=expression, unit=unit)
    if absent:
        drawn["anyOf"].append({"const": absent})
    return checked(check, drawn, unit)


def drawn_number(
    least: float | None, most: float | None, *, whole: bool, expression: bool, unit: str
) -> dict[str, Any]:
    """The JSON Schema of a number: in digits, with a suffix, or as an expression."""
    plain: dict[str, Any] = {"type": "integer" if whole else "number"}
    if least is not None:
        plain["minimum"] = least
    plain["maximum"] = LARGEST_INPUT if most is None else most
    example = quantities.kind_of_unit(unit).example
    about = f"a number such as {example}"
    suffixed = {"type": "string", "format": "quantity", "description": about, "pattern": quantities.pattern(unit)}
    return {"anyOf": [plain, suffixed, *([FORMULA] if expression else ())]}


def unit_of(kind: Shape) -> str:
    """The unit of the number that this is; empty where it is something else."""
    return str((kind.get("metadata") or {}).get(UNIT, ""))


def one_of(choices: Sequence[int | str]) -> Shape:
    """One of a few words or numbers."""
    return checked(lambda value: diagnostics.choice_problem(value, choices), {"enum": list(choices)})


def text(most: int, problem: Callable[[Any, int], Finding | None] = diagnostics.text_problem) -> Shape:
    """Any text up to a length; `problem` says what is wrong with one."""
    drawn = {"type": "string", "minLength": 1, "maxLength": most}
    return checked(lambda value: problem(value, most), drawn)


def required(kind: Shape, doc: str) -> Field:
    """A field that must be there."""
    return {"type": "typed-dict-field", "schema": kind, "required": True, "metadata": {DOC: doc}}


def optional(kind: Shape, doc: str) -> Field:
    """A field that may be left out."""
    return {"type": "typed-dict-field", "schema": kind, "required": False, "metadata": {DOC: doc}}


def mapping(name: str, fields: Mapping[str, Field]) -> Shape:
    """A mapping with these keys and no others; `name` is what a JSON Schema calls it."""
    return core_schema.typed_dict_schema(dict(fields), extra_behavior="forbid", ref=name)


def list_of(kind: Shape, least: int = 1, most: int | None = None) -> Shape:
    return core_schema.list_schema(kind, min_length=least or None, max_length=most)


def named(kind: Shape, most: int | None = None) -> Shape:
    """A mapping of names that the author gives."""
    return core_schema.dict_schema(core_schema.str_schema(), kind, min_length=most and 1, max_length=most)


def either(choices: Mapping[str, Shape], which: Callable[[Any], str]) -> Shape:
    """One of several shapes; `which` tells from a value the name of the one that is meant."""
    return core_schema.tagged_union_schema(dict(choices), discriminator=which)


def keys_of(kind: Shape) -> list[str] | None:
    """The keys that may stand in a mapping; None where the author names them, and where no mapping stands."""
    kind = as_mapping(kind)
    return list(kind["fields"]) if kind["type"] == "typed-dict" else None


def as_mapping(kind: Shape) -> Shape:
    """Of several shapes the one that is a mapping with keys of its own; the shape itself where none is."""
    choices = kind["choices"].values() if kind["type"] == "tagged-union" else ()
    return next((one for one in choices if one["type"] == "typed-dict"), kind)


def below(kind: Shape, part: str | int) -> Shape:
    """What may stand at a key, name or index, or what one of several shapes is."""
    match kind["type"]:
        case "typed-dict":
            return cast(Shape, kind["fields"][str(part)]["schema"])
        case "list":
            return cast(Shape, kind["items_schema"])
        case "dict":
            return cast(Shape, kind["values_schema"])
        case "tagged-union":
            keyed = as_mapping(kind)
            return below(keyed, part) if part in (keys_of(keyed) or ()) else kind["choices"].get(part, ANYTHING)
    return ANYTHING


def faults(validator: SchemaValidator, value: object) -> list[Any]:
    """Every deviation of a value, as pydantic tells it: `type`, `loc` and `ctx`."""
    try:
        validator.validate_python(value)
    except ValidationError as error:
        return error.errors(include_url=False, include_input=False)
    return []
