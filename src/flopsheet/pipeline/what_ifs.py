"""Values that a study does not have: one of its models at other context lengths, and each main input one step away."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from flopsheet.catalog import Catalog
from flopsheet.pipeline.frames import Values, compute_values
from flopsheet.pipeline.tables import Variant, chosen, most_groups, tabulate, tabulate_variants
from flopsheet.spec import Spec

# What one step scales together, and the inputs that it means.
STEPPED = {
    "Layers": ("n_group_layers", "n_stored_layers"),
    "Model width": ("d_model", "d_embedding"),
    "Query heads": ("n_heads",),
    "Key/value heads": ("n_kv_heads",),
    "Head width": ("d_head", "d_v", "d_qk_nope", "d_qk_rope"),
    "FFN width": ("d_ff", "d_expert", "d_shared_expert"),
    "Vocabulary": ("vocab_size",),
    "Experts": ("n_experts",),
    "Active experts": ("n_active_experts",),
    "Latent width": ("kv_lora_rank", "q_lora_rank"),
    "Context length": ("context_length",),
}
UNSTEPPED = "as it is"


def at_lengths(spec: Spec, model: str, lengths: Sequence[float], catalog: Catalog, wanted: Iterable[str]) -> Values:
    """The metrics wanted of one model of the study, at context lengths that it need not have."""
    only = (chosen(next(one for one in spec.models if one.name == model), most_groups(spec)),)
    study = dataclasses.replace(spec, models=only, context_lengths=tuple(lengths), runs={}, expectations=())
    return compute_values(tabulate(study), catalog, wanted)


def one_step_each(
    spec: Spec, scenario: int, step: float, tags: Sequence[str], catalog: Catalog, wanted: Iterable[str]
) -> Values:
    """The metrics wanted of a scenario as it is, then with each input a step (a share, 0.1) down and up."""
    return compute_values(tabulate_variants(spec, scenario, variants(tags, step)), catalog, wanted)


def variants(tags: Sequence[str], step: float) -> list[Variant]:
    """The scenario as it is, then each input one step down and one up."""
    found = [Variant(UNSTEPPED, (), 100.0)]
    for tag in tags:
        found += [
            Variant(f"{tag} −", STEPPED[tag], 100 - 100 * step),
            Variant(f"{tag} +", STEPPED[tag], 100 + 100 * step),
        ]
    return found
