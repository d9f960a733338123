"""The data model of a spec as JSON Schema, from which editors complete, explain and check."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from flopsheet import catalog
from flopsheet.catalog import Input
from flopsheet.catalog.entries import YES
from flopsheet.spec import library
from flopsheet.spec.entries import CLAIMS, is_time
from flopsheet.spec.schema import data_model, kinds, shapes
from flopsheet.spec.schema.kinds import SWEEP_WORDS
from flopsheet.spec.schema.shapes import MOST_NAME, WILDCARDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = "urn:flopsheet:spec:1"
FILE = "flopsheet.schema.json"
# The letters and operators that a formula may have; 4,096, 80 GB and 2 d_model are none.
EXPRESSION = (
    r"^(?!.*//)(?!\s*=)(?!\s*[0-9.]+([,_][0-9.]+)*\s*[A-Za-z/]*\s*$)(?!.*\b[0-9.]+[A-Za-z]*\s+(?!(and|or)\b)[A-Za-z_])"
    r"[\w\s.+*/^()<>=!,-]+$"
)
NAMES = {
    "pattern": rf"^[^\s{WILDCARDS}]([^{WILDCARDS}\r\n\t]*[^\s{WILDCARDS}])?$",
    "maxLength": MOST_NAME,
}
RUN_NEEDS = {"model"}  # beside the inputs that have no default

Node = dict[str, Any]


def to_text() -> str:
    """The schema as it ships."""
    return json.dumps(to_schema(), indent=1, ensure_ascii=False) + "\n"


def to_schema() -> Node:
    """pydantic's own schema of the spec, with the catalogue's labels and defaults and the rules between keys."""
    drawn = _Drawing().generate(data_model.spec_shape())
    _plain(drawn)
    parts = drawn["$defs"]
    for of, mapping in (("", drawn), *parts.items()):
        for name, value in mapping["properties"].items():
            _describe(name, value, "serving" if of == "ServingRun" else "training")
    for name in ("Defaults", "Model", "LayerGroup"):
        parts[name] |= _rules()
    _close(drawn)
    parts["Model"]["properties"]["model"]["enum"] = list(library.load_library())
    parts["Model"]["dependentSchemas"]["model"] = {"properties": {"extends": False}}
    parts["Expectation"]["anyOf"] = [{"required": [claim]} for claim in CLAIMS]
    parts["Expectation"]["dependentRequired"] = {"within": ["equals"]}
    parts["Expectation"]["properties"]["that"]["pattern"] = r".\."
    for kind in catalog.RUNS:
        run = parts[f"{kind.capitalize()}Run"]
        needed = [name for name in run["properties"] if name in RUN_NEEDS or _is_needed(name)]
        run |= {"if": {"required": ["sweep"]}, "else": {"required": needed}}  # swept inputs need no value beside
    row, served = parts["MeasuredRow"], parts["ServingRun"]["properties"]
    times = [name for name in row["properties"] if is_time(name)]
    of_step = [{"required": [name]} for name in times if name not in served]
    of_served = [{"required": [name]} for name in times if name in served]
    row["if"] = {"required": ["kind"], "properties": {"kind": {"const": "serving"}}}
    row["then"] = {"required": parts["ServingRun"]["else"]["required"], "anyOf": of_served}
    row["else"] = {"required": parts["TrainingRun"]["else"]["required"], "oneOf": of_step}
    for name, swept in parts.items():
        if name.endswith("Range"):
            swept["properties"]["step"]["anyOf"][0]["exclusiveMinimum"] = 0
        if name.endswith(("Sweep", "Zip", "SearchVary")):
            _swept(swept)
    properties = drawn["properties"]
    properties["context_lengths"]["uniqueItems"] = True
    for named in properties.values():
        if "additionalProperties" in named:
            named["propertyNames"] = NAMES
    about = "A study of transformer language models, from which flopsheet makes a workbook with live formulas."
    return {"$schema": DIALECT, "$id": NAME, **drawn, "title": "flopsheet spec", "description": about}


class _Drawing(GenerateJsonSchema):
    """What pydantic draws of the data model, with what our fields say of themselves."""

    def function_plain_schema(self, schema: Any) -> Node:
        return copy.deepcopy(schema["metadata"][shapes.DRAWN])

    def typed_dict_field_schema(self, schema: Any) -> Node:
        return {**super().typed_dict_field_schema(schema), "description": schema["metadata"][shapes.DOC]}


def _close(drawn: Node) -> None:
    """Lets a spec that defines inputs say them beside the others; any other key stays unknown elsewhere."""
    kinds = drawn["$defs"]

    def known(kind: Node, **below: Node) -> Node:
        del kind["additionalProperties"]
        return {"propertyNames": {"enum": list(kind["properties"])}, **({"properties": below} if below else {})}

    swept = known(kinds["Sweep"], zip=known(kinds["Zip"]))
    model = known(kinds["Model"], layers={"items": known(kinds["LayerGroup"])}, sweep=swept)
    drawn["if"] = {"required": ["inputs"]}
    drawn["else"] = known(drawn, defaults=known(kinds["Defaults"]), models={"additionalProperties": model})


def _swept(kind: Node) -> None:
    """Each value once, and something that varies."""
    for key, value in kind["properties"].items():
        for listed in (value, *value.get("anyOf", ()), *value.get("oneOf", ())):
            if key not in SWEEP_WORDS and listed.get("type") == "array":
                listed["uniqueItems"] = True
    if "zip" in kind["properties"]:
        varied = [key for key in kind["properties"] if key not in SWEEP_WORDS]
        kind["dependentSchemas"] = {key: {"properties": {"zip": {"properties": {key: False}}}} for key in varied}
    kind["not"] = {"propertyNames": {"const": "exclude"}}  # which holds of an empty mapping, too


def _plain(node: Any) -> None:
    """Drops what pydantic adds for its own sake, and says bounds as whole numbers where they are."""
    if isinstance(node, list):
        for item in node:
            _plain(item)
    if isinstance(node, dict):
        for key in ("default", "title"):
            if not isinstance(node.get(key), dict):  # which would be a property of that name
                node.pop(key, None)
        for bound in ("minimum", "maximum"):
            if isinstance(node.get(bound), float) and node[bound].is_integer():
                node[bound] = int(node[bound])
        if node.get("type") == "string" and "pattern" not in node:
            node["pattern"] = EXPRESSION if node.pop(shapes.IS_FORMULA, False) else r"\S"
        for value in node.values():
            _plain(value)


def _describe(name: str, value: Node, kind: str) -> None:
    """The label and the default of the catalogue's input of that name, as a kind of run has it."""
    entry = catalog.load_inputs().inputs.get(name)
    if entry and value.get("description") == entry.doc:
        entry = entry.of_kind(kind)
        value["title"] = entry.label
        if entry.default is not None:
            value["default"] = _default(entry)


def _is_needed(name: str) -> bool:
    entry = catalog.load_inputs().inputs.get(name)
    return entry is not None and entry.default is None


def _default(entry: Input) -> Any:
    return entry.default == YES if entry.is_flag else entry.default


def _rules() -> Node:
    """What two keys of one mapping say of each other: nothing twice, and what a kind of attention needs and sets."""
    apart: Node = {"ffn": {"properties": {"ffn_matrices": False}}}
    for group, keys in (("attention", kinds.ATTENTION_KEYS), ("moe", kinds.MOE_KEYS)):
        for key in keys:
            apart[key] = {"properties": {group: {"properties": {key: False}}}}
    return {"dependentSchemas": apart, "allOf": list(_attention_rules())}


def _attention_rules() -> Iterator[Node]:
    for kind, (sets, needs) in kinds.ATTENTION_KINDS.items():
        chosen = {"properties": {"attention": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}}}
        forbidden: Node = dict.fromkeys(sets, False)
        needed = [{"anyOf": [{"required": [key]}, {"properties": {"attention": {"required": [key]}}}]} for key in needs]
        told = {"properties": {**forbidden, "attention": {"properties": forbidden}}} if forbidden else {}
        rule = {**told, **({"allOf": needed} if needed else {})}
        yield {"if": {**chosen, "required": ["attention"]}, "then": rule}
