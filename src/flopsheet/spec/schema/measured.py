"""The shape of `measured:` in a spec: training runs whose time is known."""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet.spec.schema.shapes import Field, Shape, mapping, named, number, optional

MOST = 100  # rows; each is fitted with and without the others
LEAST_SECONDS, MOST_SECONDS = 1e-6, 86_400  # of one step
LEFT_OUT = {"sweep", "measured_seconds_per_step"}  # of a training run; a row says the latter as seconds


DOC = "Measured steps that calibrate their hardware."


def shape(of_run: Mapping[str, Field]) -> Shape:
    """The measured rows by name; `of_run` is what a training run may say."""
    seconds = number(LEAST_SECONDS, MOST_SECONDS, whole=False, expression=False, unit="s")
    fields = {name: one for name, one in of_run.items() if name not in LEFT_OUT}
    fields = {"seconds": optional(seconds, "Measured time of one optimizer step."), **fields}
    return named(mapping("MeasuredRow", fields), MOST)
