"""Measures the real peak memory of training steps and of decoding on one CUDA GPU, to hold the memory formulas against.

Every model has random weights made from its configuration, so nothing is downloaded.
A training case runs one step before the measured one, so that the AdamW state exists.
The measured step starts without gradients and goes through forward, backward and optimizer, each with its own peak
(torch.cuda.max_memory_allocated).
The model's output is dropped before the backward pass, only the loss is kept.
cuBLAS takes its workspace from the same allocator: it is what `start` holds beyond parameters, state and batch.
`saved` is what autograd keeps for the backward pass (unique storages, parameters excluded), in a forward of its own.

The cases stand in memory_cases.py, which must lie beside it.

    python measure_memory.py --output memory.json            # one CUDA GPU, some minutes
    python measure_memory.py --dry-run --output memory.json  # CPU, tiny models: saved tensors, no peaks
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
import transformers
from memory_cases import DECODINGS, MODELS, SETUPS, TINY_MODELS, Decoding, DecodingRow, Setup, TrainingRow
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedConfig


@dataclass
class SavedStorages:
    """Collects the storages that autograd saves, each once."""

    excluded: set[int]
    kept: dict[int, Tensor] = field(default_factory=dict)

    def pack(self, tensor: Tensor) -> Tensor:
        """The tensor as autograd shall keep it; its storage is noted."""
        tensor = tensor.detach()  # the saved output of a node would otherwise hold that node: a reference cycle
        pointer = tensor.untyped_storage().data_ptr()
        if pointer not in self.excluded:
            self.kept.setdefault(pointer, tensor)
        return tensor

    def n_bytes(self) -> int:
        """The bytes of the noted storages."""
        return sum(tensor.untyped_storage().nbytes() for tensor in self.kept.values())


def build(config: PreTrainedConfig, precision: str, attention: str, device: torch.device) -> nn.Module:
    """The model with random weights, made on the device."""
    with device:
        model = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    return model.to(torch.bfloat16 if precision == "bfloat16" else torch.float32)


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """The context of the forward pass."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "autocast" else nullcontext()


def loss_of(model: nn.Module, tokens: Tensor, precision: str) -> Tensor:
    """The mean cross entropy of one batch; the logits are dropped."""
    with autocast(precision, tokens.device):
        return model(input_ids=tokens, labels=tokens, use_cache=False).loss


def attention_kernel(loss: Tensor) -> str:
    """The fused attention nodes in the graph; without one, the attention is made of plain operations."""
    seen, todo, found = set(), [loss.grad_fn], set()
    while todo:
        node = todo.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if "ScaledDotProduct" in node.name():
            found.add(node.name().removesuffix("Backward0"))
        todo.extend(following for following, _ in node.next_functions)
    return "+".join(sorted(found)) or "none"


def measure_saved(model: nn.Module, tokens: Tensor, precision: str) -> tuple[int, str]:
    """Bytes saved for the backward pass by one forward pass, and the attention kernel."""
    saved = SavedStorages({p.untyped_storage().data_ptr() for p in model.parameters()})
    with torch.autograd.graph.saved_tensors_hooks(saved.pack, lambda tensor: tensor):
        loss = loss_of(model, tokens, precision)
    return saved.n_bytes(), attention_kernel(loss)


def bytes_of(tensors: Iterator[Tensor]) -> int:
    """The bytes of the tensors."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def phase_peak(work: Callable[[], object]) -> tuple[object, int]:
    """What the work gives, and the peak of allocated memory while it ran."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    given = work()
    torch.cuda.synchronize()
    return given, torch.cuda.max_memory_allocated()


def measure_step(model: nn.Module, optimizer: torch.optim.Optimizer, tokens: Tensor, precision: str) -> dict[str, int]:
    """The peaks of one training step that starts without gradients, and the sizes around it."""
    optimizer.zero_grad(set_to_none=True)
    torch.cuda.synchronize()
    start = torch.cuda.memory_allocated()
    loss, forward_peak = phase_peak(lambda: loss_of(model, tokens, precision))
    after_forward = torch.cuda.memory_allocated()
    _, backward_peak = phase_peak(loss.backward)
    gradients = bytes_of(p.grad for p in model.parameters() if p.grad is not None)
    _, optimizer_peak = phase_peak(optimizer.step)
    return {
        "gradient_bytes": gradients,
        "start_bytes": start,
        "after_forward_bytes": after_forward,
        "forward_peak_bytes": forward_peak,
        "backward_peak_bytes": backward_peak,
        "optimizer_peak_bytes": optimizer_peak,
        "peak_bytes": max(forward_peak, backward_peak, optimizer_peak),
    }


def recompute_layers(model: nn.Module, recompute: bool) -> None:
    """Turns the full recomputation of each layer on or off."""
    if recompute:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    else:
        model.gradient_checkpointing_disable()


def train(setup: Setup, config: PreTrainedConfig, device: torch.device) -> Iterator[TrainingRow]:
    """The rows of one setup: recomputation by batch size."""
    torch.manual_seed(0)
    model = build(config, setup.precision, setup.attention, device).train()
    implementation = {setup.optimizer: True} if device.type == "cuda" else {}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, **implementation)
    for recompute, batch_size in itertools.product(setup.recomputations, setup.batch_sizes):
        began = time.perf_counter()
        row = TrainingRow(
            model=setup.model, precision=setup.precision, attention=setup.attention, dropout=setup.dropout,
            optimizer=setup.optimizer, recompute=recompute, batch_size=batch_size, seq_len=setup.seq_len,
            n_params=sum(p.numel() for p in model.parameters()), parameter_bytes=bytes_of(model.parameters()),
        )  # fmt: skip
        recompute_layers(model, recompute)
        tokens = torch.randint(config.vocab_size, (batch_size, setup.seq_len), device=device)
        try:
            optimizer.zero_grad(set_to_none=True)
            saved_bytes, kernel = measure_saved(model, tokens, setup.precision)
            row = replace(row, saved_bytes=saved_bytes, attention_kernel=None if recompute else kernel)
            loss_of(model, tokens, setup.precision).backward()
            optimizer.step()
            state = (value for values in optimizer.state.values() for value in values.values())
            row = replace(row, optimizer_bytes=bytes_of(value for value in state if torch.is_tensor(value)))
            if device.type == "cuda":
                row = replace(row, **measure_step(model, optimizer, tokens, setup.precision))
        except torch.cuda.OutOfMemoryError:
            row = replace(row, error="out of memory")
        yield replace(row, seconds=round(time.perf_counter() - began, 2))


@torch.inference_mode()
def decode(case: Decoding, config: PreTrainedConfig, device: torch.device) -> Iterator[DecodingRow]:
    """The rows of one decoding case: the cache is filled with random keys and values, not by a prefill."""
    torch.manual_seed(0)
    model = build(config, case.precision, "sdpa", device).eval()
    d_head = config.hidden_size // config.num_attention_heads
    for batch_size in case.batch_sizes:
        began = time.perf_counter()
        row = DecodingRow(
            model=case.model, precision=case.precision, batch_size=batch_size, context=case.context,
            n_params=sum(p.numel() for p in model.parameters()), parameter_bytes=bytes_of(model.parameters()),
        )  # fmt: skip
        try:
            n_filled = case.context - case.n_steps
            cache = DynamicCache()
            for layer in range(config.num_hidden_layers):
                shape = (batch_size, config.num_key_value_heads, n_filled, d_head)
                keys, values = (torch.randn(shape, device=device, dtype=model.dtype) for _ in "kv")
                cache.update(keys, values, layer)
            del keys, values
            tokens = torch.randint(config.vocab_size, (batch_size, 1), device=device)
            if device.type == "cuda":
                row = replace(row, start_bytes=torch.cuda.memory_allocated())
                _, peak = phase_peak(lambda c=cache, t=tokens: decode_steps(model, c, t, case.n_steps))
                row = replace(row, peak_bytes=peak)
            else:
                decode_steps(model, cache, tokens, case.n_steps)
            row = replace(row, cache_bytes=bytes_of(t for layer in cache.layers for t in (layer.keys, layer.values)))
            del cache
        except torch.cuda.OutOfMemoryError:
            row = replace(row, error="out of memory")
        yield replace(row, seconds=round(time.perf_counter() - began, 2))


def decode_steps(model: nn.Module, cache: DynamicCache, tokens: Tensor, n_steps: int) -> None:
    """Greedy decoding, one token of every sequence a step."""
    for _ in range(n_steps):
        logits = model(input_ids=tokens, past_key_values=cache, use_cache=True).logits
        tokens = logits[:, -1].argmax(-1, keepdim=True)


def release(device: torch.device) -> None:
    """Gives the memory of the last model back."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def markdown(rows: list[TrainingRow] | list[DecodingRow]) -> str:
    """The rows as a Markdown table, bytes in MB (10^6)."""
    if not rows:
        return "(no rows)"
    dicts = [asdict(row) for row in rows]
    names = [name for name in dicts[0] if any(row[name] is not None for row in dicts)]

    def cell(name: str, value: object) -> str:
        if value is None:
            return "-"
        return f"{value / 1e6:,.1f}" if name.endswith("_bytes") else str(value)

    titles = [name.replace("_bytes", " MB").replace("_", " ") for name in names]
    lines = [titles, ["---"] * len(names), *([cell(name, row[name]) for name in names] for row in dicts)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def environment(arguments: argparse.Namespace, device: torch.device) -> dict[str, str | None]:
    """What the figures depend on; the command names no folder."""
    command = ["python", Path(sys.argv[0]).name, *(["--dry-run"] if arguments.dry_run else [])]
    command += ["--only", arguments.only] if arguments.only else []
    command += ["--output", arguments.output.name] if arguments.output else []
    return {
        "command": shlex.join(command),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "transformers": transformers.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    }


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry-run", action="store_true", help="tiny models on the CPU: saved tensors, no peaks")
    parser.add_argument("--only", metavar="MODEL", choices=[*MODELS], help=f"one model of {', '.join(MODELS)}")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the figures to this JSON file")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Runs every case, prints the tables and writes the JSON."""
    arguments = parse(argv)
    if not arguments.dry_run and not torch.cuda.is_available():
        print("measure_memory: no CUDA GPU is available; run with --dry-run", file=sys.stderr)
        return 2
    device = torch.device("cpu" if arguments.dry_run else "cuda")
    models = TINY_MODELS if arguments.dry_run else MODELS
    setups = [case for case in SETUPS if arguments.only in (None, case.model)]
    decodings = [case for case in DECODINGS if arguments.only in (None, case.model)]
    if arguments.dry_run:
        setups = [replace(case, batch_sizes=(1, 2), seq_len=32) for case in setups]
        decodings = [replace(case, batch_sizes=(1, 2), context=16) for case in decodings]

    began = time.perf_counter()
    facts = environment(arguments, device)
    training: list[TrainingRow] = []
    decoding: list[DecodingRow] = []

    def write() -> None:  # after every setup, so that a run that is cut short keeps what it has
        if arguments.output:
            figures = {"training": [asdict(row) for row in training], "decoding": [asdict(row) for row in decoding]}
            facts["seconds"] = round(time.perf_counter() - began, 1)
            arguments.output.write_text(json.dumps({"environment": facts, **figures}, indent=1) + "\n")

    for setup in setups:
        for row in train(setup, models[setup.model](setup.dropout), device):
            training.append(row)
            label = f"{row.model} {row.precision} {row.attention} batch {row.batch_size}"
            print(f"{label}: {row.seconds} s", file=sys.stderr)
        release(device)
        write()
    for case in decodings:
        decoding.extend(decode(case, models[case.model](0.0), device))
        release(device)
        write()

    print("\n".join(f"* {name}: {value}" for name, value in facts.items()))
    print("\n## Training steps\n\n" + markdown(training) + "\n\n## Decoding\n\n" + markdown(decoding))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
