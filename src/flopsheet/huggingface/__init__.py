"""A Hugging Face configuration (config.json) as a spec; families.yaml says what its keys mean."""

from flopsheet.huggingface.source import read_config
from flopsheet.huggingface.write import to_inputs, to_spec

__all__ = ["read_config", "to_inputs", "to_spec"]
