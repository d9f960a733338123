"""Hardware and runs of a spec: what ships and what the spec says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from flopsheet import catalog, diagnostics
from flopsheet.catalog.entries import Scalar
from flopsheet.catalog.grains import RunKind
from flopsheet.diagnostics import Finding
from flopsheet.records import NamedTuple, frozen
from flopsheet.spec.entries import SECONDS, SECONDS_INPUT, SPEC, Device, InputValue, ModelSpec, Run, is_time
from flopsheet.spec.resolve import frozen as frozen_parts
from flopsheet.spec.resolve import parts, rules, stages
from flopsheet.spec.resolve.draft import Draft, Fault, RawInput, RawInputs, Resolved, values_of
from flopsheet.spec.resolve.names import Names
from flopsheet.spec.resolve.normalize import normalize
from flopsheet.spec.resolve.scope import resolve_inputs
from flopsheet.spec.schema import data_model
from flopsheet.spec.sweep import expand
from flopsheet.yamlio.source import Data, Path

# The whole of a serving run's sequence follows from its parts.
SERVED_LENGTH = "prompt_length + generated_length"
MEASURED = "measured"
# What is said of efficiencies that a kind of hardware has from the one that it extends, whose own steps were measured.
INHERITED = {"fitted_to": "parent", "serving_fitted_to": "others"}


class Runs(NamedTuple):
    """The runs of one kind, each swept one as its variants, and the names with theirs."""

    found: tuple[Run, ...]
    names: Names


def devices(draft: Draft) -> Resolved[tuple[Device, ...]]:
    """Every kind of hardware that a run of this spec may name: those that ship, and the spec's own."""
    faults: list[Fault] = []
    found: dict[str, Device] = {}
    for kind in catalog.hardware().values():
        shipped = {key: RawInput(value, ()) for key, value in kind.inputs.items()}
        found[kind.name], wrong = _device(draft, kind.name, shipped)
        faults += wrong
    for name, listed in draft.listed("hardware").items():
        if isinstance(listed, dict):
            device, wrong = _own_device(draft, name, listed)
            faults += wrong
            if device is not None:
                found[name] = device
    return Resolved(tuple(found.values()), faults)


def _own_device(draft: Draft, name: str, listed: Data) -> Resolved[Device | None]:
    """A kind of hardware that the spec says; None where it is faulty."""
    path: Path = ("hardware", name)
    parent = listed.get("extends", name if name in catalog.hardware() else None)
    if isinstance(parent, str) and parent not in catalog.hardware():
        unknown = diagnostics.unknown_hardware(parent, list(catalog.hardware()))
        return Resolved(None, [draft.fault((*path, "extends"), unknown)])
    if not draft.is_valid(path):
        return Resolved(None, [])
    shipped = catalog.hardware()[parent].inputs if parent is not None else {}
    own, faults = normalize(draft, path, listed)
    said = {key: RawInput(value, ()) for key, value in shipped.items()} | own
    said.pop("extends", None)
    if name != parent:
        for key, of_parent in INHERITED.items():
            if key not in own and shipped.get(key) == "itself":
                said[key] = RawInput(of_parent, ())
    required = [entry.name for entry in data_model.inputs_of("hardware") if entry.default is None]
    if missing := [key for key in required if key not in said]:
        return Resolved(None, [*faults, draft.fault(path, diagnostics.missing_of_hardware(missing), key=True)])
    device, wrong = _device(draft, name, said, parent or "", path)
    is_whole = len(device.inputs) == len(data_model.inputs_of("hardware"))  # else what is wrong was told
    return Resolved(device if is_whole else None, [*faults, *wrong])


def _device(draft: Draft, name: str, said: RawInputs, parent: str = "", path: Path = ()) -> Resolved[Device]:
    inputs, faults = resolve_inputs(draft, (), path, data_model.inputs_of("hardware"), said)
    shipped = catalog.hardware().get(parent or name)
    sources = {
        key: shipped.sources.get(key, "") if shipped is not None and not said[key].path else SPEC
        for key in inputs
        if key in said
    }
    return Resolved(Device(name, inputs, sources), faults)


@frozen
class _Kind:
    """What the runs of one kind are resolved with."""

    draft: Draft
    name: RunKind
    models: Mapping[str, ModelSpec]
    hardware: Mapping[str, Device]
    names: Names


def runs(
    draft: Draft, kind: RunKind, models: Sequence[ModelSpec], hardware: Sequence[Device], names: Names
) -> Resolved[Runs]:
    """The runs of one kind, as far as they fit together; `names` are those of models and of earlier runs."""
    swept = draft.swept(kind)
    among = _Kind(
        draft, kind, {model.name: model for model in models}, {device.name: device for device in hardware}, names
    )
    found: list[Run] = []
    faults: list[Fault] = []
    for name, listed in draft.listed(kind).items():
        path: Path = (kind, name)
        faults += expand.check_name(draft, path, swept)
        if not (draft.is_valid(path) and isinstance(listed, dict)):
            faults += _unknown_names(among, path, listed if isinstance(listed, dict) else {})
            if name in swept:
                names = names._replace(unresolved=(*names.unresolved, name))
            continue
        said, twice = parts.spread(draft, {key: RawInput(value, (*path, key)) for key, value in listed.items()})
        faults += twice
        if name not in swept:
            run, wrong = _run(among, (), path, name, said)
            found += [run] if run is not None else []
            faults += wrong
            continue
        variants, names, wrong = _swept(among, path, said, len(found), names)
        found += variants
        faults += wrong
    return Resolved(Runs(tuple(found), names), faults)


def measured(
    draft: Draft, models: Sequence[ModelSpec], hardware: Sequence[Device], names: Names
) -> Resolved[dict[RunKind, tuple[Run, ...]]]:
    """The measured rows of a spec as runs whose times are known, by kind."""
    by_name = {one.name: one for one in models}, {device.name: device for device in hardware}
    found: dict[RunKind, tuple[Run, ...]] = {}
    faults: list[Fault] = []
    for name, listed in draft.listed(MEASURED).items():
        path: Path = (MEASURED, name)
        if not isinstance(listed, dict):
            continue
        kind: RunKind = "serving" if listed.get("kind") == "serving" else "training"
        among = _Kind(draft, kind, *by_name, names)
        if not draft.is_valid(path):
            faults += _unknown_names(among, path, listed)
            continue
        if wrong := of_other_kind(draft, {(*path, key): key for key in listed}, kind, diagnostics.input_of_other_rows):
            faults += wrong
            continue
        own = {key: RawInput(value, (*path, key)) for key, value in listed.items() if key != "kind"}
        said, twice = parts.spread(draft, own)
        faults += twice
        if SECONDS in said:
            said[SECONDS_INPUT] = said.pop(SECONDS)
        if not any(map(is_time, said)):
            faults.append(draft.fault(path, diagnostics.row_without_time(kind == "serving"), key=True))
            continue
        run, wrong = _run(among, (), path, name, said)
        found[kind] = (*found.get(kind, ()), *([run] if run is not None else []))
        faults += wrong
    return Resolved(found, faults)


def of_other_kind(
    draft: Draft, places: Mapping[Path, str], kind: RunKind, told: Callable[[str, str, str], Finding]
) -> list[Fault]:
    """Inputs that only another kind of run has, by their places; `told` is what a row or a search says of one."""
    [other] = catalog.RUNS.keys() - {kind}
    foreign = _keys_of_kind(other) - _keys_of_kind(kind)
    return [draft.fault(at, told(key, kind, other), key=True) for at, key in places.items() if key in foreign]


def _keys_of_kind(kind: RunKind) -> frozenset[str]:
    """What a measured row or a search of a kind may say that not every one may."""
    inputs = (entry.name for entry in data_model.search_inputs(kind))
    return frozenset((*inputs, SECONDS) if kind == "training" else inputs)


def _swept(among: _Kind, path: Path, said: RawInputs, held: int, names: Names) -> tuple[list[Run], Names, list[Fault]]:
    """The variants of a swept run, the names with those of it, and what is wrong."""
    name = str(path[-1])
    grains = frozenset(("context", "run", *catalog.RUNS[among.name]))
    own = {key: value for key, value in said.items() if key != "sweep"}
    entry, faults = expand.read_sweep(among.draft, path, own, grains)
    if entry is None:
        return [], names._replace(unresolved=(*names.unresolved, name)), faults
    expanded, faults = expand.expand(entry, partial(_variant, among, entry), held, data_model.MOST_RUNS, ())
    unresolved = names.unresolved if expanded.is_whole else (*names.unresolved, name)
    first = {**names.first_variants, name: entry.first}
    return expanded.variants, names._replace(unresolved=unresolved, first_variants=first), faults


def _variant(among: _Kind, entry: expand.Sweep, number: int) -> Resolved[Run | None]:
    """One combination of a swept run."""
    name = entry.variant(number)
    return _run(among, (entry.path[0], name), entry.path, name, entry.raw_inputs(number))


def _run(among: _Kind, of: Path, path: Path, name: str, said: RawInputs) -> Resolved[Run | None]:
    """The run at a path, or a variant `of` the one that stands there; None where it is faulty."""
    entries = [*data_model.inputs_of("context"), *data_model.run_inputs(among.name)]
    entries = [entry for entry in entries if not entry.chooses]
    named = {key: said.get(key) for key in ("model", "hardware")}
    own, faults = stages.spread(among.draft, {key: value for key, value in said.items() if key not in named})
    own, twice = frozen_parts.spread(among.draft, own)
    faults += twice
    if among.name == "serving":
        own["context_length"] = RawInput(SERVED_LENGTH, ())
    missing = [key for key, value in named.items() if value is None]
    missing += [entry.name for entry in entries if entry.default is None and entry.name not in own]
    if missing:
        faults.append(among.draft.fault(path, diagnostics.missing_of_run(missing), key=True))
    model, device = (str(value.value) if value else "" for value in named.values())
    if named["model"]:
        faults += unknown_model(among.draft, among.names, named["model"].path, model)
    if named["hardware"]:
        faults += unknown_hardware(among.draft, among.hardware, named["hardware"].path, device)
    if missing or model not in among.models or device not in among.hardware:
        return Resolved(None, faults)
    inputs, wrong = resolve_inputs(among.draft, of, path, entries, own)
    faults += wrong
    if not _is_whole(among.models[model]):
        return Resolved(None, faults)  # what is wrong was told
    values = {**values_of(inputs), "run_model": model, "hardware": device}
    faults += _broken_rules(among, of, path, own, values, among.models[model], among.hardware[device])
    if len(inputs) < len(entries):
        return Resolved(None, faults)  # what is wrong was told
    whole = {"run_model": InputValue(model), "hardware": InputValue(device), **inputs}
    return Resolved(Run(name, model, device, whole), faults)


def _unknown_names(among: _Kind, path: Path, said: Data) -> list[Fault]:
    """What a run names and is not there, where something else about the run is wrong and was told."""
    draft = among.draft
    model, device = (said.get(key) if draft.is_valid((*path, key)) else None for key in ("model", "hardware"))
    faults = unknown_model(draft, among.names, (*path, "model"), model) if isinstance(model, str) else []
    if isinstance(device, str):
        faults += unknown_hardware(draft, among.hardware, (*path, "hardware"), device)
    return faults


def unknown_model(draft: Draft, names: Names, path: Path, name: str) -> list[Fault]:
    """What is wrong where no model has a name."""
    return [draft.fault(path, names.unknown(name, names.models))] if names.is_unknown(name) else []


def unknown_hardware(draft: Draft, hardware: Mapping[str, Device], path: Path, name: str) -> list[Fault]:
    """What is wrong where no kind of hardware has a name."""
    is_told = name in draft.listed("hardware")  # it is there, and what is wrong with it was told
    if name in hardware or is_told:
        return []
    return [draft.fault(path, diagnostics.unknown_hardware(name, list(hardware)))]


def _is_whole(model: ModelSpec) -> bool:
    """Whether every input of a model and of its layers has a value."""
    needed = {entry.name for entry in data_model.inputs_of("layer_group")}
    whole = {entry.name for entry in data_model.inputs_of("model")} <= model.inputs.keys()
    return whole and all(needed <= group.inputs.keys() for group in model.groups)


def _broken_rules(
    among: _Kind,
    of: Path,
    path: Path,
    said: RawInputs,
    values: Mapping[str, Scalar],
    model: ModelSpec,
    device: Device,
) -> list[Fault]:
    """The rules that a run breaks; one about layers at the first group that breaks it."""
    shared = {**among.draft.study, **values_of(model.inputs), **values_of(device.inputs), **values}
    groups = [values_of(group.inputs) for group in model.groups]
    of_run, of_layer = catalog.RUNS[among.name]
    faults = rules.faults_of(among.draft, of, path, rules.Row(shared, groups), said, "run", of_run)
    told: set[str] = set()
    for group in groups:
        row = rules.Row({**shared, **group})
        for rule in rules.broken(row, said, "run_layer", of_layer):
            if rule.name not in told:
                faults.append(rules.fault_of(among.draft, of, path, rule, row, said))
            told.add(rule.name)
    return faults
