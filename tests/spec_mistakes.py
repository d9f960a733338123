"""A valid spec, mistakes in it one at a time, texts that are no spec, and the message that each has."""

from __future__ import annotations

from mistakes_of_inputs import OF_INPUTS
from mistakes_of_meaning import OF_MEANING

VALID = """\
version: 1
context_lengths: [1024]
conventions:
  ffn_matmuls: 2
defaults:
  vocab_size: 100
models:
  a:
    n_layers: 2
    d_model: 64
    n_heads: 4
    d_ff: 4 * d_model
    ffn: gelu
expect:
- that: a.n_params
  at_least: 1
"""

REFUSED = [*OF_INPUTS, *OF_MEANING]

NO_KEY = """\
models.a.colour: unknown key 'colour'; known: extends, model, layers, sweep, ffn, attention, moe, mixer, \
other_params, other_model_params, n_layers, d_model, … (99 in all)"""

# Where nothing of VALID is left, or too much to be repeated.
REFUSED_TEXTS = [
    ("«[»version, 1]", "the spec is a list, not a mapping; begin with 'version: 1'"),
    ("«hello»", "the spec is 'hello', not a mapping; begin with 'version: 1'"),
    ("«v»ersion: 1\ncontext_lengths: [1]", "models is missing; write models: {NAME: {model: llama-3-8b}}"),
    ("version: 1\ncontext_lengths: [1]\nmodels: «{»}", "models: there are no entries; write at least one"),
    (
        "version: 1\ncontext_lengths: [1]\nmodels: «[»a]",
        "models: a list where a mapping is expected; write {MODEL: {…}}",
    ),
    (
        "version: 1\ncontext_lengths: [1]\nmodels: {a: «5»}",
        "models.a: 5 where a mapping is expected; write {key: value}",
    ),
    (
        "version: 1\ncontext_lengths: [1]\n«models»: {n_layers: 2, d_model: 64}",
        "models: the model has no name; write models: {NAME: {n_layers: …}}",
    ),
    (
        "version: 1\ncontext_lengths: [1]\nmodels: {a: {model: gpt2-small}}\n«search»: {model: a, hardware: h100-sxm}",
        "search: the search has no name; write search: {NAME: {model: …}}",
    ),
    (
        "version: 1\ncontext_lengths: [1]\nmodels: {a: {model: gpt2-small}}\n«measured»: {model: a, seconds: 1}",
        "measured: the row has no name; write measured: {NAME: {model: …}}",
    ),
    ("version: 1\ncontext_lengths: [1]\nmodels: {a: {«colour»: 1}}", NO_KEY),
    *(
        (
            f"version: 1\ncontext_lengths: [1]\nmodels: {{a: {{model: gpt2-small, «{key}»: {{}}}}}}",
            f"models.a.{key}: '{key}' is a section of the spec; it belongs at the top level of the spec",
        )
        for key in ("training", "serving", "expect", "conventions", "hardware", "search")
    ),
]
