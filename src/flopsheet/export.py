"""The numbers of a stream as CSV, JSON or Parquet, written some models at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import repeat
from typing import IO, Any

import numpy as np

from flopsheet import errors, frames, views
from flopsheet.catalog import RUNS, Catalog
from flopsheet.errors import UsageError
from flopsheet.files import replacing, write_bytes
from flopsheet.frames import Values
from flopsheet.progress import progress
from flopsheet.report import Report
from flopsheet.spec.load import Unexpanded
from flopsheet.stream import Chunk, Stream
from flopsheet.tables import Column, tabulate_runs

EXACT = 2.0**53
FORMATS = ("csv", "json", "parquet")
TABULAR = ("csv", "parquet")  # one row after another, all of one kind
BOTH = ("model", "scenario")
Advance = Callable[[int], None]


@dataclass(frozen=True)
class Field:
    """One column of the output: an input or a metric."""

    name: str
    grain: str
    kind: str  # whole, number, flag, text


def write(stream: Stream, style: str, out: IO[bytes], advance: Advance) -> None:
    """Writes every model and scenario of a stream; `advance` is told how many models are done."""
    {"csv": _csv, "json": _json, "parquet": _parquet}[style](stream, out, advance)


def deliver(stream: Stream, style: str, output: str | None) -> None:
    """Writes a stream to a file, or to stdout; SpecError before anything is written where a variant is not possible."""
    if style == "parquet":
        _require_parquet(output)
    stream.check()
    with progress(passes(style) * stream.n_models, "models") as advance:
        if output is None:
            write(stream, style, sys.stdout.buffer, advance)
            sys.stdout.buffer.flush()
        else:
            with replacing(output) as out:
                write(stream, style, out, advance)


def deliver_runs(stream: Stream, kind: str, style: str, output: str | None) -> None:
    """Writes the training or serving runs of a spec, one row each, to a file, or to stdout."""
    if style not in TABULAR:
        raise UsageError(errors.located(errors.no_rows_of(style), "", None))
    runs = views.runs_of(_of_runs(stream), kind)
    if not runs:
        raise UsageError(errors.located(errors.no_runs_of(kind), "--rows", None))
    if style == "parquet":
        _require_parquet(output)
    rows = [{"run": name, **row} for name, row in runs.items()]
    data = views.to_lines(rows).encode() if style == "csv" else _as_parquet(rows)
    if output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write_bytes(output, data)


def _as_parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    made = arrow.BufferOutputStream()
    parquet.write_table(arrow.Table.from_pylist(rows), made, compression="zstd")
    return bytes(made.getvalue())


def _of_runs(stream: Stream) -> Report:
    """The report of a stream's runs, which are few; its models are not in it."""
    runs = {kind: frames.compute_runs(tabulate_runs(stream.spec, kind), stream.catalog) for kind in stream.spec.runs}
    return Report(stream.spec, Values({}, {}), runs, stream.catalog)


def _require_parquet(output: str | None) -> None:
    """UsageError where Parquet cannot be written, or would go to a terminal."""
    if find_spec("pyarrow") is None:
        raise UsageError(errors.located(errors.no_pyarrow(), "", None))
    if output is None and sys.stdout.isatty():
        raise UsageError(errors.located(errors.parquet_on_a_terminal(), "", None))


def is_streamed(read: Unexpanded, style: str, output: str | None) -> bool:
    """Whether the numbers are written some models at a time: those of sweeps, and those that go to a file."""
    if style not in FORMATS and output is not None:
        raise UsageError(errors.located(errors.no_file_of(style), "", None))
    return style == "parquet" or (style in FORMATS and (bool(read.resolver.swept()) or output is not None))


def passes(style: str) -> int:
    """How often the models are gone through: JSON has the models before their scenarios."""
    return 2 if style == "json" else 1


def _fields(chunk: Chunk, catalog: Catalog, grain: str) -> list[Field]:
    """Every input and metric of a grain, in the order in which reports have them."""
    names = chunk.values.frames[grain].columns
    return [Field(name, grain, _kind(name, chunk.values.column(grain, name), catalog)) for name in names]


def _kind(name: str, column: Column, catalog: Catalog) -> str:
    if column.dtype == object:
        return "flag" if name in catalog.inputs and catalog.inputs[name].is_flag else "text"
    return "whole" if catalog.units[catalog.entry(name).unit].whole else "number"


def _texts(column: Column, kind: str, text: Callable[[str], str], flag: dict[str, str]) -> Sequence[str] | str:
    """A column as it is written, one text where all are alike; whole things are integers while a double is exact."""
    if column.dtype == object:
        values = column.tolist()
        spelled = {value: flag[value] if kind == "flag" else text(value) for value in set(values)}
        return spelled[values[0]] if len(spelled) == 1 else [spelled[value] for value in values]
    if column[0] == column[-1] and (column == column[0]).all():
        return _number(float(column[0]), kind)
    if kind == "number":
        return list(map(repr, column.tolist()))
    exact = (np.abs(column) < EXACT) & (np.floor(column) == column)
    texts = list(map(str, np.where(exact, column, 0).astype(np.int64).tolist()))
    for at in np.flatnonzero(~exact).tolist():
        texts[at] = repr(float(column[at]))
    return texts


def _number(value: float, kind: str) -> str:
    is_whole = kind == "whole" and value == int(value) and abs(value) < EXACT
    return str(int(value)) if is_whole else repr(value)


def _lines(
    chunk: Chunk,
    grain: str,
    fields: Iterable[Field],
    written: tuple[str, str],
    text: Callable[[str], str],
    flag: dict[str, str],
) -> Iterator[str]:
    """A line for each row of a grain; `written` is how a field begins, and what stands between two of them.

    What is alike in all rows is spelled once, in the form that the others fill.
    """
    begin, between = written
    order, form, varying = _order(chunk, grain), [], []
    for field in fields:
        texts = _texts(chunk.values.column(grain, field.name)[order], field.kind, text, flag)
        name = begin.format(name=field.name)
        if isinstance(texts, str):
            form.append(name + texts.replace("%", "%%"))
        else:
            form.append(f"{name}%s")
            varying.append(texts)
    rows = zip(*varying, strict=True) if varying else repeat((), len(order))
    return map(between.join(form).__mod__, rows)


def _order(chunk: Chunk, grain: str) -> Column:
    return chunk.models if grain == "model" else chunk.scenarios


def _names(chunk: Chunk) -> list[str]:
    return [str(name) for name in chunk.values.column("model", "model")[chunk.models].tolist()]


def _quoted(text: str) -> str:
    """A text as csv writes it: in quotes where it holds a comma, a quote or a line break."""
    if any(letter in text for letter in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _csv(stream: Stream, out: IO[bytes], advance: Advance) -> None:
    """One line per scenario, the numbers of its model included."""
    flag = {"yes": "True", "no": "False"}
    lengths = [f"{length:.0f}" for length in stream.spec.context_lengths]
    fields: dict[str, list[Field]] = {}
    for chunk in stream.chunks(BOTH):
        if not fields:
            fields = {grain: _fields(chunk, stream.catalog, grain) for grain in BOTH}
            header = [field.name for grain in BOTH for field in fields[grain]]
            out.write((",".join(["model", "context_length", *header]) + "\n").encode())
        models, scenarios = (_lines(chunk, grain, fields[grain], ("", ","), _quoted, flag) for grain in BOTH)
        lines = []
        for name, model in zip(map(_quoted, _names(chunk)), models, strict=True):
            lines += [f"{name},{length},{model},{next(scenarios)}\n" for length in lengths]
        out.write("".join(lines).encode())
        advance(len(chunk.models))


def _json(stream: Stream, out: IO[bytes], advance: Advance) -> None:
    """One object, a line for each model and scenario."""
    flag = {"yes": "true", "no": "false"}
    lengths = [f"{length:.0f}" for length in stream.spec.context_lengths]

    def text(value: str) -> str:
        return json.dumps(value, ensure_ascii=False)

    def lines(grain: str, begin: Callable[[Chunk], Iterable[str]]) -> None:
        before, fields = b"", list[Field]()
        for chunk in stream.chunks((grain,)):
            fields = fields or _fields(chunk, stream.catalog, grain)
            rows = _lines(chunk, grain, fields, ('"{name}": ', ", "), text, flag)
            written = [f"{start}{row}}}" for start, row in zip(begin(chunk), rows, strict=True)]
            out.write(before + ",\n".join(written).encode())
            before = b",\n"
            advance(len(chunk.models))

    def scenarios(chunk: Chunk) -> Iterator[str]:
        for name in map(text, _names(chunk)):
            yield from (f'{{"model": {name}, "context_length": {length}, ' for length in lengths)

    out.write(b'{\n"models": {\n')
    lines("model", lambda chunk: (f"{text(name)}: {{" for name in _names(chunk)))
    out.write(b'\n},\n"scenarios": [\n')
    lines("scenario", scenarios)
    report = _of_runs(stream)
    told = ",\n".join(f'"{kind}": {json.dumps(views.runs_of(report, kind), ensure_ascii=False)}' for kind in RUNS)
    out.write(f"\n],\n{told}\n}}\n".encode())


def _parquet(stream: Stream, out: IO[bytes], advance: Advance) -> None:
    """The table of the CSV in columns: numbers as doubles, which hold whole ones exactly below 2^53."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    word = arrow.dictionary(arrow.int32(), arrow.string())
    writer = None
    try:
        fields: list[Field] = []
        for chunk in stream.chunks(BOTH):
            fields = fields or [field for grain in BOTH for field in _fields(chunk, stream.catalog, grain)]
            n_lengths, names = len(stream.spec.context_lengths), _names(chunk)
            columns: dict[str, Any] = {
                "model": arrow.array(np.repeat(np.array(names, dtype=object), n_lengths), arrow.string()),
                "context_length": arrow.array(np.tile(stream.spec.context_lengths, len(names)).astype(np.int64)),
            }
            for field in fields:
                column = chunk.values.column(field.grain, field.name)[_order(chunk, field.grain)]
                column = np.repeat(column, n_lengths) if field.grain == "model" else column
                if field.kind == "flag":
                    columns[field.name] = arrow.array(column == "yes", arrow.bool_())
                elif field.kind == "text":
                    columns[field.name] = arrow.array(column, arrow.string()).dictionary_encode().cast(word)
                else:
                    columns[field.name] = arrow.array(column, arrow.float64())
            table = arrow.table(columns)
            writer = writer or parquet.ParquetWriter(out, table.schema, compression="zstd")
            writer.write_table(table)
            advance(len(names))
    finally:
        if writer:
            writer.close()
