"""Measures what autograd keeps of token mixers with the kernels that people train them with; needs no GPU.

The layers are those of transformers; the kernels those of flash-linear-attention, mlstm-kernels, mamba-ssm and
causal-conv1d. Their autograd functions allocate what they save before the kernels fill it, so the kernels need not run:
launches of Triton are left out, and the two extensions written in CUDA are replaced by what they allocate. The numbers
inside the tensors mean nothing; their shapes, types and storages are the real ones.

mamba-ssm and causal-conv1d build CUDA extensions when they are installed; here their unpacked source archives do.
measure_memory.py must lie beside it.

    python measure_mixers.py --sources DIR --output saved_mixers.json  # DIR holds mamba_ssm-* and causal_conv1d-*
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import sys
import types
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from measure_memory import SavedStorages
from torch import Tensor, nn
from triton.runtime.autotuner import Autotuner, Heuristics
from triton.runtime.jit import JITFunction

BATCH_SIZE = 2


def saved_bytes(module: nn.Module, stream: Tensor, *others: Any) -> int:
    """Bytes that a module saves for its backward pass, without its parameters and its input."""
    own = [*module.parameters(), *module.buffers(), stream]
    storages = SavedStorages({tensor.untyped_storage().data_ptr() for tensor in own})
    with torch.autograd.graph.saved_tensors_hooks(storages.pack, lambda tensor: tensor):
        module(stream, *others)
    return storages.n_bytes()


def leave_out_launches(sources: Path) -> None:
    """Makes the kernels importable without a GPU and their launches empty."""
    for launcher in (JITFunction, Autotuner, Heuristics):
        launcher.run = lambda *_, **__: None
    torch.cuda.device = lambda *_: nullcontext()
    nothing = dict.fromkeys(("causal_conv1d_fwd", "causal_conv1d_bwd", "causal_conv1d_update"), lambda *_: None)
    sys.modules["causal_conv1d_cuda"] = types.SimpleNamespace(**nothing)
    sys.modules["selective_scan_cuda"] = types.SimpleNamespace(fwd=scanned)
    for name in ("causal_conv1d", "mamba_ssm"):  # a package without its __init__, which imports whole models
        package = types.ModuleType(name)
        package.__path__ = [str(path) for path in sources.glob(f"{name}-*/{name}")]
        sys.modules[name] = package
    sys.modules["causal_conv1d"].causal_conv1d_fn = imported(
        "causal_conv1d.causal_conv1d_interface", "causal_conv1d_fn"
    )


def scanned(x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, z: Tensor | None, *_: Any) -> list:
    """What csrc/selective_scan/selective_scan.cpp of mamba-ssm 2.3.2 allocates: outputs, states of chunks of 2,048."""
    batch_size, d_inner, length = x.shape
    states = torch.empty(batch_size, d_inner, -(-length // 2048), 2 * A.shape[1], dtype=A.dtype)
    return [torch.empty_like(delta), states, *([] if z is None else [torch.empty_like(z)])]


def imported(module: str, name: str) -> Any:
    """An attribute of a module that can be imported only once the launches are left out."""
    return getattr(importlib.import_module(module), name)


def convolved(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str | None = None, **_: Any) -> Tensor:
    """The causal convolution by its kernel, called as transformers calls it."""
    return imported("causal_conv1d", "causal_conv1d_fn")(x, weight, bias, activation=activation)


def of_transformers(family: str, replaced: dict[str, Callable]) -> Any:
    """A module of transformers whose functions are replaced by kernels; each call by the parameters that it has."""
    module = importlib.import_module(f"transformers.models.{family}.modeling_{family}")
    for name, kernel in replaced.items():
        assert hasattr(module, name), (family, name)
        setattr(module, name, kernel)
    return module


# The mixers ----------------------------------------------------------------------------------------------------------


def gated_delta_net(dtype: torch.dtype, **inputs: int) -> nn.Module:
    """Of Qwen3.5."""
    module = of_transformers(
        "qwen3_5",
        {
            "causal_conv1d_fn": convolved,
            "torch_chunk_gated_delta_rule": imported("fla.ops.gated_delta_rule", "chunk_gated_delta_rule"),
        },
    )
    config = imported("transformers", "Qwen3_5TextConfig")(
        hidden_size=96,
        num_hidden_layers=1,
        layer_types=["linear_attention"],
        linear_num_key_heads=inputs["n_linear_key_heads"],
        linear_num_value_heads=inputs["n_linear_value_heads"],
        linear_key_head_dim=inputs["d_linear_key"],
        linear_value_head_dim=inputs["d_linear_value"],
    )
    mixer = module.Qwen3_5GatedDeltaNet(config, 0)
    mixer.norm = imported("fla.modules", "FusedRMSNormGated")(inputs["d_linear_value"])
    return mixer.to(dtype)


def kda(dtype: torch.dtype, **inputs: int) -> nn.Module:
    """Of Kimi Linear, whose heads are as wide as its gates' latent."""
    module = of_transformers(
        "kimi_linear",
        {"causal_conv1d_fn": convolved, "chunk_kimi_delta_attention": imported("fla.ops.kda", "chunk_kda")},
    )
    config = imported("transformers", "KimiLinearConfig")(
        hidden_size=96,
        num_hidden_layers=1,
        layer_types=["linear_attention"],
        linear_num_heads=inputs["n_linear_key_heads"],
        linear_head_dim=inputs["d_linear_key"],
    )
    mixer = module.KimiLinearDeltaAttention(config, 0)
    mixer.o_norm = imported("fla.modules", "FusedRMSNormGated")(inputs["d_linear_key"], activation="sigmoid")
    return mixer.to(dtype)


def lightning(dtype: torch.dtype, **inputs: int) -> nn.Module:
    """Of MiniMax-Text-01, its loop over blocks replaced by the kernel."""
    module = of_transformers("minimax", {})
    attend = imported("fla.ops.lightning_attn", "chunk_lightning_attn")

    class Lightning(module.MiniMaxLightningAttention):
        def forward(self, stream: Tensor) -> Tensor:
            batch_size, length, _ = stream.shape
            qkv = self.act_fn(self.qkv_proj(stream)).reshape(batch_size, length, self.num_attention_heads, -1)
            output, _ = attend(*torch.split(qkv, self.head_dim, dim=3), layer_idx=0, num_layers=2)
            output = self.norm(output.reshape(batch_size, length, -1))
            return self.out_proj(torch.sigmoid(self.output_gate(stream)) * output)

    config = imported("transformers", "MiniMaxConfig")(
        hidden_size=96,
        num_hidden_layers=2,
        layer_types=["linear_attention"] * 2,
        num_attention_heads=inputs["n_linear_key_heads"],
        head_dim=inputs["d_linear_key"],
    )
    return Lightning(config, 0).to(dtype)


def mlstm(dtype: torch.dtype, **inputs: int) -> nn.Module:
    """The kernel alone, on projections in its own layout."""
    kernel = imported("mlstm_kernels.torch.chunkwise.triton_xl_chunk", "mlstm_chunkwise__xl_chunk")
    n_heads, d_key, d_value = (inputs[name] for name in ("n_linear_key_heads", "d_linear_key", "d_linear_value"))

    class Mlstm(nn.Module):
        def forward(self, stream: Tensor) -> Tensor:
            def of_width(width: int, dtype: torch.dtype = dtype) -> Tensor:
                shape = (stream.shape[0], n_heads, stream.shape[1], width)
                return torch.zeros(shape, dtype=dtype, requires_grad=True)

            gates = (of_width(1, torch.float32)[..., 0] for _ in range(2))
            return kernel(of_width(d_key), of_width(d_key), of_width(d_value), *gates, chunk_size=64)

    return Mlstm()


def mamba_2(dtype: torch.dtype, **inputs: int) -> nn.Module:
    """Of Nemotron-H."""
    kernel = imported("mamba_ssm.ops.triton.ssd_combined", "mamba_split_conv1d_scan_combined")
    module = of_transformers("nemotron_h", {"mamba2_split_conv1d_scan_combined": kernel})
    config = imported("transformers", "NemotronHConfig")(
        hidden_size=96,
        layer_types=["mamba"],
        chunk_size=64,
        mamba_num_heads=inputs["n_ssm_heads"],
        mamba_head_dim=inputs["d_ssm_head"],
        ssm_state_size=inputs["d_state"],
        n_groups=inputs["n_ssm_groups"],
    )
    return module.NemotronHMamba2Mixer(config, 0).to(dtype)


def mamba_1(dtype: torch.dtype, **inputs: int) -> nn.Module:
    """Of Mamba."""
    kernel = imported("mamba_ssm.ops.selective_scan_interface", "mamba_inner_fn")
    module = of_transformers("mamba", {"mamba_inner_fn": kernel})
    config = imported("transformers", "MambaConfig")(
        hidden_size=96,
        num_hidden_layers=1,
        intermediate_size=inputs["d_ssm_head"],
        state_size=inputs["d_state"],
        time_step_rank=inputs["dt_rank"],
    )
    config.intermediate_size = inputs["d_ssm_head"]
    return module.MambaMixer(config, 0).to(dtype)


def mamba_1_with_norms(dtype: torch.dtype, **inputs: int) -> nn.Module:
    """Of Jamba."""
    scan = imported("mamba_ssm.ops.selective_scan_interface", "selective_scan_fn")

    def scan_as_called(*arguments: Tensor, use_mambapy: object = None, use_associative_scan: object = None, **named):
        return scan(*arguments, **named)

    module = of_transformers("jamba", {"causal_conv1d_fn": convolved, "mamba_selective_scan": scan_as_called})
    config = imported("transformers", "JambaConfig")(
        hidden_size=inputs["d_ssm_head"] // 2,
        num_hidden_layers=1,
        mamba_expand=2,
        mamba_d_state=inputs["d_state"],
        mamba_dt_rank=inputs["dt_rank"],
    )
    return module.JambaMambaMixer(config, 0).to(dtype)


def short_convolution(dtype: torch.dtype, **inputs: int) -> nn.Module:
    """Of LFM2, as wide as its stream."""
    module = of_transformers("lfm2", {"causal_conv1d_fn": convolved})
    config = imported("transformers", "Lfm2Config")(
        hidden_size=inputs["d_short_conv"], num_hidden_layers=1, layer_types=["conv"]
    )
    return module.Lfm2ShortConv(config, 0).to(dtype)


def rg_lru(dtype: torch.dtype, **inputs: int) -> nn.Module:
    """Of RecurrentGemma, in PyTorch."""
    module = of_transformers("recurrent_gemma", {})
    config = imported("transformers", "RecurrentGemmaConfig")(
        hidden_size=96, num_hidden_layers=1, lru_width=inputs["d_rnn"], num_attention_heads=inputs["n_rnn_blocks"]
    )
    block = module.RecurrentGemmaRecurrentBlock(config, 0)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = block

        def forward(self, stream: Tensor) -> Tensor:
            return self.block(stream, torch.arange(stream.shape[1])[None], None, use_cache=False)[0]

    return Block().to(dtype)


@dataclass(frozen=True)
class Case:
    """A mixer, lengths of its sequences, and its inputs as a spec says them."""

    mixer: Callable[..., nn.Module]
    lengths: tuple[int, ...]
    inputs: dict[str, int]
    d_model: int = 96


def linear(n_key: int, n_value: int, d_key: int, d_value: int) -> dict[str, int]:
    """Heads and widths of linear attention."""
    names = ("n_linear_key_heads", "n_linear_value_heads", "d_linear_key", "d_linear_value")
    return dict(zip(names, (n_key, n_value, d_key, d_value), strict=True))


def state_space(n_heads: int, d_head: int, d_state: int, **more: int) -> dict[str, int]:
    """Heads, widths and state of a state-space layer; Mamba-1 has one head."""
    return {"n_ssm_heads": n_heads, "d_ssm_head": d_head, "d_state": d_state} | more


CASES = (
    Case(gated_delta_net, (128, 320), linear(2, 4, 16, 32) | {"d_conv": 4}),
    Case(gated_delta_net, (192,), linear(3, 3, 32, 16) | {"d_conv": 4}),
    Case(kda, (128, 320), linear(3, 3, 32, 32) | {"d_conv": 4, "d_linear_gate": 32}),
    Case(kda, (192,), linear(2, 2, 64, 64) | {"d_conv": 4, "d_linear_gate": 64}),
    Case(lightning, (128, 320), linear(3, 3, 32, 32)),
    Case(lightning, (192,), linear(4, 4, 16, 16)),
    Case(mlstm, (128, 320), linear(3, 3, 32, 64)),
    Case(mamba_2, (128, 320), state_space(8, 16, 24, n_ssm_groups=2, d_conv=4)),
    Case(mamba_2, (192,), state_space(4, 32, 16, n_ssm_groups=4, d_conv=4)),
    Case(mamba_1, (128, 2304), state_space(1, 192, 24, dt_rank=6, d_conv=4)),
    Case(mamba_1_with_norms, (128, 2304), state_space(1, 192, 24, dt_rank=6, d_conv=4)),
    Case(mamba_1_with_norms, (128,), state_space(1, 256, 16, dt_rank=10, d_conv=4), d_model=128),
    Case(short_convolution, (128, 320), {"d_short_conv": 96, "d_conv": 3}),
    Case(rg_lru, (16, 40), {"d_rnn": 64, "n_rnn_blocks": 4, "d_conv": 4}),
)
PACKAGES = ("torch", "transformers", "flash-linear-attention", "mlstm_kernels")


def main() -> None:
    """Measures all cases in 16 and in 32 bits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=Path, required=True, help="folder of mamba_ssm-* and causal_conv1d-*")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    leave_out_launches(arguments.sources)
    rows = []
    for case in CASES:
        for length in case.lengths:
            for dtype in (torch.bfloat16, torch.float32):
                mixer = case.mixer(dtype, **case.inputs).train()
                stream = torch.zeros(BATCH_SIZE, length, case.d_model, dtype=dtype, requires_grad=True)
                rows.append(
                    {"mixer": case.mixer.__name__, "dtype": str(dtype).removeprefix("torch."), "inputs": case.inputs}
                    | {"batch_size": BATCH_SIZE, "context_length": length, "saved_bytes": saved_bytes(mixer, stream)}
                )  # fmt: skip
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    versions |= {folder.name: "source" for folder in sorted(arguments.sources.glob("*-*")) if folder.is_dir()}
    arguments.output.write_text(json.dumps({"made_with": versions, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
