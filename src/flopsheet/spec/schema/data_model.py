"""The shape of a spec; the keys of a model are the catalogue's inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from itertools import chain

from pydantic_core import SchemaValidator

from flopsheet import catalog, diagnostics, quantities
from flopsheet.catalog import Input
from flopsheet.catalog.grains import RunKind
from flopsheet.diagnostics import Finding
from flopsheet.spec.entries import NONE
from flopsheet.spec.schema import custom, expectation, listed, measured, search
from flopsheet.spec.schema.kinds import (
    ATTENTION_KEYS,
    ATTENTION_KINDS,
    FFN_KINDS,
    MIXER_KEYS,
    MIXER_KINDS,
    MOE_KEYS,
    OTHERS,
)
from flopsheet.spec.schema.shapes import (
    ANYTHING,
    BY_PART,
    LIST,
    MOST_NAME,
    RANGE,
    WHOLE,
    Field,
    Shape,
    below,
    checked,
    either,
    faults,
    keys_of,
    list_of,
    mapping,
    named,
    number,
    one_of,
    optional,
    required,
    text,
)

MOST_MODELS, MOST_RUNS = 10_000, 1_000  # in memory at once; of one kind
DEFAULT = "default"  # among formats by part: that of the whole


@cache  # an input may stand under models, layers, mixers, sweeps of each
def shape_of(entry: Input) -> Shape:
    """The values that a spec may give an input of the catalogue."""
    if entry.is_flag:
        return checked(diagnostics.flag_problem, {"type": "boolean"})
    if entry.choices and not entry.is_number:
        return _by_part(entry, parts) if (parts := parts_of(entry.name)) else one_of(entry.choices)
    if entry.chooses:
        return _reference(entry.chooses)
    lists = None if entry.grain == "hardware" else partial(diagnostics.list_for_input, entry.grain)
    if entry.choices:
        bounds = sorted(map(float, entry.choices))
        return number(bounds[0], bounds[-1], whole=True, expression=True, unit=entry.unit, lists=lists)
    absent = NONE if entry.absent else ""
    return number(
        entry.least, entry.most, whole=entry.whole, expression=True, unit=entry.unit, lists=lists, absent=absent
    )


def parts_of(name: str) -> Mapping[str, Input]:
    """The parts of an input that have a choice of their own, such as experts of weights, by brief name."""
    return _all_parts().get(name, {})


@cache
def _all_parts() -> dict[str, dict[str, Input]]:
    """The parts of every input that has any."""
    found: dict[str, dict[str, Input]] = {}
    entries = catalog.load_inputs().inputs
    for entry in entries.values():
        whole = entry.follows
        while whole and entries[whole].follows:  # a part may follow another part
            whole = entries[whole].follows
        if whole:
            found.setdefault(whole, {})[entry.name.removeprefix(f"{whole}_")] = entry
    return found


def _by_part(entry: Input, parts: Mapping[str, Input]) -> Shape:
    """One choice for the whole, or some by part: `bf16`, or `{default: bf16, experts: mxfp4}`."""
    whole = one_of(entry.choices)
    of_rest = optional(whole, "For every part without a format of its own.")
    fields = {DEFAULT: of_rest, **{part: optional(whole, one.doc) for part, one in parts.items()}}
    named = "".join(word.capitalize() for word in entry.name.split("_"))
    by_part = mapping(f"{named}ByPart", fields)
    return either({WHOLE: whole, BY_PART: by_part}, lambda value: BY_PART if isinstance(value, dict) else WHOLE)


def _reference(kind: str) -> Shape:
    """The name of a model or of a kind of hardware."""
    return text(MOST_NAME, partial(diagnostics.reference_problem, kind))


def problem_of(entry: Input, value: object) -> Finding | None:
    """What is wrong with a value of an input."""
    for fault in faults(SchemaValidator(shape_of(entry)), value):
        return Finding(**fault["ctx"])
    return None


def _fields(inputs: Iterable[Input]) -> dict[str, Field]:
    return _fields_by({entry.name: entry for entry in inputs})


def _fields_by(inputs: Mapping[str, Input]) -> dict[str, Field]:
    """Inputs by the keys that say them."""
    return {key: optional(shape_of(entry), entry.doc) for key, entry in inputs.items()}


@cache
def inputs_of(*grains: str) -> tuple[Input, ...]:
    """The inputs of these grains, in the catalogue's order."""
    return tuple(entry for entry in catalog.load_inputs().inputs.values() if entry.grain in grains)


@cache
def symbols() -> dict[str, str]:
    """The letter of each input that has one."""
    return {entry.name: entry.symbol for entry in catalog.load_inputs().inputs.values() if entry.symbol}


@cache
def conventions() -> tuple[Input, ...]:
    """The switches under `conventions:`; the other inputs of the study stand at the top of a spec."""
    return catalog.load_inputs().conventions


# Sweeps ---------------------------------------------------------------------------------------------------------------


@cache
def _range(unit: str) -> Shape:
    """Numbers of a unit from one to another; what the input allows is held where the values are made."""
    end = number(None, None, whole=False, expression=False, unit=unit)
    of = "" if unit == quantities.COUNTED else quantities.kind_of_unit(unit).name.title().replace(" ", "")
    return mapping(
        f"{of}Range",
        {
            "from": required(end, "The first value."),
            "to": required(end, "The last value, included if a step reaches it."),
            "step": optional(end, "Difference between values; 1 if omitted."),
        },
    )


@cache
def _swept(entry: Input) -> Shape:
    """The values of an input under `sweep:`: a list, or a range of numbers."""
    listed = list_of(one_of(entry.choices) if parts_of(entry.name) else shape_of(entry))
    if not entry.is_number:
        return listed
    ranged = _range(quantities.base_of(entry.unit))
    return either({LIST: listed, RANGE: ranged}, lambda value: RANGE if isinstance(value, dict) else LIST)


def _sweep(name: str, axes: Mapping[str, Field]) -> Shape:
    """What stands under `sweep:`: inputs with the values that they take."""
    paired = "Inputs that change together: all first values, all second values, and so on."
    excluded = list_of(checked(diagnostics.exclusion_problem, {"type": ["string", "object"]}), least=0)
    left_out = "Combinations to leave out: {input: value, …} or a condition."
    return mapping(
        name,
        {
            **axes,
            "zip": optional(mapping(name.replace("Sweep", "Zip"), axes), paired),
            "exclude": optional(excluded, left_out),
        },
    )


def _axes(inputs: Iterable[Input]) -> dict[str, Field]:
    return {entry.name: optional(_swept(entry), entry.doc) for entry in inputs}


# Runs -----------------------------------------------------------------------------------------------------------------


def run_inputs(kind: RunKind) -> tuple[Input, ...]:
    """The inputs of a training or serving run, other than its model and, for training, its context length."""
    entries = inputs_of("run", *catalog.RUNS[kind])
    return tuple(entry.of_kind(kind) for entry in entries if entry.name != "run_model")


def search_inputs(kind: RunKind) -> tuple[Input, ...]:
    """What a search of a kind of run may say or vary."""
    return (*(inputs_of("context") if kind == "training" else ()), *run_inputs(kind))


@cache
def _run(kind: RunKind) -> Shape:
    """A training or serving run."""
    length = inputs_of("context") if kind == "training" else ()
    model = "A model of this spec."
    fields = {"model": optional(_reference("model"), model), **_fields([*length, *run_inputs(kind)])}
    axes = {"model": optional(list_of(text(MOST_NAME)), model), **_axes([*length, *run_inputs(kind)])}
    fields |= listed.fields(run_inputs(kind))
    name = f"{kind.capitalize()}Run"
    swept = "Values of inputs; the run becomes one variant per combination."
    return mapping(name, {**fields, "sweep": optional(_sweep(f"{kind.capitalize()}Sweep", axes), swept)})


def _search() -> Shape:
    """A search of layouts; which inputs belong to its kind of run is held where it is resolved."""
    inputs: dict[str, Input] = {}
    for entry in chain.from_iterable(map(search_inputs, catalog.RUNS)):
        inputs.setdefault(entry.name, entry)
    values = {entry.name: _swept(entry) for entry in inputs.values() if not entry.chooses}
    return search.shape(_fields(inputs.values()), values, _reference("hardware"), expectation.bound())


# The whole ------------------------------------------------------------------------------------------------------------


# What a spec, and what a model, may do without.
SECTIONS = ("defaults", "hardware", *catalog.RUNS, "measured", "search", "inputs", "metrics")
PARTS = ("layers", "sweep")


def unsaid(data: object) -> frozenset[str]:
    """The sections of a spec, and the parts of all its models, that it does without: their shapes take time to make."""
    top = data if isinstance(data, dict) else {}
    models = top.get("models")
    said = {
        key
        for model in (models.values() if isinstance(models, dict) else ())
        if isinstance(model, dict)
        for key in model
    }
    return frozenset({*SECTIONS} - top.keys() | {*PARTS} - said)


def spec_shape(
    own: tuple[Input, ...] = (), untyped: tuple[str, ...] = (), unsaid: frozenset[str] = frozenset()
) -> Shape:
    """The data model of a spec; `own` are inputs that it defines, `untyped` those that it defines badly.

    What is `unsaid` may be anything.
    """
    return _spec_shape(own, untyped, unsaid)


@cache  # which takes arguments that are left out for others than their defaults
def _spec_shape(own: tuple[Input, ...], untyped: tuple[str, ...], unsaid: frozenset[str]) -> Shape:
    def section(key: str, shape: Callable[[], Shape], doc: str) -> Field:
        return optional(ANYTHING if key in unsaid else shape(), doc)

    loose = {name: optional(ANYTHING, "") for name in untyped}
    of_groups = [entry for entry in inputs_of("layer_group") if entry.name != "n_group_layers"]
    of_groups += [entry for entry in own if entry.grain == "layer_group"]
    of_models = [*inputs_of("model"), *(entry for entry in own if entry.grain == "model")]
    brief = _brief()
    shared = {
        **brief,
        "other_model_params": _others("other_model_params"),
        **_fields([*of_models, *of_groups]),
        **loose,
    }

    def groups() -> Shape:
        return _layer_groups({**brief, **_fields(of_groups), **loose})

    def sweep() -> Shape:
        kinds = optional(list_of(one_of(tuple(FFN_KINDS))), "Kinds of FFN.")
        return _sweep("Sweep", {**_axes([*of_models, *of_groups]), "ffn": kinds, **loose})

    model = mapping(
        "Model",
        {
            "extends": optional(text(MOST_NAME), "A model of this spec to copy the inputs from."),
            "model": optional(text(MOST_NAME), "A library model to copy the inputs from: flopsheet list models."),
            "layers": section("layers", groups, "Groups of identical layers."),
            "sweep": section("sweep", sweep, "Values of inputs; the model becomes one variant per combination."),
            **shared,
        },
    )
    return mapping(
        "Spec",
        {
            "version": required(checked(diagnostics.version_problem, {"const": 1}), "Version of the spec format."),
            "title": optional(text(200), "Title of the study."),
            "context_lengths": required(
                list_of(number(1, None, whole=True, expression=False), most=1000),
                "Tokens per sequence; ratios are relative to the first.",
            ),
            "conventions": optional(mapping("Conventions", _fields(conventions())), "What is counted, and how."),
            "defaults": section(
                "defaults", partial(mapping, "Defaults", shared), "Inputs shared by all models unless they set them."
            ),
            "models": required(named(model, MOST_MODELS), "The models by name."),
            **{key: section(key, shape, doc) for key, (shape, doc) in _sections().items()},
            **_fields(entry for entry in inputs_of("study") if entry not in conventions()),
            **_fields(entry for entry in own if entry.grain == "study"),
            **loose,
        },
    )


def _sections() -> dict[str, tuple[Callable[[], Shape], str]]:
    """The sections of a spec that say nothing of its models, each with what makes its shape and what it is for."""
    return {
        "hardware": (_devices, "Additional kinds of hardware, or other figures for a built-in one."),
        "training": (lambda: named(_run("training"), MOST_RUNS), "Training runs by name."),
        "serving": (lambda: named(_run("serving"), MOST_RUNS), "Serving runs by name."),
        "measured": (lambda: measured.shape(*(_run(kind)["fields"] for kind in catalog.RUNS)), measured.DOC),
        "search": (lambda: named(_search(), search.MOST_SEARCHES), "Searches of layouts by name."),
        "expect": (
            lambda: list_of(expectation.shape(), 0, 10_000), "Conditions checked by validate and on the Checks sheet.",
        ),
        "inputs": (lambda: list_of(custom.input_shape(), 0, 500), "Inputs that this spec defines."),
        "metrics": (lambda: list_of(custom.metric_shape(), 0, 1000), "Metrics that this spec defines."),
    }  # fmt: skip


def _devices() -> Shape:
    """Kinds of hardware by name."""
    ships = optional(text(MOST_NAME), "A built-in kind of hardware: flopsheet list hardware.")
    return named(mapping("Hardware", {"extends": ships, **_fields(inputs_of("hardware"))}))


def _layer_groups(inputs: Mapping[str, Field]) -> Shape:
    """`layers:` of a model, given what each group may say."""
    fields = {
        "name": optional(text(MOST_NAME), "Name of the group in the workbook."),
        "n_layers": required(number(0, None, whole=True, expression=True), "Layers in this group."),
        **inputs,
    }
    return list_of(mapping("LayerGroup", fields))


def _brief() -> dict[str, Field]:
    """The keys that say several inputs of a layer at once."""
    by_name = catalog.load_inputs().inputs

    def of_kinds(name: str, kinds: Iterable[str], doc: str, keys: Iterable[str]) -> Shape:
        return mapping(name, {"kind": required(one_of(tuple(kinds)), doc), **_fields(map(by_name.__getitem__, keys))})

    heads = "Multi-head, grouped-query, multi-query or latent attention."
    attention = of_kinds("Attention", ATTENTION_KINDS, heads, ATTENTION_KEYS)
    moe = mapping("MixtureOfExperts", _fields(map(by_name.__getitem__, MOE_KEYS)))
    mixing = "Kind of mixer that replaces attention or runs beside it."
    mixer = of_kinds("Mixer", MIXER_KINDS, mixing, MIXER_KEYS)
    return {
        "ffn": optional(one_of(tuple(FFN_KINDS)), "The FFN by name; gated ones have 3 matrices."),
        "attention": optional(attention, "Inputs of attention as one mapping; its kind sets some of them."),
        "moe": optional(moe, "Inputs of a mixture of experts as one mapping."),
        "mixer": optional(mixer, "A token mixer other than attention; its kind sets some of its inputs."),
        "other_params": _others("other_params"),
    }


def _others(key: str) -> Field:
    """Parameters that no input counts."""
    by_name = catalog.load_inputs().inputs
    parts = {brief: by_name[name] for brief, name in OTHERS[key].items()}
    fields = {"note": required(text(500), "What they are."), **_fields_by(parts)}
    name = "".join(word.capitalize() for word in key.split("_"))
    doc = "Parameters without an input of their own, with a note that says what they are."
    return optional(mapping(name, fields), doc)


@cache
def spec_validator(
    own: tuple[Input, ...] = (), untyped: tuple[str, ...] = (), unsaid: frozenset[str] = frozenset()
) -> SchemaValidator:
    """What holds a spec against its data model."""
    return SchemaValidator(spec_shape(own, untyped, unsaid))


def keys_with_meaning() -> set[str]:
    """The keys of a spec beside which inputs stand: at its top, in a model and in a layer group."""
    spec = spec_shape()
    model = below(below(spec, "models"), "")
    group = below(below(model, "layers"), 0)
    return {key for kind in (spec, model, group) for key in keys_of(kind) or ()}
