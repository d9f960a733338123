"""Which metric of each kind of run says whether it fits, what a device needs, has and has left, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flopsheet.catalog.grains import RunKind
from flopsheet.pipeline.search.kinds import KINDS

FITS: Mapping[RunKind, str] = {"training": "fits", "serving": "served_fits"}
MEMORY: Mapping[RunKind, str] = {"training": "device_gib", "serving": "served_gib_device"}
CAPACITY: Mapping[RunKind, str] = {"training": "capacity_gib", "serving": "served_capacity_gib_device"}
COST: Mapping[RunKind, str] = {"training": "run_cost", "serving": "predicted_cost_per_million"}
MARGIN_SHARE: Mapping[RunKind, str] = {name: kind.margin_share for name, kind in KINDS.items()}
CLASSES: Mapping[RunKind, Sequence[str]] = {name: kind.classes_gib for name, kind in KINDS.items()}  # of what is needed
