"""The spec with a workbook's inputs in it, for computing with: no rule of a spec stands in its way."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from flopsheet.review.slots import Key
from flopsheet.spec import Given, Group, ModelSpec, Spec


def respelled(spec: Spec, givens: Mapping[Key, Given]) -> Spec:
    """The same models, layer groups and context lengths, every input as it is given."""

    def study(inputs: Mapping[str, Given], at: int) -> dict[str, Given]:
        return {name: givens["study", name, at] for name in inputs}

    models, at = [], 0
    for row, model in enumerate(spec.models):
        groups = []
        for group in model.groups:
            groups.append(Group(group.name, study(group.inputs, at)))
            at += 1
        models.append(ModelSpec(model.name, study(model.inputs, row), tuple(groups)))
    lengths = tuple(float(givens["study", "context_length", row].value) for row in range(len(spec.context_lengths)))
    return dataclasses.replace(spec, context_lengths=lengths, study=study(spec.study, 0), models=tuple(models))
