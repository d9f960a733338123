"""Wording: Hugging Face configurations that are not understood."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from flopsheet.errors.problem import Place, Problem, did_you_mean, nearest, quoted, shown
from flopsheet.errors.specs import Finding, divisors, kind_of


def not_json(place: Place, complaint: str) -> Problem:
    fact = f"this is not JSON ({complaint[:1].lower()}{complaint[1:]})"
    return Problem(fact, "give the config.json of a model", "", place)


def no_configuration(name: str, reason: str) -> Problem:
    return Problem(f"'{shown(name)}' is no configuration: {reason}", "give the config.json of a model")


def said_twice_in_json(name: str, key: str) -> Problem:
    return Problem(f"'{shown(name)}' says '{shown(key)}' twice", "keep one of the two")


def no_model_type(value: object) -> Problem:
    fact = "is missing" if value is None else f"{kind_of(value)} is not a text"
    return Problem(fact, "give a config.json as Hugging Face transformers writes it", "model_type")


def unknown_model_type(name: str, known: Sequence[str]) -> Problem:
    near = nearest(name, known)
    remedy = f"did you mean '{near}'? " if near else ""
    return Problem(f"'{shown(name)}' is not known", f"{remedy}known: {quoted(known, len(known))}", "model_type")


def key_not_understood(key: str, model_type: str, known: Sequence[str]) -> Problem:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    remedy = f"did you mean '{near[0]}'? If not, remove" if near else "remove"
    return Problem(f"not understood for model_type {model_type}", f"{remedy} it if it changes no count", shown(key))


def value_not_understood(value: object, accepted: Sequence[object]) -> Finding:
    words = " or ".join(kind_of(one) for one in accepted) or "null"
    return f"{kind_of(value)} may change a count and is not understood", f"only {words} is"


def not_a_language_model(name: str, heads: Sequence[str]) -> Finding:
    fact = f"'{shown(name)}' is not known to have the head of a language model"
    return fact, f"known are names that end in {quoted(heads)}; remove it if this is one"


def no_default(model_type: str) -> Finding:
    return "is missing", f"write it: model_type {model_type} has no default"


def keys_disagree(other: str) -> Finding:
    return f"differs from {other}, which says the same thing", "keep one of the two"


def does_not_divide(value: int, other: str, number: int) -> Finding:
    return f"{value:,} does not divide {other} {number:,}", f"write one of {quoted(divisors(number, value))}"


def more_than(value: int, other: str, most: int) -> Finding:
    return f"{value:,} is more than {other} {most:,}", f"write at most {most:,}"


def wrong_layer_count(count: int, n_layers: int) -> Finding:
    return f"the list has {count:,} entries, the model {n_layers:,} layers", "write one for each layer"


def not_layer_numbers(value: object) -> Finding:
    return f"{kind_of(value)} is not a list of layer numbers", "write whole numbers, 0 for the first layer"


def not_attention_types() -> Finding:
    return "this is not a list of patterns and how often each stands", 'write [[["global", "local"], 12]]'


def unknown_library_model(name: str, known: Sequence[str]) -> Finding:
    return f"the library has no model '{shown(name)}'", did_you_mean(name, known) + " (flopsheet list models)"


def kind_needs(kind: str, absent: Sequence[str]) -> Finding:
    return f"{kind} attention needs {', '.join(absent)}", "write it beside kind" if len(
        absent
    ) == 1 else "write them beside kind"


def kind_sets(kind: str, key: str, value: int | str) -> Finding:
    return f"{kind} attention already says {key}: {value}", f"remove {key}, or choose another kind"


def layer_findings(value: dict[str, float]) -> Iterator[tuple[Finding, str]]:
    """What does not fit together in one layer, each with the input to point at."""
    latent = [name for name in ("q_lora_rank", "d_qk_nope", "d_qk_rope") if value.get(name)]
    if value.get("kv_lora_rank"):
        for name in ("d_qk_nope", "d_qk_rope"):
            if value.get(name) == 0:
                yield (f"latent attention needs {name}", f"write {name}: …, or kv_lora_rank: 0"), "kv_lora_rank"
    elif latent and value.get("kv_lora_rank") == 0:
        yield (f"{latent[0]} belongs to latent attention, but kv_lora_rank is 0", "write kv_lora_rank: …"), latent[0]
    experts, active, width = (value.get(name, 0.0) for name in ("n_experts", "n_active_experts", "d_expert"))
    if active > experts:
        fact = f"n_active_experts {active:,.0f} is more than n_experts {experts:,.0f}"
        yield (fact, f"write at most {experts:,.0f}" if experts else "write n_experts: …"), "n_active_experts"
    if experts and not active:
        yield ("experts need n_active_experts", "write how many a token passes (top-k)"), "n_experts"
    if experts and not width:
        yield ("experts need d_expert", "write the inner width of one expert"), "n_experts"
    if experts and value.get("d_ff"):
        remedy = "write d_ff: 0; an FFN beside the routed experts is a shared expert"
        yield ("a layer has a dense FFN or experts, and here are both", remedy), "d_ff"
    if not experts and value.get("d_ff") == 0:
        yield ("d_ff is 0 and there are no experts", "write d_ff: …, or n_experts: …"), "d_ff"
