"""Training runs give what papers, model reports and the AdamW exercise published."""

from __future__ import annotations

import pytest

from studies import SPECS, frames_of

GIB = 2**30

# Narayanan et al. 2021 (arXiv:2104.04473) and Korthikanti et al. 2022 (arXiv:2205.05198): GPT, V 51,200, S 2,048.
GPT = {"vocab_size": 51200, "ffn": "gelu", "d_ff": "4 * d_model", "norm": "layernorm", "tie_embeddings": True,
       "positions": "learned", "max_positions": 2048, "qkv_bias": True, "o_bias": True, "ffn_bias": True}  # fmt: skip

GPT_22B = GPT | {"n_layers": 48, "d_model": 6144, "n_heads": 64}
GPT_175B = GPT | {"n_layers": 96, "d_model": 12288, "n_heads": 96}


def frames(model, devices=None, conventions=None, **runs):
    """The frames of a study of one model `m` and some training runs of it."""
    base = {"model": "m", "hardware": "a100-80gb", "context_length": 2048}
    training = {name.replace("_", "-"): base | run for name, run in runs.items()}
    spec = {"version": 1, "context_lengths": [2048], "models": {"m": model}, "training": training}
    return frames_of(spec | {"hardware": devices or {}, "conventions": conventions or {}})


def run_of(model, devices=None, conventions=None, **run):
    """One training run as a row."""
    return frames(model, devices, conventions, run=run)["training_run"].loc["run"]


# Korthikanti et al. 2022, figure 1: GiB per device -------------------------------------------------------------------

OF_22B = {"tensor_parallel": 8, "n_devices": 8, "micro_batch_size": 4, "global_batch_size": 4}
OF_175B = {"tensor_parallel": 8, "pipeline_parallel": 8, "virtual_stages": 3, "n_devices": 64, "global_batch_size": 64}
PUBLISHED = {"activation_method": "korthikanti", "attention_kernel": "eager", "gradients": "fp32"}
SAVING = {"sequence_parallel": True, "recomputation": "selective"}


@pytest.mark.parametrize(
    ("model", "layout", "states", "plain", "saving"),
    [(GPT_22B, OF_22B, 45.5625, 59.25, 9.5625), (GPT_175B, OF_175B, 45.5625, 66.84375, 12.3515625)],
    ids=["22B", "175B"],
)
def test_states_and_activations_are_those_of_korthikanti_figure_1(model, layout, states, plain, saving):
    found = frames(model, plain=layout | PUBLISHED, saving=layout | PUBLISHED | SAVING)["training_run"]
    activations = found["micro_batch_size"] * found["activation_bytes_first"] / GIB
    assert [activations["plain"], activations["saving"]] == [plain, saving]  # exact: sums of powers of two
    assert (found["layer_state_bytes"] / GIB).tolist() == [states, states]


def of_table_2(s, b, h, a, t):
    """Bytes of one layer, Korthikanti et al. 2022, table 2, row by row."""
    return {
        "tensor": (s * b * h * (10 + 24 / t + 5 * a * s / (h * t)), {}),
        "tensor and sequence": (s * b * h / t * (34 + 5 * a * s / h), {"sequence_parallel": True}),
        "tensor and selective": (s * b * h * (10 + 24 / t), {"recomputation": "selective"}),
        "all three": (s * b * h * 34 / t, SAVING),
        "full": (s * b * h * 2, {"recomputation": "full"}),
    }


TENSORS, ROWS = [1, 2, 8], [*of_table_2(1, 1, 1, 1, 1)]


@pytest.fixture(scope="module")
def table_2():
    """The layers of a run for each row and each tensor-parallel size."""
    runs = {}
    for tensor in TENSORS:
        layout = {"tensor_parallel": tensor, "n_devices": tensor, "micro_batch_size": 4}
        for row, (_, run) in of_table_2(2048, 4, 6144, 64, tensor).items():
            runs[f"{row} {tensor}"] = layout | PUBLISHED | run
    return frames(GPT_22B, **runs)["training_layer"]


@pytest.mark.parametrize("tensor", TENSORS)
@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_korthikanti_table_2_comes_out(row, tensor, table_2):
    expected, _ = of_table_2(2048, 4, 6144, 64, tensor)[row]
    layer = table_2.loc[f"{row} {tensor}"].iloc[0]
    assert 4 * layer["activation_bytes_layer"] == pytest.approx(expected, rel=1e-12)


def test_a_plain_pipeline_holds_the_activations_of_all_layers_on_its_first_stage():
    # Korthikanti et al. 2022, section 4.2.3: p micro-batches of L/p layers.
    layout = OF_175B | PUBLISHED | {"virtual_stages": 1}
    found = run_of(GPT_175B, **layout)
    layer = of_table_2(2048, 1, 12288, 96, 8)["tensor"][0]
    assert [found["activation_bytes_first"], found["activation_bytes_last"]] == [96 * layer, 96 / 8 * layer]


def test_no_more_micro_batches_are_in_flight_than_there_are():
    # The schedule of Narayanan et al. 2021, figure 4, with m below what would fill it.
    few = frames(
        GPT_175B,
        plain=OF_175B | {"virtual_stages": 1, "global_batch_size": 3},
        interleaved=OF_175B | {"global_batch_size": 8},
    )["training_run"]
    assert few["in_flight_first"].tolist() == [3, 8]


# ZeRO and the bytes of optimizers ------------------------------------------------------------------------------------

# Exactly 7.5 billion parameters: 600 layers of 4·1000² + 2·1000·4000 and a tied table of 300,000 · 1000.
OF_7_5B = {
    "n_layers": 600, "d_model": 1000, "n_heads": 10, "d_ff": 4000, "ffn": "gelu", "vocab_size": 300_000,
    "tie_embeddings": True, "n_norms": 0, "final_norm": False,
}  # fmt: skip

STATES = ["weight_bytes_device", "gradient_bytes_device", "master_weight_bytes_device", "optimizer_bytes_device"]


@pytest.mark.parametrize(
    ("stage", "published", "bytes_each"),
    [(0, 120, 16), (1, 31.4, 4 + 12 / 64), (2, 16.6, 2 + 14 / 64), (3, 1.9, 16 / 64)],
)
def test_the_states_of_7_5_billion_parameters_on_64_devices_are_those_of_zero_figure_1(stage, published, bytes_each):
    # Rajbhandari et al. 2020, arXiv:1910.02054, figure 1; GB to one decimal.
    found = run_of(OF_7_5B, n_devices=64, zero_stage=stage)
    assert found[STATES].sum() / 1e9 == pytest.approx(published, abs=0.05)
    assert [found["bytes_per_param"], found[STATES].sum()] == [bytes_each, bytes_each * 7.5e9]


@pytest.mark.parametrize(
    ("optimizer", "precision", "gradients", "weights", "of_gradients", "master", "moments"),
    [
        ("adamw", "mixed_bf16", "as_weights", 2, 2, 4, 8),  # 16: Rajbhandari et al. 2020, section 3.1
        ("adamw", "mixed_fp16", "as_weights", 2, 2, 4, 8),
        ("adamw", "mixed_bf16", "fp32", 2, 4, 4, 8),  # 18: Megatron-LM, Korthikanti et al. 2022
        ("adamw", "fp32", "as_weights", 4, 4, 0, 8),  # 16
        ("adamw", "tf32", "as_weights", 4, 4, 0, 8),
        ("adamw", "pure_bf16", "as_weights", 2, 2, 0, 4),
        ("adamw_8bit", "mixed_bf16", "as_weights", 2, 2, 4, 2),  # Dettmers et al. 2022, arXiv:2110.02861
        ("sgd_momentum", "fp32", "as_weights", 4, 4, 0, 4),
        ("lion", "fp32", "as_weights", 4, 4, 0, 4),  # Chen et al. 2023, arXiv:2302.06675
        ("adafactor", "fp32", "as_weights", 4, 4, 0, 4),  # with momentum; Shazeer and Stern 2018, arXiv:1804.04235
    ],
)
def test_a_parameter_takes_the_bytes_that_its_optimizer_needs(
    optimizer, precision, gradients, weights, of_gradients, master, moments
):
    found = run_of(OF_7_5B, optimizer=optimizer, precision=precision, gradients=gradients)
    each = (found[STATES] / 7.5e9).tolist()
    assert each == [weights, of_gradients, master, moments]
    assert found["bytes_per_param"] == sum(each)


def test_muon_keeps_one_moment_for_matrices_and_two_for_the_rest():
    # Jordan et al. 2024: AdamW on embeddings, norms and head. 7.2 of 7.5 billion are matrices of layers.
    found = run_of(OF_7_5B, optimizer="muon", precision="fp32")
    assert found["optimizer_bytes_device"] == 4 * 7.2e9 + 8 * 0.3e9


def test_muon_treats_an_untied_head_norms_biases_and_routers_as_adamw_does():
    model = {"n_layers": 1, "d_model": 8, "n_heads": 2, "ffn": "swiglu", "d_ff": 0, "vocab_size": 10, "qkv_bias": True,
             "n_experts": 4, "n_active_experts": 2, "d_expert": 3}  # fmt: skip
    matrices = 4 * 8 * 8 + 4 * 3 * 8 * 3
    others = 2 * 10 * 8 + 3 * 8 + 3 * 8 + 8 * 4  # both tables, three norms, three biases, router
    assert run_of(model, optimizer="muon", precision="fp32")["optimizer_bytes_device"] == 4 * matrices + 8 * others


def test_gradients_are_exchanged_whole_whatever_zero_leaves_on_a_device():
    # Rajbhandari et al. 2020, section 7: ZeRO 1 and 2 send what data parallelism sends. A ring sends 2(n−1)/n of
    # the gradients and receives as much; the link's figure is both directions together.
    link = {"link": {"extends": "a100-80gb", "link_bandwidth": 600e9, "n_devices_per_node": 64}}
    each = {f"zero-{stage}": {"n_devices": 64, "zero_stage": stage, "hardware": "link"} for stage in range(4)}
    found = frames(OF_7_5B, link, **each)["training_run"]["gradient_exchange_seconds"]
    assert found.tolist() == pytest.approx([4 * 63 / 64 * 2 * 7.5e9 / 600e9] * 4, rel=1e-12)


# Devices of tensor parallelism and in all -> bytes per second, one way, by hand; a node has 8 A100 with 300 GB/s one
# way each and a card of 25 GB/s each: 2 · (n − 1) / n of 2 · 7.5e9 bytes go over it.
@pytest.mark.parametrize(
    ("tensor_parallel", "n_devices", "bandwidth"),
    [(1, 8, 300e9), (1, 16, 200e9), (2, 8, 300e9), (2, 64, 100e9), (5, 40, 25e9), (10, 40, 25e9)],
)
def test_a_group_that_crosses_the_node_exchanges_over_the_network(tensor_parallel, n_devices, bandwidth):
    layout = {"tensor_parallel": tensor_parallel, "n_devices": n_devices, "hardware": "a100-80gb"}
    run = frames(OF_7_5B, {}, run=layout)["training_run"].loc["run"]
    n = n_devices / tensor_parallel
    each = 2 * run["n_params_device"]
    assert run["gradient_exchange_seconds"] == pytest.approx(2 * (n - 1) / n * each / bandwidth, rel=1e-12)


def test_llama_3_70b_on_512_h100_exchanges_its_gradients_in_a_third_of_a_second():
    # By hand: 70.55e9 / (8 · 4) fp32 gradients of the fullest stage, about twice 8.9e9 bytes over 50 GB/s a device.
    run = frames_of(SPECS / "llama3-70b-512xh100.yaml")["training_run"].loc["pretraining"]
    assert run["gradient_exchange_seconds"] == pytest.approx(0.34, abs=0.005)


GPT_530B = GPT | {"n_layers": 105, "d_model": 20480, "n_heads": 128}
GPT_1T = GPT | {"n_layers": 128, "d_model": 25600, "n_heads": 160}
OF_530B = OF_175B | {"pipeline_parallel": 35, "n_devices": 280, "global_batch_size": 280}
OF_1T = OF_175B | {"pipeline_parallel": 64, "virtual_stages": 1, "n_devices": 512, "global_batch_size": 512}


# MFU and HFU ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "layout", "seconds", "mfu", "hfu"),
    [
        (GPT_22B, OF_22B, 1.10, 41.5, 43.7),
        (GPT_175B, OF_175B, 13.75, 51.4, 52.8),
        (GPT_530B, OF_530B, 37.83, 56.0, 57.0),
        (GPT_1T, OF_1T, 71.49, 56.3, 57.0),
    ],
    ids=["22B", "175B", "530B", "1T"],
)
def test_mfu_and_hfu_are_those_of_the_megatron_readme(model, layout, seconds, mfu, hfu):
    # Megatron-LM README and Korthikanti et al. 2022, table 5: seconds of an iteration, on 8, 64, 280 and 512 A100;
    # ± 0.3 points, since the times have two decimals. Their HFU is by 72·B·L·S·D²(1 + S/(3D) + V/(12·D·L)), which
    # charges the scores with a second forward and a second backward pass; only the forward pass is run again, so that
    # `hfu_one_forward` is smaller.
    measured = f"global_batch_size * context_length / {seconds}"
    found = run_of(model, **(layout | SAVING), measured_tokens_per_second=measured)
    assert (100 * found[["mfu", "hfu"]]).tolist() == pytest.approx([mfu, hfu], abs=0.3)
    assert found["mfu"] < found["hfu_one_forward"] < found["hfu"]
    assert found["seconds_per_step"] == pytest.approx(seconds, rel=1e-12)


def test_mfu_is_that_of_palm_with_and_without_attention():
    # Chowdhery et al. 2022, arXiv:2204.02311, table 3 and appendix B: 540.35e9 parameters, 238.3K tokens/s on 6,144
    # TPU v4; to one decimal.
    palm = {"n_layers": 118, "d_model": 18432, "n_heads": 48, "n_kv_heads": 1, "d_head": 256, "d_ff": "4 * d_model",
            "ffn": "swiglu", "vocab_size": 256_000, "tie_embeddings": True, "n_norms": 1}  # fmt: skip
    run = {"n_devices": 6144, "hardware": "tpu-v4", "measured_tokens_per_second": 238_300, "global_batch_size": 6144}
    found = frames(palm, run=run)
    assert found["model"]["n_params"]["m"] == pytest.approx(540.35e9, rel=1e-4)
    mfu = 100 * found["training_run"].loc["run", ["mfu", "mfu_without_attention"]]
    assert mfu.tolist() == pytest.approx([46.2, 45.7], abs=0.05)


def test_time_from_an_assumed_mfu_gives_that_mfu_back():
    found = run_of(GPT_22B, **OF_22B, assumed_mfu=0.37)
    assert found["mfu"] == pytest.approx(0.37, rel=1e-12)


# FLOPs ---------------------------------------------------------------------------------------------------------------


def test_a_step_of_llama_2_7b_has_the_flops_that_maxtext_counts():
    # MaxText's test of its own TFLOP calculator: B 4, S 256; weights 40.593883398144, attention 0.412316860416.
    run = {"model": "llama-2-7b", "context_length": 256, "micro_batch_size": 4}
    found = frames({"model": "llama-2-7b"}, run=run | {"model": "m"})
    assert found["training_run"].loc["run", "flops_step"] == 40_593_883_398_144 + 412_316_860_416


@pytest.mark.parametrize(
    ("model", "tokens", "published", "digit"),
    [
        # Brown et al. 2020, arXiv:2005.14165, table D.1.
        (GPT_175B | {"vocab_size": 50257}, 300e9, 3.14e23, 0.005e23),
        # Llama team 2024, arXiv:2407.21783, section 3.2: 3.8 × 10²⁵ for 15.6 T tokens.
        ({"model": "llama-3-70b", "n_layers": 126, "d_model": 16384, "n_heads": 128, "d_head": 128, "d_ff": 53248},
         15.6e12, 3.8e25, 0.05e25),
    ],
    ids=["gpt-3", "llama-3.1-405b"],
)  # fmt: skip
def test_6n_per_token_gives_the_published_training_flops(model, tokens, published, digit):
    assert run_of(model, n_tokens=tokens)["flops_run_6n"] == pytest.approx(published, abs=digit)


@pytest.mark.parametrize(("recomputation", "coefficient", "head"), [("none", 72, 12), ("full", 96, 16)])
def test_flops_of_a_step_are_megatrons_formula(recomputation, coefficient, head):
    # Narayanan et al. 2021, arXiv:2104.04473, equation 3: 96·B·S·L·D²(1 + S/(6D) + V/(16·L·D)) with recomputation.
    L, D, S, V, B = 96, 12288, 2048, 51200, 1536
    run = {"recomputation": recomputation, "global_batch_size": B}
    expected = coefficient * B * S * L * D**2 * (1 + S / (6 * D) + V / (head * L * D))
    assert run_of(GPT_175B, **run)["flops_step_hardware"] == pytest.approx(expected, rel=1e-12)


def test_gpt_3_takes_34_days_on_1024_a100_at_140_tflops_each():
    # Narayanan et al. 2021, section 5.1: 140 TFLOP/s per GPU count the recomputed forward pass, so they are hardware
    # FLOPs; 300 billion tokens, batch 1,536.
    hardware = "96 * 96 * 12288^2 * (1 + 2048 / (6 * 12288) + 51200 / (16 * 96 * 12288))"
    run = {"n_devices": 1024, "tensor_parallel": 8, "pipeline_parallel": 16, "global_batch_size": 1536,
           "recomputation": "full", "n_tokens": 300e9,
           "measured_tokens_per_second": f"1024 * 140e12 / ({hardware})"}  # fmt: skip
    found = run_of(GPT_175B, **run)
    # They estimate 8·tokens·N / (devices · 140e12), which leaves out attention and the head, 2.5 % here.
    assert 8 / 6 * found["flops_run_6n"] / (1024 * 140e12) / 86400 == pytest.approx(34, abs=0.5)
    assert found["days"] == pytest.approx(34, rel=0.025)
    assert found["hfu"] * 312 == pytest.approx(140, rel=1e-9)


@pytest.mark.parametrize(("recomputation", "extra"), [("none", 0), ("selective", 1), ("full", 2)])
def test_recomputation_adds_the_forward_pass_of_the_blocks_or_of_the_scores(recomputation, extra):
    L, D, S, V = 48, 6144, 2048, 51200
    scores, head = L * 4 * S * S * D, 2 * S * D * V
    blocks = L * 24 * S * D * D + scores
    again = [0, scores, blocks][extra]
    found = run_of(GPT_22B, recomputation=recomputation)
    assert found["flops_step"] == 3 * (blocks + head)
    assert found["flops_step_hardware"] == 3 * (blocks + head) + again


def test_the_bubble_is_p_minus_1_over_m_times_v():
    # Narayanan et al. 2021, sections 2.2.1 and 2.2.2; p 8, m 64, v 3.
    found = run_of(GPT_175B, **OF_175B)
    assert found[["bubble_of_ideal", "bubble_share"]].tolist() == [7 / (64 * 3), 7 / (7 + 64 * 3)]


@pytest.mark.parametrize(
    ("convention", "metric", "days"),
    [("full", "flops_run", 412), ("causal_half", "flops_run", 385), ("full", "flops_run_6n", 363)],
)
def test_llama_3_70b_takes_the_published_days_under_each_way_of_counting(convention, metric, days):
    # 15 T tokens on 512 H100 at 989.4 TFLOP/s and 40 % MFU; whole days.
    run = {"hardware": "h100-sxm", "n_devices": 512, "n_tokens": 15e12, "context_length": 8192, "assumed_mfu": 0.4}
    found = run_of({"model": "llama-3-70b"}, None, {"attention_pairs": convention}, **run)
    assert found[metric] / (512 * 989.4e12 * 0.4) / 86400 == pytest.approx(days, abs=0.5)
    if metric == "flops_run":
        assert found["days"] == pytest.approx(days, abs=0.5)


# Energy --------------------------------------------------------------------------------------------------------------

# Patterson et al. 2021, arXiv:2104.10350, table 4.
V100 = {"v100-330w": {"extends": "v100", "power_watts": 330}}
TPU_V3 = {"tpu-v3": {"peak_flops_bf16": 123e12, "memory_bytes": 32e9, "memory_bandwidth": 0.9e12, "power_watts": 310}}


@pytest.mark.parametrize(
    ("hardware", "precision", "devices", "days", "pue", "carbon", "mwh", "tonnes"),
    [
        (V100, "mixed_fp16", 10_000, 14.8, 1.10, 0.429, 1287, 552),
        (TPU_V3, "mixed_bf16", 512, 20, 1.12, 0.545, 85.7, 46.7),
    ],
    ids=["gpt-3", "t5"],
)
def test_energy_is_the_published_one(hardware, precision, devices, days, pue, carbon, mwh, tonnes):
    run = {"n_devices": devices, "hardware": next(iter(hardware)), "precision": precision, "n_tokens": 300e9,
           "pue": pue, "grid_carbon": carbon,
           "measured_tokens_per_second": f"n_tokens / ({days} * 24 * 3600)"}  # fmt: skip
    found = run_of(GPT_22B, hardware, **run)
    assert found["days"] == pytest.approx(days, rel=1e-12)
    assert found["device_hours"] == pytest.approx(devices * days * 24, rel=1e-12)
    # 1,287 and 85.7 MWh, 552.1 and 46.7 t CO₂; 0.5 %, since the published days and factors are rounded themselves:
    # 512 · 20 · 24 h · 310 W · 1.12 is 85.3.
    assert [found["energy_mwh"], found["carbon"]] == pytest.approx([mwh, tonnes], rel=0.005)
