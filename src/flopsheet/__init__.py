"""flopsheet turns a YAML spec of transformer language models into an Excel workbook with live formulas."""

from __future__ import annotations

__version__ = "0.1.0"
