"""Hardware and runs of a spec: what ships and what the spec says of it, and the rules between the inputs of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flopsheet import catalog, errors
from flopsheet.errors import Finding
from flopsheet.source import Path
from flopsheet.spec import schema
from flopsheet.spec.entries import Device, Given, ModelSpec, Run
from flopsheet.spec.resolve import Resolver, Said, Saying, Scope

# The whole of a serving run's sequence follows from its parts.
SERVED_LENGTH = "prompt_length + generated_length"


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
        found[name] = _device(resolver, name, said, parent or "", path)
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
    """The runs of one kind; what does not fit together is reported."""
    listed = _mapping(resolver.data.get(kind))
    found = []
    for name in listed:
        path: Path = (kind, name)
        if resolver.sound(path) and isinstance(listed[name], dict):
            run = _run(resolver, kind, name, models, {device.name: device for device in hardware})
            found += [run] if run is not None else []
    return tuple(found)


def _run(
    resolver: Resolver, kind: str, name: str, models: Sequence[ModelSpec], hardware: Mapping[str, Device]
) -> Run | None:
    path: Path = (kind, name)
    said = {key: Said(value, (*path, key)) for key, value in resolver.data[kind][name].items()}
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
        resolver.report((*path, "model"), errors.unknown_model(model, resolver.names))
    if named["hardware"] and device not in hardware:
        resolver.report((*path, "hardware"), errors.unknown_hardware(device, list(hardware)))
    if missing or model not in known or device not in hardware:
        return None
    inputs = Scope(resolver, path, entries, said).resolve()
    if len(inputs) < len(entries) or not _is_whole(known[model]):
        return None  # what is wrong was told
    values = {key: given.value for key, given in inputs.items()}
    findings = _training_findings if kind == "training" else _serving_findings
    for finding, key in findings(values, known[model], hardware[device]):
        at = said[key].path if key in said and said[key].path else path
        resolver.report(at, finding, key=at == path)
    return Run(name, model, device, {"run_model": Given(model), "hardware": Given(device), **inputs})


def _is_whole(model: ModelSpec) -> bool:
    """Whether every input of a model and of its layers has a value."""
    needed = {entry.name for entry in schema.inputs_of("layer_group")}
    whole = {entry.name for entry in schema.inputs_of("model")} <= model.inputs.keys()
    return whole and all(needed <= group.inputs.keys() for group in model.groups)


def _number(values: Mapping[str, float | str], key: str) -> float:
    return float(values[key])


def _group_values(model: ModelSpec, key: str) -> Iterator[float]:
    yield from (float(group.inputs[key].value) for group in model.groups)


def _training_findings(
    values: Mapping[str, float | str], model: ModelSpec, device: Device
) -> Iterator[tuple[Finding, str]]:
    """Parallelisms and batches that cannot be, each with the input to point at and the choices that can."""
    tensor, stages, context, data, experts, devices = (
        _number(values, key)
        for key in (
            "tensor_parallel", "pipeline_parallel", "context_parallel", "data_parallel", "expert_parallel", "n_devices",
        )
    )  # fmt: skip
    product = tensor * stages * context * data
    if product != devices:
        yield errors.devices_do_not_multiply(devices, tensor, stages, context, data), "n_devices"
    heads = {count for count in _group_values(model, "n_heads") if count % tensor}
    if heads:
        yield (
            errors.way_does_not_divide("tensor_parallel", tensor, f"the {min(heads):,.0f} heads", min(heads)),
            ("tensor_parallel"),
        )
    chunks, layers = stages * _number(values, "virtual_stages"), float(model.inputs["n_layers"].value)
    if chunks > layers:
        key = "pipeline_parallel" if stages > layers else "virtual_stages"
        yield errors.more_stages_than_layers(stages, _number(values, "virtual_stages"), layers), key
    if _number(values, "virtual_stages") > 1 and stages == 1:
        yield errors.interleaved_without_stages(), "virtual_stages"
    length = _number(values, "context_length")
    if length % context:
        yield (
            errors.way_does_not_divide("context_parallel", context, f"the context of {length:,.0f}", length),
            ("context_parallel"),
        )
    routed = {count for count in _group_values(model, "n_experts") if count}
    if experts > 1 and not routed:
        yield errors.expert_parallel_without_experts(), "expert_parallel"
    for count in sorted(count for count in routed if count % experts)[:1]:
        yield (
            errors.way_does_not_divide("expert_parallel", experts, f"the {count:,.0f} experts", count),
            "expert_parallel",
        )
    if data >= 1 and data == int(data) and data * context % experts:
        shared = f"data · context parallel {data * context:,.0f}"
        yield errors.way_does_not_divide("expert_parallel", experts, shared, data * context), "expert_parallel"
    if data >= 1 and data == int(data):
        micro, whole = _number(values, "micro_batch_size"), _number(values, "global_batch_size")
        if whole % (micro * data):
            yield errors.batch_does_not_split(whole, micro, data), "global_batch_size"
    precision = str(values["precision"]).removeprefix("mixed_").removeprefix("pure_")
    yield from _peak_findings(precision, device, "precision")


def _serving_findings(
    values: Mapping[str, float | str], model: ModelSpec, device: Device
) -> Iterator[tuple[Finding, str]]:
    yield from _peak_findings(str(values["compute_format"]), device, "compute_format")


def _peak_findings(format: str, device: Device, key: str) -> Iterator[tuple[Finding, str]]:
    """A device without units for a format."""
    if not device.inputs[f"peak_flops_{format}"].value:
        able = [
            name.removeprefix("peak_flops_")
            for name, given in device.inputs.items()
            if name.startswith("peak_flops_") and given.value
        ]
        yield errors.no_units_for(device.name, format, able), key
