"""flopsheet: resource accounting of transformer language models, as pandas frames and as a live Excel workbook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flopsheet.errors import FlopsheetError

if TYPE_CHECKING:
    from flopsheet.report import Report, build, compute

__version__ = "0.1.0"
__all__ = ["FlopsheetError", "Report", "__version__", "build", "compute"]


def __getattr__(name: str) -> Any:
    """Imports the interface when it is first asked for: pandas takes longer to import than a spec error to be told."""
    if name in {"Report", "build", "compute"}:
        from flopsheet import report

        return getattr(report, name)
    raise AttributeError(f"module 'flopsheet' has no attribute '{name}'")
