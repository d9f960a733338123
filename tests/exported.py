"""What `flopsheet show` writes, and the same from the frames of a report, which no exporter has seen."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from typing import Any

from flopsheet.api import Report
from flopsheet.output import export
from flopsheet.pipeline import stream
from flopsheet.spec.load import ParsedSpec, parse_spec, read_spec
from flopsheet.yamlio.from_mapping import to_yaml
from flopsheet.yamlio.source import parse


def opened(spec: str | os.PathLike[str] | Mapping[str, Any]) -> stream.Stream:
    return stream.open_stream(read(spec))


def read(spec: str | os.PathLike[str] | Mapping[str, Any]) -> ParsedSpec:
    """A path, or a mapping as its text says it."""
    return parse_spec(parse(to_yaml(spec), "s.yaml"), "s") if isinstance(spec, Mapping) else read_spec(spec)


def written(spec: str | os.PathLike[str] | Mapping[str, Any], style: str) -> bytes:
    out = io.BytesIO()
    export.write(opened(spec), style, out, lambda count: None)
    return out.getvalue()


def as_json(spec: str | os.PathLike[str] | Mapping[str, Any]) -> Any:
    return json.loads(written(spec, "json"))


def from_frames(report: Report) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """The models by name and the scenarios model by model, from pandas."""
    models = {str(name): row.to_dict() for name, row in report.frames["model"].iterrows()}
    scenarios = [
        {"model": model, "context_length": length, **row.to_dict()}
        for (model, length), row in report.frames["scenario"].drop(columns="n_params").iterrows()
    ]
    return models, sorted(scenarios, key=lambda row: list(models).index(row["model"]))
