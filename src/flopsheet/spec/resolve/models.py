"""From what a model says to its inputs as values, layer group by layer group, held to the rules between inputs."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet import diagnostics
from flopsheet.catalog.grains import Grain
from flopsheet.formula.nodes import Aggregate
from flopsheet.records import NamedTuple
from flopsheet.spec.entries import Group, InputValue, ModelSpec
from flopsheet.spec.resolve import parts, rules
from flopsheet.spec.resolve.draft import Draft, Fault, RawInput, RawInputs, Resolved, values_of
from flopsheet.spec.resolve.normalize import normalize
from flopsheet.spec.resolve.scope import resolve_inputs
from flopsheet.spec.schema import data_model
from flopsheet.yamlio.source import Path

# Input -> the one that follows from it where a group does not mention that.
IMPLIES = {"kv_lora_rank": "d_head", "n_experts": "d_ff"}


class _RawGroup(NamedTuple):
    """What is said of one run of identical layers, and where."""

    label: str
    path: Path
    said: RawInputs


def resolve_model(draft: Draft, name: str, said: RawInputs, path: Path = ()) -> Resolved[ModelSpec | None]:
    """The model, None where inputs are missing; a variant stands where the spec says its sweep."""
    path = path or ("models", name)
    groups, faults = _layer_groups(draft, said, path)
    whole = {key: value for key, value in said.items() if draft.grain(key) == "model"}
    has_layers = "layers" in said
    missing = _missing(draft, "model", whole, has_layers)
    for group in groups:
        missing += [key for key in _missing(draft, "layer_group", group.said, False) if key not in missing]
    if missing:
        return Resolved(None, [*faults, draft.fault(path, diagnostics.missing_inputs(missing), key=True)])
    model, wrong = _evaluate(draft, name, path, whole, groups, has_layers)
    return Resolved(model, [*faults, *wrong])


def _layer_groups(draft: Draft, said: RawInputs, path: Path) -> Resolved[list[_RawGroup]]:
    """What each layer group says or takes from the model; a model without `layers:` has one."""
    layers = said.get("layers")
    common = {key: value for key, value in said.items() if draft.grain(key) == "layer_group"}
    groups: list[_RawGroup] = []
    faults: list[Fault] = []
    taken: set[str] = set()
    for index, data in enumerate(layers.value if layers else [{}]):
        at = (*layers.path, index) if layers else path
        own, wrong = normalize(draft, at, data)
        faults += wrong
        label = own.pop("name").value if "name" in own else f"group {index + 1}" if layers else ""
        if "n_layers" in own:
            own["n_group_layers"] = own.pop("n_layers")
        if label.casefold() in taken:
            faults.append(draft.fault(at, diagnostics.same_group_name(label)))
        taken.add(label.casefold())
        groups.append(_RawGroup(label, at, _add_implied(common | own)))
    groups[-1].said.setdefault("n_group_mtp_layers", RawInput("n_mtp_layers", ()))
    return Resolved(groups, faults)


def _add_implied(said: RawInputs) -> RawInputs:
    """The inputs with what latent attention and experts imply of those that a group does not mention."""
    widths = {"d_qk_nope", "d_qk_rope"} & said.keys()  # without any, what is missing is told, not its sum
    values = {"d_head": "d_qk_nope + d_qk_rope" if widths else 1, "d_ff": 0}
    implied = [other for key, other in IMPLIES.items() if key in said and said[key].value != 0 and other not in said]
    return said | {key: RawInput(values[key], ()) for key in implied}


def _missing(draft: Draft, grain: Grain, said: RawInputs, has_layers: bool) -> list[str]:
    """The inputs of a grain that have neither a value nor a default."""
    required = [entry.name for entry in draft.inputs_of(grain) if entry.default is None]
    shown = ["ffn" if name == "ffn_matrices" else name for name in required if name not in said]
    return [name for name in shown if not (name == "n_layers" and has_layers)]


def _evaluate(
    draft: Draft, name: str, path: Path, whole: RawInputs, groups: Sequence[_RawGroup], has_layers: bool
) -> Resolved[ModelSpec]:
    """The model with every input that has a value."""
    of: Path = ("models", name)
    entries = draft.inputs_of("model")
    if has_layers:  # the layers are counted below
        entries = tuple(entry for entry in entries if entry.name != "n_layers")
    values, faults = resolve_inputs(draft, of, path, entries, whole)
    resolved = []
    for group in groups:
        inner, wrong = resolve_inputs(
            draft, of, group.path, draft.inputs_of("layer_group"), group.said, values, entries
        )
        resolved.append(Group(group.label, inner))
        faults += wrong
    counted = {**values}
    if has_layers and all("n_group_layers" in group.inputs for group in resolved):
        total = sum(float(group.inputs["n_group_layers"].value) for group in resolved)
        counted["n_layers"] = InputValue(total, Aggregate("sum", ("n_group_layers",)))
        if "n_layers" in whole:  # what is claimed is held to a rule
            claim, wrong = resolve_inputs(draft, of, path, (draft.inputs["n_layers"],), whole, values, entries)
            values = values | claim
            faults += wrong
    plain = [values_of(group.inputs) for group in resolved]
    row = rules.Row({**draft.study, **values_of(values)}, plain)
    faults += rules.faults_of(draft, of, path, row, whole, "model")
    for group, own in zip(groups, plain, strict=True):
        row = rules.Row({**draft.study, **values_of(counted), **own})
        faults += rules.faults_of(draft, of, group.path, row, group.said, "layer_group")
    in_order = {entry.name: counted[entry.name] for entry in draft.inputs_of("model") if entry.name in counted}
    return Resolved(ModelSpec(name, in_order, tuple(resolved)), faults)


def resolve_study(draft: Draft) -> Resolved[dict[str, InputValue]]:
    """Conventions and load, defaults filled in."""
    said: RawInputs = {}
    faults: list[Fault] = []
    for entry in draft.inputs_of("study"):
        path: Path = ("conventions", entry.name) if entry in data_model.conventions() else (entry.name,)
        holder = draft.data if len(path) == 1 else draft.data.get("conventions")
        if isinstance(holder, dict) and entry.name in holder and draft.is_valid(path):
            said[entry.name] = RawInput(holder[entry.name], path)
        elif entry.default is None and draft.is_valid(path):
            finding = diagnostics.missing_of_study(entry.name)
            faults.append(draft.fault(draft.custom_defaults[entry.name][:-1], finding))
    valued = [entry for entry in draft.inputs_of("study") if entry.default is not None or entry.name in said]
    said, twice = parts.spread(draft, said)
    inputs, wrong = resolve_inputs(draft, (), (), valued, said)
    return Resolved(inputs, [*faults, *twice, *wrong])
