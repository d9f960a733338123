"""The spec with a workbook's inputs in it, for computing with: no rule of a spec stands in its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from flopsheet.review.input_cells import Key
from flopsheet.spec import Group, InputValue, ModelSpec, Run, Spec
from flopsheet.workbook.layout.cells import TableSetName


def apply_inputs(spec: Spec, givens: Mapping[Key, InputValue]) -> Spec:
    """The same models, layer groups, context lengths, hardware and runs, every input as it is given."""

    def of(inputs: Mapping[str, InputValue], at: int, table_set: TableSetName = "study") -> dict[str, InputValue]:
        return {name: givens[table_set, name, at] for name in inputs}

    models, at = [], 0
    for row, model in enumerate(spec.models):
        groups = []
        for group in model.groups:
            groups.append(Group(group.name, of(group.inputs, at)))
            at += 1
        models.append(ModelSpec(model.name, of(model.inputs, row), tuple(groups)))
    return replace(
        spec,
        context_lengths=tuple(
            _number(givens["study", "context_length", row]) for row in range(len(spec.context_lengths))
        ),
        study=of(spec.study, 0),
        models=tuple(models),
        hardware=tuple(device._replace(inputs=of(device.inputs, row)) for row, device in enumerate(spec.hardware)),
        runs={
            kind: tuple(_run(run, of(run.inputs, row, kind)) for row, run in enumerate(runs))
            for kind, runs in spec.runs.items()
        },
    )


def _number(given: InputValue) -> float:
    return float(given.value)


def _run(run: Run, inputs: Mapping[str, InputValue]) -> Run:
    """The run with its model and hardware as they are chosen."""
    return Run(run.name, str(inputs["run_model"].value), str(inputs["hardware"].value), inputs)
