"""In which order the layers of several groups follow each other, as the inputs of a model that say so."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from flopsheet.importers.huggingface.groups import LayerGroup

LISTED, INTERLEAVED = {"layer_order": "listed"}, {"layer_order": "interleaved"}


def order_of(groups: Sequence[LayerGroup]) -> dict[str, Any]:
    """Listed where the first group's layers come first, else how evenly groups are spread; nothing if not known.

    Layers that are passed several times, or that stand beside others, have no place of their own in a stage.
    """
    places = [layer for group in groups for layer in group.layers]
    if len(groups) < 2 or any(group.repeats > 1 for group in groups):
        return {}
    if sorted(places) != list(range(1, len(places) + 1)):
        return {}
    first = groups[0].layers
    if first == tuple(range(1, len(first) + 1)):
        return LISTED
    uneven = max(_unevenness(group, len(places)) for group in groups)
    return INTERLEAVED | ({"n_uneven_layers": uneven} if uneven else {})


def _unevenness(group: LayerGroup, total: int) -> int:
    """How many more layers of a group can follow each other than its even share, rounded up."""
    own = set(group.layers)
    before = [0, *accumulate(layer in own for layer in range(1, total + 1))]
    return max(  # the floor of the negative share takes away the share rounded up
        max(before[end] - before[end - length] for end in range(length, total + 1)) + -length * len(own) // total
        for length in range(1, total + 1)
    )
