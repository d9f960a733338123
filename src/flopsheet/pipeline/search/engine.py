"""A search over blocks of its grid: the rules first, then the metrics of the layouts that keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from flopsheet import catalog as catalogue
from flopsheet.catalog import Catalog, Input
from flopsheet.catalog.entries import Scalar
from flopsheet.formula import Node
from flopsheet.formula.nodes import Name
from flopsheet.pipeline.search.best import NO_VALUE, Found, Kept
from flopsheet.pipeline.search.blocks import MOST, Block, Projections, Runner, Split
from flopsheet.pipeline.search.kinds import KINDS
from flopsheet.pipeline.search.program import ArrayStep, Compiler, Constant, Given, Leaf, Source, Value
from flopsheet.pipeline.tables import Column, Numbers, Truths, absent_of
from flopsheet.spec import Search, Spec
from flopsheet.spec.sweep.columns import out_of_range


class Engine:
    """A search made ready: `search_block` gives the result over one block, of at most so many layouts."""

    def __init__(self, spec: Spec, search: Search, most: int = MOST) -> None:
        self.search, self.kind = search, KINDS[search.kind]
        self.other, self.is_other_negated = self.kind.front(search.metric)
        self.catalog: Catalog = spec.catalog or catalogue.load_catalog()
        self.model = next(model for model in spec.models if model.name == search.model)
        self.axes = list(search.axes)
        sources = self.sources(spec)
        self.split = Split(tuple(map(len, search.axes.values())), most)
        self.rules = [
            rule for rule in self.catalog.rules.values() if rule.grain in self.kind.rule_grains and rule.is_error
        ]
        conditions = [rule.condition for rule in self.rules]
        self.computed = [name for name, one in search.inputs.items() if one.ast is not None]
        self.rule_runner = self.runner(sources, [*conditions, *map(Name, self.computed)])
        self.figures = [search.metric, self.kind.time, self.other, self.kind.margin, *search.limits]
        self.wanted = [*self.figures, *self.kind.classes]
        self.metric_runner = self.runner(sources, list(map(Name, self.wanted)))
        self.projections: Projections = {}

    def runner(self, sources: Mapping[str, Source], wanted: Sequence[Node]) -> Runner:
        groups = len(self.model.groups)
        compiler = Compiler(self.catalog, sources, groups, self.split.within, self.split.whole)
        return Runner(compiler.compile(wanted), self.split)

    def sources(self, spec: Spec) -> dict[str, Source]:
        """What gives each input its values."""
        search = self.search
        found: dict[str, Source] = {key: Constant(_plain(key, one.value)) for key, one in spec.study.items()}
        found |= {key: Constant(_plain(key, one.value)) for key, one in self.model.inputs.items()}
        for key in self.model.groups[0].inputs:
            found[key] = Constant(_column(key, [group.inputs[key].value for group in self.model.groups])[:, None])
        for key, one in search.inputs.items():
            found[key] = Given(one.ast) if one.ast is not None else Constant(_plain(key, one.value))
        found["run_model"] = Constant(search.model)
        for axis, (key, values) in enumerate(search.axes.items()):
            found[key] = Leaf(axis, _column(key, values))
            if key == "hardware":
                devices = [search.devices[str(value)] for value in values]
                for name in devices[0].inputs:
                    found[name] = Leaf(axis, _column(name, [device.inputs[name].value for device in devices]))
        return found

    def search_block(self, number: int, found: Found) -> None:
        """Adds the layouts of one block to a result."""
        parts, first = self.split.block(number)
        block = Block(self.split, parts, self.projections)
        found.n_seen += block.size(self.split.within)
        with np.errstate(all="ignore"):
            if not self.apply_rules(block, found):
                return
            layouts = self.evaluate(block, first, found)
        found.add(layouts)

    def apply_rules(self, block: Block, found: Found) -> bool:
        """Counts what breaks a rule, by the first that it breaks; whether anything is left."""
        whole = self.split.within
        left: Truths | None = None  # of all combinations of the block; None while none is out
        outputs = self.rule_runner.run(block)
        steps = self.rule_runner.program.steps
        codes = [(rule.name, None) for rule in self.rules] + [(name, self.inputs[name]) for name in self.computed]
        for (name, entry), at, column in zip(codes, self.rule_runner.program.outputs, outputs, strict=True):
            holds: Truths = np.atleast_1d(np.asarray(column if entry is None else ~_out_of_range(entry, column), bool))
            holds = np.asarray(holds.all(axis=0)) if holds.ndim == 2 else holds  # in every layer group
            if holds.all():
                continue
            axes = steps[at].mask & whole
            before = block.size(whole) if left is None else int(np.count_nonzero(left))
            if not axes:
                found.fails[name] += before
                return False
            block.allow(axes, holds)
            here = holds if axes == whole else holds.take(block.project(whole, axes))
            left = here if left is None else np.logical_and(left, here)
            after = int(np.count_nonzero(left))
            found.fails[name] += before - after
            if not after:
                return False
        return True

    @property
    def inputs(self) -> Mapping[str, Input]:
        return catalogue.load_inputs().inputs

    def evaluate(self, block: Block, first: int, found: Found) -> Kept:
        """The layouts of a block that fit and keep every bound; counts the others."""
        rows = block.rows_of(self.split.within)
        number = np.arange(first, first + block.size(self.split.within)) if rows is None else rows + first
        outputs = self.metric_runner.run(block)
        steps = self.metric_runner.program.steps
        results = list(zip(self.wanted, self.metric_runner.program.outputs, outputs, strict=True))
        figures, classes = results[: len(self.figures)], results[len(self.figures) :]
        columns = {name: self.whole(block, at, column, steps) for name, at, column in figures}
        objective = columns[self.search.metric]
        has_value = np.isfinite(objective)
        found.fails[NO_VALUE] += int(len(number) - np.count_nonzero(has_value))
        kept = has_value
        fits = columns[self.kind.margin] >= 0
        unfit = np.flatnonzero(kept & ~fits)
        if len(unfit):
            fills = [self.whole(block, at, column, steps)[unfit] for _, at, column in classes]
            counts = np.bincount(np.argmax(np.stack(fills), axis=0), minlength=len(classes))
            names = self.kind.classes
            found.fails.update({name: int(count) for name, count in zip(names, counts, strict=True) if count})
            kept = kept & fits
        for name, (least, most) in self.search.limits.items():
            keeps = np.ones(len(number), bool)
            if least is not None:
                keeps &= columns[name] >= least
            if most is not None:
                keeps &= columns[name] <= most
            found.fails[f"require {name}"] += int(np.count_nonzero(kept & ~keeps))
            kept = kept & keeps
        sign = -1.0 if self.search.is_maximised else 1.0
        other = -columns[self.other] if self.is_other_negated else columns[self.other]
        # No time is worse than any.
        time, other = (np.where(np.isnan(one), np.inf, one) for one in (columns[self.kind.time], other))
        return Kept(number, sign * objective, time, other).take(kept)

    def whole(self, block: Block, at: int, column: Value, steps: Sequence[ArrayStep]) -> Numbers:
        """A result with a row for each layout that keeps the rules."""
        of, whole = steps[at].mask & self.split.within, self.split.within
        rows = block.rows_of(whole)
        count = block.size(whole) if rows is None else len(rows)
        if not of:
            return np.broadcast_to(np.asarray(column, np.float64), count)
        is_static = self.metric_runner.is_static[at]
        index = block.index(of, is_static, whole, False)
        found = np.asarray(column, np.float64)
        return found if index is None else found.take(index)


def _plain(name: str, value: Scalar) -> Scalar:
    """A value as formulas read it; what is not given is NaN."""
    return float("nan") if isinstance(value, str) and value == absent_of(name) else value


def _column(name: str, values: Sequence[Scalar]) -> Column:
    plain = [_plain(name, value) for value in values]
    return np.array(plain, dtype=object if any(isinstance(value, str) for value in plain) else np.float64)


def _out_of_range(entry: Input, column: Value) -> Truths:
    """Where an expression gives what its input does not allow."""
    if isinstance(column, str) or np.asarray(column).dtype == object:
        return np.zeros(1, bool)
    return out_of_range(entry, np.asarray(column, np.float64))
