"""The shape of `measured:` in a spec: training and serving runs whose times are known."""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.catalog import RUNS
from flopsheet.spec.entries import SECONDS, SECONDS_INPUT
from flopsheet.spec.schema.shapes import Field, Shape, mapping, named, number, one_of, optional

MOST = 100  # rows; each is fitted with and without the others
LEAST_SECONDS, MOST_SECONDS = 1e-6, 86_400  # of one step
LEFT_OUT = {"sweep", SECONDS_INPUT}  # of a run
DOC = "Measured steps and serving runs that calibrate their hardware."


def shape(*of_runs: Mapping[str, Field]) -> Shape:
    """The measured rows by name; `of_runs` is what a run of each kind may say.

    Which inputs belong to the kind of a row is held where it is resolved.
    """
    seconds = number(LEAST_SECONDS, MOST_SECONDS, whole=False, expression=False, unit="s")
    fields: dict[str, Field] = {
        "kind": optional(one_of(tuple(RUNS)), "Kind of the run; training if omitted."),
        SECONDS: optional(seconds, "Measured time of one optimizer step."),
    }
    for of_run in of_runs:
        for name, one in of_run.items():
            if name not in LEFT_OUT:
                fields.setdefault(name, one)
    return named(mapping("MeasuredRow", fields), MOST)
