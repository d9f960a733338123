"""Every mistake in a spec has its own message, word for word: where, what, what to write instead."""

from __future__ import annotations

import pytest

from flopsheet.diagnostics import SpecError
from studies import spec_of

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
EXPECT = "expect:\n- that: a.n_params\n  at_least: 1\n"

UNREADABLE = "models.a.d_ff: '{}' is not a number that can be read here; did you mean '{}'?"


def named(foreign: str, ours: str) -> str:
    """The message about an input that has another name here."""
    return f"models.a.{foreign}: unknown key '{foreign}'; did you mean '{ours}'?"


# What is replaced by what in VALID, «» around the place that the message points at; the message.
REFUSED = [
    # unknown keys
    ({"version: 1": "«verison»: 1"}, "verison: unknown key 'verison'; did you mean 'version'?"),
    ({"conventions:": "«convention»:"}, "convention: unknown key 'convention'; did you mean 'conventions'?"),
    (
        {"ffn_matmuls:": "«ffn_matmul»:"},
        "conventions.ffn_matmul: unknown key 'ffn_matmul'; did you mean 'ffn_matmuls'?",
    ),
    ({"vocab_size:": "«vocabsize»:"}, "defaults.vocabsize: unknown key 'vocabsize'; did you mean 'vocab_size'?"),
    ({"n_heads:": "«n_head»:"}, "models.a.n_head: unknown key 'n_head'; did you mean 'n_heads'?"),
    (
        {"ffn: gelu": "ffn: gelu\n    layers:\n    - {n_layers: 2, «n_kv_head»: 2}"},
        "models.a.layers[0].n_kv_head: unknown key 'n_kv_head'; did you mean 'n_kv_heads'?",
    ),
    ({"at_least:": "«atleast»:"}, "expect[0].atleast: unknown key 'atleast'; did you mean 'at_least'?"),
    (
        {"  a:\n    n_layers: 2": "  d_model:\n    «n_layer»: 2", "a.n_params": "d_model.n_params"},
        "models.d_model.n_layer: unknown key 'n_layer'; did you mean 'n_layers'?",
    ),
    (
        {"n_heads: 4": "n_heads: 4\n    «n_group_layers»: 2"},
        "models.a.n_group_layers: unknown key 'n_group_layers'; did you mean 'n_group_mtp_layers'?",
    ),
    # wrong kinds
    ({"d_model: 64": "d_model: «true»"}, "models.a.d_model: true is not a number; write a whole number"),
    (
        {"d_model: 64": "d_model: «vocabsize»"},
        "models.a.d_model: 'vocabsize' is not a number that can be read here; did you mean 'vocab_size'?",
    ),
    (
        {"d_model: 64": "d_model: «[»64]"},
        "models.a.d_model: a list is not a number; write one, or the list under sweep:",
    ),
    ({"d_model: 64": "d_model: «{»is: 64}"}, "models.a.d_model: a mapping is not a number; write a whole number"),
    ({"d_model: 64": "d_model:«»"}, "models.a.d_model: nothing is not a number; write a whole number"),
    (
        {"defaults:\n  vocab_size: 100": "defaults: «[»vocab_size, 100]"},
        "defaults: a list stands where a mapping should; write {key: value}",
    ),
    (
        {"defaults:\n  vocab_size: 100": "defaults:«»"},
        "defaults: nothing stands where a mapping should; write {key: value}",
    ),
    (
        {"[1024]": "«{»first: 1024}"},
        "context_lengths: a mapping stands where a list should; begin each entry with '- '",
    ),
    ({"[1024]": "«1024»"}, "context_lengths: 1,024 stands where a list should; write [a, b]"),
    ({"[1024]": "[«1k»]"}, "context_lengths[0]: '1k' is 1,000 to some and 1,024 to others; write 1000 or 1Ki"),
    ({"[1024]": "[«[»1024]]"}, "context_lengths[0]: a list is not a number; write a whole number"),
    ({"[1024]": "[«true»]"}, "context_lengths[0]: true is not a number; write a whole number"),
    (
        {"ffn_matmuls: 2": "lm_head: «2»"},
        "conventions.lm_head: 2 is not a choice; choices: counted, left_out",
    ),
    (
        {"ffn_matmuls: 2": "attention_pairs: «causal_hlf»"},
        "conventions.attention_pairs: 'causal_hlf' is not a choice; "
        "did you mean 'causal_half'? choices: full, causal_half, causal_exact",
    ),
    (
        {"ffn_matmuls: 2": "lm_head: «[»counted]"},
        "conventions.lm_head: a list is not a choice; choices: counted, left_out",
    ),
    (
        {"ffn_matmuls: 2": "ffn_matmuls: «'2'»"},
        "conventions.ffn_matmuls: '2' is not a choice; did you mean 2? choices: architecture, 2",
    ),
    ({"ffn_matmuls: 2": "ffn_matmuls: «3»"}, "conventions.ffn_matmuls: 3 is not a choice; choices: architecture, 2"),
    (
        {"ffn: gelu": "ffn: gelu\n    tie_embeddings: «yes»"},
        "models.a.tie_embeddings: 'yes' is neither true nor false; write true or false",
    ),
    ({"version: 1": "version: 1\ntitle: «2024»"}, "title: 2,024 is not a text; put it in quotes"),
    ({"version: 1": "version: 1\ntitle: «' '»"}, "title: the text is empty; write something, or remove the key"),
    ({"at_least: 1": "at_least: «150m»"}, "expect[0].at_least: '150m' is not a number; write 150M"),
    (
        {"ffn: gelu": "ffn: «GELU»"},
        "models.a.ffn: 'GELU' is not a choice; did you mean 'gelu'? choices: swiglu, geglu, "
        "reglu, gated, gelu, relu, relu2, silu, plain, none",
    ),
    ({"ffn: gelu": "«n_layers 2»:"}, "models.a.n_layers 2: unknown key 'n_layers 2'; write n_layers: 2"),
    # ranges
    ({"d_model: 64": "d_model: «0»"}, "models.a.d_model: 0 is out of range; write 1 or more"),
    ({"n_layers: 2": "n_layers: «-2»"}, "models.a.n_layers: -2 is out of range; write 1 or more"),
    ({"d_model: 64": "d_model: «64.5»"}, "models.a.d_model: 64.5 is not a whole number; write 64 or 65"),
    (
        {"d_model: 64": "d_model: «1e16»"},
        "models.a.d_model: 1e+16 is out of range; write at most 1,000,000,000,000,000",
    ),
    (
        {"d_model: 64": "d_model: «1000000000000000000000000000000000000000000000000000000000000»"},
        "models.a.d_model: 1,000,000,000,000,000,000,000,000,000,000,000,000,000,000,0… is out of range; "
        "write at most 1,000,000,000,000,000",
    ),
    ({"ffn: gelu": "ffn: gelu\n    n_norms: «9»"}, "models.a.n_norms: 9 is out of range; write 0 to 8"),
    ({"ffn: gelu": "ffn_matrices: «4»"}, "models.a.ffn_matrices: 4 is out of range; write 0 to 3"),
    ({"at_least: 1": "equals: 1\n  within: «2»"}, "expect[0].within: 2 is out of range; write 0 to 1"),
    (
        {"at_least: 1": "at_least: «1e16»"},
        "expect[0].at_least: 1e+16 is out of range; write at most 1,000,000,000,000,000",
    ),
    ({"[1024]": "«[»]"}, "context_lengths: there are no entries; write at least one"),
    ({"[1024]": "[1024, 2048, «1024»]"}, "context_lengths[2]: 1,024 is already in the list; keep one of the two"),
    # heads
    (
        {"n_heads: 4": "n_heads: «6»"},
        "models.a.n_heads: n_heads 6 does not divide d_model 64; write d_head, or one of n_heads: 1, 2, 4, 8",
    ),
    (
        {"n_heads: 4": "n_heads: 4\n    n_kv_heads: «3»"},
        "models.a.n_kv_heads: n_kv_heads 3 does not divide n_heads 4; write one of n_kv_heads: 1, 2, 4",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    layers:\n    - {n_layers: 2, n_kv_heads: «8»}"},
        "models.a.layers[0].n_kv_heads: n_kv_heads 8 does not divide n_heads 4; write one of n_kv_heads: 1, 2, 4",
    ),
    # attention
    (
        {"ffn: gelu": "ffn: gelu\n    attention: {kind: «gqaa»}"},
        "models.a.attention.kind: 'gqaa' is not a choice; did you mean 'gqa'? choices: mha, gqa, mqa, mla",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    «attention»: {n_kv_heads: 2}"},
        "models.a.attention: kind is missing; write kind: …",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    attention: «gqa»"},
        "models.a.attention: 'gqa' stands where a mapping should; write {key: value}",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    attention: {kind: gqa, «n_kv_head»: 2}"},
        "models.a.attention.n_kv_head: unknown key 'n_kv_head'; did you mean 'n_kv_heads'?",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    attention: {kind: gqa, n_kv_heads: «3»}"},
        "models.a.attention.n_kv_heads: n_kv_heads 3 does not divide n_heads 4; write one of n_kv_heads: 1, 2, 4",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    attention: {kind: «gqa»}"},
        "models.a.attention.kind: gqa attention needs n_kv_heads; write it beside kind",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    attention: {kind: «mla»}"},
        "models.a.attention.kind: mla attention needs kv_lora_rank, d_qk_nope, d_qk_rope, d_v; write them beside kind",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    attention: {kind: «mla», kv_lora_rank: 8, d_qk_nope: 8, d_v: 8}"},
        "models.a.attention.kind: mla attention needs d_qk_rope; write it beside kind",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    attention: {kind: mha, «n_kv_heads»: 2}"},
        "models.a.attention.n_kv_heads: mha attention already says n_kv_heads: n_heads; "
        "remove n_kv_heads, or choose another kind",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    attention: {kind: mha}\n    «n_kv_heads»: 2"},
        "models.a.n_kv_heads: mha attention already says n_kv_heads: n_heads; "
        "remove n_kv_heads, or choose another kind",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    attention: {kind: mqa}\n    «kv_lora_rank»: 8"},
        "models.a.kv_lora_rank: mqa attention already says kv_lora_rank: 0; "
        "remove kv_lora_rank, or choose another kind",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    n_kv_heads: 2\n    attention: {kind: gqa, «n_kv_heads»: 2}"},
        "models.a.attention.n_kv_heads: n_kv_heads and models.a.n_kv_heads say the same thing; keep one of the two",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    q_lora_rank: «8»"},
        "models.a.q_lora_rank: q_lora_rank 8 belongs to latent attention, but kv_lora_rank is 0; write kv_lora_rank: …",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    d_qk_rope: «8»"},
        "models.a.d_qk_rope: d_qk_rope 8 belongs to latent attention, but kv_lora_rank is 0; write kv_lora_rank: …",
    ),
    (  # nothing about the width of a head, which would follow from the missing ones
        {"ffn: gelu": "ffn: gelu\n    kv_lora_rank: «8»"},
        "models.a.kv_lora_rank: latent attention with kv_lora_rank 8 needs d_qk_nope, d_qk_rope; "
        "write d_qk_nope: …, d_qk_rope: …, d_v: …, or kv_lora_rank: 0",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    kv_lora_rank: «8»\n    d_qk_nope: 8"},
        "models.a.kv_lora_rank: latent attention with kv_lora_rank 8 needs d_qk_rope; "
        "write d_qk_nope: …, d_qk_rope: …, d_v: …, or kv_lora_rank: 0",
    ),
    ({"ffn: gelu": "ffn: gelu\n    window: «-1»"}, "models.a.window: -1 is out of range; write 0 or more"),
    ({"ffn: gelu": "ffn: gelu\n    window: «1.5»"}, "models.a.window: 1.5 is not a whole number; write 1 or 2"),
    (
        {"ffn: gelu": "ffn: gelu\n    window: «all»"},
        "models.a.window: 'all' is not a number that can be read here; known: attention_chunk, compress_ratio, "
        "d_conv, d_embedding, d_expert, d_expert_latent, d_ff, d_head, d_index, d_linear_gate, d_linear_key, "
        "d_linear_value, … (62 in all)",
    ),
    # experts
    (
        {"d_ff: 4 * d_model": "moe: {n_experts: 4, n_active_experts: «5», d_expert: 8}"},
        "models.a.moe.n_active_experts: n_active_experts 5 is more than n_experts 4; write at most 4",
    ),
    (
        {
            "defaults:": "defaults:\n  moe: {n_experts: 4, n_active_experts: «5», d_expert: 8}",
            "    d_ff: 4 * d_model\n": "",
        },
        "defaults.moe.n_active_experts: n_active_experts 5 is more than n_experts 4 in model 'a'; write at most 4",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    n_active_experts: «2»"},
        "models.a.n_active_experts: n_active_experts 2 is more than n_experts 0; write n_experts: …",
    ),
    (
        {"d_ff: 4 * d_model": "moe: {n_experts: «4», d_expert: 8}"},
        "models.a.moe.n_experts: 4 experts need n_active_experts; write how many a token passes (top-k)",
    ),
    (
        {"d_ff: 4 * d_model": "moe: {n_experts: «4», n_active_experts: 2}"},
        "models.a.moe.n_experts: 4 experts need d_expert; write the inner width of one expert",
    ),
    (
        {"d_ff: 4 * d_model": "d_ff: «4 * d_model»\n    moe: {n_experts: 4, n_active_experts: 2, d_expert: 8}"},
        "models.a.d_ff: a layer has a dense FFN or experts, not both: d_ff is 256 and n_experts 4; "
        "write d_ff: 0, or ffn_beside_experts: true; an FFN beside the routed experts is a shared expert",
    ),
    (
        {"d_ff: 4 * d_model": "d_ff: 4 * d_model\n    moe: {n_shared_experts: «1»}"},
        "models.a.moe.n_shared_experts: a dense layer has no shared experts, n_shared_experts is 1; "
        "write n_shared_experts: 0 here, or n_experts: …",
    ),
    (
        {"d_ff: 4 * d_model": "d_ff: 4 * d_model\n    shared_expert_gate: «true»"},
        "models.a.shared_expert_gate: shared_expert_gate is yes, but n_shared_experts is 0; write n_shared_experts: …",
    ),
    (
        {"d_ff: 4 * d_model": "d_ff: 4 * d_model\n    kv_lora_rank: «8»\n    d_qk_nope: 8\n    d_qk_rope: 8"},
        "models.a.kv_lora_rank: latent attention with kv_lora_rank 8 needs d_v; write d_v: …, or kv_lora_rank: 0",
    ),
    (
        {"d_ff: 4 * d_model": "d_ff: «0»"},
        "models.a.d_ff: d_ff is 0 and there are no experts; write d_ff: …, n_experts: …, or ffn: none",
    ),
    (
        {"d_ff: 4 * d_model": "moe: {n_experts: 4, n_active_experts: 2, «d_ff»: 8}"},
        "models.a.moe.d_ff: unknown key 'd_ff'; known: n_experts, n_active_experts, d_expert, n_shared_experts, "
        "d_shared_expert, shared_expert_gate, expert_bias, router_bias, d_expert_latent, n_zero_experts, "
        "ffn_beside_experts",
    ),
    (
        {"d_ff: 4 * d_model": "moe: {«n_expert»: 4, n_active_experts: 2, d_expert: 8}"},
        "models.a.moe.n_expert: unknown key 'n_expert'; did you mean 'n_experts'?",
    ),
    # library
    (
        {"ffn: gelu": "ffn: gelu\n  b: {model: «llama-3-71b»}"},
        "models.b.model: the library has no model 'llama-3-71b'; did you mean 'llama-3-70b'? (flopsheet list models)",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n  b: {«model»: llama-3-70b, extends: a}"},
        "models.b.model: model and extends say the same thing; keep one of the two",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n  b: {model: llama-3-70b, n_layers: «81», layers: [{n_layers: 3}, {n_layers: 77}]}"},
        "models.b.n_layers: n_layers is 81, the groups under layers: have 80; remove n_layers, or correct a group",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n  b: {model: «llama-3-70b», layers: [{n_layers: 3}, {n_layers: 78}]}"},
        "models.b.model: n_layers is 80, the groups under layers: have 81; remove n_layers, or correct a group",
    ),
    # extends
    (
        {"ffn: gelu": "ffn: gelu\n  gpt2-xl: {extends: a}\n  tied: {extends: «gpt2xl»}"},
        "models.tied.extends: no model is called 'gpt2xl'; did you mean 'gpt2-xl'?",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n  b: {extends: «d»}\n  c: {extends: b}\n  d: {extends: c}\n  e: {extends: b}"},
        "models.b.extends: a cycle: b → d → c → b; break it at one of them",
    ),
    ({"n_layers: 2": "n_layers: 2\n    extends: «a»"}, "models.a.extends: a cycle: a → a; break it at one of them"),
    # expressions: syntax
    (
        {"4 * d_model": "4 * d_model +«»"},
        "models.a.d_ff: this is not an expression; check brackets, operators and commas",
    ),
    ({"4 * d_model": "4 * «(»d_model"}, "models.a.d_ff: a bracket is not closed; add ')'"),
    (
        {"4 * d_model": "'«4 * d_model % 3»'"},
        "models.a.d_ff: the operator '%' is not part of the language; "
        "write a - b * floor(a / b) for the rest of a division",
    ),
    (
        {"4 * d_model": '"«4 * d_model // 64» * 64"'},
        "models.a.d_ff: the operator '//' is not part of the language; write floor(a / b)",
    ),
    (
        {"4 * d_model": '«"4 * d_model \\x25 3"»'},
        "models.a.d_ff: the operator '%' is not part of the language, at column 1 of '4 * d_model % 3'; "
        "write a - b * floor(a / b) for the rest of a division",
    ),
    (
        {"4 * d_model": "«>»\n      4 *\n      d_model % 3"},
        "models.a.d_ff: the operator '%' is not part of the language, at column 1 of '4 * d_model % 3 '; "
        "write a - b * floor(a / b) for the rest of a division",
    ),
    ({"4 * d_model": "«''»"}, "models.a.d_ff: an empty formula; write a number, a name or an expression"),
    # expressions: meaning
    (
        {"4 * d_model": "4 * «d_modell»"},
        "models.a.d_ff: 'd_modell' is not a number that can be read here; did you mean 'd_model'?",
    ),
    (
        {"4 * d_model": "«sum»(d_model)"},
        "models.a.d_ff: sum(…) has nothing to gather in an input; write a number or an expression of other inputs",
    ),
    (
        {"4 * d_model": "«d_model < 256»"},
        "models.a.d_ff: 'd_model < 256' is true or false, not a number; write where(condition, a, b)",
    ),
    (
        {
            "vocab_size: 100": "vocab_size: 3 * d_model",
            "d_model: 64": "d_model: «max_positions»",
            "ffn: gelu": "ffn: gelu\n    max_positions: vocab_size / 3",
        },
        "models.a.d_model: a cycle: d_model → max_positions → vocab_size → d_model; break it at one of them",
    ),
    ({"4 * d_model": "«d_ff»"}, "models.a.d_ff: a cycle: d_ff → d_ff; break it at one of them"),
    (
        {"n_heads: 4": "n_heads: «n_kv_heads»"},
        "models.a.n_heads: a cycle: n_heads → n_kv_heads → n_heads; break it at one of them",
    ),
    (
        {"4 * d_model": "«256 / (n_heads - 4)»"},
        "models.a.d_ff: '256 / (n_heads - 4)' has no value; check for a division by zero or a number out of range",
    ),
    (
        {"4 * d_model": "«1e200 * 1e200»"},
        "models.a.d_ff: '1e200 * 1e200' has no value; check for a division by zero or a number out of range",
    ),
    (
        {"4 * d_model": "«(0 - 64)^0.5»"},
        "models.a.d_ff: '(0 - 64)^0.5' has no value; check for a division by zero or a number out of range",
    ),
    (
        {"4 * d_model": "«8 * d_model / 3»"},
        "models.a.d_ff: 8 * d_model / 3 = 170.666666666667 is not a whole number; write 170 or 171",
    ),
    ({"n_heads: 4": "n_heads: «63 - d_model»"}, "models.a.n_heads: 63 - d_model = -1 is out of range; write 0 or more"),
    (
        {"ffn: gelu": "ffn_matrices: «n_heads / 4»"},
        "models.a.ffn_matrices: n_heads / 4 = 1 is not a choice; choices: 0, 2, 3",
    ),
    ({"ffn: gelu": "ffn_matrices: «n_heads»"}, "models.a.ffn_matrices: n_heads = 4 is not a choice; choices: 0, 2, 3"),
    # what must be there
    ({"    n_heads: 4\n": "", "  a": "  «a»"}, "models.a: n_heads is missing; write it here or under defaults:"),
    (
        {"ffn: gelu": "ffn: gelu\n  «b»: {}"},
        "models.b: n_layers, d_model, n_heads, d_ff, ffn are missing; write them here or under defaults:",
    ),
    ({"version: 1\nc": "«c»"}, "version is missing; write version: …"),
    (
        {"version: 1\ncontext_lengths: [1024]\n": "«v»ersion: 1\n"},
        "context_lengths is missing; write context_lengths: …",
    ),
    ({"version: 1": "version: «2»"}, "version: this version of the format is unknown; write version: 1"),
    ({"version: 1": "version: «'1'»"}, "version: this version of the format is unknown; write version: 1"),
    ({"version: 1": "version: «true»"}, "version: this version of the format is unknown; write version: 1"),
    (
        {"ffn: gelu": "ffn: gelu\n    layers:\n    - «{»d_ff: 3}"},
        "models.a.layers[0]: n_layers is missing; write n_layers: …",
    ),
    (
        {"ffn: gelu": "layers:\n    - {n_layers: 1, ffn: gelu}\n    - {n_layers: 1}", "  a": "  «a»"},
        "models.a: ffn is missing; write it here or under defaults:",
    ),
    # what must agree
    (
        {"n_layers: 2": "n_layers: «2»", "ffn: gelu": "ffn: gelu\n    layers:\n    - {n_layers: 3}"},
        "models.a.n_layers: n_layers is 2, the groups under layers: have 3; remove n_layers, or correct a group",
    ),
    (
        {"n_layers: 2\n": "n_layers: «2 * 2»\n    layers: [n_layers: 1, n_layers: 2]\n"},
        "models.a.n_layers: n_layers is 4, the groups under layers: have 3; remove n_layers, or correct a group",
    ),
    ({"ffn: gelu": "ffn: gelu\n    layers: «[»]"}, "models.a.layers: there are no entries; write at least one"),
    (
        {"ffn: gelu": "ffn: gelu\n    layers:\n    - {n_layers: 1, name: group 2}\n    - «{»n_layers: 1}"},
        "models.a.layers[1]: another layer group is called 'group 2'; write another name:",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    positions: «learned»"},
        "models.a.positions: positions are learned, but max_positions is 0; "
        "write max_positions: …, the rows of the position table",
    ),
    (
        {"ffn: gelu": "«ffn»: gelu\n    ffn_matrices: 2"},
        "models.a.ffn: ffn and ffn_matrices say the same thing; keep one of the two",
    ),
    # names
    (
        {"  a:": "  «a*»:", EXPECT: ""},
        "models.a*: 'a*' holds '*', which a spreadsheet reads as a pattern; choose another name",
    ),
    (
        {"  a:": "  «'~a'»:", EXPECT: ""},
        "models.~a: '~a' holds '~', which a spreadsheet reads as a pattern; choose another name",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n  «A»: {extends: a}"},
        "models.A: 'A' and 'a' are one name to a spreadsheet; choose names that differ in more than case",
    ),
    (
        {"  a:": '  «"a\\nb"»:', EXPECT: ""},
        "models.a b: 'a b' holds a line break or another sign that does not print; choose another name",
    ),
    (
        {"  a:": '  «"a "»:', EXPECT: ""},
        "models.a : 'a ' begins or ends with a blank; choose another name",
    ),
    (
        {"  a:": "  «''»:", EXPECT: ""},
        "models.: the name is empty; choose another name",
    ),
    (
        {
            "  a:": "  «aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa»:",
            EXPECT: "",
        },
        "models.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…: the name has 65 characters; "
        "64 are the most",
    ),
    # expectations
    (
        {"a.n_params": "«n_params»"},
        "expect[0].that: 'n_params' names no number; write MODEL.METRIC, such as gpt2-xl.n_params",
    ),
    ({"a.n_params": "«b.n_params»"}, "expect[0].that: no model is called 'b'; known: a"),
    (
        {"a.n_params": "«a.n_parms»"},
        "expect[0].that: no metric of a model or scenario is called 'n_parms'; did you mean 'n_params'?",
    ),
    (
        {"  at_least: 1\n": "", "a.n_params": "«a.n_params»"},
        "expect[0].that: the expectation claims nothing; write equals:, at_least: or at_most:",
    ),
    ({"at_least: 1": "equals: «many»"}, "expect[0].equals: n_params is a number, which 'many' is not; write a number"),
    (
        {"at_least: 1": "equals: «true»"},
        "expect[0].equals: true is neither a number nor a text; write what the metric should be",
    ),
    ({"at_least: 1": "equals: 1\n  at_most: «one»"}, "expect[0].at_most: 'one' is not a number; write a number"),
    (
        {"a.n_params": "a.dominant", "at_least: 1": "at_least: «1»"},
        "expect[0].at_least: dominant is a text, which 1 is not; write equals: and a text",
    ),
    (
        {"[1024]": "[1024, 2048]", "a.n_params": "«a.flops_forward»"},
        "expect[0].that: the number depends on the context length; write one of context_length: 1024, 2048",
    ),
    (
        {"a.n_params": "a.flops_forward\n  context_length: «512»"},
        "expect[0].context_length: 512 is not a context length of this spec; write one of context_length: 1024",
    ),
    (
        {"a.n_params": "a.n_params\n  context_length: «1024»"},
        "expect[0].context_length: n_params does not depend on the context length; remove context_length",
    ),
    ({"- that: a.n_params": "- «n»ote: published"}, "expect[0]: that is missing; write that: …"),
    (
        {"a.n_params": "«a.n_layers»"},
        "expect[0].that: n_layers is an input, not a metric; name a metric (flopsheet list metrics)",
    ),
    (
        {"at_least: 1": "at_least: 1\n  within: «0.1»"},
        "expect[0].within: it is the tolerance of equals:, which is missing; write equals:, or remove it",
    ),
    # what is written, or called, otherwise elsewhere
    ({"n_heads: 4": "n_heads: 4\n    «tie_word_embeddings»: true"}, named("tie_word_embeddings", "tie_embeddings")),
    ({"d_model: 64": "«hidden_size»: 64"}, named("hidden_size", "d_model")),
    ({"n_layers: 2": "«num_hidden_layers»: 2"}, named("num_hidden_layers", "n_layers")),
    ({"n_heads: 4": "«num_attention_heads»: 4"}, named("num_attention_heads", "n_heads")),
    ({"d_ff: 4 * d_model": "«intermediate_size»: 8"}, named("intermediate_size", "d_ff")),
    ({"d_ff: 4 * d_model": "d_ff: 4 * «hidden_size»"}, UNREADABLE.format("hidden_size", "d_model")),
    ({"  a:": "  b: {«base»: a}\n  a:"}, "models.b.base: unknown key 'base'; did you mean 'extends'?"),
    ({"d_model: 64": "d_model: «4,096»"}, "models.a.d_model: '4,096' is not a number; write 4096"),
    ({"d_model: 64": "d_model: «4_096»"}, "models.a.d_model: '4_096' is not a number; write 4096"),
    (
        {"d_model: 64": "d_model: «4k»"},
        "models.a.d_model: '4k' is 4,000 to some and 4,096 to others; write 4000 or 4Ki",
    ),
    ({"4 * d_model": "«=»4 * d_model"}, "models.a.d_ff: a formula begins without '='; remove it"),
    ({"[1024]": "[«'1024'»]"}, "context_lengths[0]: '1024' is not a number; remove the quotes"),
    ({"at_least: 1": "at_least: «40%»"}, "expect[0].at_least: '40%' is not a number; write 0.4"),
    ({"n_heads: 4": "«n_heads = 4»:"}, "models.a.n_heads = 4: unknown key 'n_heads = 4'; write n_heads: 4"),
    # what stands in another place
    (
        {"d_model: 64": "d_model: «[»64, 128]"},
        "models.a.d_model: a list is not a number; write one, or the list under sweep:",
    ),
    (
        {"version: 1": "version: 1\nbatch_size: «[»1, 2]"},
        "batch_size: a list is not a number; write one spec for each value",
    ),
    ({"defaults:": "«sweep»: {d_model: [1]}\ndefaults:"}, "sweep: a sweep belongs to a model or run; write it there"),
    (
        {"  vocab_size: 100": "  vocab_size: 100\n  «sweep»: {d_model: [1]}"},
        "defaults.sweep: a sweep belongs to a model or run; write it there",
    ),
    (
        {"  a:": "  b: «llama-3-70b»\n  a:"},
        "models.b: 'llama-3-70b' stands where a mapping should; write {model: llama-3-70b}",
    ),
    ({"  a:": "  b: «a»\n  a:"}, "models.b: 'a' stands where a mapping should; write {extends: a}"),
    (
        {"  a:": "  b: {extends: «llama-3-70b»}\n  a:"},
        "models.b.extends: 'llama-3-70b' is a model of the library; write model: llama-3-70b",
    ),
    (
        {EXPECT: "expect: «{»that: a.n_params, at_least: 1}"},
        "expect: a mapping stands where a list should; begin each entry with '- '",
    ),
    ({"version: 1": "version: 1\ntitle:«»"}, "title: nothing is not a text; write one, or remove the key"),
    (
        {"  a:": "  b: {extends: a, d_ff: «min(8», d_model, 9)}\n  a:"},
        "models.b.d_ff: a comma between { } ends the value; put the formula in quotes: 'min(8, d_model, 9)'",
    ),
]

NO_KEY = """\
models.a.colour: unknown key 'colour'; known: extends, model, layers, sweep, ffn, attention, moe, mixer, \
other_params, other_model_params, n_layers, d_model, … (97 in all)"""

# Where nothing of VALID is left, or too much to be repeated.
REFUSED_TEXTS = [
    ("«[»version, 1]", "the spec is a list, not a mapping; begin with 'version: 1'"),
    ("«hello»", "the spec is 'hello', not a mapping; begin with 'version: 1'"),
    ("«v»ersion: 1\ncontext_lengths: [1]", "models is missing; write models: …"),
    ("version: 1\ncontext_lengths: [1]\nmodels: «{»}", "models: there are no entries; write at least one"),
    (
        "version: 1\ncontext_lengths: [1]\nmodels: «[»a]",
        "models: a list stands where a mapping should; write {MODEL: {…}}",
    ),
    (
        "version: 1\ncontext_lengths: [1]\nmodels: {a: «5»}",
        "models.a: 5 stands where a mapping should; write {key: value}",
    ),
    (
        "version: 1\ncontext_lengths: [1]\n«models»: {n_layers: 2, d_model: 64}",
        "models: the model has no name; write models: {NAME: {n_layers: …}}",
    ),
    ("version: 1\ncontext_lengths: [1]\nmodels: {a: {«colour»: 1}}", NO_KEY),
]


def refusal(text):
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    return str(caught.value)


def edited(edits):
    text = VALID
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new, 1)
    return text


def told(text, message):
    """A text without its marks, and the whole message: place, words, the line, a caret under what was marked."""
    before, marked, after = text.replace("»", "«").split("«")
    line = before.count("\n")
    column = len(before) - (before.rfind("\n") + 1)
    text = before + marked + after
    caret = " " * column + "^" * max(1, len(marked))
    return text, f"s.yaml:{line + 1}:{column + 1}: {message}\n    {text.splitlines()[line]}\n    {caret}"


def test_the_text_that_the_mistakes_are_made_in_is_valid():
    assert [model.name for model in spec_of(VALID).models] == ["a"]


@pytest.mark.parametrize(("edits", "message"), REFUSED)
def test_a_mistake_has_one_message(edits, message):
    text, expected = told(edited(edits), message)
    assert refusal(text) == expected


@pytest.mark.parametrize(("text", "message"), REFUSED_TEXTS)
def test_a_text_that_is_no_spec_has_one_message(text, message):
    text, expected = told(text, message)
    assert refusal(text) == expected


OF_SHAPE = [
    (
        "training: {run: {model: a, tensor_parallel: [1]}, pipeline_parallel: 2}",
        [
            "training.run.tensor_parallel: a list is not a number; write one, or the list under sweep:",
            "training.pipeline_parallel: 2 stands where a mapping should; write {key: value}",
        ],
    ),
    (
        "training: {model: a, sweep: {n_devices: [1, 2]}, n_devices: [1]}",
        ["training: the run has no name; write training: {NAME: {model: …}}"],
    ),
    (
        "serving: {sweep: {model: [1]}, model: a}",
        ["serving: the run has no name; write serving: {NAME: {model: …}}"],
    ),
    (
        "context_lengths: 64\nmetrics: [{name: m, label: M, grain: model, unit: count, formula: n_params, doc: x}]",
        [
            "context_lengths: 64 stands where a list should; write [a, b]",
            "metrics[0].formula: the formula gives parameters, the metric says count; write unit: parameters",
        ],
    ),
]


@pytest.mark.parametrize(("text", "messages"), OF_SHAPE)
def test_what_has_the_wrong_shape_is_told_and_not_computed_with(text, messages):
    before = "context_lengths: [1024]\n"
    found = refusal(VALID.replace(before, "" if "context_lengths" in text else before) + text)
    assert [line.partition(": ")[2] for line in found.splitlines() if line.startswith("s.yaml:")] == messages


def test_mistakes_of_every_part_of_a_spec_are_told_together() -> None:
    text = """\
version: 1
context_lengths: [1024]
models:
  a: {model: gpt2-smal}
  b: {model: gpt2-smal, n_layers: 0}
  c: {model: gpt2-small, n_kv_heads: 5}
hardware:
  mine: {extends: h1001, memory_bytes: -1}
training:
  t: {model: c, hardware: h100-sxmm, n_devices: 0, tokens: 15T}
serving:
  s: {model: nope, hardware: b2000, prompt_length: 8, generated_length: 8, n_sequences: 1}
  w: {model: c, sweep: {hardware: [h100-sxm, h2000]}, prompt_length: 8, generated_length: 8, n_sequences: 1}
expect:
- {that: c.n_parms, at_most: 1}
"""
    with pytest.raises(SpecError) as caught:
        spec_of(text)
    assert [(one.code, one.path) for one in caught.value.problems] == [
        ("FS421", "models.a.model"),
        ("FS421", "models.b.model"),
        ("FS453", "models.b.n_layers"),
        ("FS101", "models.c.n_kv_heads"),
        ("FS441", "hardware.mine.extends"),
        ("FS453", "hardware.mine.memory_bytes"),
        ("FS441", "training.t.hardware"),
        ("FS453", "training.t.n_devices"),
        ("FS407", "training.t.tokens"),
        ("FS431", "serving.s.model"),
        ("FS441", "serving.s.hardware"),
        ("FS441", "serving.w.sweep.hardware[1]"),
        ("FS652", "expect[0].that"),
    ]
