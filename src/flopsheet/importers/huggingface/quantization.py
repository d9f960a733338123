"""How a checkpoint is quantised: the number format of its quantised weights, and what a reader is told of it."""

from __future__ import annotations

from typing import Any

from flopsheet.records import NamedTuple
from flopsheet.yamlio.source import Data

KEYS = ("quantization_config", "compression_config", "quantization")  # transformers, older files of vLLM, MLX
NOT_CONVERTED = ("modules_to_not_convert", "ignored_layers", "ignore", "exclude_modules", "llm_int8_skip_modules")
MOST_NAMED = 3  # modules that a remark names


class Format(NamedTuple):
    """The format of a spec, scales included, and what the checkpoint calls it."""

    weights: str
    called: str


METHODS = {
    "fp8": Format("fp8", "fp8"),
    "fbgemm_fp8": Format("fp8", "fp8"),
    "mxfp4": Format("mxfp4", "MXFP4"),
    "mxfp8": Format("mxfp8", "MXFP8"),
    "bitnet": Format("int4", "1.58-bit weights, which are stored in 2 bits"),
    "eetq": Format("int8", "int8"),
}
ALGORITHMS = {
    "NVFP4": Format("nvfp4", "NVFP4"),
    "NVFP4_AWQ": Format("nvfp4", "NVFP4"),
    "W4A16_NVFP4": Format("nvfp4", "NVFP4"),
    "MXFP4": Format("mxfp4", "MXFP4"),
    "MXFP8": Format("mxfp8", "MXFP8"),
    "FP8": Format("fp8", "fp8"),
    "FP8_PB_WO": Format("fp8", "fp8"),
    "W4A16_AWQ": Format("int4", "int4 (AWQ)"),
    "W4A8_AWQ": Format("int4", "int4 (AWQ)"),
    "INT4_AWQ": Format("int4", "int4 (AWQ)"),
}
BITS = {("int", "4"): "int4", ("int", "8"): "int8", ("float", "4"): "int4", ("float", "8"): "fp8"}


# Integers of 4 bits by the size of their groups: with scale and zero (AWQ, GPTQ), or with a 16-bit scale alone.
GROUPED = {128: "int4_g128", 32: "q4_0"}


def weights(said: Data) -> str:
    """The format of the quantised weights, scales included; empty where nobody can say how they are."""
    found = _format(said)
    if not found:
        return ""
    if found.weights == "fp8" and isinstance(said.get("weight_block_size"), list):
        return "fp8_block"
    return GROUPED.get(_group_size(said), found.weights) if found.weights == "int4" else found.weights


def _group_size(said: Data) -> int:
    """How many values share a scale; 0 where the file does not say."""
    groups = said.get("config_groups")
    listed = groups.values() if isinstance(groups, dict) else ()
    inner = [group.get("weights") for group in listed if isinstance(group, dict)]
    found = next((one["group_size"] for one in (*inner, said) if isinstance(one, dict) and "group_size" in one), 0)
    return found if isinstance(found, int) else 0


def modules(said: Data) -> list[str]:
    """The modules that are not quantised, as the file names them."""
    found: list[Any] = next((said[key] for key in NOT_CONVERTED if isinstance(said.get(key), list) and said[key]), [])
    return [name for name in found if isinstance(name, str)]


def remark(config: Data) -> str:
    """What the spec's one format says and leaves out; empty where nothing is quantised."""
    said = said_of(config)
    if not said:
        return ""
    found = _format(said)
    if not found and isinstance(said.get("quantized_layers"), dict):
        return "The checkpoint is quantised layer by layer; weights says the formats by part, scales included."
    if not found:
        return "How the checkpoint is quantised is not read; weights is one format for all parameters."
    group = said.get("group_size")
    blocks = f" in groups of {group}" if isinstance(group, int) and group > 0 else ""
    if isinstance(block := said.get("weight_block_size"), list):
        blocks = f" in blocks of {' × '.join(map(str, block))}"
    experts = f", experts in {said['expert_dtype']}" if isinstance(said.get("expert_dtype"), str) else ""
    kept = _kept(said)
    left = f" {kept}" if kept else " Norms, embeddings and the head are kept in 16 bits."
    return (
        f"The checkpoint is quantised: {found.called}{blocks}{experts}. weights says the formats by part, scales "
        f"included.{left}"
    )


def said_of(config: Data) -> Data:
    """What the file says of quantisation, that of a nested mapping on top."""
    said: Data = next((config[key] for key in KEYS if isinstance(config.get(key), dict) and config[key]), {})
    inner = said.get("quantization")
    merged = {**said, **inner} if isinstance(inner, dict) else said
    expert = config.get("expert_dtype")
    return merged if not merged or expert is None else {"expert_dtype": expert, **merged}


def _format(said: Data) -> Format | None:
    algorithm, method = str(said.get("quant_algo") or "").upper(), str(said.get("quant_method") or "").lower()
    if algorithm in ALGORITHMS:
        return ALGORITHMS[algorithm]
    if method in METHODS:
        return METHODS[method]
    if said.get("load_in_4bit"):
        kind = str(said.get("bnb_4bit_quant_type") or "4 bits")
        nf4 = "nf4_double" if said.get("bnb_4bit_use_double_quant") else "nf4"
        return Format(nf4 if kind == "nf4" else "int4", kind)
    if said.get("load_in_8bit"):
        return Format("int8", "int8")
    name = method.upper() if method in ("awq", "gptq", "hqq") else method
    groups = said.get("config_groups")
    for group in groups.values() if isinstance(groups, dict) else [said]:
        found = group.get("weights", group) if isinstance(group, dict) else {}
        if not isinstance(found, dict):
            continue
        bits, kind = str(found.get("num_bits") or found.get("bits")), str(found.get("type") or "int")
        if (kind, bits) in BITS:
            return Format(BITS[kind, bits], f"{'fp' if kind == 'float' else 'int'}{bits}{f' ({name})' if name else ''}")
    return None


def _kept(said: Data) -> str:
    """Which modules are not quantised."""
    names = modules(said)
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return f"Left in 16 bits: {', '.join(name[:40] for name in names[:MOST_NAMED])}{more}."
