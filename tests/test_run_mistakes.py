"""Mistakes in runs and hardware, as the command line tells them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands import run

RUNS = """\
version: 1
context_lengths: [1024]
models:
  a: {n_layers: 4, d_model: 64, n_heads: 4, d_ff: 256, ffn: gelu, vocab_size: 128}
training:
  t: {model: a, hardware: h100-sxm, n_devices: 4, context_length: 1024}
serving:
  s: {model: a, hardware: h100-sxm, prompt_length: 8, generated_length: 8}
"""


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "training.t.hardware=h100-sxn",
            "training.t.hardware: no hardware is called 'h100-sxn'; did you mean 'h100-sxm'? (flopsheet list hardware)",
        ),
        ("models.a.d_model=0", "models.a.d_model: 0 is out of range; write 1 or more"),
        (
            "models.a.n_layers=1 / 0",
            "models.a.n_layers: '1 / 0' has no finite value; check for a division by zero or a number out of range",
        ),
        ("training.t.model=b", "training.t.model: no model is called 'b'; known: a"),
        ("serving.s.model=aa", "serving.s.model: no model is called 'aa'; did you mean 'a'?"),
        (
            "training.t.optimizer=adam",
            "training.t.optimizer: 'adam' is not a choice; did you mean 'adamw'? "
            "choices: adamw, adamw_8bit, sgd, sgd_momentum, lion, adafactor, muon",
        ),
        (
            "training.t.pipeline_parallel=3",
            "training.t.n_devices: n_devices 4 is not divisible by tensor 1 · pipeline 3 · context 1; "
            "write n_devices: 3, or change the split",
        ),
        ("serving.s.memory_utilisation=1.5", "serving.s.memory_utilisation: 1.5 is out of range; write 0.01 to 1"),
        ("training.t.zero_stage=4", "training.t.zero_stage: 4 is out of range; write 0 to 3"),
        (
            "training.t.data_parallel=3",
            "training.t.n_devices: tensor 1 · pipeline 1 · context 1 · data 3 is 3, not the 4 devices; "
            "write data_parallel: 4, or leave it out",
        ),
        (
            "training.t={model: a, hardware: h200, context_length: 8, n_devices: 3, tensor_parallel: 3}",
            "training.t.tensor_parallel: tensor_parallel 3 does not divide the 4 heads; write one of 1, 2, 4",
        ),
        (
            "training.t={model: a, hardware: h200, context_length: 8, n_devices: 8, pipeline_parallel: 8}",
            "training.t.pipeline_parallel: 8 stages are more than the 4 layers; write at most 4",
        ),
        (
            "training.t.virtual_stages=2",
            "training.t.virtual_stages: 2 interleaved stages need a pipeline, but pipeline_parallel is 1; "
            "write pipeline_parallel: 2 or more, or virtual_stages: 1",
        ),
        (
            "training.t={model: a, hardware: h200, context_length: 8, n_devices: 3, context_parallel: 3}",
            "training.t.context_parallel: context_parallel 3 does not divide the context of 8; write one of 1, 2, 4, 8",
        ),
        (
            "training.t.expert_parallel=2",
            "training.t.expert_parallel: expert_parallel is 2, but the model has no experts to share; "
            "write expert_parallel: 1",
        ),
        (
            "training.t.global_batch_size=6",
            "training.t.global_batch_size: a global batch of 6 is not a multiple of micro-batch 1 · data parallel 4; "
            "write 4 or 8",
        ),
        (
            "serving.s={model: a}",
            "serving.s: hardware, prompt_length, generated_length are missing; write them here",
        ),
        (
            "hardware={ours: {memory_bytes: 80e9}}",
            "hardware.ours: memory_bandwidth is missing; write it here, or start from a built-in kind with extends:",
        ),
        (
            "hardware={ours: {extends: h100}}",
            "hardware.ours.extends: no hardware is called 'h100'; did you mean 'h100-sxm'? (flopsheet list hardware)",
        ),
    ],
)
def test_a_mistake_in_a_run_has_one_message(tmp_path: Path, setting: str, message: str) -> None:
    (tmp_path / "s.yaml").write_text(RUNS)
    done = run("validate", "s.yaml", "--set", setting, cwd=tmp_path)
    heads = [line for line in done.stderr.splitlines() if not line.startswith("    ")]
    assert (done.returncode, [re.sub(r"^[^ ]*?:\d+:\d+: ", "", head) for head in heads]) == (1, [message])
