"""The catalogue's YAML → checked entries: unique names, known names, grain rules, units, no cycles."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from flopsheet import diagnostics
from flopsheet.catalog import formats
from flopsheet.catalog.absent import where_given
from flopsheet.catalog.entries import OK, Catalog, Entry, Function, Input, Metric, Rule, Section, Unit
from flopsheet.catalog.expand import CONSTANTS, expand
from flopsheet.catalog.fields import ALLOWED, RULE_LEVELS, check_keys, check_rule_fields, check_values
from flopsheet.catalog.grain_rules import check_names
from flopsheet.catalog.grains import KEYS, PARENTS, RUNS, Grain
from flopsheet.catalog.load import CUSTOM_SHEET, CUSTOM_TITLE, CustomEntry, custom_input
from flopsheet.catalog.order import CycleError, sort_by_dependencies
from flopsheet.catalog.ranges import message, range_check
from flopsheet.catalog.refusals import Refuse, refusal
from flopsheet.catalog.sentences import first_that_holds, sentence, spelled_apart
from flopsheet.catalog.unit_rules import check_units
from flopsheet.diagnostics import CatalogError, FlopsheetError, Problem
from flopsheet.formula import Node, aggregated, names, parse
from flopsheet.formula.nodes import Call, Name, Text, shared, substitute
from flopsheet.formula.operators import GIVEN
from flopsheet.quantities import TEXT_UNIT, TRUTH
from flopsheet.yamlio import source
from flopsheet.yamlio.source import Data

# What a hint may list: the functions that the validator of a spec knows, each with its number of arguments.
LISTS = {"divisors": 2, "ways": 2, "choices": 0}
RANGES = {"title": "Inputs in range", "kind": "ranges"}  # of the sheet Checks


def build_catalog(texts: Mapping[str, str], *, ranges: bool = True) -> Catalog:
    """A catalogue from the text of each topic, `units` among them; CatalogError with every problem found.

    `ranges` says whether it has the checks that an input is possible, which only a workbook shows.
    """
    parsed = {topic: source.parse(text, f"{topic}.yaml") for topic, text in texts.items()}
    units = {label: Unit(label, **fields) for label, fields in _mapping(parsed.pop("units").data).items()}
    reader = _Reader(units)
    for topic in parsed.values():
        reader.read_formats(topic)
    for topic in parsed.values():
        reader.read_functions(topic)
    for topic in parsed.values():
        reader.read(topic)
    found = reader.finish(ranges=ranges)
    _ = found.notation  # made here, so that it is kept with the rest
    for metric in found.metrics.values() if ranges else ():  # and this for workbooks alone
        _ = metric.dependencies, metric.aggregated, metric.text
    return found


def extend_catalog(catalog: Catalog, inputs: Sequence[CustomEntry], metrics: Sequence[CustomEntry]) -> Catalog:
    """A catalogue with inputs and metrics of a spec."""
    reader = _Reader(catalog.units)
    reader.start_from(catalog)
    reader.add_custom(inputs, metrics)
    return dataclasses.replace(reader.finish(), base=catalog)


def out_of_range(entry: Input) -> Node:
    """What is told of an input whose value is not possible."""

    def told(*, is_text: bool) -> Node:
        return sentence(message(entry, is_text=is_text), refusal(entry.name, None), entry.name)

    if entry.choices:
        return told(is_text=True)
    return Call("where", (Call(GIVEN, (Name(entry.name),)), told(is_text=False), told(is_text=True)))


def _mapping(data: object) -> dict[str, Any]:
    assert isinstance(data, dict)
    return data


class _Reader:
    """Collects entries first, then resolves their formulas, since these may name later entries."""

    def __init__(self, units: Mapping[str, Unit]) -> None:
        self.units = units
        self.problems: list[Problem] = []
        self.inputs: dict[str, Input] = {}
        self.metrics: dict[str, Metric] = {}
        self.functions: dict[str, Function] = {}
        self.rules: dict[str, Rule] = {}
        self.raw_rules: dict[str, Data] = {}
        self.raw: dict[str, tuple[dict[str, Any], Refuse]] = {}
        self.sections: list[tuple[str, dict[str, Any], list[str]]] = []
        self.own: dict[str, CustomEntry] = {}
        self.out_of_range: dict[str, Node] = {}
        self.formats: tuple[str, ...] = ()
        self.done: Mapping[str, Metric] = {}  # resolved before

    def start_from(self, shipped: Catalog) -> None:
        """What is read already; the checks of ranges come with those of more inputs, once these are known."""
        self.inputs, self.functions, self.done = dict(shipped.inputs), dict(shipped.functions), shipped.metrics
        self.rules, self.out_of_range = dict(shipped.rules), dict(shipped.out_of_range)
        for section in shipped.sections:
            if section.kind != RANGES["kind"]:
                names = [entry.name for entry in section.entries]
                self.metrics |= {name: self.done[name] for name in names if name in self.done}
                self.sections.append((section.sheet, section._asdict(), names))

    def read_formats(self, topic: source.Source) -> None:
        """The number formats, and the functions that look one up."""
        found = formats.read_formats(
            metric for part in _mapping(topic.data)["sections"] for metric in part.get("metrics", ())
        )
        if found.bytes_of:
            self.formats = tuple(found.bytes_of)
            self.functions |= {function.name: function for function in found.functions}

    def read_functions(self, topic: source.Source) -> None:
        """The formulas with arguments; one may use those before it."""
        for name, raw in _mapping(topic.data).get("functions", {}).items():
            known = {earlier: len(function.arguments) for earlier, function in self.functions.items()}
            node = parse(raw["formula"], topic.place(("functions", name, "formula")), name, known)
            node = substitute(node, CONSTANTS)
            self.functions[name] = Function(name, tuple(raw["arguments"]), node, raw["formula"], raw["doc"])

    def arities(self) -> dict[str, int]:
        """The number of arguments of each function of the catalogue."""
        return {known: len(entry.arguments) for known, entry in self.functions.items()}

    def parse(self, text: str, name: str) -> Node:
        own = self.own.get(name)
        node = parse(text, own.place if own else None, own.path if own else name, self.arities())
        return substitute(node, CONSTANTS)

    def read(self, topic: source.Source) -> None:
        data = _mapping(topic.data)
        for number, section in enumerate(data["sections"]):
            kind = next(kind for kind in ALLOWED if kind in section)
            listed: list[str] = []
            if section["grain"] not in PARENTS:
                remedy = diagnostics.did_you_mean(section["grain"], list(PARENTS))
                place = topic.place(("sections", number, "grain"))
                self.problems.append(Problem(f"unknown grain '{section['grain']}'", remedy, section["title"], place))
                continue
            for index, raw in enumerate(section[kind]):
                place = topic.place(("sections", number, kind, index))
                refuse = refusal(raw.get("name", f"{kind} {index}"), place)
                add = self.add_rule if kind == "rules" else partial(self.add, kind=kind)
                self.collect(partial(add, raw, section["grain"], refuse=refuse), listed.extend)
            self.sections.append((data["sheet"], section, listed))

    def collect(self, act: Callable[[], Any], use: Callable[[Any], object] = lambda _: None) -> None:
        try:
            use(act())
        except FlopsheetError as error:
            self.problems.extend(error.problems)

    def add_rule(self, raw: dict[str, Any], grain: Grain, refuse: Refuse) -> list[str]:
        """A rule, and the verdict that stands on Checks."""
        check_rule_fields(raw, grain, refuse)
        if any(other["code"] == raw["code"] for other in self.raw_rules.values()):
            raise refuse(f"the code {raw['code']} is taken", "codes are unique over all rules")
        verdict: dict[str, Any] = {key: raw[key] for key in ("name", "label", "doc", "source", "formula") if key in raw}
        found = self.add({**verdict, "unit": TRUTH, "severity": RULE_LEVELS[raw["level"]]}, grain, refuse)
        self.raw_rules[raw["name"]] = {**raw, "grain": grain}
        if "unless_said" in raw:
            del self.metrics[raw["name"]]
            return []
        return found

    def add(self, raw: dict[str, Any], grain: Grain, refuse: Refuse, kind: str = "metrics") -> list[str]:
        check_keys(raw, kind, refuse)
        name = raw["name"]
        if name in self.inputs or name in self.metrics or name in KEYS or name in CONSTANTS:
            raise refuse("the name is taken", "names are unique over all topics")
        if raw["unit"] not in self.units:
            raise refuse(f"unknown unit '{raw['unit']}'", diagnostics.did_you_mean(raw["unit"], list(self.units)))
        check_values(raw, kind, refuse)
        self.raw[name] = (raw, refuse)
        if kind == "inputs":
            whole = self.units[raw["unit"]].whole
            said = formats.spell_out(raw, self.formats)
            self.inputs[name] = Input(
                **{**said, "grain": grain, "whole": whole, "choices": tuple(said.get("choices", ()))}
            )
        else:
            self.metrics[name] = Metric(
                **{key: value for key, value in raw.items() if key not in {"formula", "text", *formats.KEYS}},
                grain=grain,
                source_text=str(raw.get("formula", "")),
                source_ast=Text(""),
                ast=Text(""),
            )
        return [name]

    def add_custom(self, inputs: Sequence[CustomEntry], metrics: Sequence[CustomEntry]) -> None:
        """Inputs stand below those of their kind, metrics of runs on the runs' sheet, others on one of their own."""
        by_section: dict[tuple[str, str], list[str]] = {}
        for kind, entries in (("inputs", inputs), ("metrics", metrics)):
            for entry in entries:
                self.own[entry.raw["name"]] = entry
                raw = {key: value for key, value in entry.raw.items() if key != "grain"}
                [name] = self.add(raw, entry.raw["grain"], entry.refuse, kind)
                if kind == "inputs":
                    self.inputs[name] = custom_input(entry.raw)
                sheet = next((run.capitalize() for run, of in RUNS.items() if entry.raw["grain"] in of), CUSTOM_SHEET)
                sheet = "Inputs" if kind == "inputs" else "Checks" if raw["unit"] == TRUTH else sheet
                by_section.setdefault((sheet, entry.raw["grain"]), []).append(name)
        for (sheet, grain), listed in by_section.items():
            at = len(self.sections)
            if sheet == "Inputs":
                level = {"study"} if grain == "study" else {"model", "layer_group"}
                at = 1 + max(
                    at for at, (on, section, _) in enumerate(self.sections) if on == sheet and section["grain"] in level
                )
            self.sections.insert(at, (sheet, {"title": CUSTOM_TITLE, "grain": grain}, listed))

    def add_range_checks(self) -> None:
        """A section of the Checks sheet for every grain that has inputs."""
        by_grain: dict[Grain, list[dict[str, str]]] = {}
        for entry in self.inputs.values():
            if not entry.chooses:
                by_grain.setdefault(entry.grain, []).append(range_check(entry))
                if entry.name not in self.out_of_range:
                    self.out_of_range[entry.name] = out_of_range(entry)
        for grain, checks in by_grain.items():
            for raw in checks:
                self.add(raw, grain, refusal(raw["name"], None))
            self.sections.append(("Checks", {**RANGES, "grain": grain}, [raw["name"] for raw in checks]))

    def finish(self, *, ranges: bool = True) -> Catalog:
        if ranges:
            self.add_range_checks()
        entries: dict[str, Entry] = {**self.inputs, **self.metrics}
        grain_of = {name: entry.grain for name, entry in entries.items()} | KEYS
        unit_of = {name: entry.unit for name, entry in entries.items()} | dict.fromkeys(KEYS, TEXT_UNIT)
        labels = {name: entry.label for name, entry in entries.items()}
        for name, metric in list(self.metrics.items()):
            resolved = partial(self.resolve, metric, grain_of, unit_of, labels)
            self.collect(resolved, partial(self.metrics.__setitem__, name))
        for name, raw in self.raw_rules.items():
            made = partial(self.rule, raw, grain_of, unit_of, labels, self.raw[name][1])
            self.collect(made, partial(self.rules.__setitem__, name))
        self.share()  # before anything is found out about a metric, which stays with it
        order: tuple[str, ...] = ()
        if not self.problems:
            try:
                order = sort_by_dependencies({name: metric.reads for name, metric in self.metrics.items()})
            except CycleError as cycle:
                _, refuse = self.raw[cycle.chain[0]]
                self.problems.extend(refuse(f"a cycle: {' → '.join(cycle.chain)}", "break it at one of them").problems)
        if self.problems:
            raise CatalogError(self.problems)
        self.add_absence(order)
        if self.problems:
            raise CatalogError(self.problems)
        entries = {**self.inputs, **self.metrics}
        sections = tuple(
            Section(
                sheet,
                raw["title"],
                raw["grain"],
                entries=tuple(map(entries.__getitem__, listed)),
                kind=raw.get("kind", ""),
                detail=raw.get("detail", False),
                fold=raw.get("fold", False),
            )
            for sheet, raw, listed in self.sections
        )
        return Catalog(
            self.units, sections, self.inputs, self.metrics, order, self.functions, self.rules, self.out_of_range
        )

    def add_absence(self, order: Sequence[str]) -> None:
        """What follows from inputs that need not be given, by what each metric reads."""
        absent: dict[str, Input | Metric] = {name: entry for name, entry in self.inputs.items() if entry.absent}
        absent |= {name: metric for name, metric in self.done.items() if metric.absent}
        for name in (name for name in order if name not in self.done):
            made = partial(where_given, self.metrics[name], absent, self.raw[name][1])
            self.collect(made, partial(self.metrics.__setitem__, name))
            if self.metrics[name].absent:
                absent[name] = self.metrics[name]

    def share(self) -> None:
        """Makes equal parts of formulas one object: digits of a sentence are spelled alike in hundreds of them."""
        known: dict[Node, Node] = {}
        for name, metric in self.metrics.items():
            if name not in self.done:
                plain, node = shared(metric.source_ast, known), shared(metric.ast, known)
                self.metrics[name] = dataclasses.replace(metric, source_ast=plain, ast=node)
        self.out_of_range = {name: shared(node, known) for name, node in self.out_of_range.items()}
        for name in (name for name in self.raw_rules if name in self.rules):
            rule = self.rules[name]
            condition, message, hint = (shared(node, known) for node in (rule.condition, rule.message, rule.hint))
            apart = shared(rule.message_apart, known)
            numbers = tuple((number, shared(node, known)) for number, node in rule.numbers)
            self.rules[name] = rule._replace(
                condition=condition, message=message, hint=hint, message_apart=apart, numbers=numbers
            )

    def resolve(
        self, metric: Metric, grain_of: Mapping[str, Grain], unit_of: Mapping[str, str], labels: Mapping[str, str]
    ) -> Metric:
        if metric.name in self.done:
            return self.done[metric.name]
        raw, refuse = self.raw[metric.name]
        if "text" in raw:
            plain = self.template(raw["text"], refuse, metric.name, self.arities())
        else:
            plain = self.parse(metric.source_text, metric.name)
        node = expand(plain, self.inputs, labels, self.functions, refuse)
        check_names(node, metric.grain, grain_of, refuse)
        check_units(node, metric.unit, unit_of, refuse)
        reads = (*names(node), *aggregated(node))
        if metric.unit == TRUTH:
            node = Call("where", (node, Text(OK), Text(metric.failing)))
        return dataclasses.replace(metric, source_ast=plain, ast=node, reads=reads)

    def rule(
        self,
        raw: Data,
        grain_of: Mapping[str, Grain],
        unit_of: Mapping[str, str],
        labels: Mapping[str, str],
        refuse: Refuse,
    ) -> Rule:
        """A rule with its condition, its message and its hint in the terms that are evaluated."""

        def made(node: Node, unit: str = "") -> Node:
            node = expand(node, self.inputs, labels, self.functions, refuse)
            check_names(node, raw["grain"], grain_of, refuse)
            if unit:
                check_units(node, unit, unit_of, refuse)
            return node

        said = self.template(raw["message"], refuse, raw["name"])
        if aggregated(said):
            raise refuse("the message aggregates finer rows", "make the sum a metric that stands beside the rules")
        node = made(said, TEXT_UNIT)
        apart, numbers = spelled_apart(node)
        name, message, points_at = raw["name"], raw["message"], raw["points_at"]
        points_at = (points_at,) if isinstance(points_at, str) else tuple(points_at)
        for read in (*points_at, *(raw[key] for key in ("explains", "unless_said") if key in raw)):
            if read not in self.inputs:
                raise refuse(f"'{read}' is not an input", diagnostics.did_you_mean(read, sorted(self.inputs)))
        return Rule(
            name,
            raw["code"],
            raw["label"],
            grain=raw["grain"],
            doc=raw["doc"],
            condition=made(self.parse(raw["formula"], name), TRUTH),
            points_at=points_at,
            message=node,
            hint=made(self.template(raw["hint"], refuse, name, LISTS)),
            templates=(message,) if isinstance(message, str) else tuple(case["say"] for case in message),
            message_reads=names(said),
            message_apart=apart,
            numbers=numbers,
            is_error=raw["level"] == "error",
            explains=raw.get("explains", ""),
            unless_said=raw.get("unless_said", ""),
            example=raw.get("example", ""),
        )

    def template(
        self,
        text: str | list[dict[str, str]],
        refuse: Refuse,
        path: str,
        known: Mapping[str, int] | None = None,
    ) -> Node:
        if isinstance(text, str):
            return sentence(text, refuse, path, known)
        *conditional, last = text
        if "when" in last or any("when" not in case for case in conditional):
            raise refuse("every case but the last needs when", "give the last case no condition")
        return first_that_holds([(case.get("when", ""), case["say"]) for case in text], refuse, path, known)
