"""A report as one HTML page that needs nothing else: for people who have no spreadsheet at hand, and for paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from flopsheet.catalog import RUNS
from flopsheet.catalog.entries import Scalar
from flopsheet.output import svg
from flopsheet.output.headline import summarise
from flopsheet.output.sentences import sentences, unsearched
from flopsheet.output.summary import Summary
from flopsheet.pipeline.expectations import called, called_in
from flopsheet.pipeline.frames import Values

if TYPE_CHECKING:
    from flopsheet.api import Report

MARKS = {"good": "✔", "bad": "✘"}
LONG = 22  # letters from which on a text goes over several lines
MOST_ROWS = 60  # of a table; a page is to be read
STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --muted: #5b6670; --rule: #c9d1d9; --paper: #ffffff; --band: #eef2f6;
  --good: #1b5e20; --good-paper: #e2f2e4; --bad: #9b1c1c; --bad-paper: #fbe3e1; --hint: #7a4f00;
  --hint-paper: #fff0cc; --shade: #0005; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --muted: #a3adb8; --rule: #45505b; --paper: #14181c;
  --band: #20262c; --good: #9fdca6; --good-paper: #17351b; --bad: #ffb4ab; --bad-paper: #4a1512; --hint: #ffd98a;
  --hint-paper: #3d2c05; --shade: #fff6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; color: var(--ink); background: var(--paper);
  font: 15px/1.45 system-ui, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 1.75rem 0 .5rem; }
.muted { color: var(--muted); font-size: .87rem; margin: 0; }
.verdict { padding: .6rem .8rem; margin: 1rem 0 .5rem; font-weight: 600; border-left: .35rem solid; }
.good { color: var(--good); background: var(--good-paper); } .bad { color: var(--bad); background: var(--bad-paper); }
.hint { color: var(--hint); background: var(--hint-paper); }
ul { padding-left: 1.2rem; margin: .5rem 0; } li { margin: .2rem 0; }
.scroll { overflow-x: auto; background:  /* a shade at each edge behind which there is more */
  linear-gradient(90deg, var(--paper) 1.5rem, transparent) 0 0 / 3rem 100% no-repeat local,
  linear-gradient(270deg, var(--paper) 1.5rem, transparent) 100% 0 / 3rem 100% no-repeat local,
  linear-gradient(90deg, var(--shade), transparent) 0 0 / 1.1rem 100% no-repeat scroll,
  linear-gradient(270deg, var(--shade), transparent) 100% 0 / 1.1rem 100% no-repeat scroll; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--rule); overflow-wrap: normal; }
td { white-space: nowrap; } .long { white-space: normal; min-width: 10rem; }
thead th { color: var(--muted); font-weight: 600; vertical-align: bottom; } .text { text-align: left; }
tbody th { font-weight: 600; text-align: left; white-space: nowrap; background: var(--paper); }
tbody th:first-child { position: sticky; left: 0; }
@media (max-width: 32rem) { th, td { padding: .2rem .35rem; } tbody th { white-space: normal; } }
.charts { display: flex; flex-wrap: wrap; gap: 1.5rem; }
figure { margin: 0; flex: 1 1 20rem; max-width: 34rem; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: .4rem; } svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--ink); font-size: 12px; } svg .mark { stroke: var(--ink); stroke-width: 2; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem .9rem; font-size: .8rem; }
.legend i { display: inline-block; width: .8rem; height: .8rem; margin-right: .35rem; vertical-align: -.08rem; }
@page { size: A4; margin: 14mm; }
@media print { :root { color-scheme: light; --ink: #000; --muted: #444; --paper: #fff; --rule: #999; --band: #eee; }
  body { font-size: 9.5pt; padding: 0; max-width: none; } table { font-size: 7pt; }
  .scroll { overflow: visible; background: none; } .long { min-width: 0; }
  th, td { padding: .1rem .2rem; } td.text, tbody th { white-space: normal; } tbody th:first-child { position: static; }
  figure, tr, .verdict { break-inside: avoid; } h2 { break-after: avoid; } * { print-color-adjust: exact; } }
"""


def to_page(report: Report) -> str:
    """The whole page: no script, nothing from elsewhere, every text of the spec escaped."""
    title = escape(report.spec.title)
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        "</head><body>",
        f"<h1>{title}</h1>",
        *_about(report),
        *_verdict(report),
        *_words(report),
        *_charts(report),
    ]
    tables = list(summarise(report, MOST_ROWS, says_on_what=True))
    for table in (*tables[2:], *tables[:2]):  # runs first: they are what is to be decided
        lines += _table(table)
    lines += _budgets(report)
    lines += _conventions(report)
    return "\n".join([*lines, "</body></html>", ""])


def _about(report: Report) -> Iterator[str]:
    import flopsheet

    counted = ((len(report.spec.models), "model"), (len(report.spec.context_lengths), "context length"))
    counts = ", ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in counted)
    yield f'<p class="muted">{counts} · made by flopsheet {escape(flopsheet.__version__)}</p>'


def _verdict(report: Report) -> Iterator[str]:
    """The sentence and the colour of the Summary sheet."""
    from flopsheet.workbook import plan

    verdict = plan.draft_workbook(report.study).verdict  # no sheet is made for it
    words = verdict.words
    if words[0] not in MARKS.values():
        words = f"{MARKS[verdict.style]} {words}"
    yield f'<p class="verdict {verdict.style}">{escape(words)}</p>'
    if words := unsearched(report):
        yield f'<p class="verdict hint">{escape(words)}</p>'


def _words(report: Report) -> Iterator[str]:
    from flopsheet.pipeline.limits.remedies import remedies
    from flopsheet.workbook.sheets import summary_words

    yield "<ul>"
    for kind, values in report.runs.items():
        of_run, found = RUNS[kind][0], remedies(values, kind, report.catalog)
        for at, (run,) in enumerate(values.tables[of_run].keys):
            said, layout = summary_words.of_run(kind, values, partial(_value, values, at), found.get(at, ""))
            below = f"<div>{escape(layout)}</div>" if layout else ""
            yield f"<li><b>{escape(str(run))}</b>: {escape(said)}{below}</li>"
    yield from (f"<li>{escape(text)}</li>" for text in sentences(report)[:1])
    yield "</ul>"


def _value(values: Values, at: int, name: str) -> Scalar:
    """The value of an input or metric of a run; the tables of a kind of run have one row each for it."""
    grain = next(grain for grain, frame in values.frames.items() if name in frame.columns)
    return values.plain(grain, name)[at]


def _charts(report: Report) -> Iterator[str]:
    yield '<div class="charts">'
    for kind, values in report.runs.items():
        yield from _figure(svg.memory(report.catalog, values, kind))
    yield from _figure(svg.shares(report.catalog, report.values))
    yield "</div>"


def _figure(chart: svg.Drawn) -> Iterator[str]:
    yield f"<figure><figcaption>{escape(chart.title)}</figcaption>{chart.markup}"
    swatches = "".join(
        f'<li><i style="background:#{colour}"></i>{escape(name)}</li>' for name, colour in chart.legend.items()
    )
    yield f'<ul class="legend">{swatches}</ul></figure>'


def _table(table: Summary) -> Iterator[str]:
    def cells(row: Sequence[str], tag: str) -> str:
        tags = ("th" if at < table.n_keys else tag for at in range(len(row)))
        return "".join(
            f"<{each}{_class(table, at, text)}>{escape(text)}</{each}>"
            for at, (each, text) in enumerate(zip(tags, row, strict=True))
        )

    yield f"<h2>{escape(table.title)}</h2>"
    yield f'<div class="scroll" tabindex="0"><table><thead><tr>{cells(table.header, "th")}</tr></thead><tbody>'
    yield from (f"<tr>{cells(row, 'td')}</tr>" for row in table.body)
    yield "</tbody></table></div>"
    if table.more:
        yield f'<p class="muted">{table.more:,} more</p>'


def _class(table: Summary, at: int, text: str) -> str:
    if at not in table.texts:
        return ""
    return ' class="text long"' if at >= table.n_keys and len(text) > LONG else ' class="text"'


def _budgets(report: Report) -> Iterator[str]:
    if not report.spec.expectations:
        return
    findings = list(report.findings)
    held = len(report.spec.expectations) - len(report.findings.expectations) - len(report.warnings.expectations)
    them = called_in(report.spec)
    title, count = them.many.capitalize(), len(report.spec.expectations)
    yield f"<h2>{title}</h2><p>{held:,} of {count:,} {them.many} {them.met}.</p><ul>"
    for finding in findings:
        of_it = called([finding.claim])
        said = escape(finding.to_text(report.catalog))
        yield f"<li>{of_it.one.capitalize()} not {of_it.met}: {said}</li>"
    yield from (f"<li>Warning: {escape(one.to_text(report.catalog))}</li>" for one in report.warnings)
    yield "</ul>"


def _conventions(report: Report) -> Iterator[str]:
    values: Mapping[str, object] = {
        entry.name: report.values.plain("study", entry.name)[0] for entry in report.catalog.conventions
    }
    said = " · ".join(
        f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
    )
    yield f'<h2>How it is counted</h2><p class="muted">{escape(said)}</p>'
