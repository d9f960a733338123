"""What the catalogue is made of: inputs, metrics, and the sections of a sheet that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Literal, TypeAlias

from flopsheet.catalog.grains import OF_RUNS, Grain
from flopsheet.formula import Node, aggregated, names, to_notation
from flopsheet.formula.marked import marked
from flopsheet.numerics import LARGEST_INPUT
from flopsheet.quantities import TEXT_UNIT, to_whole
from flopsheet.records import NamedTuple, frozen

EVERY_DECIMAL = "######"  # in the format of a number: decimals that stand only where they are not zero
Scalar: TypeAlias = float | str  # what an input, a metric or a cell of a workbook holds
OK, FAIL, NOTICE = "ok", "FAIL", "note"  # the words of a verdict
COUNTED = frozenset({"count", "token", "width"})  # units of which 0 means that there is none
YES, NO = "yes", "no"  # the words of a flag
YES_NO = frozenset({YES, NO})
Level: TypeAlias = Literal["part", "subtotal", "total"]
NumberStyle: TypeAlias = Literal["exact", "count", "rounded", "percent", "times", "2 decimals", "3 decimals"]
SEVERITIES = {"": FAIL, "note": NOTICE}  # what a verdict says that does not hold


def flag_word(is_true: bool) -> str:
    """A truth value as cells and formulas have it."""
    return YES if is_true else NO


def inside_sentence(label: str) -> str:
    """A label as it stands inside a sentence; abbreviations and names keep their capitals: `time`, `MFU`."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


PLURALS = {"day": "days", "token": "tokens"}  # of units whose names are words


class Unit(NamedTuple):
    """A label, how a cell shows it, and whether it counts whole things."""

    label: str
    format: str
    whole: bool = False
    style: NumberStyle = "exact"
    """How a text shows a value."""
    heading: str = ""
    """What stands after a label at the head of a column of values."""
    beside: bool = True
    """Whether it stands after a value in a text."""
    typed: str = ""
    """How a cell shows what somebody typed, where that is not as `exact_format` makes it: 15 T."""

    @property
    def plural(self) -> str:
        """The label after a number: 14 days."""
        return PLURALS.get(self.label, self.label)

    @property
    def exact_format(self) -> str:
        """How a cell shows what somebody typed: with every decimal, where `format` rounds."""
        if self.typed:
            return self.typed
        exact = re.sub(r"\.[0#]+", rf"\g<0>{EVERY_DECIMAL}", self.format.rpartition(";")[2])
        return self.format if "E+" in self.format else exact


class Input(NamedTuple):
    """Something that a spec says and a reviewer may edit."""

    name: str
    label: str
    grain: Grain
    unit: str
    doc: str
    symbol: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[int | str, ...] = ()
    choices_called: str = ""
    """What a reader is told in the place of a long list of them."""
    default: int | float | str | None = None
    source: str = ""
    chooses: Grain | Literal[""] = ""
    """The grain of which it names a row, such as hardware; what may be chosen depends on the study."""
    whole: bool = True
    absent: str = ""
    """What a cell says where nobody gives it, such as "no price"; empty where it always has a value."""
    serving_default: int | float | str | None = None
    """The default in serving runs, of an input that both kinds of run share; None where it is the same."""
    zero: str = ""
    """What a cell shows in the place of 0, where that says more than "none" of what is counted."""

    def number(self, value: float) -> float:
        """A value as the tables hold it: what counts and is whole to 15 digits is whole; no negative zero."""
        return (to_whole(value) if self.whole else value) + 0.0

    def of_kind(self, kind: str) -> Input:
        """The input as a kind of run has it, with the default of that kind."""
        is_other = kind == "serving" and self.serving_default is not None
        return self._replace(default=self.serving_default) if is_other else self

    @property
    def is_flag(self) -> bool:
        """Whether YAML's true and false say it; cells and formulas say yes and no."""
        return set(self.choices) == YES_NO

    @property
    def follows(self) -> str:
        """The input whose choice this one has where nobody says another: of a part, that of the whole."""
        is_word = isinstance(self.default, str) and bool(self.choices) and not self.is_number
        return str(self.default) if is_word and self.default not in self.choices else ""

    @property
    def is_number(self) -> bool:
        return self.unit != TEXT_UNIT

    @property
    def called_zero(self) -> str:
        """What a cell shows in the place of 0; empty where 0 is a number like any other."""
        is_counted = self.whole and self.unit in COUNTED and self.least == 0
        return self.zero or ("none" if is_counted and not self.absent else "")

    @property
    def largest(self) -> float:
        """The upper bound of a number, also of one that says none."""
        return LARGEST_INPUT if self.most is None else self.most


@frozen
class Metric:
    """A quantity, defined once by its formula; every number, cell and page about it is derived from here.

    `source_ast` is the formula as its author wrote it, `ast` the same in the terms that the backends know.
    """

    name: str
    label: str
    grain: Grain
    unit: str
    doc: str
    source_text: str
    source_ast: Node
    ast: Node
    reads: tuple[str, ...] = ()
    """What the formula reads in the order of its text, before what is not given is asked for."""
    shape: str = ""
    level: Level = "part"
    headline: bool = False
    before: str = ""
    """The headline that it stands right before; empty where its own place in the catalogue says so."""
    severity: Literal["", "note"] = ""
    source: str = ""
    symbol: str = ""
    zero: str = ""
    """What a cell shows in the place of 0, where that says more."""
    absent: str = ""
    """What is said where an input that it needs is not given; empty where it always has a value."""
    has_value: Node | None = None
    """1 where every input that it needs is given, else 0; None where it always has a value."""
    words: Node | None = None
    """What is said by what is not given, where that differs; `absent` is the first of them. Of a text, what it says."""

    @cached_property
    def dependencies(self) -> tuple[str, ...]:
        """The names that its formula reads in its own row."""
        return names(self.ast)

    @cached_property
    def aggregated(self) -> tuple[str, ...]:
        """The names of a finer grain that its formula gathers."""
        return aggregated(self.ast)

    @cached_property
    def text(self) -> str:
        """Its formula in a spreadsheet, with marks where references go."""
        return marked(self.ast)

    @property
    def failing(self) -> str:
        """What a verdict says that does not hold."""
        return SEVERITIES[self.severity]

    @property
    def is_sentence(self) -> bool:
        """Whether it is a text made from a template, whose formula is too long to be read."""
        return self.source_text == ""


Entry: TypeAlias = Input | Metric


class Rule(NamedTuple):
    """What must hold between inputs, and what a spec that breaks it is told; of the same name is a verdict on Checks.

    `hint` may call the list functions of hints, which only a spec's validator knows.
    """

    name: str
    code: str
    label: str
    grain: Grain
    doc: str
    condition: Node
    points_at: tuple[str, ...]
    """The inputs that may be at fault; the first that the spec says is the one that is pointed at."""
    message: Node
    hint: Node
    templates: tuple[str, ...]
    """The message as its author wrote it, one template for each case."""
    message_reads: tuple[str, ...]
    """The names that the message reads."""
    message_apart: Node
    """The message with a name for each number that it spells in groups of digits: in a workbook each has a cell."""
    numbers: tuple[tuple[str, Node], ...]
    """These numbers by name."""
    is_error: bool
    explains: str = ""
    """An input whose default has no possible value where the rule is broken."""
    unless_said: str = ""
    """An input that a spec must say where the condition does not hold; a workbook always has it, and no verdict."""
    example: str = ""
    """A part of a spec that breaks the rule, for the reference of diagnostics."""

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The names that its condition and its message read."""
        return tuple(dict.fromkeys((*names(self.condition), *self.message_reads)))


class Function(NamedTuple):
    """A formula with arguments of its own, for a piece that several metrics share and that is spelled out in each."""

    name: str
    arguments: tuple[str, ...]
    ast: Node
    source_text: str
    doc: str


class Section(NamedTuple):
    """Rows that stand together on a sheet, all of one grain."""

    sheet: str
    title: str
    grain: Grain
    entries: tuple[Entry, ...]
    kind: Literal["conventions", "ranges", "assumptions", ""] = ""
    """Assumptions hold where a spec says nothing else; empty for sections that nothing asks for."""
    detail: bool = False
    fold: bool = False
    """Rows that are folded away where they are zero throughout: an architecture that the study does not use."""


@frozen
class Catalog:
    """Every input and metric, checked; `order` lists the metrics so that each follows what it reads."""

    units: Mapping[str, Unit]
    sections: tuple[Section, ...]
    inputs: Mapping[str, Input]
    metrics: Mapping[str, Metric]
    order: tuple[str, ...]
    functions: Mapping[str, Function]
    rules: Mapping[str, Rule]
    out_of_range: Mapping[str, Node]
    """What is told of each input whose value is not possible, as a formula: it may be a text or a number."""
    base: Catalog | None = None
    """The one that it adds inputs and metrics to, none of which a metric of that one reads."""

    def entry(self, name: str) -> Entry:
        return self.inputs[name] if name in self.inputs else self.metrics[name]

    def formula_text(self, name: str) -> str:
        """The formula of a metric for a reader; that of a sentence is too long to be read."""
        return self.notation[name] or "a sentence computed from the numbers"

    def unit_of(self, name: str) -> Unit:
        """What an input or metric is measured in."""
        return self.units[self.entry(name).unit]

    def format(self, name: str) -> str:
        """How a cell shows an input or metric."""
        entry = self.entry(name)
        if isinstance(entry, Metric):
            return with_zero(self.units[entry.unit].format, entry.zero)
        return "General" if entry.choices else with_zero(self.units[entry.unit].exact_format, entry.called_zero)

    @property
    def conventions(self) -> tuple[Input, ...]:
        """The switches that say what counts."""
        sections = (section for section in self.sections if section.kind == "conventions")
        return tuple(entry for section in sections for entry in section.entries if isinstance(entry, Input))

    def closure(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """The metrics that the wanted ones read, themselves included, in the order of their evaluation."""
        needed: set[str] = set()
        pending = list(wanted)
        while pending:
            name = pending.pop()
            if name in self.metrics and name not in needed:
                needed.add(name)
                pending += [*self.dependencies(name), *self.metrics[name].aggregated]
        return tuple(sorted(needed, key=self._places.__getitem__))

    @cached_property
    def order_of_runs(self) -> tuple[str, ...]:
        """The metrics about runs and those that they read, in the order of their evaluation."""
        return self.closure(metric.name for metric in self.metrics.values() if metric.grain in OF_RUNS)

    @cached_property
    def _places(self) -> dict[str, int]:
        """The place of each metric in the order of evaluation: most closures are a few of thousands."""
        return {name: at for at, name in enumerate(self.order)}

    def dependencies(self, name: str) -> tuple[str, ...]:
        """The names that a metric reads in its own row; of a rule also those that its message says."""
        read = self.metrics[name].dependencies
        return tuple(dict.fromkeys((*read, *self.rules[name].dependencies))) if name in self.rules else read

    @cached_property
    def folded(self) -> frozenset[str]:
        """The names in sections that are folded away where they are zero throughout."""
        return frozenset(entry.name for section in self.sections if section.fold for entry in section.entries)

    @property
    def headlines(self) -> tuple[Metric, ...]:
        """The metrics that a summary shows, a prediction right before the bound of the same."""
        listed = [metric for metric in self.metrics.values() if metric.headline]
        beside = [metric for metric in listed if metric.before]
        apart = [metric for metric in listed if not metric.before]
        return tuple(
            one for metric in apart for one in (*(other for other in beside if other.before == metric.name), metric)
        )

    @cached_property
    def absent(self) -> Mapping[str, str]:
        """What is said of each input and metric that may have no number, where it has none."""
        return {
            **{name: entry.absent for name, entry in self.inputs.items() if entry.absent},
            **{name: metric.absent for name, metric in self.metrics.items() if metric.absent},
        }

    @cached_property
    def notation(self) -> Mapping[str, str]:
        """The formula of every metric for a reader, as its author wrote it; nothing of a sentence."""
        known = self.base.notation if self.base else {}
        return {
            name: known.get(name) or ("" if metric.is_sentence else to_notation(metric.source_ast, self.symbol))
            for name, metric in self.metrics.items()
        }

    def symbol(self, name: str) -> str:
        """The letter of an input or metric, or the name itself."""
        entry = self.inputs.get(name) or self.metrics.get(name)
        return entry.symbol if entry and entry.symbol else name


def with_zero(format: str, word: str) -> str:
    """A number format that shows a word in the place of 0: three sections, which every program knows."""
    number = format.rpartition(";")[2]
    return f'{number};-{number};"{word}"' if word else format
