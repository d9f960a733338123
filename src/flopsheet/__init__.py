"""flopsheet: resource accounting of transformer language models, as pandas frames and as a live Excel workbook.

`compute` gives the numbers of a spec as a `Report`, `build` its workbook. A mistake raises a `FlopsheetError`, of which
`SpecError` is the most frequent; its `problems` are a tuple of `Problem`s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flopsheet.diagnostics import ComputeError, FileError, FlopsheetError, Place, Problem, SizeError, SpecError

if TYPE_CHECKING:
    from flopsheet.api import Report, build, compute
    from flopsheet.output.failed import FailedExpectation, Finding

__version__ = "0.1.0"
__all__ = [
    "ComputeError",
    "FailedExpectation",
    "FileError",
    "Finding",
    "FlopsheetError",
    "Place",
    "Problem",
    "Report",
    "SizeError",
    "SpecError",
    "__version__",
    "build",
    "compute",
]


def __getattr__(name: str) -> Any:
    """Imports the interface when it is first asked for: pandas takes longer to import than a spec error to be told."""
    if name in {"Report", "build", "compute"}:
        from flopsheet import api

        return getattr(api, name)
    if name in {"FailedExpectation", "Finding"}:
        from flopsheet.output import failed

        return getattr(failed, name)
    raise AttributeError(f"module 'flopsheet' has no attribute '{name}'")


def __dir__() -> list[str]:
    """What a shell completes: the public names, imported yet or not."""
    return sorted(__all__)
