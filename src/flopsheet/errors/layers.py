"""Wording: models and layers whose inputs do not fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flopsheet.errors.problem import Finding, did_you_mean, shown


def unknown_library_model(name: str, known: Sequence[str]) -> Finding:
    return f"the library has no model '{shown(name)}'", did_you_mean(name, known) + " (flopsheet list models)"


def kind_needs(kind: str, absent: Sequence[str]) -> Finding:
    return f"{kind} attention needs {', '.join(absent)}", "write it beside kind" if len(
        absent
    ) == 1 else "write them beside kind"


def mixer_needs(kind: str, absent: Sequence[str]) -> Finding:
    return f"a {kind} mixer needs {', '.join(absent)}", f"write {'it' if len(absent) == 1 else 'them'} beside kind"


def mixer_sets(kind: str, key: str, value: int | str) -> Finding:
    return f"a {kind} mixer already says {key}: {value}", f"remove {key}, or choose another kind"


def kind_sets(kind: str, key: str, value: int | str) -> Finding:
    return f"{kind} attention already says {key}: {value}", f"remove {key}, or choose another kind"


def layer_findings(value: Mapping[str, float], said: frozenset[str]) -> Iterator[tuple[Finding, str]]:
    """What does not fit together in one layer, each with the input to point at; a flag that is set is 1.

    `said` are the inputs that the spec mentions.
    """
    yield from _latent_findings(value, said)
    yield from _expert_findings(value)


def _latent_findings(value: Mapping[str, float], said: frozenset[str]) -> Iterator[tuple[Finding, str]]:
    latent = [name for name in ("q_lora_rank", "d_qk_nope", "d_qk_rope") if value.get(name)]
    if value.get("kv_lora_rank"):
        absent = [name for name in ("d_qk_nope", "d_qk_rope") if value.get(name) == 0]
        absent += [] if "d_v" in said else ["d_v"]
        if absent:
            remedy = f"write {': …, '.join(absent)}: …, or kv_lora_rank: 0"
            yield (f"latent attention needs {', '.join(absent)}", remedy), "kv_lora_rank"
    elif latent and value.get("kv_lora_rank") == 0 and not value.get("keys_as_values"):
        yield (f"{latent[0]} belongs to latent attention, but kv_lora_rank is 0", "write kv_lora_rank: …"), latent[0]


def _expert_findings(value: Mapping[str, float]) -> Iterator[tuple[Finding, str]]:
    experts, active, width = (value.get(name, 0.0) for name in ("n_experts", "n_active_experts", "d_expert"))
    shared = value.get("n_shared_experts", 0.0)
    if active > experts:
        fact = f"n_active_experts {active:,.0f} is more than n_experts {experts:,.0f}"
        yield (fact, f"write at most {experts:,.0f}" if experts else "write n_experts: …"), "n_active_experts"
    if experts and not active:
        yield ("experts need n_active_experts", "write how many a token passes (top-k)"), "n_experts"
    if experts and not width:
        yield ("experts need d_expert", "write the inner width of one expert"), "n_experts"
    if experts and value.get("d_ff") and not value.get("ffn_beside_experts"):
        remedy = "write d_ff: 0, or ffn_beside_experts: true; an FFN beside the routed experts is a shared expert"
        yield ("a layer has a dense FFN or experts, and here are both", remedy), "d_ff"
    if not experts and value.get("d_ff") == 0 and value.get("ffn_matrices"):
        yield ("d_ff is 0 and there are no experts", "write d_ff: …, n_experts: …, or ffn: none"), "d_ff"
    if shared and not experts:
        remedy = "write n_shared_experts: 0 here, or n_experts: …"
        yield ("a dense layer has no shared experts", remedy), "n_shared_experts"
    if shared and experts and value.get("d_shared_expert") == 0:
        yield ("shared experts need d_shared_expert", "write the inner width of one"), "n_shared_experts"
    if value.get("shared_expert_gate") and not shared:
        yield ("the gate has no shared expert to scale", "write n_shared_experts: …"), "shared_expert_gate"
