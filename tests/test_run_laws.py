"""What must hold of every training and serving run, whatever its numbers are."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from flopsheet.spec.schema import data_model
from studies import frames_of

few = settings(max_examples=8, deadline=None)
fewer = settings(max_examples=2, deadline=None)  # the simplest one is the first
AT_ONCE = 7

CLASSES = [
    "weight_bytes_device", "gradient_bytes_device", "master_weight_bytes_device", "optimizer_bytes_device",
    "activation_bytes_device", "recomputed_bytes_device", "logits_bytes_device", "fixed_bytes_device",
    "working_bytes_device", "gathered_bytes_device", "reserved_bytes_device",
]  # fmt: skip
STATES = CLASSES[:4]
METHODS = ["autograd", "transformer_engine", "korthikanti", "textbook", "textbook_gated"]


@st.composite
def models(draw, **fixed):
    """A decoder whose heads, experts and layers up to eight devices can share; perhaps of two groups."""
    heads = 8 * draw(st.integers(1, 4))
    model = {
        "d_model": 64 * draw(st.integers(1, 16)), "n_heads": heads, "d_head": 8 * draw(st.integers(1, 8)),
        "n_kv_heads": draw(st.sampled_from([8, heads])), "d_ff": 64 * draw(st.integers(1, 32)),
        "ffn_matrices": draw(st.sampled_from([2, 3])), "vocab_size": draw(st.integers(100, 60_000)),
        "tie_embeddings": draw(st.booleans()), "norm": draw(st.sampled_from(["rmsnorm", "layernorm"])),
    }  # fmt: skip
    experts = {"d_ff": 0, "n_experts": 8 * draw(st.integers(1, 4)), "n_active_experts": 2, "d_expert": 96}
    kind = draw(st.sampled_from(["plain", "experts", "mixed", "latent"]))
    if kind == "mixed":
        return model | {"layers": [{"n_layers": draw(st.integers(1, 8))}, {"n_layers": 8, **experts}]} | fixed
    if kind == "latent":
        model = {key: value for key, value in model.items() if key != "n_kv_heads"}
        model |= {"kv_lora_rank": 64, "d_qk_nope": 16, "d_qk_rope": 8, "d_v": 24}
    return model | (experts if kind == "experts" else {}) | {"n_layers": draw(st.integers(8, 24))} | fixed


@st.composite
def training(draw, **fixed):
    """What a run says besides its parallelism."""
    return {
        "model": "m", "hardware": "h100-sxm", "context_length": 64 * draw(st.integers(1, 64)),
        "micro_batch_size": draw(st.integers(1, 8)),
        "precision": draw(st.sampled_from(["mixed_bf16", "pure_bf16", "fp32", "tf32"])),
        "gradients": draw(st.sampled_from(["as_weights", "fp32"])),
        "master_weights": draw(st.sampled_from(["as_precision", "fp16"])),
        "moments": draw(st.sampled_from(["as_optimizer", "bf16", "mxfp8"])),
        "sharded_weights": draw(st.sampled_from(["weights_and_master", "master"])),
        "offloaded": draw(st.sampled_from(["none", "none", "optimizer"])),
        "linear_inputs": draw(st.sampled_from(["as_precision", "fp8"])),
        "activation_inputs": draw(st.sampled_from(["as_precision", "fp8"])),
        "optimizer": draw(st.sampled_from(["adamw", "adamw_8bit", "sgd", "sgd_momentum", "lion", "adafactor", "muon"])),
        "recomputation": draw(st.sampled_from(["none", "selective", "operations", "full"])),
        "attention_kernel": draw(st.sampled_from(["fused", "eager", "explicit"])),
        "activation_method": draw(st.sampled_from(METHODS)),
        "loss_kernel": draw(st.sampled_from(["plain", "parallel", "fused", "chunked"])),
        "adapter_rank": draw(st.sampled_from([0, 0, 8])),
        "adapter_targets": draw(st.sampled_from(["query_value", "attention", "ffn", "all"])),
        "reserved_bytes": draw(st.sampled_from([0, 2e9])),
    } | fixed  # fmt: skip


def law(at_once=AT_ONCE, **drawn):
    """A law of random cases, of which several are computed at once: that takes as long as one.

    It yields some runs of a model, and is sent the frame of them, in order.
    """

    def of(test):
        @fewer
        @given(cases=st.lists(st.fixed_dictionaries(drawn), min_size=at_once, max_size=at_once))
        def held(cases):
            laws = [test(**case) for case in cases]
            frames = [None] * at_once
            while asked := [runs for law, frame in zip(laws, frames, strict=True) if (runs := resumed(law, frame))]:
                frames = computed(asked)

        held.__name__ = test.__name__
        return held

    return of


def resumed(law, frame):
    """The runs that a law asks for next; None where it has held."""
    try:
        return law.send(frame)
    except StopIteration:
        return None


def training_runs(model, *runs):
    """The runs of a model that a law asks for."""
    return "training_run", model, runs


def training_layers(model, *runs):
    """The layer groups of the runs of a model."""
    return "training_layer", model, runs


def serving_runs(model, *runs):
    return "serving_run", model, runs


def ran(model, *runs):
    """The frame of some training runs of one model, in order."""
    [frame] = computed([training_runs(model, *runs)])
    return frame


def computed(asked):
    """The frame of the runs of each that asks, of all models in one study."""
    [grain] = {grain for grain, _, _ in asked}
    named = [
        {f"run {at}-{number}": run | {"model": f"m{at}"} for number, run in enumerate(runs)}
        for at, (_, _, runs) in enumerate(asked)
    ]
    models = {f"m{at}": model for at, (_, model, _) in enumerate(asked)}
    spec = {"version": 1, "context_lengths": [1024], "models": models}
    runs = {name: run for each in named for name, run in each.items()}
    frame = frames_of(spec | {grain.partition("_")[0]: runs})[grain]
    return [frame.loc[list(each)] for each in named]


def rising(column, slack=1e-12):
    """Whether no value lies below the one before it, but for rounding."""
    values = column.tolist()
    return all(later >= earlier * (1 - slack) for earlier, later in pairwise(values))


# Memory --------------------------------------------------------------------------------------------------------------


@law(model=models(), run=training(), way=st.sampled_from(["tensor_parallel", "data_parallel", "context_parallel"]))
def test_more_devices_never_need_more_memory_each(model, run, way):
    zero = {"zero_stage": 3} if way == "data_parallel" else {}
    runs = [run | zero | {way: devices, "n_devices": devices} for devices in (8, 4, 2, 1)]
    found = yield training_runs(model, *runs)
    assert rising(found["device_bytes"])


@few
@given(model=models(), run=training(adapter_rank=1024, adapter_targets="all"))
def test_adapters_of_full_rank_train_no_less_than_the_weights(model, run):
    # No matrix of these models is wider than 1,024 on its narrower side; r · (in + out) is no less than in · out there.
    named = {"run": run}
    found = frames_of({"version": 1, "context_lengths": [1024], "models": {"m": model}, "training": named})
    weights = found["model"].loc["m", [f"n_params_part_{part}" for part in ("attention", "ffn", "experts")]].sum()
    assert found["training_run"]["n_params_trained"].iloc[0] >= weights


@law(model=models(), run=training(precision="mixed_bf16", optimizer="adamw"))
def test_states_in_16_and_32_bits_by_parts_are_those_of_mixed_precision(model, run):
    by_parts = {"gradients": "bf16", "master_weights": "fp32", "moments": "fp32"}
    whole = {"gradients": "as_weights", "master_weights": "as_precision", "moments": "as_optimizer"}
    found = yield training_runs(model, run | by_parts, run | whole)
    one, other = (row.drop([*whole]) for _, row in found.iterrows())
    assert one.equals(other)


@law(model=models(), run=training(), devices=st.sampled_from([1, 2, 8]), zero=st.sampled_from([0, 1, 2, 3]))
def test_ways_of_parallelism_of_one_are_none(model, run, devices, zero):
    run = run | {"n_devices": devices, "zero_stage": zero}
    ways = ("tensor_parallel", "pipeline_parallel", "context_parallel", "expert_parallel", "virtual_stages")
    found = yield training_runs(model, run, *(run | {way: 1} for way in ways))
    unsaid, *said = (row for _, row in found.iterrows())
    assert [way for way, row in zip(ways, said, strict=True) if not row.equals(unsaid)] == []


@law(model=models(), run=training(recomputation="operations"))
def test_sequence_parallelism_of_one_device_is_none(model, run):
    found = yield training_runs(model, run, run | {"sequence_parallel": True})
    one, other = (row.drop("sequence_parallel") for _, row in found.iterrows())
    assert one.equals(other)


@law(model=models(n_experts=8, n_active_experts=2, d_expert=96, d_ff=0), run=training())
def test_experts_on_more_devices_never_need_more_memory_each(model, run):
    model = {key: value for key, value in model.items() if key != "layers"} | {"n_layers": 8}
    found = yield training_runs(
        model, *(run | {"n_devices": 8, "expert_parallel": devices} for devices in (8, 4, 2, 1))
    )
    assert rising(found["device_bytes"])


@law(model=models(), run=training())
def test_more_stages_never_hold_more_states_each(model, run):
    runs = [run | {"pipeline_parallel": stages, "n_devices": stages} for stages in (8, 4, 2, 1)]
    found = yield training_runs(model | {"tie_embeddings": False}, *runs)
    assert rising(found["layer_state_bytes"])
    assert rising(found[STATES].sum(axis=1))


@law(model=models(), run=training(), devices=st.sampled_from([1, 2, 8]))
def test_a_later_zero_stage_never_needs_more_memory(model, run, devices):
    runs = [run | {"zero_stage": stage, "n_devices": devices} for stage in (3, 2, 1, 0)]
    found = yield training_runs(model, *runs)
    assert rising(found["device_bytes"])
    assert rising(found["bytes_per_param"])
    if devices == 1 and run["sharded_weights"] == "weights_and_master":  # else ZeRO-3 holds no 16-bit weights
        assert found["device_bytes"].nunique() == 1


@law(model=models(), run=training())
def test_more_recomputation_never_keeps_more_activations_and_never_works_less(model, run):
    found = yield training_runs(
        model, *(run | {"recomputation": kind, "assumed_mfu": 0.4} for kind in ("full", "selective", "none"))
    )
    assert rising(found["activation_bytes_device"])
    assert rising(found["hfu_one_forward"][::-1])
    assert rising(found["flops_run_hardware"][::-1])
    assert found["flops_run"].nunique() == found["mfu"].round(12).nunique() == 1


@law(model=models(), run=training(), kind=st.sampled_from(["selective", "full"]))
def test_more_recomputed_layers_never_keep_more_and_never_work_less(model, run, kind):
    found = yield training_runs(
        model, *(run | {"recomputation": kind, "recomputed_every": every} for every in (1, 2, 3, 4))
    )
    assert rising(found["activation_bytes_device"])
    assert rising(found["flops_run_hardware"][::-1])


@law(model=models(), run=training(recomputation="none"))
def test_recomputation_brings_back_what_it_did_not_keep(model, run):
    kinds = ("none", "selective", "full")
    layers = yield training_layers(model, *(run | {"recomputation": kind} for kind in kinds))
    none, selective, full = (of_run for _, of_run in layers.groupby(level="run", sort=False))
    kept, again = "activation_bytes_layer", "activation_bytes_again"
    assert (selective[kept].to_numpy() + selective[again].to_numpy()).tolist() == none[kept].tolist()
    assert full[again].tolist() == none[kept].tolist()


@law(model=models(), run=training(activation_method="autograd", recomputation="none", context_length=1024))
def test_a_fused_kernel_never_keeps_more_than_an_eager_one(model, run):
    found = yield training_runs(model, *(run | {"attention_kernel": kind} for kind in ("fused", "eager")))
    assert rising(found["activation_bytes_device"])


@law(model=models(n_norms=0, final_norm=False), run=training(), stages=st.sampled_from([1, 2, 4, 8]))
def test_tensor_and_pipeline_parallelism_divide_the_states_of_the_layers(model, run, stages):
    if "layers" in model:
        model = {key: value for key, value in model.items() if key != "layers"} | {"n_layers": 8}
    model |= {"n_layers": 8 * (model["n_layers"] // 8)}
    layouts = [(1, 1), (8, 1), (1, stages), (8, stages)]
    found = yield training_runs(
        model,
        *(run | {"tensor_parallel": t, "pipeline_parallel": p, "n_devices": t * p} for t, p in layouts),
    )
    # Projections into a latent of 64 and 8 positions are whole on every tensor-parallel device.
    whole = model["n_layers"] * model["d_model"] * 72 if "kv_lora_rank" in model else 0
    first, copy = found["layer_state_bytes"].iloc[0], whole * found["bytes_each_matrix"].iloc[0]
    assert found["layer_state_bytes"].tolist() == [(first + (t - 1) * copy) / (t * p) for t, p in layouts]


@law(model=models(), run=training(), stages=st.sampled_from([1, 2, 8]), data=st.sampled_from([1, 4]))
def test_the_classes_of_memory_add_up_to_the_device(model, run, stages, data):
    layout = {"pipeline_parallel": stages, "n_devices": stages * data, "data_parallel": data, "zero_stage": 2}
    found = (yield training_runs(model, run | layout)).iloc[0]
    assert abs(found[CLASSES].sum() - found["device_bytes"]) <= 1e-12 * found["device_bytes"]
    in_gib = found[[name for name in found.index if name.endswith("_gib_device")]].sum()
    assert abs(in_gib - found["device_gib"]) <= 1e-12 * found["device_gib"]


@law(model=models(), run=training(), batches=st.lists(st.integers(1, 1000), min_size=2, max_size=4, unique=True))
def test_memory_is_a_times_the_micro_batch_and_b_where_a_phase_binds_and_never_less(model, run, batches):
    found = yield training_runs(model, *(run | {"micro_batch_size": batch} for batch in batches))
    for a, b, own in zip(found["bytes_per_sequence"], found["bytes_without_batch"], batches, strict=True):
        line = a * found["micro_batch_size"] + b
        assert (line <= found["device_bytes"] * (1 + 1e-12)).all()
        at_own = found["micro_batch_size"] == own
        assert (abs(line - found["device_bytes"]) <= 1e-12 * line)[at_own].all()


@law(model=models(), run=training())
def test_the_largest_micro_batch_fits_and_one_more_does_not(model, run):
    found = yield training_runs(model, run)
    largest = int(found["largest_micro_batch"].iloc[0])
    runs = [run | {"micro_batch_size": max(1, batch)} for batch in (largest, largest + 1)]
    found = yield training_runs(model, *runs)
    assert found["fits"].tolist() == [largest > 0, False]


# Time and cost -------------------------------------------------------------------------------------------------------


@few
@given(model=models(), run=training(), tokens=st.integers(10**6, 10**13), price=st.floats(0.01, 100))
def test_twice_the_devices_take_half_the_days_at_the_same_cost(model, run, tokens, price):
    devices = {"priced": {"extends": "h100-sxm", "price_per_hour": price}}
    named = {
        f"run-{n}": run | {"n_devices": n, "n_tokens": tokens, "hardware": "priced", "assumed_mfu": 0.4}
        for n in (8, 16)
    }
    spec = {"version": 1, "context_lengths": [1024], "models": {"m": model}, "hardware": devices, "training": named}
    found = frames_of(spec)["training_run"]
    slow, fast = found.loc["run-8"], found.loc["run-16"]
    assert abs(slow["days"] / fast["days"] - 2) <= 1e-12
    assert abs(slow["run_cost"] / fast["run_cost"] - 1) <= 1e-12
    assert slow["run_cost"] == slow["device_hours"] * price


@law(model=models(), run=training(), rate=st.floats(1, 1e9))
def test_time_follows_the_measured_rate_and_mfu_stays_below_hfu(model, run, rate):
    found = (yield training_runs(model, run | {"measured_tokens_per_second": rate, "n_tokens": 1e9})).iloc[0]
    assert abs(found["hours"] * 3600 * rate / 1e9 - 1) <= 1e-12
    assert found["mfu"] <= found["hfu_one_forward"] * (1 + 1e-12)


# Serving -------------------------------------------------------------------------------------------------------------


@st.composite
def serving(draw, **fixed):
    return {
        "model": "m", "hardware": draw(st.sampled_from(["h100-sxm", "h200", "a100-80gb"])),
        "n_devices": draw(st.sampled_from([1, 2, 4, 8])), "prompt_length": draw(st.integers(1, 20_000)),
        "generated_length": draw(st.integers(1, 4_000)), "n_sequences": draw(st.integers(1, 256)),
        "weight_format": draw(st.sampled_from(["bf16", "fp8", "int4"])),
        "cache_format": draw(st.sampled_from(["bf16", "fp8", "q8_0", "q4_0"])),
        "memory_utilisation": draw(st.sampled_from([1, 0.9])),
    } | fixed  # fmt: skip


@law(model=models(), run=serving())
def test_weights_in_16_bits_by_parts_are_bf16(model, run):
    by_parts = {"default": "bf16", **dict.fromkeys(data_model.parts_of("weight_format"), "bf16")}
    found = yield serving_runs(model, run | {"weight_format": by_parts}, run | {"weight_format": "bf16"})
    one, other = (row for _, row in found.iterrows())
    assert one.equals(other)


@law(model=models(), run=serving(n_devices=1))
def test_tensor_parallelism_of_one_serves_as_none(model, run):
    found = yield serving_runs(model, run, run | {"tensor_parallel": 1})
    unsaid, said = (row for _, row in found.iterrows())
    assert said.equals(unsaid)


@law(model=models(), run=serving())
def test_more_tensor_parallel_devices_never_serve_with_more_memory_each(model, run):
    found = yield serving_runs(
        model, *(run | {"n_devices": devices, "tensor_parallel": devices} for devices in (8, 4, 2, 1))
    )
    assert rising(found["served_gib_device"])


@law(model=models(), run=serving())
def test_decoding_takes_between_the_active_and_all_experts(model, run):
    found = yield serving_runs(model, run)
    assert rising(found[["decode_seconds_active", "decode_seconds", "decode_seconds_all"]].iloc[0])


@law(model=models(), run=serving())
def test_the_largest_batch_fits_and_one_more_does_not(model, run):
    found = yield serving_runs(model, run)
    largest = int(found["largest_batch"].iloc[0])
    found = yield serving_runs(model, *(run | {"n_sequences": batch} for batch in (largest, largest + 1)))
    assert found["served_fits"].tolist() == [True, False]


@law(model=models(), run=serving(), window=st.sampled_from([0, 1, 300, 5000]), windowed=st.integers(1, 3))
def test_the_longest_context_fits_and_one_more_does_not(model, run, window, windowed):
    plain = {key: value for key, value in model.items() if key not in {"layers", "n_layers"}}
    model = plain | {"layers": [{"n_layers": 1}, {"n_layers": windowed, "window": window}]}
    found = yield serving_runs(model, run)
    longest = int(found["longest_context"].iloc[0])
    chunk = min(run["prompt_length"], 8192)  # the default, which would grow with a short prompt
    lengths = [
        {"prompt_length": length - 1, "generated_length": 1, "chunk_length": chunk} for length in (longest, longest + 1)
    ]
    found = yield serving_runs(model, *(run | length for length in lengths))
    assert found["served_fits"].tolist() == [True, False]


@law(model=models(), run=serving())
def test_a_larger_batch_gives_more_tokens_a_second_but_fewer_to_each_user(model, run):
    found = yield serving_runs(model, *(run | {"n_sequences": batch} for batch in (1, 8, 64, 512)))
    assert rising(found["decode_tokens_per_second"])
    assert rising(found["decode_tokens_per_second_user"][::-1])
