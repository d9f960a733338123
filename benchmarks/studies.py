"""Studies of any size, as specs: models of many shapes at a few context lengths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CONTEXTS = [1024, 4096, 16384, 65536]


def study(models: int, contexts: list[int] | None = None) -> dict[str, Any]:
    shapes = {
        f"model-{at:04d}": {
            "n_layers": 12 + at % 80,
            "d_model": 64 * (8 + at % 24),
            "n_heads": 8 + at % 24,
            "d_ff": 256 * (8 + at % 24),
        }
        for at in range(models)
    }
    return {
        "version": 1,
        "title": f"{models} models",
        "context_lengths": contexts or CONTEXTS,
        "weights": "bf16",
        "defaults": {"vocab_size": 50257, "ffn": "swiglu"},
        "models": shapes,
    }


def write(models: int, path: Path, contexts: list[int] | None = None) -> Path:
    path.write_text(json.dumps(study(models, contexts), indent=1))  # JSON is YAML
    return path
