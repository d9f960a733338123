"""The shape of a spec as pydantic models; the keys of a model are the catalogue's inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    ValidationError,
    WithJsonSchema,
    create_model,
)  # fmt: skip
from pydantic_core import PydanticCustomError

from flopsheet import catalog, errors
from flopsheet.catalog import Input

FFN_KINDS = {"swiglu": 3, "geglu": 3, "reglu": 3, "gated": 3, "gelu": 2, "relu": 2, "relu2": 2, "silu": 2, "plain": 2}
# kind of attention -> what it says of the inputs, and the keys that must stand beside it.
ATTENTION_KINDS: dict[str, tuple[dict[str, int | str], tuple[str, ...]]] = {
    "mha": ({"n_kv_heads": "n_heads", "kv_lora_rank": 0}, ()),
    "gqa": ({"kv_lora_rank": 0}, ("n_kv_heads",)),
    "mqa": ({"n_kv_heads": 1, "kv_lora_rank": 0}, ()),
    "mla": ({}, ("kv_lora_rank", "d_qk_nope", "d_qk_rope", "d_v")),
}
ATTENTION_KEYS = (
    "n_heads", "n_kv_heads", "d_head", "window", "kv_lora_rank", "q_lora_rank", "d_qk_nope", "d_qk_rope", "d_v",
    "qkv_bias", "o_bias", "qk_norm", "attention_sinks",
)  # fmt: skip
MOE_KEYS = (
    "n_experts", "n_active_experts", "d_expert", "n_shared_experts", "d_shared_expert", "shared_expert_gate",
    "expert_bias", "router_bias",
)  # fmt: skip
LARGEST = 1e15  # below 2^53, so that every whole number is exact
MOST_NAME = 64
WILDCARDS = "*?~"  # a spreadsheet's MATCH reads them as patterns


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


def refused(problem: tuple[str, str]) -> PydanticCustomError:
    """Our own words for what a validator refuses."""
    fact, remedy = problem
    return PydanticCustomError("flopsheet", "{fact}", {"fact": fact, "remedy": remedy})


def checked(check: Callable[[Any], tuple[str, str] | None], schema: Mapping[str, Any]) -> Any:
    """A field type: `check` gives the fact and the remedy of what is wrong, or None."""

    def validate(value: Any) -> Any:
        problem = check(value)
        if problem:
            raise refused(problem)
        return value

    return Annotated[Any, PlainValidator(validate), WithJsonSchema(dict(schema))]


def number(least: float | None, most: float | None, *, whole: bool, expression: bool) -> Any:
    """A number within bounds, or an expression that gives one."""

    def check(value: Any) -> tuple[str, str] | None:
        if isinstance(value, str) and expression:
            return None  # parsed and evaluated once every input is known
        return errors.number_problem(value, least, LARGEST if most is None else most, whole=whole)

    plain: dict[str, Any] = {"type": "integer" if whole else "number"}
    if least is not None:
        plain["minimum"] = least
    plain["maximum"] = LARGEST if most is None else most
    formula = {"type": "string", "description": "an expression of other inputs, such as 4 * d_model"}
    return checked(check, {"anyOf": [plain, formula]} if expression else plain)


def one_of(choices: tuple[int | str, ...]) -> Any:
    """One of a few words or numbers."""
    return checked(lambda value: errors.choice_problem(value, choices), {"enum": list(choices)})


def text(most: int) -> Any:
    """Any text up to a length."""
    schema = {"type": "string", "minLength": 1, "maxLength": most}
    return checked(lambda value: errors.text_problem(value, most), schema)


def field_type(entry: Input) -> Any:
    """What a spec may say for an input of the catalogue."""
    if entry.is_flag:
        return checked(errors.flag_problem, {"type": "boolean"})
    if entry.choices and not entry.is_number:
        return one_of(entry.choices)
    if entry.chooses:
        return text(MOST_NAME)
    if entry.choices:
        return number(min(map(float, entry.choices)), max(map(float, entry.choices)), whole=True, expression=True)
    return number(entry.least, entry.most, whole=entry.whole, expression=True)


def required(kind: Any, doc: str, **limits: Any) -> Any:
    """A field that must be there."""
    return kind, Field(description=doc, **limits)


def optional(kind: Any, doc: str, **limits: Any) -> Any:
    """A field that may be left out."""
    return kind, Field(default=None, description=doc, **limits)


def _fields(inputs: Iterable[Input]) -> dict[str, Any]:
    return {entry.name: optional(field_type(entry), entry.doc) for entry in inputs}


@cache
def inputs_of(*grains: str) -> tuple[Input, ...]:
    """The inputs of these grains, in the catalogue's order."""
    return tuple(entry for entry in catalog.load_inputs().inputs.values() if entry.grain in grains)


@cache
def symbols() -> dict[str, str]:
    """The letter of each input that has one."""
    return {entry.name: entry.symbol for entry in catalog.load_inputs().inputs.values() if entry.symbol}


LIST, RANGE = "[list]", "[range]"  # how the values of a swept input are written; part of pydantic's paths, not of ours


@cache
def _range() -> type[Strict]:
    """Numbers from one to another; what the input allows is held where the values are made."""
    end = number(None, None, whole=False, expression=False)
    ends = {"from": required(end, "The first value."), "to": required(end, "The last value, where a step meets it.")}
    return create_model("Range", __base__=Strict, **ends, step=optional(end, "From one value to the next; 1."))


def _swept(kind: Any) -> Any:
    """The values of a number under `sweep:`: a list or a range."""
    which = Discriminator(lambda value: RANGE if isinstance(value, dict) else LIST)
    union: Any = Annotated[list_of(kind), Tag(LIST)] | Annotated[_range(), Tag(RANGE)]
    return Annotated[union, which]


def sweep_model(inputs: Iterable[Input], loose: Mapping[str, Any]) -> type[Strict]:
    """What stands under `sweep:` of a model: inputs with the values that they take."""
    axes: dict[str, Any] = {
        entry.name: optional(
            _swept(field_type(entry)) if entry.is_number else list_of(field_type(entry)),
            entry.doc,
        )
        for entry in inputs
    }
    axes |= loose
    axes["ffn"] = optional(list_of(one_of(tuple(FFN_KINDS))), "Kinds of FFN.")
    paired = create_model("Zip", __base__=Strict, **axes)
    exclude: Any = checked(errors.exclusion_problem, {"type": ["string", "object"]})
    return create_model(
        "Sweep",
        __base__=Strict,
        **axes,
        zip=optional(paired, "Inputs that change together: the first values of each, the second ones, and so on."),
        exclude=optional(list[exclude], "Combinations left out: {input: value, …} or a condition."),
    )


def list_of(kind: Any) -> Any:
    return Annotated[list[kind], Field(min_length=1)]


@cache
def conventions() -> tuple[Input, ...]:
    """The switches under `conventions:`; the other inputs of the study stand at the top of a spec."""
    return catalog.load_inputs().conventions


def problem_of(entry: Input, value: Any) -> tuple[str, str] | None:
    """What is wrong with a value of an input."""
    try:
        create_model("Value", value=required(field_type(entry), "")).model_validate({"value": value})
    except ValidationError as error:
        context = error.errors()[0]["ctx"]
        return context["fact"], context["remedy"]
    return None


def _own(kind: str, grains: Iterable[str], **more: Any) -> type[Strict]:
    """What an input or metric that a spec defines has to say."""
    units = tuple(catalog.load_inputs().units)
    name = checked(
        errors.own_name_problem, {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "maxLength": errors.MOST}
    )
    return create_model(
        f"Own{kind.capitalize()}",
        __base__=Strict,
        name=required(name, "How formulas call it."),
        label=required(text(60), "What a reader calls it."),
        grain=required(one_of(tuple(grains)), "The table that it lives in: one value per row."),
        unit=required(one_of(units), "What it is measured in."),
        doc=required(text(500), "What it means: what is counted, what is left out."),
        source=optional(text(500), "Where it comes from."),
        **more,
    )


def run_inputs(kind: str) -> tuple[Input, ...]:
    """What a spec says of a training or serving run, besides its model and, for training, its context length."""
    return tuple(entry for entry in inputs_of("run", *catalog.RUNS[kind]) if entry.name != "run_model")


def _run(kind: str) -> Any:
    """The data model of a run."""
    length = number(1, None, whole=True, expression=True)
    context = {"context_length": optional(length, "Tokens of one sequence.")} if kind == "training" else {}
    model = optional(text(MOST_NAME), "A model of this spec.")
    name = f"{kind.capitalize()}Run"
    return create_model(name, __base__=Strict, model=model, **context, **_fields(run_inputs(kind)))


@cache
def own_input() -> type[Strict]:
    """An input that a spec defines."""
    bound = number(None, None, whole=False, expression=False)
    choice: Any = checked(errors.own_choice_problem, {"type": ["string", "integer"]})
    default = checked(errors.own_default_problem, {"type": ["number", "string", "boolean"]})
    return _own(
        "input",
        ("study", "model", "layer_group"),
        default=optional(default, "Its value where nothing is said; without one every model says it."),
        least=optional(bound, "The smallest possible value; 0."),
        most=optional(bound, "The largest possible value."),
        choices=optional(list[choice], "All that is possible.", min_length=2, max_length=12),
    )


@cache
def own_metric() -> type[Strict]:
    """A metric that a spec defines."""
    return _own(
        "metric",
        ("study", "model", "layer_group", "context", "scenario", "layer_run"),
        formula=required(text(2000), "How it is computed, from inputs and metrics."),
        shape=optional(text(100), "Shapes of the product, or a note."),
        level=optional(one_of(("part", "subtotal", "total")), "How the row stands out."),
    )


def mappings() -> tuple[type[BaseModel], ...]:
    """The mappings in which inputs stand beside other keys."""
    spec = spec_model()
    model = get_args(spec.model_fields["models"].annotation)[-1]
    group = get_args(get_args(model.model_fields["layers"].annotation)[0] or model)
    return spec, model, *(one for one in group if isinstance(one, type))


@cache
def spec_model(own: tuple[Input, ...] = (), untyped: tuple[str, ...] = ()) -> type[Strict]:
    """The data model of a whole spec; `own` are inputs that it defines, `untyped` those that it defines badly."""
    loose: dict[str, Any] = {name: optional(Any, "") for name in untyped}
    ffn = optional(one_of(tuple(FFN_KINDS)), "The FFN by name; gated ones have 3 matrices.")
    group_inputs = [entry for entry in inputs_of("layer_group") if entry.name != "n_group_layers"]
    group_inputs += [entry for entry in own if entry.grain == "layer_group"]
    model_inputs = [*inputs_of("model"), *(entry for entry in own if entry.grain == "model")]
    by_name = catalog.load_inputs().inputs
    attention = create_model(
        "Attention",
        __base__=Strict,
        kind=required(one_of(tuple(ATTENTION_KINDS)), "Multi-head, grouped-query, multi-query or latent attention."),
        **_fields(map(by_name.__getitem__, ATTENTION_KEYS)),
    )
    moe = create_model("MixtureOfExperts", __base__=Strict, **_fields(map(by_name.__getitem__, MOE_KEYS)))
    brief: dict[str, Any] = {
        "ffn": ffn,
        "attention": optional(attention, "The inputs of attention together, under a kind that sets some of them."),
        "moe": optional(moe, "The inputs of a mixture of experts together."),
    }
    group: Any = create_model(
        "LayerGroup",
        __base__=Strict,
        name=optional(text(MOST_NAME), "What the group is called in the workbook."),
        n_layers=required(number(1, None, whole=True, expression=True), "Layers in this group."),
        **brief,
        **_fields(group_inputs),
        **loose,
    )
    shared: dict[str, Any] = {**brief, **_fields([*model_inputs, *group_inputs]), **loose}
    defaults = create_model("Defaults", __base__=Strict, **shared)
    model: Any = create_model(
        "Model",
        __base__=Strict,
        extends=optional(text(MOST_NAME), "A model of this spec whose inputs this one starts from."),
        model=optional(
            text(MOST_NAME), "A model of the library whose inputs this one starts from: flopsheet list models."
        ),
        layers=optional(list[group], "Groups of identical layers.", min_length=1),
        sweep=optional(
            sweep_model([*model_inputs, *group_inputs], loose),
            "Values that inputs take: the model stands for its variants, one for each combination.",
        ),
        **shared,
    )
    switches = create_model("Conventions", __base__=Strict, **_fields(conventions()))
    length = number(1, None, whole=True, expression=False)
    device: Any = create_model(
        "Hardware",
        __base__=Strict,
        extends=optional(text(MOST_NAME), "A kind of hardware that ships: flopsheet list hardware."),
        **_fields(inputs_of("hardware")),
    )
    training: Any = _run("training")
    serving: Any = _run("serving")
    claimed = number(None, None, whole=False, expression=False)
    expectation: Any = create_model(
        "Expectation",
        __base__=Strict,
        that=required(text(200), "MODEL.METRIC, such as gpt2-xl.n_params."),
        context_length=optional(length, "Which context length, where there are several."),
        equals=optional(checked(errors.equals_problem, {"type": ["number", "string"]}), "What it is."),
        at_least=optional(claimed, "What it does not fall below."),
        at_most=optional(claimed, "What it does not exceed."),
        within=optional(number(0, 1, whole=False, expression=False), "Relative tolerance of equals."),
        note=optional(text(500), "Where the figure comes from."),
    )
    return create_model(
        "Spec",
        __base__=Strict,
        version=required(checked(errors.version_problem, {"const": 1}), "Of the spec format."),
        title=optional(text(200), "What the study is about."),
        context_lengths=required(
            list[length],  # type: ignore[valid-type]
            "Tokens of one sequence; the ratios refer to the first.",
            min_length=1,
            max_length=1000,
        ),
        conventions=optional(switches, "What counts, and how."),
        defaults=optional(defaults, "Inputs that every model starts from."),
        models=required(dict[str, model], "The models by name.", min_length=1, max_length=10_000),
        hardware=optional(dict[str, device], "Kinds of hardware besides those that ship, or other figures for one."),
        training=optional(dict[str, training], "Training runs by name.", min_length=1, max_length=1_000),
        serving=optional(dict[str, serving], "Serving runs by name.", min_length=1, max_length=1_000),
        expect=optional(list[expectation], "Claims that CI and the Checks sheet hold.", max_length=10_000),
        inputs=optional(list[own_input()], "Inputs that this spec defines.", max_length=500),  # type: ignore[misc]
        metrics=optional(list[own_metric()], "Metrics that this spec defines.", max_length=1000),  # type: ignore[misc]
        **_fields(entry for entry in inputs_of("study") if entry not in conventions()),
        **_fields(entry for entry in own if entry.grain == "study"),
        **loose,
    )
