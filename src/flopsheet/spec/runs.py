"""Hardware and runs of a spec: what ships and what the spec says of it, and the rules between the inputs of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from flopsheet import catalog, errors
from flopsheet.errors import Finding
from flopsheet.source import Path
from flopsheet.spec import schema, sweep
from flopsheet.spec.entries import Device, Given, ModelSpec, Run
from flopsheet.spec.resolve import Resolver
from flopsheet.spec.scope import Said, Saying, Scope

# The whole of a serving run's sequence follows from its parts.
SERVED_LENGTH = "prompt_length + generated_length"
MOST = 1_000  # runs of one kind

Numbers: TypeAlias = Mapping[str, float]
Findings: TypeAlias = Iterator[tuple[Finding, str]]


def devices(resolver: Resolver) -> tuple[Device, ...]:
    """Every kind of hardware that a run of this spec may name: those that ship, and the spec's own."""
    found = {
        kind.name: _device(resolver, kind.name, {key: Said(value, ()) for key, value in kind.inputs.items()})
        for kind in catalog.hardware().values()
    }
    listed = _mapping(resolver.data.get("hardware"))
    for name in listed:
        path: Path = ("hardware", name)
        if not resolver.sound(path) or not isinstance(listed[name], dict):
            continue
        parent = listed[name].get("extends", name if name in catalog.hardware() else None)
        if parent is not None and parent not in catalog.hardware():
            resolver.report((*path, "extends"), errors.unknown_hardware(parent, list(catalog.hardware())))
            continue
        shipped = catalog.hardware()[parent].inputs if parent is not None else {}
        said = {key: Said(value, ()) for key, value in shipped.items()} | resolver.sayings(path, listed[name])
        said.pop("extends", None)
        missing = [entry.name for entry in schema.inputs_of("hardware") if entry.default is None]
        missing = [key for key in missing if key not in said]
        if missing:
            resolver.report(path, errors.missing_of_hardware(missing), key=True)
            continue
        device = _device(resolver, name, said, parent or "", path)
        if len(device.inputs) == len(schema.inputs_of("hardware")):  # else what is wrong was told
            found[name] = device
    return tuple(found.values())


def _mapping(data: Any) -> Mapping[str, Any]:
    """What stands under a key, where it has the shape that it should have; else nothing, since that was told."""
    return data if isinstance(data, dict) else {}


def _device(resolver: Resolver, name: str, said: Saying, parent: str = "", path: Path = ()) -> Device:
    inputs = Scope(resolver, path, schema.inputs_of("hardware"), said).resolve()
    shipped = catalog.hardware().get(parent or name)
    sources = {
        key: shipped.sources.get(key, "") if shipped is not None and not said[key].path else "the spec"
        for key in inputs
        if key in said
    }
    return Device(name, inputs, sources)


def runs(resolver: Resolver, kind: str, models: Sequence[ModelSpec], hardware: Sequence[Device]) -> tuple[Run, ...]:
    """The runs of one kind, each swept one as its variants; what does not fit together is reported."""
    listed = _mapping(resolver.data.get(kind))
    swept = [name for name, entry in listed.items() if isinstance(entry, dict) and "sweep" in entry]
    grains = frozenset(("context", "run", *catalog.RUNS[kind]))
    resolve = partial(_run, resolver, kind, models, {device.name: device for device in hardware})
    found: list[Run] = []
    for name in listed:
        path: Path = (kind, name)
        sweep.check_name(resolver, path, swept)
        is_sound = resolver.sound(path) and isinstance(listed[name], dict)
        said = {key: Said(value, (*path, key)) for key, value in listed[name].items()} if is_sound else {}
        if name not in swept:
            run = resolve(path, name, said) if is_sound else None
            found += [run] if run is not None else []
            continue
        said.pop("sweep", None)
        entry = sweep.read(resolver, path, said, grains) if is_sound else None
        if entry is None:
            resolver.unresolved.append(name)
        else:
            found += sweep.variants(resolver, entry, partial(_variant, resolver, entry, resolve), len(found), MOST)
            resolver.current = ()
    return tuple(found)


def _variant(
    resolver: Resolver, entry: sweep.Sweep, resolve: Callable[[Path, str, Saying], Run | None], number: int
) -> Run | None:
    """One combination of a swept run."""
    name = entry.variant(number)
    resolver.current = (entry.path[0], name)
    return resolve(entry.path, name, entry.sayings(resolver, number))


def _run(
    resolver: Resolver,
    kind: str,
    models: Sequence[ModelSpec],
    hardware: Mapping[str, Device],
    path: Path,
    name: str,
    said: Saying,
) -> Run | None:
    """The run at a path, or a variant of the one that stands there."""
    named = {key: said.pop(key, None) for key in ("model", "hardware")}
    entries = [*schema.inputs_of("context"), *schema.run_inputs(kind)]
    entries = [entry for entry in entries if not entry.chooses]
    if kind == "serving":
        said["context_length"] = Said(SERVED_LENGTH, ())
    missing = [key for key, value in named.items() if value is None]
    missing += [entry.name for entry in entries if entry.default is None and entry.name not in said]
    if missing:
        resolver.report(path, errors.missing_of_run(missing), key=True)
    known = {model.name: model for model in models}
    model, device = (str(value.value) if value else "" for value in named.values())
    if named["model"] and resolver.is_unknown(model):
        resolver.report(named["model"].path, resolver.unknown_model(model, resolver.names))
    told = device in _mapping(resolver.data.get("hardware"))  # it is there, and what is wrong with it was told
    if named["hardware"] and device not in hardware and not told:
        resolver.report(named["hardware"].path, errors.unknown_hardware(device, list(hardware)))
    if missing or model not in known or device not in hardware:
        return None
    inputs = Scope(resolver, path, entries, said).resolve()
    if not _is_whole(known[model]):
        return None  # what is wrong was told
    values = {key: given.value for key, given in inputs.items()}
    findings = _training_findings if kind == "training" else _serving_findings
    for finding, key in findings(values, known[model], hardware[device]):
        at = said[key].path if key in said and said[key].path else path
        resolver.report(at, finding, key=at == path, depends=True)
    if len(inputs) < len(entries):
        return None  # what is wrong was told
    return Run(name, model, device, {"run_model": Given(model), "hardware": Given(device), **inputs})


def _is_whole(model: ModelSpec) -> bool:
    """Whether every input of a model and of its layers has a value."""
    needed = {entry.name for entry in schema.inputs_of("layer_group")}
    whole = {entry.name for entry in schema.inputs_of("model")} <= model.inputs.keys()
    return whole and all(needed <= group.inputs.keys() for group in model.groups)


def _group_values(model: ModelSpec, key: str) -> Iterator[float]:
    yield from (float(group.inputs[key].value) for group in model.groups)


def _devices(n: Numbers, model: ModelSpec) -> Findings:
    ways = tuple(n[f"{way}_parallel"] for way in ("tensor", "pipeline", "context", "data"))
    if math.prod(ways) != n["n_devices"]:
        yield errors.devices_do_not_multiply(n["n_devices"], *ways), "n_devices"


def _heads(n: Numbers, model: ModelSpec) -> Findings:
    tensor = n["tensor_parallel"]
    uneven = [count for count in _group_values(model, "n_heads") if count % tensor]
    if uneven:
        heads = f"the {min(uneven):,.0f} heads"
        yield errors.way_does_not_divide("tensor_parallel", tensor, heads, min(uneven)), "tensor_parallel"


def _stages(n: Numbers, model: ModelSpec) -> Findings:
    stages, chunks, layers = n["pipeline_parallel"], n["virtual_stages"], float(model.inputs["n_layers"].value)
    if stages * chunks > layers:
        key = "pipeline_parallel" if stages > layers else "virtual_stages"
        yield errors.more_stages_than_layers(stages, chunks, layers), key
    if chunks > 1 and stages == 1:
        yield errors.interleaved_without_stages(), "virtual_stages"


def _context(n: Numbers, model: ModelSpec) -> Findings:
    length, context = n["context_length"], n["context_parallel"]
    if length % context:
        of = f"the context of {length:,.0f}"
        yield errors.way_does_not_divide("context_parallel", context, of, length), "context_parallel"


def _experts(n: Numbers, model: ModelSpec) -> Findings:
    experts = n["expert_parallel"]
    routed = {count for count in _group_values(model, "n_experts") if count}
    if experts > 1 and not routed:
        yield errors.expert_parallel_without_experts(), "expert_parallel"
    for count in sorted(count for count in routed if count % experts)[:1]:
        of = f"the {count:,.0f} experts"
        yield errors.way_does_not_divide("expert_parallel", experts, of, count), "expert_parallel"


def _expert_devices(n: Numbers, model: ModelSpec) -> Findings:
    experts, sharing = n["expert_parallel"], n["data_parallel"] * n["context_parallel"]
    if sharing % experts and any(_group_values(model, "n_experts")):
        of = f"data · context parallel {sharing:,.0f}"
        yield errors.way_does_not_divide("expert_parallel", experts, of, sharing), "expert_parallel"


def _batch(n: Numbers, model: ModelSpec) -> Findings:
    whole, micro, data = n["global_batch_size"], n["micro_batch_size"], n["data_parallel"]
    if whole % (micro * data):
        yield errors.batch_does_not_split(whole, micro, data), "global_batch_size"


# Parallelisms and batches that cannot be: each rule with the inputs that it reads, so that it waits for no others.
RULES: tuple[tuple[tuple[str, ...], Callable[[Numbers, ModelSpec], Findings]], ...] = (
    (("tensor_parallel", "pipeline_parallel", "context_parallel", "data_parallel", "n_devices"), _devices),
    (("tensor_parallel",), _heads),
    (("pipeline_parallel", "virtual_stages"), _stages),
    (("context_length", "context_parallel"), _context),
    (("expert_parallel",), _experts),
    (("expert_parallel", "data_parallel", "context_parallel"), _expert_devices),
    (("global_batch_size", "micro_batch_size", "data_parallel"), _batch),
)


def _training_findings(values: Mapping[str, float | str], model: ModelSpec, device: Device) -> Findings:
    """Each finding with the input to point at."""
    numbers = {key: value for key, value in values.items() if not isinstance(value, str)}
    for needed, rule in RULES:
        if all(key in numbers for key in needed):
            yield from rule(numbers, model)
    if "precision" in values:
        precision = str(values["precision"]).removeprefix("mixed_").removeprefix("pure_")
        yield from _peak_findings(precision, device, "precision")


def _serving_findings(values: Mapping[str, float | str], model: ModelSpec, device: Device) -> Findings:
    if "compute_format" in values:
        yield from _peak_findings(str(values["compute_format"]), device, "compute_format")


def _peak_findings(format: str, device: Device, key: str) -> Findings:
    """A device without units for a format."""
    if not device.inputs[f"peak_flops_{format}"].value:
        able = [
            name.removeprefix("peak_flops_")
            for name, given in device.inputs.items()
            if name.startswith("peak_flops_") and given.value
        ]
        yield errors.no_units_for(device.name, format, able), key
