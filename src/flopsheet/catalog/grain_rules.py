"""Refuses unknown names, and names of a grain that a formula cannot read."""

from __future__ import annotations

from collections.abc import Mapping

from flopsheet import diagnostics
from flopsheet.catalog.grains import OF_RUNS, Grain, coarser
from flopsheet.catalog.refusals import Refuse
from flopsheet.formula.nodes import Aggregate, Node, names, walk


def check_names(node: Node, grain: Grain, grain_of: Mapping[str, Grain], refuse: Refuse) -> None:
    """Refuses unknown names, and names of a grain that a formula of this grain cannot read that way."""
    for name in names(node):
        if name not in grain_of:
            raise refuse(f"unknown name '{name}'", diagnostics.did_you_mean(name, sorted(grain_of)), at=name)
        of = grain_of[name]
        if of != grain and of not in coarser(grain):
            readable = f"a {grain} can read {', '.join((grain, *coarser(grain)))}"
            remedy = f"write sum({name})" if grain in coarser(of) else readable
            if _is_of_runs_alone(of, grain):
                remedy = f"a metric of grain {of} can read it"
            raise refuse(f"'{name}' has grain {of}, which a metric of grain {grain} cannot read", remedy, at=name)
    for part in walk(node):
        if isinstance(part, Aggregate):
            _check_gathered(part, grain, grain_of, refuse)


def _is_of_runs_alone(of: str, grain: Grain) -> bool:
    """Whether a name lives in the tables of runs, and a formula of this grain outside of them."""
    return of in OF_RUNS and grain not in OF_RUNS


def _check_gathered(node: Aggregate, grain: Grain, grain_of: Mapping[str, Grain], refuse: Refuse) -> None:
    for name in node.names:
        if name not in grain_of:
            raise refuse(f"unknown name '{name}'", diagnostics.did_you_mean(name, sorted(grain_of)), at=name)
        of = grain_of[name]
        if grain not in coarser(of):
            fact = f"'{name}' has grain {of}, which has no rows within a {grain}"
            raise refuse(fact, f"write {name} without the function", at=name)
        if _is_of_runs_alone(of, grain):
            fact = f"'{name}' has grain {of}, which a metric of grain {grain} cannot aggregate"
            raise refuse(fact, f"a metric of grain {of} can read it", at=name)
    grains = dict.fromkeys(grain_of[name] for name in node.names)
    if len(grains) > 1:
        raise refuse(f"{node.function}(…) of names at grains {' and '.join(grains)}", "aggregate names of one grain")
