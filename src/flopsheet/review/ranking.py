"""What differs, most important first: verdicts, then what lost its number, runs before models, each quantity once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from string import Formatter

from flopsheet.catalog import RUNS
from flopsheet.catalog.entries import Unit, inside_sentence
from flopsheet.output.changes import told
from flopsheet.output.sentences import PRICED, TIMED, TOLD
from flopsheet.pipeline.expectations import called
from flopsheet.quantities import TEXT_UNIT
from flopsheet.review.diff import Compared, Difference

VERDICTS = {"no": "no longer fits", "yes": "fits now"}  # by the answer that there is now
GRAINS = [*(grain for grains in RUNS.values() for grain in grains), "model", "scenario"]
MOST_BUDGETS = 5  # that are told where they are no longer met
OF_MODEL = ("n_params", "weight_gib", "kv_cache_bytes_per_token", "tflop_forward", "kv_cache_gib")


def ranked(results: Iterable[Difference], units: Mapping[str, Unit]) -> list[Difference]:
    """The order of a table: of each kind of row amounts before shares and ratios."""
    return sorted(told_once(results), key=lambda one: (_importance(one), _grain(one), _is_share(one, units)))


def is_verdict(one: Difference) -> bool:
    """Whether it says of something that fits no longer, or now."""
    return one.before in VERDICTS and one.after in VERDICTS


def _importance(one: Difference) -> int:
    if is_verdict(one):
        return 0
    return 1 if isinstance(one.before, str) != isinstance(one.after, str) else 2


def _is_share(one: Difference, units: Mapping[str, Unit]) -> bool:
    assert one.metric
    return one.metric.unit == TEXT_UNIT or units[one.metric.unit].style in {"percent", "times"}


def _grain(one: Difference) -> int:
    assert one.metric
    return GRAINS.index(one.metric.grain) if one.metric.grain in GRAINS else len(GRAINS)


def told_once(results: Iterable[Difference]) -> list[Difference]:
    """One of GB and GiB, and of numbers of one row and unit that are the same before and after."""
    results = [one for one in results if one.metric]
    named = {(one.subject, one.metric.name) for one in results if one.metric}
    seen, once = set(), []
    for one in results:
        assert one.metric
        key = one.subject, one.metric.unit, one.before, one.after
        if (one.subject, _in_gib(one.metric.name)) not in named and (one.metric.unit == TEXT_UNIT or key not in seen):
            once.append(one)
        seen.add(key)
    return once


def _in_gib(name: str) -> str:
    """The name of the same quantity in GiB; none of what is in no GB."""
    return f"{name.removesuffix('_gb')}_gib" if name.endswith("_gb") else ""


def effects(compared: Compared) -> list[str]:
    """A line for each run whose numbers that matter changed, or for each model where no run's did."""
    catalog = compared.sides[0].report.catalog
    units = catalog.units
    of_run: dict[str, list[str]] = {}
    of_model: dict[str, list[str]] = {}
    wanted = {kind: [name for _, name, _, _ in Formatter().parse(TOLD[kind] + TIMED + PRICED) if name] for kind in RUNS}
    for one in ranked(compared.results, units):
        assert one.metric
        kind = next((kind for kind, grains in RUNS.items() if one.metric.grain in grains), None)
        lines = of_run if kind else of_model
        if is_verdict(one):
            lines.setdefault(one.subject, []).append(VERDICTS[str(one.after)])
        elif one.metric.name in (wanted[kind] if kind else OF_MODEL):
            words = told(inside_sentence(one.metric.label), one.before, one.after, units[one.metric.unit])
            lines.setdefault(one.subject, []).append(words)
    lines = of_run or of_model
    said = [f"{subject}: {', '.join(words)}" for subject, words in lines.items()]
    missed = [one.missed for one in compared.budgets if not one.after]
    if missed:
        texts = [one.to_text(catalog) for one in missed[:MOST_BUDGETS]]
        texts += [f"… and {len(missed) - len(texts):,} more"] if len(missed) > len(texts) else []
        alone = len(missed) == 1
        them = called(one.claim for one in missed)
        about = f"{them.a} is" if alone else f"{len(missed):,} {them.many} are"
        about += f" no longer {them.met}:" + " " * alone
        said.append(about + (texts[0] if alone else "".join(f"\n    {text}" for text in texts)))
    return said
