"""In which inputs a run may be taken further: what goes along, in which steps, what memory is linear in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from flopsheet.formula import Node, parse
from flopsheet.numerics import ROUNDING, STORED
from flopsheet.records import frozen

FURTHEST = parse("now + step * 2^24")
Kinks: TypeAlias = Literal["never", "where groups differ", "always"]


def _nodes(**texts: str) -> dict[str, Node]:
    return {name: parse(text) for name, text in texts.items()}


@frozen
class Limit:
    """An input, or several that go together, and how its last value is looked for; `x` is a value that is tried."""

    name: str
    label: str
    now: Node
    """The value as it is."""
    varied: Mapping[str, Node]
    """What `x` makes of each input; `main` is 1 in the layer groups that are meant, else 0."""
    held: str
    """What goes along and what stays, for a reader."""
    step: Node = parse("1")
    least: Node = parse("step")
    far: Node = FURTHEST
    other: Node | None = None
    """A further point, where the line does not begin at the value as it is, or is a parabola."""
    need: Node = parse("x")
    """What memory is linear in."""
    back: Node = parse(f"floor(need / step + {STORED}) * step")
    """The last value for a need."""
    shown: Node = parse("x")
    fewest: bool = False
    is_squared: bool = False
    """Whether memory may grow with its square."""
    kinks: Kinks = "never"
    """Where the line is drawn anew from two neighbours."""
    group_input: str = ""
    """The input of layer groups by which those with the most of it are meant."""
    first_alone: bool = False
    """Of equal groups the first one alone."""

    @property
    def input(self) -> str:
        """The input that it is about, of those that go together."""
        return "n_devices" if "n_devices" in self.varied else next(iter(self.varied))

    def rounds(self, n_groups: int) -> int:
        """How often the line is drawn anew."""
        return 2 if self.kinks == "always" or (self.kinks == "where groups differ" and n_groups > 1) else 0


ADDED = "n_group_layers + main * (x - n_layers)"
LONGER = _nodes(
    n_layers="x",
    n_group_layers=ADDED,
    n_stored_layers=f"where(n_stored_layers == n_group_layers, {ADDED}, min(n_stored_layers, {ADDED}))",
)


def _widest(kinks: Kinks, step: str = "tensor_parallel") -> Limit:
    return Limit(
        "largest_d_ff",
        "Widest FFN",
        parse("at_max(d_ff, d_ff)"),
        _nodes(d_ff="where(main == 1, x, d_ff)"),
        "of the widest layers; all else unchanged",
        step=parse(step),
        kinks=kinks,
        group_input="d_ff",
    )


def _longest(step: str, stages: str) -> Limit:
    return Limit(
        "most_layers", "Most layers", parse("n_layers"), LONGER, "of the most frequent kind; all else unchanged",
        step=parse(step),
        least=parse(
            "n_layers - floor(max(0, min(at_max(n_group_layers, n_group_layers) - 1, n_layers - "
            f"{stages})) / step) * step"
        ),
        back=parse(f"n_layers + floor((need - n_layers) / step + {STORED}) * step"), kinks="where groups differ",
        group_input="n_group_layers", first_alone=True,
    )  # fmt: skip


EXPERT_DEVICES = "expert_tensor_parallel * expert_parallel"  # that share the experts


def _divides(whole: str, part: str) -> str:
    """Whether so many devices are whole groups of so many."""
    return f"floor(({whole}) / ({part})) * {part} == {whole}"


LIMITS: Mapping[str, tuple[Limit, ...]] = {
    "training": (
        Limit(
            "largest_micro_batch", "Largest micro-batch", parse("micro_batch_size"),
            _nodes(micro_batch_size="x", global_batch_size="global_batch_size / micro_batch_size * x"),
            "micro-batches per step unchanged; the global batch grows with it",
        ),
        Limit(
            "longest_context", "Longest context", parse("context_length"), _nodes(context_length="x"),
            "micro-batch and layout unchanged",
            step=parse("context_parallel * where(at_max(dt_rank, dt_rank) > 0, 2048, 1)"),
            other=parse("2 * now"), is_squared=True, kinks="where groups differ",
        ),
        Limit(
            "fewest_devices", "Fewest devices", parse("data_parallel"),
            _nodes(
                data_parallel="x", n_devices="n_devices / data_parallel * x",
                global_batch_size="global_batch_size / data_parallel * x",
            ),
            "data-parallel replicas; micro-batches per step unchanged",
            step=parse(
                f"where({_divides('tensor_parallel * context_parallel', EXPERT_DEVICES)}, 1, "
                f"where({_divides(EXPERT_DEVICES, 'tensor_parallel * context_parallel')}, "
                f"{EXPERT_DEVICES} / (tensor_parallel * context_parallel), {EXPERT_DEVICES}))"
            ),
            need=parse("1 / x"), back=parse(f"ceil(1 / (max(need, {ROUNDING}) * step) - {STORED}) * step"),
            shown=parse("n_devices / data_parallel * x"), fewest=True,
        ),
        _widest("where groups differ"),
        _longest(
            "where(first_stage_layers * last_stage_layers * max(0, pipeline_parallel - 2) > 0, pipeline_parallel - 2, "
            "pipeline_parallel * virtual_stages)",
            "pipeline_parallel * virtual_stages",
        ),
    ),
    "serving": (
        Limit(
            "largest_batch", "Most sequences at once", parse("n_sequences"), _nodes(n_sequences="x"),
            "on all replicas; lengths unchanged", step=parse("n_replicas * attention_data_parallel"),
            need=parse("n_sequences_device"), back=parse(f"floor(need + {STORED}) * step"),
        ),
        Limit(
            "longest_context", "Longest context", parse("context_length"),
            _nodes(context_length="x", prompt_length="max(1, prompt_length + x - context_length)"),
            "prompt and generated tokens; prefill chunk and sequences unchanged",
            step=parse("max(1, at_max(compress_ratio, compress_ratio))"), kinks="always",
        ),
        Limit(
            "fewest_devices", "Fewest devices", parse("n_devices"), _nodes(n_devices="x"),
            "replicas of the same layout", step=parse("n_replica_devices"), far=parse("step"),
            other=parse("ceil(n_sequences / attention_data_parallel) * step"), need=parse("n_sequences_device"),
            back=parse(f"ceil(n_sequences / (attention_data_parallel * max(1, floor(need + {STORED})))) * step"),
            fewest=True,
        ),
        _widest("always"),
        _longest("pipeline_parallel", "pipeline_parallel"),
    ),
}  # fmt: skip

OF_MODELS = (
    Limit(
        "longest_context", "Longest context", parse("context_length"), _nodes(context_length="x"),
        "the model unchanged", is_squared=True,
    ),
    _widest("never", "1"),
    _longest("1", "1"),
)  # fmt: skip

# What is left of a device's memory, for each stage and phase: each is smooth where the least of them is not.
LAST_STAGE = "memory_bytes - (last_stage_fixed_bytes + micro_batch_size * activation_bytes_last"
ROOM = "where(cache_memory_gib > 0, served_cache_room_bytes, served_free_bytes_device - {}) - served_cache_bytes_device"
LEFT: Mapping[str, Mapping[str, Node]] = {
    "training": _nodes(
        first="memory_bytes - (first_stage_fixed_bytes + micro_batch_size * activation_bytes_first + "
        "layer_phase_bytes)",
        second="memory_bytes - (second_stage_fixed_bytes + micro_batch_size * activation_bytes_second + "
        "layer_phase_bytes)",
        last=f"{LAST_STAGE} + layer_phase_bytes)",
        loss=f"{LAST_STAGE} + loss_phase_bytes)",
        head=f"{LAST_STAGE} + head_phase_bytes)",
    ),
    "serving": _nodes(
        prefill=ROOM.format("served_activation_bytes_device"), decode=ROOM.format("served_logits_bytes_device")
    ),
}
MARGIN = {"training": "margin_bytes", "serving": "served_margin_bytes"}
