"""The numbers of a spec as a file or on stdout: CSV, JSON and Parquet some models at a time, tables as texts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

import numpy as np

from flopsheet import diagnostics
from flopsheet.catalog import RUNS, Catalog
from flopsheet.catalog.entries import YES
from flopsheet.catalog.grains import Grain, RunKind
from flopsheet.diagnostics import UsageError
from flopsheet.output import limits, measured
from flopsheet.output.progress import progress
from flopsheet.output.rows import CSV, JSON, Field, fields_of, lines
from flopsheet.pipeline import frames
from flopsheet.pipeline.frames import Values
from flopsheet.pipeline.stream import Chunk, Stream
from flopsheet.pipeline.tables import Rows, tabulate_runs
from flopsheet.spec import Spec
from flopsheet.yamlio.files import replacing, write_bytes

if TYPE_CHECKING:
    from flopsheet.pipeline.workers import Advance

ShowFormat: TypeAlias = Literal["table", "json", "csv", "md", "html", "parquet"]
TABULAR = ("csv", "parquet")  # one row after another, all of one kind
BOTH: tuple[Grain, ...] = ("model", "scenario")
RunRows: TypeAlias = RunKind | Literal["limits"]
LIMITS: Final = "limits"  # rows of CSV and Parquet


class Target(Protocol):
    """What takes the bytes of an export."""

    def write(self, data: bytes, /) -> object: ...


def write(stream: Stream, style: ShowFormat, out: Target, advance: Advance) -> None:
    """Writes every model and scenario of a stream; `advance` is told how many models are done."""
    {"csv": _csv, "json": _json, "parquet": _parquet}[style](stream, out, advance)


def export(stream: Stream, style: ShowFormat, output: str | None) -> None:
    """Writes a stream to a file, or to stdout; SpecError before anything is written where a variant is not possible."""
    if style == "parquet":
        require_parquet(output)
    stream.check()
    with progress(passes(style) * stream.n_models, "models") as advance:
        if output is None:
            stdout = sys.stdout.buffer if style == "parquet" else _Stdout()
            write(stream, style, stdout, advance)
            stdout.flush()
        else:
            with replacing(output) as out:
                write(stream, style, out, advance)


def export_runs(stream: Stream, rows: RunRows, style: ShowFormat, output: str | None) -> None:
    """Writes the training or serving runs of a spec, a row each, or how far each goes, to a file, or to stdout."""
    if style not in TABULAR:
        raise UsageError(diagnostics.located(diagnostics.no_rows_of(style), "", None))
    kinds = list(RUNS) if rows == LIMITS else [rows]
    if not stream.spec.runs.keys() & set(kinds):
        raise UsageError(diagnostics.located(diagnostics.no_runs_of(kinds), "--rows", None))
    if style == "parquet":
        require_parquet(output)
    spec, catalog = stream.spec, stream.catalog
    if style == "csv":
        text = limits.as_csv(_all_runs(stream), catalog) if rows == LIMITS else runs_as_csv(spec, catalog, rows)
        export_text(text, output)
        return
    written = _as_parquet(_limit_columns(stream) if rows == LIMITS else _run_columns(stream, rows))
    if output is None:
        sys.stdout.buffer.write(written)
        sys.stdout.buffer.flush()
    else:
        write_bytes(output, written)


def export_text(text: str, output: str | None) -> None:
    """Writes a text that is complete to a file, or to stdout."""
    if output is None:
        sys.stdout.write(text)
    else:
        write_bytes(output, text.encode())


class _Stdout:
    """stdout for texts in UTF-8; in whatever encoding it has, which says what becomes of letters that it lacks."""

    def write(self, data: bytes) -> None:
        sys.stdout.write(data.decode())

    def flush(self) -> None:
        sys.stdout.flush()


def require_parquet(output: str | None) -> None:
    """UsageError where Parquet cannot be written, or would go to a terminal."""
    if find_spec("pyarrow") is None:
        raise UsageError(diagnostics.located(diagnostics.no_pyarrow(), "", None))
    if output is None and sys.stdout.isatty():
        raise UsageError(diagnostics.located(diagnostics.parquet_on_a_terminal(), "", None))


def passes(style: ShowFormat) -> int:
    """How often the models are gone through: JSON has the models before their scenarios."""
    return 2 if style == "json" else 1


def _order(chunk: Chunk, grain: Grain) -> Rows:
    return chunk.models if grain == "model" else chunk.scenarios


def _names(chunk: Chunk) -> list[str]:
    return [str(name) for name in chunk.values.column("model", "model")[chunk.models].tolist()]


def _csv(stream: Stream, out: Target, advance: Advance) -> None:
    """One line per scenario, the numbers of its model included."""
    lengths = [f"{length:.0f}" for length in stream.spec.context_lengths]
    fields: dict[str, list[Field]] = {}
    for chunk in stream.chunks(BOTH):
        if not fields:
            fields = {grain: fields_of(chunk.values, stream.catalog, [grain]) for grain in BOTH}
            header = [field.name for grain in BOTH for field in fields[grain]]
            out.write((",".join(["model", "context_length", *header]) + "\n").encode())
        models, scenarios = (lines(chunk.values, fields[grain], _order(chunk, grain), CSV) for grain in BOTH)
        written = []
        for name, model in zip(map(CSV.text, _names(chunk)), models, strict=True):
            written += [f"{name},{length},{model},{next(scenarios)}\n" for length in lengths]
        out.write("".join(written).encode())
        advance(len(chunk.models))


def _json(stream: Stream, out: Target, advance: Advance) -> None:
    """One object, a line for each model, scenario and run."""
    lengths = [f"{length:.0f}" for length in stream.spec.context_lengths]

    def write_lines(grain: Grain, begin: Callable[[Chunk], Iterable[str]]) -> None:
        before, fields = b"", list[Field]()
        for chunk in stream.chunks((grain,)):
            fields = fields or fields_of(chunk.values, stream.catalog, [grain])
            rows = lines(chunk.values, fields, _order(chunk, grain), JSON)
            written = [f"{start}{row}}}" for start, row in zip(begin(chunk), rows, strict=True)]
            out.write(before + ",\n".join(written).encode())
            before = b",\n"
            advance(len(chunk.models))

    def scenarios(chunk: Chunk) -> Iterator[str]:
        for name in map(JSON.text, _names(chunk)):
            yield from (f'{{"model": {name}, "context_length": {length}, ' for length in lengths)

    out.write(b'{\n"models": {\n')
    write_lines("model", lambda chunk: (f"{JSON.text(name)}: {{" for name in _names(chunk)))
    out.write(b'\n},\n"scenarios": [\n')
    write_lines("scenario", scenarios)
    out.write(b"\n]")
    runs = _all_runs(stream)
    for kind in RUNS:
        said = _as_json(runs[kind], stream.catalog, kind) if kind in runs else "{}"
        out.write(f',\n"{kind}": {said}'.encode())
    out.write(f',\n"limits": {limits.as_json(runs, stream.catalog)}'.encode())
    within = limits.budgets_as_json(stream.spec, runs, stream.catalog)
    if within != "[]":
        out.write(f',\n"budget_limits": {within}'.encode())
    for name, said in measured.as_json(stream.spec):
        out.write(f',\n"{name}": {said}'.encode())
    out.write(b"\n}\n")


# The runs of a kind are few and are not streamed; what both kinds share stands before what is its own. ---------------


def values_of(spec: Spec, catalog: Catalog, kind: RunKind) -> Values:
    """The values of a kind of run."""
    return frames.compute_runs(tabulate_runs(spec, kind), catalog)


def _named(values: Values, catalog: Catalog, kind: RunKind) -> tuple[list[str], list[Field]]:
    """The names of the runs of a kind, and what is written of each."""
    of_run, _ = RUNS[kind]
    fields = fields_of(values, catalog, ("context", "run", of_run))
    return [str(name) for (name,) in values.tables["run"].keys], fields


def runs_as_csv(spec: Spec, catalog: Catalog, kind: RunKind) -> str:
    """A line for each run of a kind."""
    values = values_of(spec, catalog, kind)
    names, fields = _named(values, catalog, kind)
    rows = lines(values, fields, np.arange(len(names)), CSV)
    header = ",".join(["run", *(field.name for field in fields)])
    return "".join([f"{header}\n", *(f"{CSV.text(name)},{row}\n" for name, row in zip(names, rows, strict=True))])


def runs_as_json(spec: Spec, catalog: Catalog, kind: RunKind, more: Mapping[str, str] = MappingProxyType({})) -> str:
    """An object with each run of a kind by name; `more` is what some say besides."""
    return _as_json(values_of(spec, catalog, kind), catalog, kind, more)


def _as_json(values: Values, catalog: Catalog, kind: RunKind, more: Mapping[str, str] = MappingProxyType({})) -> str:
    names, fields = _named(values, catalog, kind)
    rows = lines(values, fields, np.arange(len(names)), JSON)
    entries = (f"{JSON.text(name)}: {{{more.get(name, '')}{row}}}" for name, row in zip(names, rows, strict=True))
    return "{\n" + ",\n".join(entries) + "\n}"


def _all_runs(stream: Stream) -> dict[RunKind, Values]:
    return {kind: values_of(stream.spec, stream.catalog, kind) for kind in stream.spec.runs}


def _run_columns(stream: Stream, kind: RunKind) -> dict[str, Any]:
    import pyarrow as arrow

    values = values_of(stream.spec, stream.catalog, kind)
    names, fields = _named(values, stream.catalog, kind)
    columns = {field.name: _arrow_column(values.column(field.grain, field.name), field.kind) for field in fields}
    return {"run": arrow.array(names, arrow.string()), **columns}


def _limit_columns(stream: Stream) -> dict[str, Any]:
    import pyarrow as arrow

    found = limits.as_columns(_all_runs(stream), stream.catalog)
    return {
        name: arrow.array(each, arrow.string() if name in limits.TEXTS else arrow.float64()) for name, each in found
    }


def _as_parquet(columns: Mapping[str, Any]) -> bytes:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    made = arrow.BufferOutputStream()
    parquet.write_table(arrow.table(columns), made, compression="zstd")
    return bytes(made.getvalue())


def _parquet(stream: Stream, out: Target, advance: Advance) -> None:
    """The table of the CSV in columns."""
    write_parquet(stream, stream.chunks(BOTH), out, advance)


def write_parquet(
    stream: Stream,
    chunks: Iterable[Chunk],
    out: Target,
    advance: Advance,
    said: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Some chunks of a stream in columns; `said` stands in the file beside its schema."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    writer = None
    try:
        fields: list[Field] = []
        for chunk in chunks:
            fields = fields or fields_of(chunk.values, stream.catalog, BOTH)
            n_lengths, names = len(stream.spec.context_lengths), _names(chunk)
            columns: dict[str, Any] = {
                "model": arrow.array(np.repeat(np.array(names, dtype=object), n_lengths), arrow.string()),
                "context_length": arrow.array(np.tile(stream.spec.context_lengths, len(names)).astype(np.int64)),
            }
            for field in fields:
                order = _order(chunk, field.grain)
                rows = np.repeat(order, n_lengths) if field.grain == "model" else order
                columns[field.name] = _arrow_column(chunk.values.column(field.grain, field.name)[rows], field.kind)
            table = arrow.table(columns).replace_schema_metadata(dict(said) or None)
            writer = writer or parquet.ParquetWriter(out, table.schema, compression="zstd")
            writer.write_table(table)
            advance(len(names))
    finally:
        if writer:
            writer.close()


def _arrow_column(column: Any, kind: str) -> Any:
    """A column for Parquet: numbers as doubles, which hold whole ones exactly below 2^53; what is not given is null."""
    import pyarrow as arrow

    if kind == "flag":
        return arrow.array(column == YES, arrow.bool_())
    if kind == "text":
        word = arrow.dictionary(arrow.int32(), arrow.string())
        return arrow.array(column, arrow.string()).dictionary_encode().cast(word)
    return arrow.array(column, arrow.float64(), from_pandas=True)  # NaN as null
