"""Figures that were published or counted elsewhere: of which spec, model and context length, and who says so."""

from __future__ import annotations

from dataclasses import dataclass

from flopsheet.api import Report
from flopsheet.catalog import load_catalog
from flopsheet.pipeline.tables import Table


@dataclass(frozen=True)
class Figure:
    """One number; `tolerance` is half a unit of its last published digit, 0 where every digit is published."""

    spec: str
    model: str
    context_length: int | None
    metric: str
    expected: float
    tolerance: float = 0
    source: str = ""

    @property
    def grain(self) -> str:
        return load_catalog().metrics[self.metric].grain

    def agrees(self, value: float) -> bool:
        return abs(value - self.expected) <= self.tolerance

    def row(self, table: Table) -> int:
        """Where the number stands in the table of its grain; every model of the figures has one layer group."""
        wanted = {"model": self.model, "context_length": self.context_length}
        names = [name for name in table.key_names if name in wanted]
        keys = [dict(zip(table.key_names, key, strict=True)) for key in table.keys]
        return [[key[name] for name in names] for key in keys].index([wanted[name] for name in names])


def live_cell(report: Report, figure: Figure) -> tuple[str, str]:
    """The sheet and the address of the cell in which the workbook computes a figure."""
    cell_ref = report.cells(figure.metric)[figure.row(report.values.tables[figure.grain])]
    return cell_ref.sheet, cell_ref.address


REPORT = "published report"  # what specs/gpt2.yaml reproduces: three FFN matrices in the parameters, two in the FLOPs
LATER = "published, later edition"  # what specs/gpt2-swiglu.yaml reproduces: f = 8·D/3 rounded to 64
COUNTED = "torch.utils.flop_counter, truth/cs336.json"
PER_LAYER = "published report, per layer × 48 layers"

SMALL, MEDIUM, LARGE, XL, TIED = "gpt2-small", "gpt2-medium", "gpt2-large", "gpt2-xl", "gpt2-xl-tied"

FIGURES = [
    # Parameters of the XL model
    Figure("gpt2", XL, None, "n_params_token_embedding", 80_411_200, 0, REPORT),
    Figure("gpt2", XL, None, "n_params_layer_attention", 10_240_000, 0, REPORT),
    Figure("gpt2", XL, None, "n_params_layer_ffn", 30_720_000, 0, REPORT),
    Figure("gpt2", XL, None, "n_params_layer_norms", 3_200, 0, REPORT),
    Figure("gpt2", XL, None, "n_params_layer", 40_963_200, 0, REPORT),
    Figure("gpt2", XL, None, "n_params_layers", 1_966_233_600, 0, REPORT),
    Figure("gpt2", XL, None, "n_params_final_norm", 1_600, 0, REPORT),
    Figure("gpt2", XL, None, "n_params_lm_head", 80_411_200, 0, REPORT),
    Figure("gpt2", XL, None, "n_params", 2_127_057_600, 0, REPORT),
    Figure("gpt2", XL, None, "weight_bytes", 8_508_230_400, 0, REPORT),
    Figure("gpt2", XL, None, "weight_bytes_fp32", 8_508_230_400, 0, REPORT),
    Figure("gpt2", XL, None, "weight_gb", 8.51, 0.005, REPORT),
    Figure("gpt2", XL, None, "weight_gib", 7.92, 0.005, REPORT),
    Figure("gpt2", XL, None, "tying_saves_params", 80_411_200, 0, REPORT),
    Figure("gpt2", XL, None, "tying_saves_gb", 0.32, 0.005, REPORT),
    Figure("gpt2", XL, None, "n_params_if_tied", 2_127_057_600 - 80_411_200, 0, REPORT),
    Figure("gpt2", TIED, None, "n_params", 2_127_057_600 - 80_411_200, 0, REPORT),
    Figure("gpt2", TIED, None, "n_params_lm_head", 0, 0, REPORT),
    # Forward pass of the XL model, matmul by matmul
    Figure("gpt2", XL, 1024, "flops_q_projection", 48 * 2 * 1024 * 1600**2, 0, PER_LAYER + ": 2SD²"),
    Figure("gpt2", XL, 1024, "flops_k_projection", 48 * 2 * 1024 * 1600**2, 0, PER_LAYER + ": 2SD²"),
    Figure("gpt2", XL, 1024, "flops_v_projection", 48 * 2 * 1024 * 1600**2, 0, PER_LAYER + ": 2SD²"),
    Figure("gpt2", XL, 1024, "flops_o_projection", 48 * 2 * 1024 * 1600**2, 0, PER_LAYER + ": 2SD²"),
    Figure("gpt2", XL, 1024, "flops_qk_product", 48 * 2 * 1024**2 * 1600, 0, PER_LAYER + ": 2S²D"),
    Figure("gpt2", XL, 1024, "flops_pv_product", 48 * 2 * 1024**2 * 1600, 0, PER_LAYER + ": 2S²D"),
    Figure("gpt2", XL, 1024, "flops_ffn_expand", 48 * 2 * 1024 * 1600 * 6400, 0, PER_LAYER + ": 2SDf"),
    Figure("gpt2", XL, 1024, "flops_ffn_contract", 48 * 2 * 1024 * 1600 * 6400, 0, PER_LAYER + ": 2SDf"),
    Figure("gpt2", XL, 1024, "flops_ffn_gate", 0, 0, REPORT + ": two FFN matmuls counted"),
    Figure("gpt2", XL, 1024, "flops_layer", 69_625_446_400, 0, REPORT),
    Figure("gpt2", XL, 1024, "flops_layers", 3_342_021_427_200, 0, REPORT),
    Figure("gpt2", XL, 1024, "flops_lm_head", 164_682_137_600, 0, REPORT),
    # Forward pass of the family at 1,024 tokens
    Figure("gpt2", SMALL, 1024, "flops_forward", 291_648_307_200, 0, REPORT),
    Figure("gpt2", MEDIUM, 1024, "flops_forward", 826_951_073_792, 0, REPORT),
    Figure("gpt2", LARGE, 1024, "flops_forward", 1_774_570_700_800, 0, REPORT),
    Figure("gpt2", XL, 1024, "flops_forward", 3_506_703_564_800, 0, REPORT),
    Figure("gpt2", TIED, 1024, "flops_forward", 3_506_703_564_800, 0, REPORT + ": the head is computed, tied or not"),
    Figure("gpt2", SMALL, 1024, "tflop_forward", 0.292, 0.0005, REPORT),
    Figure("gpt2", MEDIUM, 1024, "tflop_forward", 0.827, 0.0005, REPORT),
    Figure("gpt2", LARGE, 1024, "tflop_forward", 1.775, 0.0005, REPORT),
    Figure("gpt2", XL, 1024, "tflop_forward", 3.507, 0.0005, REPORT),
    Figure("gpt2", SMALL, 1024, "share_ffn", 0.3976, 0.00005, REPORT),
    Figure("gpt2", MEDIUM, 1024, "share_ffn", 0.4986, 0.00005, REPORT),
    Figure("gpt2", LARGE, 1024, "share_ffn", 0.5446, 0.00005, REPORT),
    Figure("gpt2", XL, 1024, "share_ffn", 0.5741, 0.00005, REPORT),
    Figure("gpt2", SMALL, 1024, "share_attention_projections", 0.1988, 0.00005, REPORT),
    Figure("gpt2", MEDIUM, 1024, "share_attention_projections", 0.2493, 0.00005, REPORT),
    Figure("gpt2", LARGE, 1024, "share_attention_projections", 0.2723, 0.00005, REPORT),
    Figure("gpt2", XL, 1024, "share_attention_projections", 0.2871, 0.00005, REPORT),
    Figure("gpt2", SMALL, 1024, "share_attention_scores", 0.1325, 0.00005, REPORT),
    Figure("gpt2", MEDIUM, 1024, "share_attention_scores", 0.1246, 0.00005, REPORT),
    Figure("gpt2", LARGE, 1024, "share_attention_scores", 0.1089, 0.00005, REPORT),
    Figure("gpt2", XL, 1024, "share_attention_scores", 0.0919, 0.00005, REPORT),
    Figure("gpt2", SMALL, 1024, "share_lm_head", 0.2710, 0.00005, REPORT),
    Figure("gpt2", MEDIUM, 1024, "share_lm_head", 0.1275, 0.00005, REPORT),
    Figure("gpt2", LARGE, 1024, "share_lm_head", 0.0742, 0.00005, REPORT),
    Figure("gpt2", XL, 1024, "share_lm_head", 0.0470, 0.00005, REPORT),
    # XL at 16,384 tokens
    Figure("gpt2", XL, 16384, "flops_forward", 133_416_668_364_800, 0, REPORT),
    Figure("gpt2", XL, 16384, "flops_ratio", 38.0, 0.05, REPORT),
    Figure("gpt2", XL, 16384, "flops_ratio", 38.05, 0.005, "by hand: 133,416,668,364,800 / 3,506,703,564,800"),
    Figure("gpt2", XL, 16384, "share_attention_scores", 0.618, 0.0005, REPORT),
    Figure("gpt2", XL, 16384, "share_ffn", 0.241, 0.0005, REPORT),
    Figure("gpt2", XL, 16384, "share_attention_projections", 0.121, 0.0005, REPORT),
    Figure("gpt2", XL, 16384, "share_lm_head", 0.020, 0.0005, REPORT),
    # The consistent count beside the published one
    Figure("gpt2", SMALL, 1024, "flops_forward_architecture", 349_630_365_696, 0, COUNTED),
    Figure("gpt2", MEDIUM, 1024, "flops_forward_architecture", 1_033_109_504_000, 0, COUNTED),
    Figure("gpt2", LARGE, 1024, "flops_forward_architecture", 2_257_754_521_600, 0, COUNTED),
    Figure("gpt2", XL, 1024, "flops_forward_architecture", 4_513_336_524_800, 0, COUNTED),
    Figure("gpt2", XL, 16384, "flops_forward_architecture", 149_522_795_724_800, 0, COUNTED),
    # Crossovers of the XL model with two FFN matmuls, f 6400: k·f/2, (k·f − 4D)/2, (k·f + 4D)/2
    Figure("gpt2", XL, None, "crossover_ffn", 6_400, 0, "by hand: 2·6400/2"),
    Figure("gpt2", XL, None, "crossover_attention", 3_200, 0, "by hand: (2·6400 − 4·1600)/2"),
    Figure("gpt2", XL, None, "crossover_block", 9_600, 0, "by hand: (2·6400 + 4·1600)/2"),
    # The later edition
    Figure("gpt2-swiglu", SMALL, None, "n_params", 162_148_608, 0, LATER),
    Figure("gpt2-swiglu", MEDIUM, None, "n_params", 406_539_264, 0, LATER),
    Figure("gpt2-swiglu", LARGE, None, "n_params", 833_591_040, 0, LATER),
    Figure("gpt2-swiglu", XL, None, "n_params", 1_640_452_800, 0, LATER),
    Figure("gpt2-swiglu", SMALL, 1024, "flops_forward", 291_648_307_200, 0, LATER),
    Figure("gpt2-swiglu", MEDIUM, 1024, "flops_forward", 830_172_299_264, 0, LATER),
    Figure("gpt2-swiglu", LARGE, 1024, "flops_forward", 1_768_530_903_040, 0, LATER),
    Figure("gpt2-swiglu", XL, 1024, "flops_forward", 3_516_769_894_400, 0, LATER),
    Figure("gpt2-swiglu", XL, 16384, "flops_forward", 133_577_729_638_400, 0, LATER),
    # Its components: the small model cannot tell 3·2048 from 2·3072, medium and XL can
    Figure("gpt2-swiglu", MEDIUM, 1024, "flops_ffn", 415_538_085_888, 0, "by hand: 24·3·2·1024·1024·2752"),
    Figure(
        "gpt2-swiglu", MEDIUM, 1024, "flops_attention_projections", 206_158_430_208, 0, "by hand: 24·4·2·1024·1024²"
    ),
    Figure("gpt2-swiglu", MEDIUM, 1024, "flops_attention_scores", 103_079_215_104, 0, "by hand: 24·2·2·1024²·1024"),
    Figure("gpt2-swiglu", MEDIUM, 1024, "flops_lm_head", 105_396_568_064, 0, "by hand: 2·1024·1024·50257"),
    Figure("gpt2-swiglu", XL, 1024, "flops_ffn", 2_023_332_249_600, 0, "by hand: 48·3·2·1024·1600·4288"),
    Figure("gpt2-swiglu", XL, 1024, "flops_ffn_gate", 674_444_083_200, 0, "by hand: 48·2·1024·1600·4288"),
    Figure("gpt2-swiglu", XL, 1024, "flops_attention_projections", 1_006_632_960_000, 0, "by hand: 48·4·2·1024·1600²"),
    Figure("gpt2-swiglu", XL, 1024, "flops_attention_scores", 322_122_547_200, 0, "by hand: 48·2·2·1024²·1600"),
    Figure("gpt2-swiglu", XL, 1024, "flops_lm_head", 164_682_137_600, 0, REPORT),
]
