"""The fields of an entry: which there are, which must be there, and what the plain ones may say."""

from __future__ import annotations

from typing import get_args

from flopsheet import diagnostics
from flopsheet.catalog import formats
from flopsheet.catalog.entries import SEVERITIES, Input, Level
from flopsheet.catalog.grains import OF_RUNS, Grain
from flopsheet.catalog.refusals import Refuse
from flopsheet.yamlio.source import Data

LEVELS = get_args(Level)
METRIC_KEYS = {
    "name", "label", "unit", "doc", "formula", "text", "shape", "level", "headline", "before", "severity", "source",
    "symbol", "zero",
    *formats.KEYS,
}  # fmt: skip
INPUT_KEYS = set(Input._fields) - {"grain", "whole", "choices_called"}
ENTRY_NEEDS = ("name", "label", "unit", "doc")
RULE_NEEDS = ("code", "formula", "hint", "level", "message", "points_at")
RULE_KEYS = {"name", "label", "doc", "source", "explains", "unless_said", "example", *RULE_NEEDS}
RULE_GRAINS = frozenset({"model", "layer_group", *OF_RUNS})  # at which a spec is held to rules
RULE_LEVELS = {"error": "", "note": "note"}  # as the severity of a verdict
ALLOWED = {"inputs": INPUT_KEYS, "metrics": METRIC_KEYS, "rules": RULE_KEYS}
NEEDED = {"inputs": ENTRY_NEEDS, "metrics": ENTRY_NEEDS, "rules": RULE_NEEDS}


def check_keys(raw: Data, kind: str, refuse: Refuse) -> None:
    """Refuses unknown keys of an input, metric or rule, and missing ones."""
    allowed = ALLOWED[kind]
    for key in [key for key in raw if key not in allowed]:
        raise refuse(f"unknown key '{key}'", diagnostics.did_you_mean(key, sorted(allowed)))
    for key in NEEDED[kind]:
        if not raw.get(key):
            raise refuse(f"{key} is missing", f"write {key}: …")


def check_values(raw: Data, kind: str, refuse: Refuse) -> None:
    """Refuses unknown levels and severities, and a metric without one formula or text."""
    if raw.get("level", "part") not in LEVELS or raw.get("severity", "") not in SEVERITIES:
        raise refuse("unknown level or severity", f"levels: {', '.join(LEVELS)}; severity: note")
    if kind == "metrics" and ("formula" in raw) == ("text" in raw):
        raise refuse("a metric has either a formula or a text", "write one of them")


def check_rule_fields(raw: Data, grain: Grain, refuse: Refuse) -> None:
    """Refuses a rule with unknown or missing keys, of a grain or level that no rule has."""
    check_keys(raw, "rules", refuse)
    if grain not in RULE_GRAINS:
        raise refuse(f"a rule cannot have grain {grain}", f"grains: {', '.join(sorted(RULE_GRAINS))}")
    if raw["level"] not in RULE_LEVELS:
        raise refuse(f"unknown level '{raw['level']}'", f"levels: {', '.join(RULE_LEVELS)}")
