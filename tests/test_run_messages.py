"""Every mistake in hardware and runs has its own message, word for word: where, what, what to write instead."""

from __future__ import annotations

import pytest

from flopsheet.diagnostics import SpecError
from mistakes_of_runs import CHAT, LONG, REFUSED, VALID, beside
from studies import spec_of
from test_spec_messages import told

WORDS = {
    "max_model_len": "prompt_length", "kv_cache_dtype": "cache_format", "batch_size": "n_sequences",
    "tp": "tensor_parallel", "tensor_parallel_size": "tensor_parallel", "dp_size": "attention_data_parallel",
    "max_num_seqs": "n_sequences", "max_num_batched_tokens": "chunk_length", "chunked_prefill_size": "chunk_length",
    "gpu_memory_utilization": "memory_utilisation", "mem_fraction_static": "memory_utilisation",
    "enable_prefix_caching": "prefix_hit_rate",
}  # fmt: skip


WORDS_OF_TRAINERS = {
    "fsdp": "zero_stage", "use_distributed_optimizer": "zero_stage", "gradient_checkpointing": "recomputation",
    "recompute_granularity": "recomputation", "gradient_accumulation_steps": "global_batch_size", "epochs": "n_tokens",
    "lora_rank": "adapter_rank", "adapter": "adapter_rank", "cpu_offload": "offloaded", "exp_avg_dtype": "moments",
    "fp8_param_gather": "fp8_weights", "step_time": "measured_seconds_per_step",
    "tokens_per_second": "measured_tokens_per_second", "tps": "measured_tokens_per_second_per_device",
    "tflops_per_gpu": "measured_flops_per_device", "pipeline_model_parallel_layout": "stage_layers",
    "freeze": "frozen",
}  # fmt: skip


@pytest.mark.parametrize(("word", "name"), WORDS_OF_TRAINERS.items(), ids=[*WORDS_OF_TRAINERS])
def test_a_word_of_trainers_leads_to_ours(word, name):
    text, expected = told(
        edited(beside(LONG, f"«{word}»: 8")), f"training.long.{word}: unknown key '{word}'; did you mean '{name}'?"
    )
    assert refusal(text) == expected


@pytest.mark.parametrize(("word", "name"), WORDS.items(), ids=[*WORDS])
def test_a_word_of_servers_leads_to_ours(word, name):
    text, expected = told(
        edited(beside(CHAT, f"«{word}»: 8")), f"serving.chat.{word}: unknown key '{word}'; did you mean '{name}'?"
    )
    assert refusal(text) == expected


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


def test_the_text_that_the_mistakes_are_made_in_is_valid():
    assert [run.name for runs in spec_of(VALID).runs.values() for run in runs] == ["long", "mixture", "chat"]


@pytest.mark.parametrize(("edits", "message"), REFUSED, ids=[message.split(";")[0] for _, message in REFUSED])
def test_a_mistake_has_one_message(edits, message):
    text, expected = told(edited(edits), message)
    assert refusal(text) == expected
