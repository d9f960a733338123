"""Hardware and runs of a spec: what ships and what the spec says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from flopsheet import catalog, diagnostics
from flopsheet.spec.entries import Device, InputValue, ModelSpec, Run
from flopsheet.spec.resolve import parts, rules
from flopsheet.spec.resolve.models import Resolver, values_of
from flopsheet.spec.resolve.scope import RawInput, RawInputs, Scope
from flopsheet.spec.schema import data_model
from flopsheet.spec.sweep import expand
from flopsheet.yamlio.source import Path

# The whole of a serving run's sequence follows from its parts.
SERVED_LENGTH = "prompt_length + generated_length"
MOST = 1_000  # runs of one kind


def devices(resolver: Resolver) -> tuple[Device, ...]:
    """Every kind of hardware that a run of this spec may name: those that ship, and the spec's own."""
    found = {
        kind.name: _device(resolver, kind.name, {key: RawInput(value, ()) for key, value in kind.inputs.items()})
        for kind in catalog.hardware().values()
    }
    listed = _mapping(resolver.data.get("hardware"))
    for name in listed:
        path: Path = ("hardware", name)
        if not isinstance(listed[name], dict):
            continue
        parent = listed[name].get("extends", name if name in catalog.hardware() else None)
        if isinstance(parent, str) and parent not in catalog.hardware():
            resolver.report((*path, "extends"), diagnostics.unknown_hardware(parent, list(catalog.hardware())))
            continue
        if not resolver.is_valid(path):
            continue
        shipped = catalog.hardware()[parent].inputs if parent is not None else {}
        said = {key: RawInput(value, ()) for key, value in shipped.items()} | resolver.normalize(path, listed[name])
        said.pop("extends", None)
        missing = [entry.name for entry in data_model.inputs_of("hardware") if entry.default is None]
        missing = [key for key in missing if key not in said]
        if missing:
            resolver.report(path, diagnostics.missing_of_hardware(missing), key=True)
            continue
        device = _device(resolver, name, said, parent or "", path)
        if len(device.inputs) == len(data_model.inputs_of("hardware")):  # else what is wrong was told
            found[name] = device
    return tuple(found.values())


def _mapping(data: Any) -> Mapping[str, Any]:
    """What stands under a key, where it has the shape that it should have; else nothing, since that was told."""
    return data if isinstance(data, dict) else {}


def _device(resolver: Resolver, name: str, said: RawInputs, parent: str = "", path: Path = ()) -> Device:
    inputs = Scope(resolver, path, data_model.inputs_of("hardware"), said).resolve()
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
        expand.check_name(resolver, path, swept)
        is_sound = resolver.is_valid(path) and isinstance(listed[name], dict)
        said = {key: RawInput(value, (*path, key)) for key, value in listed[name].items()} if is_sound else {}
        said = parts.spread(resolver, said)
        if not is_sound:
            _check_names(resolver, path, _mapping(listed[name]), hardware)
        if name not in swept:
            run = resolve(path, name, said) if is_sound else None
            found += [run] if run is not None else []
            continue
        said.pop("sweep", None)
        entry = expand.read(resolver, path, said, grains) if is_sound else None
        if entry is None:
            resolver.unresolved.append(name)
        else:
            found += expand.variants(resolver, entry, partial(_variant, resolver, entry, resolve), len(found), MOST)
            resolver.current = ()
    return tuple(found)


def _variant(
    resolver: Resolver, entry: expand.Sweep, resolve: Callable[[Path, str, RawInputs], Run | None], number: int
) -> Run | None:
    """One combination of a swept run."""
    name = entry.variant(number)
    resolver.current = (entry.path[0], name)
    return resolve(entry.path, name, entry.raw_inputs(resolver, number))


def _run(
    resolver: Resolver,
    kind: str,
    models: Sequence[ModelSpec],
    hardware: Mapping[str, Device],
    path: Path,
    name: str,
    said: RawInputs,
) -> Run | None:
    """The run at a path, or a variant of the one that stands there."""
    named = {key: said.pop(key, None) for key in ("model", "hardware")}
    entries = [*data_model.inputs_of("context"), *data_model.run_inputs(kind)]
    entries = [entry for entry in entries if not entry.chooses]
    if kind == "serving":
        said["context_length"] = RawInput(SERVED_LENGTH, ())
    missing = [key for key, value in named.items() if value is None]
    missing += [entry.name for entry in entries if entry.default is None and entry.name not in said]
    if missing:
        resolver.report(path, diagnostics.missing_of_run(missing), key=True)
    known = {model.name: model for model in models}
    model, device = (str(value.value) if value else "" for value in named.values())
    if named["model"]:
        _check_model(resolver, named["model"].path, model)
    if named["hardware"]:
        _check_hardware(resolver, named["hardware"].path, device, hardware)
    if missing or model not in known or device not in hardware:
        return None
    inputs = Scope(resolver, path, entries, said).resolve()
    if not _is_whole(known[model]):
        return None  # what is wrong was told
    values = values_of(inputs)
    values |= {"run_model": model, "hardware": device}
    _check(resolver, kind, path, said, values, known[model], hardware[device])
    if len(inputs) < len(entries):
        return None  # what is wrong was told
    return Run(name, model, device, {"run_model": InputValue(model), "hardware": InputValue(device), **inputs})


def _check_names(resolver: Resolver, path: Path, said: Mapping[str, Any], hardware: Sequence[Device]) -> None:
    """What a run names and is not there, where something else about the run is wrong and was told."""
    model, device = (said.get(key) if resolver.is_valid((*path, key)) else None for key in ("model", "hardware"))
    if isinstance(model, str):
        _check_model(resolver, (*path, "model"), model)
    if isinstance(device, str):
        _check_hardware(resolver, (*path, "hardware"), device, {one.name: one for one in hardware})


def _check_model(resolver: Resolver, path: Path, name: str) -> None:
    if resolver.is_unknown(name):
        resolver.report(path, resolver.unknown_model(name, resolver.names))


def _check_hardware(resolver: Resolver, path: Path, name: str, known: Mapping[str, Device]) -> None:
    is_told = name in _mapping(resolver.data.get("hardware"))  # it is there, and what is wrong with it was told
    if name not in known and not is_told:
        resolver.report(path, diagnostics.unknown_hardware(name, list(known)))


def _is_whole(model: ModelSpec) -> bool:
    """Whether every input of a model and of its layers has a value."""
    needed = {entry.name for entry in data_model.inputs_of("layer_group")}
    whole = {entry.name for entry in data_model.inputs_of("model")} <= model.inputs.keys()
    return whole and all(needed <= group.inputs.keys() for group in model.groups)


def _check(
    resolver: Resolver,
    kind: str,
    path: Path,
    said: RawInputs,
    values: dict[str, float | str],
    model: ModelSpec,
    device: Device,
) -> None:
    """Reports the rules that a run breaks; one about layers at the first group that breaks it."""
    shared = resolver.shared | values_of(model.inputs) | values_of(device.inputs) | values
    groups = [values_of(group.inputs) for group in model.groups]
    of_run, of_layer = catalog.RUNS[kind]
    resolver.check(path, rules.Row(shared, groups), said, "run", of_run)
    told: set[str] = set()
    for group in groups:
        row = rules.Row(shared | group)
        for rule in rules.broken(row, said, "run_layer", of_layer):
            if rule.name not in told:
                resolver.report_broken(path, rule, row, said)
            told.add(rule.name)
