"""Searches of a spec: what varies, what does not, and what is looked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flopsheet import catalog, diagnostics
from flopsheet.catalog import Input, Metric
from flopsheet.catalog.entries import YES, Scalar, flag_word
from flopsheet.catalog.grains import RunKind
from flopsheet.formula import Node, evaluate, names
from flopsheet.quantities import NO_NUMBER
from flopsheet.records import frozen
from flopsheet.spec.entries import KEPT, OBJECTIVES, Device, InputValue, ModelSpec, Run, Search
from flopsheet.spec.resolve import parts, rules
from flopsheet.spec.resolve.draft import Draft, Fault, RawInput, Resolved, values_of
from flopsheet.spec.resolve.names import Names
from flopsheet.spec.resolve.scope import parse_inputs
from flopsheet.spec.runs import SERVED_LENGTH, of_other_kind, unknown_hardware, unknown_model
from flopsheet.spec.schema import data_model
from flopsheet.spec.schema.search import AUTO, LISTED
from flopsheet.spec.sweep import axes
from flopsheet.yamlio.source import Path

MOST = 1_000_000_000  # layouts of one search
# Inputs whose values are divisors of another, or of the devices.
DIVIDES = {
    "tensor_parallel": "n_devices",
    "pipeline_parallel": "n_devices",
    "context_parallel": "n_devices",
    "attention_data_parallel": "n_devices",
    "expert_parallel": "n_devices",
    "expert_tensor_parallel": "n_devices",
    "micro_batch_size": "global_batch_size",
    "virtual_stages": "n_layers",
}


@frozen
class _Known:
    """What searches are resolved with."""

    draft: Draft
    models: Mapping[str, ModelSpec]
    hardware: Mapping[str, Device]
    names: Names
    metrics: Mapping[str, Metric]
    runs: Mapping[RunKind, Sequence[str]]


def searches(
    draft: Draft,
    models: Sequence[ModelSpec],
    hardware: Sequence[Device],
    names: Names,
    metrics: Mapping[str, Metric],
    runs: Mapping[RunKind, Sequence[str]],
) -> Resolved[tuple[Search, ...]]:
    """The searches of a spec that are not faulty; `runs` are the names of its runs by kind."""
    by_name = {model.name: model for model in models}
    known = _Known(draft, by_name, {device.name: device for device in hardware}, names, metrics, runs)
    found: list[Search] = []
    faults: list[Fault] = []
    for name, said in draft.listed("search").items():
        if isinstance(said, dict) and draft.is_valid(("search", name)):
            search, wrong = _search(known, ("search", name), said)
            found += [search] if search is not None and not wrong else []
            faults += wrong
    return Resolved(tuple(found), faults)


def said_inputs(said: Mapping[str, object]) -> dict[str, object]:
    """The inputs that a search says, which are the same in all its layouts."""
    inputs = catalog.load_inputs().inputs
    return {key: value for key, value in said.items() if key in inputs and key not in LISTED}


def _search(known: _Known, path: Path, said: Mapping[str, Any]) -> Resolved[Search | None]:
    """One search; None where it is faulty."""
    draft, kind = known.draft, said.get("kind", "training")
    fixed, varied = said_inputs(said), said["vary"]
    places = {(*path, key): key for key in fixed} | {(*path, "vary", key): key for key in varied}
    if faults := of_other_kind(draft, places, kind, diagnostics.input_of_other_runs):
        return Resolved(None, faults)
    of_spec = {"hardware": _listed(said["hardware"]), "n_devices": _listed(said["n_devices"])}
    inputs, wrong = _fixed(draft, path, kind, fixed, [*of_spec, *varied])
    faults = [*_unknown_names(known, path, said, kind), *_unvaried(draft, path, said), *wrong]
    model = known.models.get(said["model"])
    if model is None or faults or "n_layers" not in model.inputs:  # what is wrong with a model is told there
        return Resolved(None, faults)
    values, faults = _axes(draft, path, kind, of_spec, varied, model, inputs)
    if values is None:
        return Resolved(None, faults)
    chosen = {name: known.hardware[name] for name in of_spec["hardware"] if name in known.hardware}
    limits = {
        name: (bounds.get("at_least"), bounds.get("at_most")) for name, bounds in (said.get("require") or {}).items()
    }
    metric, is_maximised = _objective(said)
    faults += _wrong_names(known, path, kind, said.get("found", ()))
    found = Search(
        str(path[-1]), model.name, chosen, axes=values, inputs=inputs, metric=metric, is_maximised=is_maximised,
        limits=limits, keep=int(said.get("keep", KEPT)), found=tuple(said.get("found", ())), kind=kind,
    )  # fmt: skip
    if found.size > MOST:
        faults.append(draft.fault(path, diagnostics.too_many_layouts(found.size, MOST), key=True))
    return Resolved(found, faults)


def _unknown_names(known: _Known, path: Path, said: Mapping[str, Any], kind: RunKind) -> list[Fault]:
    """What is wrong with the model, the hardware and the metrics that a search names."""
    faults = unknown_model(known.draft, known.names, (*path, "model"), said["model"])
    for name in _listed(said["hardware"]):
        faults += unknown_hardware(known.draft, known.hardware, (*path, "hardware"), name)
    return [*faults, *_unknown_metrics(known, path, said, kind)]


def _unvaried(draft: Draft, path: Path, said: Mapping[str, Any]) -> list[Fault]:
    """Where nothing varies, or something that is also said to be the same in all layouts."""
    varied = said["vary"]
    faults = [] if varied else [draft.fault((*path, "vary"), diagnostics.varies_nothing(), key=True)]
    return faults + [
        draft.fault((*path, "vary", key), diagnostics.said_twice(f"vary.{key}", key), key=True)
        for key in varied.keys() & said.keys()
    ]


def _axes(
    draft: Draft,
    path: Path,
    kind: RunKind,
    of_spec: Mapping[str, Any],
    varied: Mapping[str, Any],
    model: ModelSpec,
    inputs: Mapping[str, InputValue],
) -> Resolved[dict[str, tuple[Scalar, ...]] | None]:
    """The values of what varies, hardware and devices first; None where they are not known."""
    first, faults = axes.read_grid(draft, path, of_spec)
    numbers = dict(zip(first.keys, (axis.values[0] for axis in first.axes), strict=True))
    others = dict(varied)
    for key in (key for key, value in varied.items() if value == AUTO):
        at, devices = (*path, "vary", key), numbers.get("n_devices", ())
        others[key], wrong = _possible(draft, at, kind, model, inputs, devices)
        faults += wrong
    if faults:
        return Resolved(None, faults)
    grid, faults = axes.read_grid(draft, (*path, "vary"), others)
    values: dict[str, tuple[Scalar, ...]] = {}
    for axis in (*first.axes, *grid.axes):
        [key], [listed] = axis.keys, axis.values
        if draft.inputs[key].is_number:
            faults += [
                draft.fault((*axis.paths[0], at), diagnostics.varied_expression(key, value))
                for at, value in enumerate(listed)
                if isinstance(value, str)
            ]
        values[key] = tuple(map(_plain, listed))
    return Resolved(values, faults)


def _wrong_names(known: _Known, path: Path, kind: RunKind, found: Sequence[str]) -> list[Fault]:
    """Layouts that are named as found and are no runs, and runs that are named like layouts to be found."""
    draft, name, runs = known.draft, str(path[-1]), known.runs.get(kind, ())
    faults = []
    for run in runs:
        rank = run.removeprefix(f"{name} ")
        if rank != run and rank.isdecimal() and run not in found:
            faults.append(draft.fault((kind, run), diagnostics.named_like_layout(run, name), key=True))
    return faults + [
        draft.fault((*path, "found", at), diagnostics.unknown_layout(run, kind, runs))
        for at, run in enumerate(found)
        if run not in runs
    ]


def _listed(value: Any) -> Any:
    """One value as a list of it; lists and ranges as they are."""
    return value if isinstance(value, list | dict) else [value]


def _plain(value: float | str | bool) -> Scalar:
    """A value as formulas read it."""
    if isinstance(value, bool):
        return flag_word(value)
    return value if isinstance(value, str) else float(value)


def _objective(said: Mapping[str, Any]) -> tuple[str, bool]:
    """The metric by which layouts are compared, and whether more of it is better."""
    if "maximise" in said:
        return said["maximise"], True
    return said.get("minimise", OBJECTIVES[said.get("kind", "training")]), False


def _unknown_metrics(known: _Known, path: Path, said: Mapping[str, Any], kind: RunKind) -> list[Fault]:
    """What is wrong with the metrics that layouts are compared by or held to."""
    draft, faults = known.draft, []
    if "minimise" in said and "maximise" in said:
        faults.append(draft.fault((*path, "maximise"), diagnostics.said_twice("maximise", "minimise"), key=True))
    of_run, units = catalog.RUNS[kind][0], catalog.load_inputs().units
    metrics = [one for one in known.metrics.values() if one.grain == of_run and one.unit not in NO_NUMBER]
    numbers = catalog.headings([*metrics, *(entry for entry in _entries(kind) if entry.is_number)], units)
    named = {(*path, key): said[key] for key in ("minimise", "maximise") if key in said}
    limits = {(*path, "require", name): name for name in said.get("require") or ()}
    for at, name in {**named, **limits}.items():
        if name not in numbers:
            faults.append(draft.fault(at, diagnostics.no_such_objective(name, kind, numbers), key=at in limits))
    return faults


def _entries(kind: RunKind) -> list[Input]:
    """The inputs of a kind of run, but for those that choose."""
    entries = [*data_model.inputs_of("context"), *data_model.run_inputs(kind)]
    return [entry for entry in entries if not entry.chooses]


def _fixed(
    draft: Draft, path: Path, kind: RunKind, said: Mapping[str, Any], varied: Sequence[str]
) -> Resolved[dict[str, InputValue]]:
    """The inputs that do not vary, in the catalogue's order; expressions are not evaluated."""
    raw, faults = parts.spread(draft, {key: RawInput(value, (*path, key)) for key, value in said.items()})
    if kind == "serving":
        raw["context_length"] = RawInput(SERVED_LENGTH, ())
    entries = [entry for entry in _entries(kind) if entry.name not in varied]
    missing = [entry.name for entry in entries if entry.default is None and entry.name not in raw]
    if missing:
        return Resolved({}, [*faults, draft.fault(path, diagnostics.missing_of_run(missing), key=True)])
    others = [entry for entry in _entries(kind) if entry.name in varied]
    inputs, wrong = parse_inputs(draft, path, entries, raw, others)
    return Resolved(inputs, [*faults, *wrong])


def _possible(
    draft: Draft, path: Path, kind: RunKind, model: ModelSpec, inputs: Mapping[str, InputValue], devices: Sequence[Any]
) -> Resolved[list[Any]]:
    """Every value of an input that breaks no rule which reads this input alone of those that vary."""
    key = str(path[-1])
    entry = draft.inputs[key]
    if entry.choices:
        return Resolved([one == YES if entry.is_flag else one for one in entry.choices], [])
    of = {"n_devices": devices, "n_layers": [model.inputs["n_layers"].value]}
    given = inputs.get(DIVIDES.get(key, ""))
    if given is not None and given.ast is None:
        of[DIVIDES[key]] = [given.value]
    wholes = of.get(DIVIDES.get(key, ""), ())
    if not wholes or not all(isinstance(whole, int | float) for whole in wholes):
        return Resolved([], [draft.fault(path, diagnostics.no_automatic_values(key, list(DIVIDES)))])
    values = sorted({divisor for whole in wholes for divisor in _divisors(int(whole))})
    known = {**draft.study, **values_of(model.inputs)}
    known |= {name: one.value for name, one in inputs.items() if one.ast is None}
    possible = [value for value in values if _is_possible(kind, {**known, key: float(value)}, model)]
    return Resolved(possible or values, [])  # where none is, the search counts the rules that all of them break


def _divisors(whole: int) -> Iterator[int]:
    for small in range(1, math.isqrt(whole) + 1):
        if whole % small == 0:
            yield from {small, whole // small}


def _is_possible(kind: RunKind, values: Mapping[str, Any], model: ModelSpec) -> bool:
    """Whether no rule is broken; one that reads what is not known yet is none of those."""
    groups = [values_of(group.inputs) for group in model.groups]
    of_run, of_layer = catalog.RUNS[kind]
    row = rules.Row(values, groups)
    layers = [rules.Row({**values, **group}) for group in groups]
    return all(row.holds(rule) for rule in rules.of_grains("run", of_run)) and all(
        layer.holds(rule) for layer in layers for rule in rules.of_grains("run_layer", of_layer)
    )


def layout_run(search: Search, number: int, name: str) -> Run:
    """A layout as a run, which the rules allow."""
    chosen = search.layout(number)
    hardware = str(chosen.pop("hardware"))
    found = {key: InputValue(value) for key, value in chosen.items()}
    found |= {key: one for key, one in search.inputs.items() if one.ast is None}
    nodes: dict[str, Node] = {key: one.ast for key, one in search.inputs.items() if one.ast is not None}
    for key in catalog.sort_by_dependencies({key: names(node) for key, node in nodes.items()}):
        value = evaluate(nodes[key], lambda read: found[read].value)
        is_word = isinstance(value, str)
        found[key] = InputValue(str(value) if is_word else float(value) + 0.0, nodes[key])
    inputs = {entry.name: found[entry.name] for entry in _entries(search.kind)}
    named = {"run_model": InputValue(search.model), "hardware": InputValue(hardware)}
    return Run(name, search.model, hardware, {**named, **inputs})
