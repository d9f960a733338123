"""What hostile specs are put together from: small specs, words, keys, formulas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flopsheet.catalog import load_catalog
from flopsheet.spec.schema import data_model

SPECS = Path(__file__).parent.parent / "specs"

# In every hostile text, so that it is recognised wherever it ends up in a workbook.
MARK = "zqx"

SMALL = """\
version: 1
title: Two sizes of one design
context_lengths: [1024, 16384]
conventions: {attention_pairs: causal_half}
defaults: {vocab_size: 50257, ffn: swiglu, d_ff: 4 * d_model, tie_embeddings: false}
models:
  small: {n_layers: 12, d_model: 768, n_heads: 12}
  large: {extends: small, n_layers: 36, d_model: 1280, n_heads: 20, n_kv_heads: 4}
expect:
- {that: large.n_params, at_most: 1.1e9, note: a budget}
"""

GROUPS = """\
version: 1
context_lengths: [128]
models:
  mixed:
    d_model: 64
    n_heads: 4
    vocab_size: 1000
    layers:
    - {name: first, n_layers: 1, ffn: gelu, d_ff: 256}
    - {name: rest, n_layers: 3, ffn: swiglu, moe: {n_experts: 8, n_active_experts: 2, d_expert: 64}, window: 64}
  latent: {n_layers: 2, d_model: 64, n_heads: 2, vocab_size: 9, ffn: relu, d_ff: 1,
           attention: {kind: mla, kv_lora_rank: 16, d_qk_nope: 8, d_qk_rope: 8, d_v: 8}}
"""

RUNS = """\
version: 1
context_lengths: [2048]
models:
  m: {n_layers: 4, d_model: 256, n_heads: 4, vocab_size: 32000, ffn: swiglu, d_ff: 4 * d_model}
hardware:
  h100-sxm: {price_per_hour: 2.5}
training:
  run: {model: m, context_length: 2048, hardware: h100-sxm, n_devices: 16, tensor_parallel: 2, zero_stage: 1,
        global_batch_size: 64, n_tokens: 20 * global_batch_size * context_length, assumed_mfu: 0.4}
serving:
  chat: {model: m, hardware: h100-sxm, prompt_length: 512, generated_length: 128, n_sequences: 16}
expect:
- {that: run.fits, equals: "yes"}
"""

MEASURED = """\
version: 1
context_lengths: [2048]
models:
  m: {n_layers: 4, d_model: 256, n_heads: 4, vocab_size: 32000, ffn: swiglu, d_ff: 4 * d_model}
hardware:
  mine: {extends: mi300x, link_bandwidth: 900e9}
training:
  run: {model: m, context_length: 2048, hardware: mine, n_devices: 16, tensor_parallel: 2, global_batch_size: 64}
measured:
  one: {model: m, context_length: 2048, hardware: mine, n_devices: 8, zero_stage: 3, seconds: 0.05,
        global_batch_size: 64}
  two: {model: m, context_length: 1024, hardware: mine, n_devices: 8, tensor_parallel: 2, seconds: 0.01,
        global_batch_size: 8 * data_parallel}
  logged: {model: m, context_length: 2048, hardware: h100-sxm, measured_tokens_per_second_per_device: 1e5}
  chat: {kind: serving, model: m, hardware: h100-sxm, prompt_length: 512, generated_length: 128, n_sequences: 16,
         measured_seconds_per_token: 0.002, measured_time_to_first_token: 0.01}
"""

SWEPT = """\
version: 1
context_lengths: [2048]
models:
  m:
    n_layers: 4
    n_heads: 4
    vocab_size: 32000
    ffn: swiglu
    d_ff: 4 * d_model
    sweep: {d_model: [256, 512], zip: {n_heads: [4, 8], n_kv_heads: [2, 4]}, exclude: [{d_model: 256, n_heads: 8}]}
  o: {n_layers: 2, d_model: 64, n_heads: 4, vocab_size: 10, ffn: gelu, d_ff: 8}
training:
  t:
    model: o
    context_length: 2048
    hardware: h100-sxm
    global_batch_size: 64
    sweep: {n_devices: {from: 4, to: 8, step: 4}, tensor_parallel: [1, 2], exclude: [tensor_parallel == n_devices]}
serving:
  s: {prompt_length: 8, generated_length: 8, sweep: {model: [o], hardware: [h100-sxm, h200], weight_format: [fp8]}}
"""

OWN = """version: 1
context_lengths: [1024, 2048]
rent: 2.5
models:
  a: {n_layers: 2, d_model: 64, n_heads: 4, vocab_size: 10, ffn: gelu, d_ff: 8, lora_rank: 4}
training:
  t: {model: a, hardware: h100-sxm, context_length: 1024, n_tokens: 1e12}
inputs:
- {name: rent, label: Rent, grain: study, unit: USD/h, default: 2, doc: What one hour costs.}
- {name: lora_rank, label: LoRA rank, grain: model, unit: width, default: d_model / 8, doc: Rank of the adapters.}
- {name: adapted, label: Adapted, grain: layer_group, unit: text, choices: [attention, all], default: all, doc: Where.}
metrics:
- {name: n_lora, label: Adapters, grain: layer_group, unit: parameters, doc: All.,
   formula: "lora_rank * n_group_layers * where(adapted == all, 8 * d_model, 4 * d_model)"}
- {name: n_lora_all, label: Adapters, grain: model, unit: parameters, formula: sum(n_lora), doc: All., level: total}
- {name: rent_of_run, label: Rent, grain: training_run, unit: USD, formula: rent * device_hours, doc: Of the run.}
- {name: is_small, label: Small, grain: model, unit: verdict, formula: n_lora_all / n_params < 0.5, doc: Small.}
expect:
- {that: a.n_lora_all, equals: 4096}
"""

NEWER = """\
version: 1
context_lengths: [1024]
weights: {default: bf16, experts: mxfp4}
kv_cache: {default: bf16, v: fp8}
models:
  mixed:
    d_model: 128
    vocab_size: 1000
    ffn: swiglu
    layers:
    - {n_layers: 2, mixer: {kind: gated_delta_net, n_linear_key_heads: 2, n_linear_value_heads: 4, d_linear_key: 32,
        d_linear_value: 32}, d_ff: 256}
    - {n_layers: 2, mixer: {kind: mamba2, n_ssm_heads: 4, d_ssm_head: 64, n_ssm_groups: 2, d_state: 16}, ffn: none}
    - {n_layers: 2, moe: {n_experts: 8, n_active_experts: 2, d_expert: 64}, attention: {kind: mla, n_heads: 4,
        kv_lora_rank: 32, q_lora_rank: 0, d_qk_nope: 32, d_qk_rope: 16, d_v: 32, index_top_k: 64, n_index_heads: 2,
        d_index: 32}}
training:
  tuned: {model: mixed, hardware: h100-sxm, context_length: 1024, n_devices: 4, pipeline_parallel: 2, adapter_rank: 8,
          frozen_format: nf4, global_batch_size: 8, n_tokens: 1e9, time_basis: predicted}
serving:
  chat: {model: mixed, hardware: h200, n_devices: 4, tensor_parallel: 2, attention_data_parallel: 2, expert_parallel: 4,
         prompt_length: 512, generated_length: 64, n_sequences: 8, weight_format: {default: fp8, experts: mxfp4},
         n_draft_tokens: 2, acceptance_rate: 0.7}
search:
  grid: {model: mixed, hardware: [h100-sxm], context_length: 1024, n_devices: 8, global_batch_size: 16, n_tokens: 1e9,
         vary: {tensor_parallel: [1, 2], pipeline_parallel: [1, 2], micro_batch_size: auto}, minimise: days, keep: 3}
"""

SEARCHED = """\
version: 1
context_lengths: [2048]
models:
  m: {n_layers: 4, d_model: 256, n_heads: 4, vocab_size: 32000, ffn: swiglu, d_ff: 4 * d_model}
search:
  step:
    model: m
    hardware: h100-sxm
    n_devices: [8, 16]
    context_length: 2048
    global_batch_size: 8 * n_devices
    vary: {tensor_parallel: auto, zero_stage: [1, 3], micro_batch_size: {from: 1, to: 4}}
    require: {margin_share: {at_least: 0.05}}
    keep: 3
  chat:
    kind: serving
    model: m
    hardware: [h100-sxm, h200]
    n_devices: 8
    prompt_length: 512
    generated_length: 128
    weight_format: {default: bf16, ffn: fp8}
    vary: {tensor_parallel: [1, 2, 4], attention_data_parallel: auto, n_sequences: [16, 64]}
    require: {predicted_seconds_per_token: {at_most: 0.1}, predicted_time_to_first_token: {at_most: 5}}
    maximise: n_sequences
"""
SEEDS = [SMALL, GROUPS, RUNS, MEASURED, SWEPT, OWN, NEWER, SEARCHED]
REAL = [*SEEDS, *(path.read_text(encoding="utf-8") for path in sorted(SPECS.glob("*.yaml")))]

SCALARS: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    3,
    0.5,
    1e15,
    1e16,
    1e300,
    1e308,
    -1e308,
    5e-324,
    2**53,
    2**53 + 1,
    10**400,
    "",
    " ",
    "yes",
    "no",
    "010",
    "1e6",
    "1:30",
    "2026-01-01",
    ".inf",
    ".nan",
    "null",
    "d_model",
    "n_heads / 0",
    f"={MARK}+1",
    f'=HYPERLINK("http://{MARK}","x")',
    f"=cmd|'/C {MARK}'!A0",
    f"+{MARK}",
    f"-{MARK}",
    f"@SUM({MARK})",
    f"{{={MARK}}}",
    f"'{MARK}",
    f'"{MARK}"',
    f"#N/A {MARK}",
    f"{MARK}\x00",
    f"{MARK}\x0b",
    f"{MARK}\ud7ff",
    f"a\n{MARK}",
    f"{MARK}" * 2000,
    f"[{MARK}.xlsx]Sheet1!A1",
    f"_x000D_{MARK}",
    f"<{MARK}/>",
    f"&{MARK};",
    f"{MARK}*?~",
    f"é{MARK}🙂",
    f"__import__('os').system('{MARK}')",
    "9" * 400,
    "4 * d_model",
    "2 ^ 2 ^ 2 ^ 2 ^ 2",
    "d_ff",
    "(" * 60 + "1" + ")" * 60,
]

TOKENS = [
    "&a",
    "*a",
    "!!python/object/apply:os.system [id]",
    "!!binary",
    "<<: *a",
    "---",
    "...",
    "%YAML 9.9",
    "\t",
    "\x00",
    "\ufeff",
    "\u2028",
    "? ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "|\n",
    ">\n",
    "'",
    '"',
    "#",
    "\r",
    "\r\n",
    "\\",
    "1e999",
    ".nan",
    f"'={MARK}'",
    "  " * 40,
    "[" * 50,
    "{a: " * 50,
    "\xff",
    "0x",
    "0o8",
    "version: 1\n",
    "models:\n",
    "extends: ",
]

KEYS = sorted(
    {*load_catalog().inputs, *data_model.keys_with_meaning()}
    | {
        "extends",
        "model",
        "layers",
        "name",
        "ffn",
        "attention",
        "moe",
        "kind",
        "that",
        "equals",
        "at_least",
        "at_most",
        "within",
        "note",
        "sweep",
        "metrics",
        "formula",
        "unit",
        "grain",
    }
)
