"""Which sentences tell where the work of a family of models goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flopsheet.pipeline.frames import Values

OF_EVERY_FAMILY = ("trend_words", "trend_words_dense", "trend_words_other")


def trend(values: Values) -> tuple[str, ...]:
    """The metrics of grain context that hold them: the first says what the others are of.

    One on other parts is last where a model has such parts, as other mixers or an indexer.
    """
    rest = ("trend_words_rest",) if any(values.plain("scenario", "share_rest")) else ()
    return (*OF_EVERY_FAMILY, *rest)
