"""What one mapping says about inputs: groups, kinds and mixers turned into the inputs that they stand for."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet import diagnostics
from flopsheet.spec.resolve.draft import Draft, Fault, RawInput, RawInputs, Resolved
from flopsheet.spec.schema import kinds
from flopsheet.yamlio.source import Data, Path, spell


def normalize(draft: Draft, path: Path, data: Data) -> Resolved[RawInputs]:
    """The inputs of one mapping, `ffn: swiglu` turned into the number of matrices that it stands for."""
    said = {key: RawInput(value, (*path, key)) for key, value in data.items()}
    faults: list[Fault] = []
    if "ffn" in said:
        kind = said.pop("ffn")
        if "ffn_matrices" in said:
            faults.append(draft.fault(kind.path, diagnostics.said_twice("ffn", "ffn_matrices"), key=True))
        said["ffn_matrices"] = RawInput(kinds.FFN_KINDS[kind.value], kind.path)
        if kind.value == "none":
            said = _turn_off(draft, "d_ff", kinds.MOE_KEYS) | said
    for name in ("attention", "moe"):
        if name in said:
            group = said.pop(name)
            added, wrong = _expand_group(draft, said, group)
            said |= added
            faults += wrong
    if "mixer" in said:
        mixer = said.pop("mixer")
        added, wrong = _expand_mixer(draft, said, mixer)
        said |= added
        faults += wrong
        if "n_heads" not in said:
            said = _turn_off(draft, "n_heads", [key for key in kinds.ATTENTION_KEYS if key != "n_heads"]) | said
    for key in kinds.OTHERS.keys() & said.keys():
        others = said.pop(key)
        for brief, value in others.value.items():
            if name := kinds.OTHERS[key].get(brief, ""):
                if name in said:
                    twice = diagnostics.said_twice(name, spell(others.path))
                    faults.append(draft.fault(said[name].path, twice, key=True))
                said[name] = RawInput(value, (*others.path, brief))
    return Resolved(said, faults)


def _turn_off(draft: Draft, width: str, keys: Sequence[str]) -> RawInputs:
    """What a mapping without a part implies: no width, and the defaults of the keys that belong to it."""
    return {width: RawInput(0, ()), **{key: RawInput(draft.inputs[key].default, ()) for key in keys}}


def _expand_mixer(draft: Draft, said: RawInputs, mixer: RawInput) -> Resolved[RawInputs]:
    """The inputs under `mixer:`, which takes the place of attention unless n_heads stands beside it."""
    own = {key: RawInput(value, (*mixer.path, key)) for key, value in mixer.value.items()}
    kind = own.pop("kind")
    fixes, needs, assumes = kinds.MIXER_KINDS[kind.value]
    faults = _said_twice(draft, said, own)
    if absent := [key for key in needs if key not in own and key not in said]:
        faults.append(draft.fault(kind.path, diagnostics.mixer_needs(kind.value, absent)))
        own |= {key: RawInput(1, kind.path) for key in absent}  # so that nothing is told that follows from it
    both = said | own
    faults += [
        draft.fault(both[key].path, diagnostics.mixer_sets(kind.value, key, fixes[key]), key=True)
        for key in fixes.keys() & both.keys()
    ]
    implied = {**assumes, **fixes}
    own |= {key: RawInput(value, kind.path) for key, value in implied.items() if key not in both}
    return Resolved(own, faults)


def _expand_group(draft: Draft, said: RawInputs, group: RawInput) -> Resolved[RawInputs]:
    """The inputs that stand together under `attention:` or `moe:`, and those that a kind of attention sets."""
    own = {key: RawInput(value, (*group.path, key)) for key, value in group.value.items()}
    kind = own.pop("kind", None)
    faults = _said_twice(draft, said, own)
    if kind:
        sets, needs = kinds.ATTENTION_KINDS[kind.value]
        if absent := [key for key in needs if key not in own and key not in said]:
            faults.append(draft.fault(kind.path, diagnostics.kind_needs(kind.value, absent)))
            own |= {key: RawInput(1, kind.path) for key in absent}  # so that nothing is told that follows from it
        both = said | own
        faults += [
            draft.fault(both[key].path, diagnostics.kind_sets(kind.value, key, sets[key]), key=True)
            for key in sets.keys() & both.keys()
        ]
        own |= {key: RawInput(value, kind.path) for key, value in sets.items() if key not in own}
    return Resolved(own, faults)


def _said_twice(draft: Draft, said: RawInputs, own: RawInputs) -> list[Fault]:
    """Inputs of a group that stand beside it too."""
    return [
        draft.fault(own[key].path, diagnostics.said_twice(key, spell(said[key].path)), key=True)
        for key in own.keys() & said.keys()
    ]
