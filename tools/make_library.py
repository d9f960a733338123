"""Writes src/flopsheet/spec/library.yaml: each model imported from its configuration; `--check` only compares."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flopsheet.importers.huggingface import to_inputs
from flopsheet.yamlio import source
from flopsheet.yamlio.dump import block

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "src" / "flopsheet" / "spec" / "library.yaml"
HEAD = "# Well-known models as a spec says them, each with the source of its numbers; made by tools/make_library.py.\n"


def configurations() -> dict[str, dict[str, Any]]:
    """Every configuration that the tests hold, by name."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("models.json", "more_models.json", "models_2026.json"):
        data = json.loads((ROOT / "tests" / "truth" / name).read_text(encoding="utf-8"))
        for model in data if isinstance(data, list) else data["models"]:
            found[model["name"]] = model.get("hf_config") or model["config"]
    return found


def listed() -> dict[str, dict[str, Any]]:
    """The models that ship: the configuration of each, or which of the tests' it is, and its source."""
    data: Any = source.parse((Path(__file__).parent / "library.yaml").read_text(encoding="utf-8"), "library.yaml").data
    return dict(data)


def lines() -> Iterator[str]:
    """The file, line by line."""
    configs = configurations()
    for name, entry in listed().items():
        yield f"{name}:"
        yield from block(
            {"source": entry["source"], **to_inputs(entry.get("config") or configs[entry["configuration"]])}, "  "
        )


def text() -> str:
    return HEAD + "\n".join(lines()) + "\n"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        LIBRARY.write_text(text(), encoding="utf-8")
    elif LIBRARY.read_text(encoding="utf-8") != text():
        sys.exit("src/flopsheet/spec/library.yaml is stale: run python tools/make_library.py")
