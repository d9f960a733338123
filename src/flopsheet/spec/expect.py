"""`expect:` of a spec: the claims that name a number of it, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopsheet import catalog, diagnostics, quantities
from flopsheet.catalog import Catalog, Metric
from flopsheet.catalog.grains import RunKind
from flopsheet.diagnostics import Finding
from flopsheet.spec.entries import BOUNDS, CHANGES, Expectation, Run
from flopsheet.spec.resolve.draft import Draft, Fault, Resolved
from flopsheet.spec.resolve.names import Names
from flopsheet.yamlio.source import Data, Path


def resolve_expectations(
    draft: Draft, names: Names, ran: Mapping[RunKind, Sequence[Run]], known: Catalog | None
) -> Resolved[tuple[Expectation, ...]]:
    """The claims that name a number of this spec; none where the catalogue or what they are about is faulty."""
    listed, models, lengths = (draft.data.get(key) for key in ("expect", "models", "context_lengths"))
    if known is None or not (isinstance(listed, list) and isinstance(models, dict) and models):
        return Resolved((), [])
    if not (isinstance(lengths, list) and draft.is_valid(("context_lengths",))):
        return Resolved((), [])
    subjects = _subjects(draft, names, ran)
    found: list[Expectation] = []
    faults: list[Fault] = []
    told: set[Finding] = set()  # one misspelled model or context length is one mistake, however many claims name it
    for index, claim in enumerate(listed):
        path: Path = ("expect", index)
        if not draft.is_valid(path):
            continue
        subject, _, metric = claim["that"].rpartition(".")
        if subject not in subjects and not names.is_unknown(subject):
            continue
        fault = _fault(names, claim, subject, metric, subjects, lengths, known.metrics)
        if fault:
            key, finding = fault
            if finding not in told:
                faults.append(draft.fault((*path, key), finding))
            told.add(finding)
            continue
        said = {key: value for key, value in claim.items() if key != "that"}
        if known.metrics[metric].grain == "scenario":
            said.setdefault("context_length", lengths[0])
        found.append(Expectation(subject, metric, **said))
    return Resolved(tuple(found), faults)


def _subjects(draft: Draft, names: Names, ran: Mapping[RunKind, Sequence[Run]]) -> dict[str, tuple[str, ...]]:
    """The models and runs that a claim may be about, each with the grains of its numbers."""
    subjects: dict[str, tuple[str, ...]] = dict.fromkeys(names.models, ("model", "scenario"))
    for kind, (of_run, _) in catalog.RUNS.items():
        swept = draft.swept(kind)
        plain = [name for name in draft.listed(kind) if name not in swept]
        subjects |= dict.fromkeys((*plain, *(run.name for run in ran.get(kind, ()))), (of_run,))
    return subjects


def _fault(
    names: Names,
    claim: Data,
    subject: str,
    metric: str,
    subjects: Mapping[str, Sequence[str]],
    lengths: list[float],
    known: Mapping[str, Metric],
) -> tuple[str, Finding] | None:
    """The key of a claim that is at fault, and why."""
    if not subject:
        return "that", diagnostics.not_a_claim(claim["that"])
    if subject not in subjects:
        has_runs = len(set(subjects.values())) > 1
        return "that", names.unknown(subject, list(subjects), "model or run" if has_runs else "model")
    claimed_of = known.get(metric)
    if claimed_of is None or claimed_of.grain not in subjects[subject]:
        of = " or ".join(grain.replace("_", " ") for grain in subjects[subject])
        metrics = [entry for entry in known.values() if entry.grain in subjects[subject]]
        inputs, headings = catalog.load_inputs(), catalog.headings(metrics, catalog.load_inputs().units)
        grains = {name: entry.grain for name, entry in known.items()}
        return "that", diagnostics.unknown_metric(metric, headings, list(inputs.inputs), of, grains)
    claimed = {key: claim[key] for key in ("equals", *BOUNDS) if key in claim}
    changes = {key: claim[key] for key in CHANGES if key in claim}
    if not claimed and not changes:
        return "that", diagnostics.claims_nothing()
    if "within" in claim and "equals" not in claim:
        return "within", diagnostics.tolerance_of_nothing()
    is_text = claimed_of.unit in quantities.NO_NUMBER
    for key, value in claimed.items():
        if isinstance(value, str) != is_text:
            return key, diagnostics.claim_of_another_type(metric, value, claimed_of.unit, is_text=is_text)
    for key, value in changes.items():
        if is_text:
            return key, diagnostics.change_of_text(metric)
        if quantities.read_change(value) is None:
            return key, diagnostics.claim_of_another_type(metric, value, claimed_of.unit, is_text=False)
    length = claim.get("context_length")
    if claimed_of.grain != "scenario":
        return ("context_length", diagnostics.claim_without_context(metric)) if length is not None else None
    if length is None and len(lengths) > 1:
        return "that", diagnostics.claim_needs_context(None, lengths)
    if length is not None and length not in lengths:
        return "context_length", diagnostics.claim_needs_context(length, lengths)
    return None
