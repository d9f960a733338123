"""Mistakes in runs and hardware: an edit of a valid spec, and the message that it has."""

from __future__ import annotations

VALID = """\
version: 1
context_lengths: [1024]
defaults: {vocab_size: 100, d_model: 64, d_ff: 256, ffn: gelu}
models:
  plain: {n_layers: 8, n_heads: 12, d_head: 8}
  experts: {n_layers: 8, n_heads: 4, d_ff: 0, n_experts: 8, n_active_experts: 2, d_expert: 32}
hardware:
  box: {peak_flops_bf16: 1e12, memory_bytes: 1e9, memory_bandwidth: 1e11}
training:
  long:
    model: plain
    hardware: box
    context_length: 1024
  mixture:
    model: experts
    hardware: box
    context_length: 512
serving:
  chat:
    model: plain
    hardware: box
    prompt_length: 100
    generated_length: 10
"""

LONG, MIXTURE, CHAT = "context_length: 1024\n", "context_length: 512\n", "generated_length: 10\n"
SHIPPED = "v100, a100-40gb, a100-80gb, h100-sxm, h100-pcie, h100-nvl, h200, h20, h800, gh200, b200, b300, … (33 in all)"

OF_HARDWARE = (
    "peak_flops_fp32, peak_flops_tf32, peak_flops_bf16, peak_flops_fp16, peak_flops_fp8, peak_flops_fp4, "
    "peak_flops_int8, memory_bytes, memory_bandwidth, link_bandwidth, network_bandwidth, … (56 in all)"
)


def beside(line, *more):
    """A run with more lines in it."""
    return {line: line + "".join(f"    {text}\n" for text in more)}


def claims(text):
    return {CHAT: f"{CHAT}expect:\n- {{{text}}}\n"}


# What is replaced by what in VALID, «» around the place that the message points at; the message.
REFUSED = [
    # models and hardware that are not there
    (
        {"model: plain\n    hardware: box\n    context": "model: «plane»\n    hardware: box\n    context"},
        "training.long.model: no model is called 'plane'; did you mean 'plain'?",
    ),
    (
        {"hardware: box\n    prompt": "hardware: «boxx»\n    prompt"},
        "serving.chat.hardware: no hardware is called 'boxx'; did you mean 'box'? (flopsheet list hardware)",
    ),
    (
        {"hardware: box\n    prompt": "hardware: «h100»\n    prompt"},
        "serving.chat.hardware: no hardware is called 'h100'; did you mean 'h100-sxm'? (flopsheet list hardware)",
    ),
    (
        {"box: {": "box: {extends: «abacus», "},
        f"hardware.box.extends: no hardware is called 'abacus'; known: {SHIPPED} (flopsheet list hardware)",
    ),
    (
        {"hardware: box\n    prompt": "hardware: «H100»\n    prompt"},
        "serving.chat.hardware: no hardware is called 'H100'; did you mean 'h100-sxm'? (flopsheet list hardware)",
    ),
    (
        {"hardware: box\n    prompt": "hardware: «h100-80gb»\n    prompt"},
        "serving.chat.hardware: no hardware is called 'h100-80gb'; did you mean 'h100-sxm'? (flopsheet list hardware)",
    ),
    (
        {"hardware: box\n    prompt": "hardware: «{»memory_bytes: 80e9}\n    prompt"},
        "serving.chat.hardware: a mapping is not a name; give it a name under hardware:, and write that name here",
    ),
    (
        {"hardware: box\n    prompt": "hardware: «[»h200, b200]\n    prompt"},
        "serving.chat.hardware: a list is not a name; write one, or the list under sweep:",
    ),
    (
        {"model: plain\n    hardware: box\n    context": "model: «llama-3-70b»\n    hardware: box\n    context"},
        "training.long.model: 'llama-3-70b' is a model of the library, not of this spec; "
        "write it under models:, as {llama-3-70b: {model: llama-3-70b}}",
    ),
    (
        {
            "d_head: 8}": "d_head: 8, sweep: {d_model: [64, 128]}}",
            "model: plain\n    hardware: box\n    context": "model: «plain»\n    hardware: box\n    context",
            "model: plain\n    hardware: box\n    prompt": "model: experts\n    hardware: box\n    prompt",
        },
        "training.long.model: 'plain' is swept, and stands for its variants; "
        "name one of them, such as 'plain d_model=64'",
    ),
    (
        {
            "peak_flops_bf16: 1e12, ": "",
            "  long:\n    model: plain\n": "  long:\n    model: plain\n    precision: «fp32»\n",
        }
        | {"  mixture:\n    model: experts\n    hardware: box": "  mixture:\n    model: experts\n    hardware: h200"}
        | {"model: plain\n    hardware: box\n    prompt": "model: plain\n    hardware: h200\n    prompt"},
        "training.long.precision: box does not support fp32; give its peaks under hardware: in FLOP/s, such as 989e12",
    ),
    # figures of hardware in GB/s and TFLOP/s
    (
        {"memory_bandwidth: 1e11": "memory_bandwidth: «3.35»"},
        "hardware.box.memory_bandwidth: 3.35 is out of range; "
        "write it in B/s: 3.35 GB/s is 3.35e9, 3.35 TB/s is 3.35e12",
    ),
    (
        {"memory_bytes: 1e9": "memory_bytes: «80»"},
        "hardware.box.memory_bytes: 80 is out of range; write it in B: 80 GB is 80e9, 80 TB is 80e12",
    ),
    (
        {
            "peak_flops_bf16: 1e12, ": "peak_flops_fp32: 67, ",
            "  long:\n    model: plain\n": "  long:\n    model: plain\n    precision: «fp32»\n",
        }
        | {"  mixture:\n    model: experts\n    hardware: box": "  mixture:\n    model: experts\n    hardware: h200"}
        | {"model: plain\n    hardware: box\n    prompt": "model: plain\n    hardware: h200\n    prompt"},
        "training.long.precision: box does not support fp32; give its peaks under hardware: in FLOP/s, such as 989e12",
    ),
    # a run without a name
    (
        {VALID[VALID.index("training:") : VALID.index("serving:")]: "«training»: {model: plain, hardware: box}\n"},
        "training: the run has no name; write training: {NAME: {model: …}}",
    ),
    # words of other tools
    (beside(LONG, "«tp»: 2"), "training.long.tp: unknown key 'tp'; did you mean 'tensor_parallel'?"),
    (
        beside(LONG, "«batch_size»: 2"),
        "training.long.batch_size: unknown key 'batch_size'; did you mean 'global_batch_size'?",
    ),
    (beside(LONG, "n_tokens: «15t»"), "training.long.n_tokens: '15t' is not a number; write 15T"),
    (
        beside(LONG, "n_tokens: «80GB»"),
        "training.long.n_tokens: '80GB' is in bytes, expected a plain number; write 80B",
    ),
    # numbers as they stand in prose
    (beside(LONG, "n_tokens: «500 billion»"), "training.long.n_tokens: '500 billion' is not a number; write 500B"),
    (beside(LONG, "n_tokens: «15T tokens»"), "training.long.n_tokens: '15T tokens' is not a number; write 15T"),
    (
        {"memory_bytes: 1e9": "memory_bytes: 1e9, price_per_hour: «2.5 USD»"},
        "hardware.box.price_per_hour: '2.5 USD' is not a number; write the number alone, in USD/h: 2.5",
    ),
    (
        {"memory_bytes: 1e9": "memory_bytes: 1e9, price_per_hour: «2.5 EUR/h»"},
        "hardware.box.price_per_hour: '2.5 EUR/h' is not a number; write the number alone, in USD/h",
    ),
    (
        beside(LONG, "n_tokens: 2 «n_devices»"),
        "training.long.n_tokens: an operator is missing before 'n_devices'; write * to multiply",
    ),
    (
        {"memory_bytes: 1e9": "memory_bytes: «80G»"},
        "hardware.box.memory_bytes: '80G' lacks a unit; write 80GB or 80GiB",
    ),
    (
        {"memory_bytes: 1e9": "memory_bytes: «80B»"},
        "hardware.box.memory_bytes: '80B' is 80 bytes to some and 80 billion bytes to others; write 80 or 80GB",
    ),
    (
        {"memory_bandwidth: 1e11": "memory_bandwidth: «900GB»"},
        "hardware.box.memory_bandwidth: '900GB' is in bytes, expected bytes per second; write 900GB/s",
    ),
    (beside(LONG, "assumed_mfu: «40%»"), "training.long.assumed_mfu: '40%' is not a number; write 0.4"),
    # missing
    ({"  long:": "  «long»:", "    " + LONG: ""}, "training.long: context_length is missing; write it here"),
    (
        {"  long:": "  «long»:", "    model: plain\n    hardware: box\n    " + LONG: "    n_devices: 2\n"},
        "training.long: model, hardware, context_length are missing; write them here",
    ),
    ({"  chat:": "  «chat»:", "    prompt_length: 100\n": ""}, "serving.chat: prompt_length is missing; write it here"),
    (
        {"  chat:": "  «chat»:", "    prompt_length: 100\n    " + CHAT: ""},
        "serving.chat: prompt_length, generated_length are missing; write them here",
    ),
    (
        {"  box:": "  «box»:", ", memory_bandwidth: 1e11": ""},
        "hardware.box: memory_bandwidth is missing; write it here, or start from a built-in kind with extends:",
    ),
    (
        {"  box:": "  «box»:", ", memory_bytes: 1e9, memory_bandwidth: 1e11": ""},
        "hardware.box: memory_bytes, memory_bandwidth are missing; write them here, or "
        "start from a built-in kind with extends:",
    ),
    (
        {"peak_flops_bf16: 1e12": "peak_flops_bf16: «''»"},
        "hardware.box.peak_flops_bf16: an empty formula; write a number, a name or an expression",
    ),
    # shapes and keys
    (
        {"  box: {peak_flops_bf16: 1e12, memory_bytes: 1e9, memory_bandwidth: 1e11}": "  box: «3»"},
        "hardware.box: 3 where a mapping is expected; write {key: value}",
    ),
    ({"box: {": "box: {«flops»: 1, "}, f"hardware.box.flops: unknown key 'flops'; known: extends, {OF_HARDWARE}"),
    (
        {"box: {": "box: {«memory_byte»: 1, "},
        "hardware.box.memory_byte: unknown key 'memory_byte'; did you mean 'memory_bytes'?",
    ),
    (
        {"1e11}": "1e11, price_per_hour: «-1»}"},
        "hardware.box.price_per_hour: -1 is out of range; write 0 or more",
    ),
    (
        beside(LONG, "«optimiser»: lion"),
        "training.long.optimiser: unknown key 'optimiser'; did you mean 'optimizer'?",
    ),
    (
        beside(CHAT, "«zero_stage»: 1"),
        "serving.chat.zero_stage: unknown key 'zero_stage'; known: model, hardware, n_devices, tensor_parallel, "
        "pipeline_parallel, expert_parallel, reserved_bytes, prompt_length, generated_length, n_sequences, "
        "attention_data_parallel, chunk_length, … (44 in all)",
    ),
    (
        beside(CHAT, "«context_length»: 110"),
        "serving.chat.context_length: unknown key 'context_length'; did you mean 'prompt_length'?",
    ),
    # choices and ranges
    (
        beside(LONG, "precision: «bf16»"),
        "training.long.precision: 'bf16' is not a choice; did you mean 'pure_bf16'? "
        "choices: mixed_bf16, mixed_fp16, mixed_fp8, pure_bf16, fp32, tf32",
    ),
    (
        beside(LONG, "optimizer: «adam»"),
        "training.long.optimizer: 'adam' is not a choice; did you mean 'adamw'? "
        "choices: adamw, adamw_8bit, sgd, sgd_momentum, lion, adafactor, muon",
    ),
    (
        beside(LONG, "recomputation: «true»"),
        "training.long.recomputation: true is not a choice; choices: none, selective, operations, full",
    ),
    (beside(LONG, "zero_stage: «4»"), "training.long.zero_stage: 4 is out of range; write 0 to 3"),
    (beside(LONG, "assumed_mfu: «40»"), "training.long.assumed_mfu: 40 is out of range; write 0.0001 to 1"),
    (beside(LONG, "pue: «0.9»"), "training.long.pue: 0.9 is out of range; write 1 or more"),
    (beside(LONG, "n_devices: «4.5»"), "training.long.n_devices: 4.5 is not a whole number; write 4 or 5"),
    (
        beside(LONG, "sequence_parallel: «yes»"),
        "training.long.sequence_parallel: 'yes' is neither true nor false; write true or false",
    ),
    (
        beside(CHAT, "memory_utilisation: «90»"),
        "serving.chat.memory_utilisation: 90 is out of range; write 0.01 to 1",
    ),
    (
        beside(CHAT, "cache_format: «q8»"),
        "serving.chat.cache_format: 'q8' is not a choice; did you mean 'q8_0'? "
        "choices: fp32, bf16, fp16, fp8, int8, int4, fp8_block, fp8_g128, mxfp8, mxfp4, nvfp4, nf4, … (26 in all)",
    ),
    # expressions
    (
        beside(LONG, "n_tokens: 20 * «n_device»"),
        "training.long.n_tokens: 'n_device' is not a number that can be read here; did you mean 'n_devices'?",
    ),
    (
        beside(LONG, "n_devices: 2", "n_tokens: «n_devices / 4»"),
        "training.long.n_tokens: n_devices / 4 = 0.5 is out of range; write 1 or more",
    ),
    # names
    (
        {"  long:": "  «plain»:"},
        "training.plain: 'plain' is already the name of a model or run; choose another name",
    ),
    (
        {"  chat:": "  «long»:"},
        "serving.long: 'long' is already the name of a model or run; choose another name",
    ),
    # devices
    (
        beside(LONG, "tensor_parallel: 2", "n_devices: «3»"),
        "training.long.n_devices: n_devices 3 is not divisible by tensor 2 · pipeline 1 · context 1; "
        "write n_devices: 4, or change the split",
    ),
    (
        {"  long:": "  «long»:"} | beside(LONG, "tensor_parallel: 2"),
        "training.long: n_devices 1 is not divisible by tensor 2 · pipeline 1 · context 1; "
        "write n_devices: 2, or change the split",
    ),
    (
        beside(LONG, "tensor_parallel: 2", "data_parallel: 2", "n_devices: «8»"),
        "training.long.n_devices: tensor 2 · pipeline 1 · context 1 · data 2 is 4, not the 8 devices; "
        "write data_parallel: 4, or leave it out",
    ),
    # tensor, pipeline, context, expert parallelism
    (
        beside(LONG, "tensor_parallel: «5»", "n_devices: 5"),
        "training.long.tensor_parallel: tensor_parallel 5 does not divide the 12 heads; write one of 1, 2, 3, 4, 6, 12",
    ),
    (
        beside(LONG, "pipeline_parallel: «16»", "n_devices: 16"),
        "training.long.pipeline_parallel: 16 stages are more than the 8 layers; write at most 8",
    ),
    (
        beside(LONG, "pipeline_parallel: 4", "n_devices: 4", "virtual_stages: «3»"),
        "training.long.virtual_stages: 4 stages of 3 chunks are more than the 8 layers; write at most 2",
    ),
    (
        beside(LONG, "virtual_stages: «2»"),
        "training.long.virtual_stages: 2 interleaved stages need a pipeline, but pipeline_parallel is 1; "
        "write pipeline_parallel: 2 or more, or virtual_stages: 1",
    ),
    (
        beside(LONG, "context_parallel: «3»", "n_devices: 3"),
        "training.long.context_parallel: context_parallel 3 does not divide the context of 1,024; "
        "write one of 1, 2, 4, 8, 16, 32, 64",
    ),
    (
        beside(LONG, "expert_parallel: «2»", "n_devices: 2"),
        "training.long.expert_parallel: expert_parallel is 2, but the model has no experts to share; "
        "write expert_parallel: 1",
    ),
    (
        beside(MIXTURE, "expert_parallel: «3»", "n_devices: 3"),
        "training.mixture.expert_parallel: expert_parallel 3 does not divide the 8 experts; write one of 1, 2, 4, 8",
    ),
    (
        beside(MIXTURE, "expert_parallel: «4»", "n_devices: 2"),
        "training.mixture.expert_parallel: expert_parallel 4 does not divide data · context parallel 2; "
        "write one of 1, 2",
    ),
    # batches
    (
        beside(LONG, "n_devices: 4", "micro_batch_size: 2", "global_batch_size: «12»"),
        "training.long.global_batch_size: a global batch of 12 is not a multiple of micro-batch 2 · data parallel 4; "
        "write 8 or 16",
    ),
    (
        beside(LONG, "n_devices: 4", "micro_batch_size: 2", "global_batch_size: «4»"),
        "training.long.global_batch_size: a global batch of 4 is not a multiple of micro-batch 2 · data parallel 4; "
        "write 8",
    ),
    # formats that the hardware does not support
    (
        beside(LONG, "precision: «fp32»"),
        "training.long.precision: box does not support fp32; write one of mixed_bf16, pure_bf16",
    ),
    (
        beside(LONG, "precision: «mixed_fp8»"),
        "training.long.precision: box does not support mixed_fp8; write one of mixed_bf16, pure_bf16",
    ),
    (
        beside(CHAT, "compute_format: «fp8»"),
        "serving.chat.compute_format: box does not support fp8; write one of as_weights, bf16",
    ),
    (
        {"hardware: box\n    prompt": "hardware: a100-80gb\n    prompt"} | beside(CHAT, "compute_format: «fp8»"),
        "serving.chat.compute_format: a100-80gb does not support fp8; "
        "write one of as_weights, bf16, fp16, int8, tf32, fp32",
    ),
    # expectations of runs
    (
        claims("that: «long.dayz», at_most: 3"),
        "expect[0].that: no metric of a training run is called 'dayz'; did you mean 'days'?",
    ),
    (
        claims("that: «chat.served_gb_», at_most: 3"),
        "expect[0].that: no metric of a serving run is called 'served_gb_'; did you mean 'served_gb'?",
    ),
    (
        claims("that: «chat.fits», equals: 'yes'"),
        "expect[0].that: no metric of a serving run is called 'fits'; "
        "fits is one of a training run; did you mean 'served_fits'?",
    ),
    (
        claims("that: «long.cost», at_most: 3"),
        "expect[0].that: no metric of a training run is called 'cost'; did you mean 'run_cost'?",
    ),
    (  # of the heading "Predicted time of one step, s"
        claims("that: «long.predicted_step_s», at_most: 3"),
        "expect[0].that: no metric of a training run is called 'predicted_step_s'; "
        "did you mean 'predicted_seconds_per_step'?",
    ),
    (
        claims("that: «plain.cost», at_most: 3"),
        "expect[0].that: no metric of a model or scenario is called 'cost'; run_cost is one of a training run",
    ),
    (
        claims("that: «lng.days», at_most: 3"),
        "expect[0].that: no model or run is called 'lng'; did you mean 'long'?",
    ),
    (
        claims("that: long.days, context_length: «1024», at_most: 3"),
        "expect[0].context_length: days does not depend on the context length; remove context_length",
    ),
    (
        claims("that: long.fits, at_most: «3»"),
        "expect[0].at_most: fits is a text, but 3 is not; write equals: and a text",
    ),
    (
        claims("that: long.days, equals: «'yes'»"),
        "expect[0].equals: days is a number, but 'yes' is not; write a number",
    ),
]
