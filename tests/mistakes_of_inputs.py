"""Mistakes in the inputs of a model: keys, kinds of values, ranges, heads, attention, experts, what is extended."""

from __future__ import annotations

# What is replaced by what in the valid spec, «» around the place that the message points at; the message.
OF_INPUTS = [
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
    ({"d_model: 64": "d_model:«»"}, "models.a.d_model: an empty value is not a number; write a whole number"),
    (
        {"defaults:\n  vocab_size: 100": "defaults: «[»vocab_size, 100]"},
        "defaults: a list where a mapping is expected; write {key: value}",
    ),
    (
        {"defaults:\n  vocab_size: 100": "defaults:«»"},
        "defaults: an empty value where a mapping is expected; write {key: value}",
    ),
    (
        {"[1024]": "«{»first: 1024}"},
        "context_lengths: a mapping where a list is expected; begin each entry with '- '",
    ),
    ({"[1024]": "«1024»"}, "context_lengths: 1,024 where a list is expected; write [a, b]"),
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
    (
        {"ffn: gelu": "«n_layers:2»:"},
        "models.a.n_layers:2: unknown key 'n_layers:2'; write n_layers: 2, with a space after the colon",
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
        "models.a.attention: 'gqa' where a mapping is expected; write {key: value}",
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
        "models.a.attention.n_kv_heads: mha attention already sets n_kv_heads: n_heads; "
        "remove n_kv_heads, or choose another kind",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    attention: {kind: mha}\n    «n_kv_heads»: 2"},
        "models.a.n_kv_heads: mha attention already sets n_kv_heads: n_heads; "
        "remove n_kv_heads, or choose another kind",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    attention: {kind: mqa}\n    «kv_lora_rank»: 8"},
        "models.a.kv_lora_rank: mqa attention already sets kv_lora_rank: 0; "
        "remove kv_lora_rank, or choose another kind",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    n_kv_heads: 2\n    attention: {kind: gqa, «n_kv_heads»: 2}"},
        "models.a.attention.n_kv_heads: n_kv_heads and models.a.n_kv_heads set the same thing; keep one of the two",
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
        {"ffn: gelu": "ffn: gelu\n    compress_ratio: «1.1»"},
        "models.a.compress_ratio: 1.1 is not a whole number; write 1 or 2",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n    window: «all»"},
        "models.a.window: 'all' is not a number that can be read here; known: attention_chunk, compress_ratio, "
        "d_conv, d_embedding, d_expert, d_expert_latent, d_ff, d_head, d_index, d_linear_gate, d_linear_key, "
        "d_linear_value, … (63 in all)",
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
        "models.a.moe.n_experts: 4 experts need n_active_experts; write how many each token uses (top-k)",
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
        "models.a.moe.n_shared_experts: a dense layer has no shared experts, but n_shared_experts is 1; "
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
        "models.b.model: model and extends set the same thing; keep one of the two",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n  b: {model: llama-3-70b, n_layers: «81», layers: [{n_layers: 3}, {n_layers: 77}]}"},
        "models.b.n_layers: n_layers is 81, but the groups under layers: have 80; remove n_layers, or correct a group",
    ),
    (
        {"ffn: gelu": "ffn: gelu\n  b: {model: «llama-3-70b», layers: [{n_layers: 3}, {n_layers: 78}]}"},
        "models.b.model: n_layers is 80, but the groups under layers: have 81; remove n_layers, or correct a group",
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
]
