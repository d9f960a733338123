"""Writes what of the documentation follows from the live definitions: `make docs`.

The spec reference comes from the data model, the metric reference from the catalogue, the reference of the command
line from the commands, the JSON Schema from the data model; tests/test_docs.py fails where a file is stale.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from command_reference import command_reference
from diagnostic_reference import diagnostic_reference
from markdown_tables import NOTE, table

from flopsheet import catalog, quantities
from flopsheet.catalog import Metric
from flopsheet.formula.vocabulary import AGGREGATES, FUNCTIONS, MATCH, WORDS
from flopsheet.output.markdown import code, escape
from flopsheet.spec import library
from flopsheet.spec.schema import json_schema, shapes

ROOT = Path(__file__).resolve().parent.parent

PLACEHOLDERS = re.compile(r"\{[^{}]*\}")  # values in the template of a message

# Parts of a spec: heading, where they stand, the definition of the data model.
PARTS = (
    ("Models", "`models.NAME`", "Model"),
    ("Layer groups", "`models.NAME.layers[]`", "LayerGroup"),
    ("Attention", "`attention:` of a model, a layer group or the defaults", "Attention"),
    ("Mixture of experts", "`moe:` of a model, a layer group or the defaults", "MixtureOfExperts"),
    ("Mixers", "`mixer:` of a model, a layer group or the defaults", "Mixer"),
    ("Other parameters of a layer", "`other_params:` of a model, a layer group or the defaults", "OtherParams"),
    ("Other parameters of a model", "`other_model_params:` of a model or the defaults", "OtherModelParams"),
    ("Defaults", "`defaults`", "Defaults"),
    ("Sweeps", "`models.NAME.sweep`; [about sweeps](sweeps.md)", "Sweep"),
    ("Pairs", "`models.NAME.sweep.zip`", "Zip"),
    ("Ranges", "values of a number under `sweep:`", "Range"),
    ("Formats by part", "`weights`", "WeightsByPart"),
    ("Formats of keys and values", "`kv_cache`", "KvCacheByPart"),
    ("Formats of served weights by part", "`serving.NAME.weight_format`", "WeightFormatByPart"),
    ("Formats of served keys and values", "`serving.NAME.cache_format`", "CacheFormatByPart"),
    ("Conventions", "`conventions`", "Conventions"),
    ("Hardware", "`hardware.NAME`", "Hardware"),
    ("Training runs", "`training.NAME`", "TrainingRun"),
    ("Serving runs", "`serving.NAME`", "ServingRun"),
    ("Sweeps of runs", "`training.NAME.sweep`, `serving.NAME.sweep`; [about them](sweeps.md#sweeps-of-runs)", ""),
    ("Measured rows", "`measured.NAME`; [about them](measured-rows.md)", "MeasuredRow"),
    ("Searches", "`search.NAME`; [about them](layout-search.md)", "Search"),
    ("Values of a search", "`search.NAME.vary`", "vary"),
    ("Bounds of a search", "`search.NAME.require.METRIC`", "SearchLimit"),
    ("Expectations", "`expect[]`", "Expectation"),
    ("Inputs of the spec's own", "`inputs[]`; [about them](sweeps.md#metrics-of-your-own)", "OwnInput"),
    ("Metrics of the spec's own", "`metrics[]`", "OwnMetric"),
)

# Told under one heading: their keys are those of the run, each with a list or a range of values.
OF_RUNS = ("TrainingSweep", "TrainingZip", "ServingSweep", "ServingZip")
# The same keys as another part, of numbers of another unit.
LIKE = {"BytesRange": "Range", "FlopPerSecondRange": "Range", "SearchVary": "vary"}
# What is said in the place of a table of keys that stand elsewhere.
INSTEAD = {
    "": "`model` and the inputs of the run, each with a list or a range; `zip` and `exclude` as above.",
    "MeasuredRow": (
        "The keys of a [training run](#training-runs) without `sweep`, with `seconds`, the measured time of one "
        "optimizer step, instead of `measured_seconds_per_step`. A row may give another speed instead, such as "
        "`measured_tokens_per_second_per_device`. With `kind: serving` the keys of a [serving run](#serving-runs), "
        "with `measured_seconds_per_token`, `measured_time_to_first_token` or both."
    ),
    "vary": "The inputs of a training run, each with a list, a range or `auto`.",
}


def generators() -> dict[str, Callable[[], str]]:
    """What makes each generated file, by its path from the root."""
    return {
        "docs/spec.md": spec_reference,
        "docs/metrics.md": metric_reference,
        "docs/cli.md": command_reference,
        "docs/diagnostics.md": diagnostic_reference,
        "schema/flopsheet.schema.json": json_schema.to_text,
        "src/flopsheet/spec/flopsheet.schema.json": json_schema.to_text,
    }


# The spec -------------------------------------------------------------------------------------------------------------


def spec_reference() -> str:
    schema = json_schema.to_schema()
    lines = [
        "# What a spec can say",
        "",
        NOTE,
        "",
        "A spec is one YAML 1.2 mapping, read strictly: an unknown or duplicate key, a number like `4,096`",
        "or `8k`, an alias or a tag is an error with its position. A key that takes an *expression* accepts a",
        "[number](#numbers) or an [expression](#formulas) of other inputs of the same model or run, such as",
        "`4 * d_model`, which stays a live formula in the workbook. Omitted keys have their default; keys without one",
        "must be set in the model or under `defaults:` (for a run, in the run). The same as a JSON Schema:",
        "`flopsheet schema`.",
        "",
        "## The whole spec",
        "",
        *table(["key", "type", "default", "meaning"], keys(schema)),
        "",
    ]
    drawn = {*(name for _, _, name in PARTS), *OF_RUNS, *LIKE}
    missing = schema["$defs"].keys() - drawn
    assert not missing, f"no heading for {missing}"
    for title, where, name in PARTS:
        lines += [f"## {title}", "", where, ""]
        if name in INSTEAD:
            lines += [INSTEAD[name], ""]
        else:
            lines += [*table(["key", "type", "default", "meaning"], keys(schema["$defs"][name])), ""]
    return "\n".join([*lines, *number_reference(), *rule_reference(), *formula_reference(), *unit_reference()])


def rule_reference() -> Iterator[str]:
    about = (
        "Conditions between inputs. A spec that breaks a rule is rejected, with the values and a valid alternative;",
        "if edits on Inputs break one, the workbook reports it on Checks and on Summary.",
    )
    rows = [
        [
            rule.code,
            escape(rule.label),
            " ".join(code(name) for name in rule.points_at),
            "error" if rule.is_error else "note",
            "<br>".join(escape(PLACEHOLDERS.sub("…", text)) for text in rule.templates),
            escape(rule.doc),
        ]
        for rule in catalog.load_inputs().rules.values()
    ]
    header = ["code", "rule", "points at", "level", "message", "why"]
    yield from ("## Rules between inputs", "", *about, "", *table(header, rows), "")


def number_reference() -> Iterator[str]:
    rows = [
        [
            ", ".join(code(unit) for unit, (one, _) in quantities.OF_UNIT.items() if one is kind) or "any other",
            " ".join(map(code, kind.suffixes)),
            f"`{kind.example.replace(' or ', '`, `')}`",
        ]
        for kind in quantities.KINDS
    ]
    yield from (
        "## Numbers",
        "",
        "Write a number in digits (`4096`, `15e12`) or with a suffix; the suffixes depend on its [unit](#units).",
        "`M`, `B` and `T` are millions, billions and trillions, `Ki`, `Mi`, `Gi` and `Ti` powers of 1,024. Case",
        "matters, and a space before the suffix is allowed. The number is exact: `15T` and `15e12` are the same input.",
        "",
        *table(["unit", "suffixes", "for example"], rows),
        "",
        "A thousand has no suffix: `8k` and `8K` are 8,000 to some and 8,192 to others, so both are rejected; write",
        "`8000` or `8Ki`. A byte count needs its unit (`80GB`, not `80G`; `80B` could be 80 bytes), and a number of",
        "another unit is rejected. Inside an expression write digits, `20 * 14e9`: there the unit of a single number",
        "is not known, and the formula in the cell has no suffixes either.",
        "",
        "Suffixes are accepted wherever a spec has a number, including `--set`, sweeps, hardware and expectations.",
        "Numbers written by flopsheet (`show --format json`, `pull --write`) are in digits.",
        "",
    )


# What each function of the language gives, by its name.
FUNCTION_WORDS = {
    "min": ("min(a, b, …)", "the smallest"),
    "max": ("max(a, b, …)", "the largest"),
    "floor": ("floor(a)", "a rounded down to a whole number"),
    "ceil": ("ceil(a)", "a rounded up to a whole number"),
    "abs": ("abs(a)", "the absolute value of a"),
    "where": ("where(condition, a, b)", "a if the condition holds, else b"),
    "given": ("given(x)", "whether x has a number; `none` has none, nor has anything computed from it"),
    "match": (
        "match(input, a: x, b | c: y)",
        "the value of the arm that names the input's choice; every choice needs an arm",
    ),
    "sum": ("sum(x)", "over a finer grain: the sum of x"),
    "first": ("first(x)", "over a finer grain: x of the first row"),
    "at_min": ("at_min(key, x)", "over a finer grain: x of the row with the smallest key, the first one of equals"),
    "at_max": ("at_max(key, x)", "over a finer grain: x of the row with the largest key, the first one of equals"),
    "largest": ("largest(x, y, …)", "the label of the largest, as text"),
    "trend": ("trend(x, y)", "whether y rises above x, falls below it or stays the same, as text"),
    "shift": ("shift(x, y)", "how a share moves from x to y, by the digits that are shown, as text"),
}


def formula_reference() -> Iterator[str]:
    yield from (
        "## Formulas",
        "",
        "Expressions of inputs, conditions under `exclude:` and formulas of metrics share one small language:",
        "",
        "* numbers (`1000`, `0.5`, `2e12`) and names of inputs; in metrics also names of metrics;",
        "* `+ - * /`, `^` for powers, brackets; `2^3^2` is `2^(3^2)`, and `-2^2` is rejected as ambiguous;",
        "* comparisons `== != < <= > >=`, in conditions and in `where(…)`, but no chains such as `a < b < c`;",
        "* in metrics, an input compared with one of its choices: `where(positions == learned, 1, 0)`; flags are `yes`",
        "  or `no`;",
        "* in metrics, a value for each choice of an input, `match(positions, learned: 1, rotary | alibi | none:",
        "  0)`, or the bytes of a number format, `format_bytes(weights)`. Choices joined by `|` share an arm. A choice",
        "  without an arm is an error, and so is an arm for anything that is not a choice. Within an arm, a `match` of",
        "  the same input names only the choices of that arm;",
        "* `and`, `or`, `not`, `%` and `//` are not supported: nest `where(…)`, write `floor(a / b)`;",
        "* in YAML, quote a formula with a comma or a brace between `{ }`, and one with `match` everywhere.",
        "",
    )
    unsaid = {*FUNCTIONS, *AGGREGATES, *WORDS, MATCH} ^ FUNCTION_WORDS.keys()
    assert not unsaid, f"no words for {unsaid}"
    words = [
        [code(form), meant, "everywhere" if name in FUNCTIONS else "metrics"]
        for name, (form, meant) in FUNCTION_WORDS.items()
    ]
    yield from (*table(["function", "gives", "where"], words), "")


def unit_reference() -> Iterator[str]:
    units = catalog.load_catalog().units.values()
    rows = [[code(unit.label), "yes" if unit.whole else "", code(unit.format)] for unit in units]
    about = "Units of inputs and metrics, also of those that a spec defines; `flopsheet list units` prints them."
    yield from ("## Units", "", about, "", *table(["unit", "whole", "number format"], rows), "")


def keys(mapping: dict[str, Any]) -> list[list[str]]:
    required = mapping.get("required") or mapping.get("else", {}).get("required", [])
    return [
        [code(name), kind(value), default(value, name in required), meaning(name, value)]
        for name, value in mapping["properties"].items()
    ]


def kind(value: dict[str, Any]) -> str:
    """What may stand there: `whole number, 1 or more, or expression`."""
    if "$ref" in value:
        return f"mapping: [{named(value['$ref'])}](#{anchor(value['$ref'])})"
    if "additionalProperties" in value and isinstance(value["additionalProperties"], dict):
        inner = value["additionalProperties"].get("$ref")
        return f"mapping of names to [{named(inner)}](#{anchor(inner)})" if inner else "mapping"
    for several in ("anyOf", "oneOf"):
        if several in value:
            ways = [one for one in value[several] if one.get("format") != "quantity"]  # told once, for all numbers
            return "; or ".join("expression" if is_expression(one) else kind(one) for one in ways)
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        named_elsewhere = {
            tuple(library.load_library()): "a model of the library",
            tuple(catalog.load_catalog().units): "a [unit](#units)",
        }
        return named_elsewhere.get(tuple(value["enum"])) or " · ".join(f"`{one}`" for one in value["enum"])
    if value.get("type") == "array":
        inner = value["items"]
        return (
            f"list of [{named(inner['$ref'])}](#{anchor(inner['$ref'])})" if "$ref" in inner else f"list: {kind(inner)}"
        )
    if isinstance(value.get("type"), list):
        return " or ".join({"string": "text"}.get(one, one) for one in value["type"])
    words = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true` · `false`"}
    return words.get(value.get("type", ""), "any") + bounds(value)


def is_expression(value: dict[str, Any]) -> bool:
    return value.get("description") == shapes.FORMULA["description"]


def bounds(value: dict[str, Any]) -> str:
    least, most = value.get("minimum"), value.get("maximum")
    if most is not None and most >= 1e15:
        most = None
    if least is not None and most is not None:
        return f", {least:,.15g} to {most:,.15g}"
    if least is not None:
        return f", {least:,.15g} or more"
    return f", at most {most:,.15g}" if most is not None else ""


def named(reference: str) -> str:
    name = reference.rpartition("/")[2]
    name = LIKE.get(name, name)
    return next(title for title, _, part in PARTS if part == ("" if name in OF_RUNS else name)).lower()


def anchor(reference: str) -> str:
    return named(reference).replace(" ", "-").replace("'", "")  # as GitHub makes them


def default(value: dict[str, Any], required: bool) -> str:
    if required:
        return "**required**"
    if "default" not in value:
        return ""
    said = value["default"]
    return f"`{str(said).lower() if isinstance(said, bool) else said}`"


def meaning(name: str, value: dict[str, Any]) -> str:
    entry = catalog.load_inputs().inputs.get(name)
    told = entry is not None and value.get("description") == entry.doc
    unit = f" ({entry.unit})" if told and entry and entry.unit not in {"text", "count"} else ""
    label = f"{entry.label}{unit}. " if told and entry else ""
    return escape(label + value.get("description", ""))


# The metrics ----------------------------------------------------------------------------------------------------------


def metric_reference() -> str:
    loaded = catalog.load_catalog()
    lines = [
        "# Every metric",
        "",
        NOTE,
        "",
        "A metric is written once, in `src/flopsheet/catalog/`; numbers, cells and this page are derived from it. Its",
        "*grain* is the table that it belongs to: one value per model, per layer group, per scenario (a model at a",
        "context length), per run. Letters stand for inputs:",
        "",
        *table(
            ["letter", "input", "meaning"],
            [[entry.symbol, code(entry.name), escape(entry.label)] for entry in loaded.inputs.values() if entry.symbol],
        ),
        "",
    ]
    sheet = ""
    for section in loaded.sections:
        metrics = [entry for entry in section.entries if isinstance(entry, Metric)]
        if not metrics:
            continue
        if section.sheet != sheet:
            sheet = section.sheet
            lines += [f"## Sheet {sheet}", ""]
        lines += [f"### {escape(section.title)}", "", f"One value per {section.grain.replace('_', ' ')}.", ""]
        rows = [row(metric, loaded) for metric in metrics]
        lines += [*table(["name", "label", "unit", "formula", "meaning", "source"], rows), ""]
    return "\n".join(lines)


def row(metric: Metric, loaded: catalog.Catalog) -> list[str]:
    formula = loaded.formula_text(metric.name)
    formula = code(formula) if metric.source_text else formula
    shape = f" Shape: {metric.shape}." if metric.shape else ""
    return [
        code(metric.name),
        escape(metric.label),
        escape(metric.unit),
        formula,
        escape(metric.doc + shape),
        escape(metric.source),
    ]


if __name__ == "__main__":
    for path, generate in generators().items():
        text = generate()
        target = ROOT / path
        target.parent.mkdir(exist_ok=True)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
            print(f"{path}: written")
