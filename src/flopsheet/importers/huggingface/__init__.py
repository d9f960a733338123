"""A Hugging Face configuration (config.json) as a spec; families.yaml says what its keys mean."""

from flopsheet.importers.huggingface.configuration import read_config, suggest_name
from flopsheet.importers.huggingface.write import convert, to_inputs, to_spec

__all__ = ["convert", "read_config", "suggest_name", "to_inputs", "to_spec"]
