"""Wording: models of the library, and kinds of attention."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet.diagnostics.codes import Wording, diagnostic
from flopsheet.diagnostics.problem import did_you_mean, shown


@diagnostic("FS421", "library-model-unknown")
def unknown_library_model(name: str, known: Sequence[str]) -> Wording:
    """The library has no model of that name.

    Why: `model:` starts from a published model that ships with flopsheet.
    Fix: Write a name from `flopsheet list models`.
    Example:
        models:
          m: {model: gpt2-smal}
    """
    return f"the library has no model '{shown(name)}'", did_you_mean(name, known) + " (flopsheet list models)"


@diagnostic("FS422", "attention-incomplete")
def kind_needs(kind: str, absent: Sequence[str]) -> Wording:
    """A kind of attention lacks inputs that belong to it.

    Why: Grouped-query attention without n_kv_heads, for example, has no size.
    Fix: Write them beside `kind:`.
    Example:
        models:
          m: {model: gpt2-small, attention: {kind: gqa}}
    """
    return f"{kind} attention needs {', '.join(absent)}", "write it beside kind" if len(
        absent
    ) == 1 else "write them beside kind"


@diagnostic("FS423", "mixer-incomplete")
def mixer_needs(kind: str, absent: Sequence[str]) -> Wording:
    """A kind of mixer lacks inputs that belong to it.

    Why: A state space without its heads and widths has no size.
    Fix: Write them beside `kind:`.
    Example:
        models:
          m: {model: gpt2-small, mixer: {kind: mamba2}}
    """
    return f"a {kind} mixer needs {', '.join(absent)}", f"write {'it' if len(absent) == 1 else 'them'} beside kind"


@diagnostic("FS424", "mixer-contradiction")
def mixer_sets(kind: str, key: str, value: int | str) -> Wording:
    """A key sets what the kind of mixer already sets.

    Why: The two could contradict each other.
    Fix: Remove the key, or choose another kind.
    Example:
        models:
          m: {model: gpt2-small, mixer: {kind: mamba2, n_ssm_heads: 24, d_ssm_head: 64, d_state: 128, dt_rank: 48}}
    """
    return f"a {kind} mixer already sets {key}: {value}", f"remove {key}, or choose another kind"


@diagnostic("FS425", "attention-contradiction")
def kind_sets(kind: str, key: str, value: int | str) -> Wording:
    """A key sets what the kind of attention already sets.

    Why: The two could contradict each other.
    Fix: Remove the key, or choose another kind.
    Example:
        models:
          m: {model: gpt2-small, attention: {kind: mqa, n_kv_heads: 4}}
    """
    return f"{kind} attention already sets {key}: {value}", f"remove {key}, or choose another kind"
