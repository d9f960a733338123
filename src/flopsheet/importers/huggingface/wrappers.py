"""Configurations of several models: that of the language model inside, and what is left out."""

from __future__ import annotations

from flopsheet import diagnostics
from flopsheet.importers.huggingface import families
from flopsheet.importers.huggingface.families import Text
from flopsheet.importers.huggingface.keys import Keys
from flopsheet.yamlio.dump import flow
from flopsheet.yamlio.source import Data

TIED = "tie_word_embeddings"
SHARED = (TIED, "dtype", "torch_dtype", "quantization_config", "compression_config")  # said outside, of the inner model


def language_model(keys: Keys, config: Data, text: Text) -> Data:
    """The configuration of the language model, with its model_type; problems are noted in `keys`."""
    inner = config.get(text.mapping)
    if inner is None and text.flat:
        counted = families.load_families().by_type[text.model_type].names()
        kept_keys = [key for key in config if key in counted or not keys.family.ignores(key)]
        return {key: config[key] for key in (*kept_keys, *SHARED) if key in config} | {"model_type": text.model_type}
    if inner is None and text.defaults:
        return {"model_type": text.model_type}
    if not isinstance(inner, dict):
        keys.report(text.mapping, diagnostics.not_keys(inner))
        return {"model_type": text.model_type}
    known = families.load_families().by_type
    said = str(inner.get("model_type") or text.model_type)
    kind = said if text.any and said in known and said not in text.accepts else text.model_type
    if said not in (kind, *text.accepts) and not (said in known and known[said] is known[kind]):
        keys.report(f"{text.mapping}.model_type", diagnostics.value_not_understood(said, [text.model_type]))
    kept = (text.mapping, TIED, *text.passed)
    keys.refuse_strange({key: value for key, value in config.items() if key not in kept}, inner)
    outer = {key: config[key] for key in (*SHARED, *text.passed) if config.get(key) is not None}
    return inner | outer | {"model_type": kind, TIED: _tied(keys, config, text, kind)}


def _tied(keys: Keys, config: Data, text: Text, kind: str) -> object:
    """Whether the head is tied; what is assumed, and what the file says that does not count, is noted in `keys`.

    The head belongs to the outer model: its tie stands outside, or is that model's default.
    """
    inner, of_kind = config[text.mapping], families.load_families().by_type[kind].keys.get(TIED)
    inner_tied = inner.get(TIED, of_kind.missing if of_kind else False)
    outer_tied = text.tied if config.get(TIED) is None else config[TIED]
    tied = inner_tied if text.inner else outer_tied or (text.forwards and inner_tied)
    tied = tied if text.always is None else text.always
    places = {"outside": config.get(TIED), f"in {text.mapping}": inner.get(TIED)}
    said = {place: value for place, value in places.items() if isinstance(value, bool)}
    if tied is True and tied not in said.values():
        keys.assumed[TIED] = True
    if others := [f"{flow(value)} {place}" for place, value in said.items() if value is not tied]:
        whose = "" if tied in said.values() else ", its default,"
        told = f"{TIED} is {' and '.join(others)}, which transformers passes over: {flow(tied)}{whose} counts."
        keys.remarks[told] = None
    return tied


def notes(keys: Keys, config: Data) -> dict[str, None]:
    """What a reader of the spec should know of this part of the file, in order."""
    remark = [keys.family.remark] if keys.family.remark else []
    left_aside = sorted(set(keys.ignored) & set(config))
    told = [f"Keys ignored on request: {', '.join(left_aside)}."] if left_aside else []
    if keys.family.text and keys.family.text.defaults and config.get(keys.family.text.mapping) is None:
        remark.append(f"The file has no {keys.family.text.mapping}, so the language model is transformers' default.")
    return dict.fromkeys([*remark, *(note for key, note in keys.family.notes.items() if config.get(key)), *told])
