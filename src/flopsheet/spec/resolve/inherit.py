"""What each model says on top of what it starts from: the spec's defaults, `extends`, a model of the library."""

from __future__ import annotations

from collections.abc import Sequence

from flopsheet import diagnostics
from flopsheet.spec import library
from flopsheet.spec.resolve.draft import Draft, Fault, RawInput, RawInputs, Resolved
from flopsheet.spec.resolve.names import unknown_model
from flopsheet.spec.resolve.normalize import normalize
from flopsheet.yamlio.source import Data, Path

OF_LAYERS = ("layers", "n_layers")
OF_THEIR_ORDER = ("layer_order", "n_uneven_layers")  # which says nothing of other layers than those it came with


def inherit(draft: Draft) -> Resolved[dict[str, RawInputs]]:
    """The inputs that each model says or inherits, by its name; one for which that is not known is left out."""
    listed = draft.listed("models")
    if not listed or not all(isinstance(entry, dict) for entry in listed.values()):
        return Resolved({}, [])
    defaults, faults = defaults_of(draft)
    merged: dict[str, RawInputs | None] = {}
    for name in listed:
        said = defaults
        chain: dict[str, None] = {}  # the model and what it extends, up to one that is merged
        at: str | Fault | None = name
        while isinstance(at, str) and at not in merged and at not in chain:
            chain[at] = None
            at = _parent(draft, at, listed)
        if isinstance(at, Fault):
            faults.append(at)
            said = None
        elif at in chain:
            faults.append(_circle(draft, [*chain][[*chain].index(at) :], listed))
            said = None
        elif at is not None:
            said = merged[at]
        for link in reversed(chain):
            said, wrong = _add(draft, said, ("models", link), listed[link])
            merged[link] = said
            faults += wrong
    return Resolved({name: said for name in listed if (said := merged[name]) is not None}, faults)


def defaults_of(draft: Draft) -> Resolved[RawInputs | None]:
    """What every model starts from; None where its shape is wrong."""
    if not draft.is_valid(("defaults",)):
        return Resolved(None, [])
    return Resolved(*normalize(draft, ("defaults",), draft.data.get("defaults", {})))


def _add(draft: Draft, said: RawInputs | None, path: Path, data: Data) -> Resolved[RawInputs | None]:
    """What a model says, and the library's model that it names, on top of what it starts from."""
    shipped, faults = from_library(draft, path, data)
    if said is None or shipped is None or not draft.is_valid(path):
        return Resolved(None, faults)
    own, wrong = normalize(draft, path, data)
    inherited = {**said, **shipped}
    if {*OF_LAYERS} & own.keys():
        inherited = {key: value for key, value in inherited.items() if key not in OF_THEIR_ORDER}
    return Resolved({**inherited, **own}, [*faults, *wrong])


def from_library(draft: Draft, path: Path, data: Data) -> Resolved[RawInputs | None]:
    """What the library says of the model that `model:` names, as if it stood there; None where it has none."""
    at = (*path, "model")
    if "model" not in data:
        return Resolved({}, [])
    twice = [draft.fault(at, diagnostics.said_twice("model", "extends"), key=True)] if "extends" in data else []
    shipped = library.load_library()
    if not draft.is_valid(at):
        return Resolved(None, twice)  # what is wrong was told
    if data["model"] not in shipped:
        return Resolved(
            None, [*twice, draft.fault(at, diagnostics.unknown_library_model(data["model"], list(shipped)))]
        )
    inputs, faults = normalize(draft, at, shipped[data["model"]].inputs)
    return Resolved({key: RawInput(said.value, at) for key, said in inputs.items()}, [*twice, *faults])


def _parent(draft: Draft, name: str, listed: Data) -> str | Fault | None:
    """The model that this one extends; what is wrong where no model has its name."""
    parent = listed[name].get("extends")
    if not isinstance(parent, str):
        return None
    if parent in listed:
        return parent
    known = [other for other in listed if other != name]
    return draft.fault(("models", name, "extends"), unknown_model(parent, known, extends=True))


def _circle(draft: Draft, circle: Sequence[str], listed: Data) -> Fault:
    """Models that extend each other in a circle, told from the first of them in the file."""
    start = min(range(len(circle)), key=[*map([*listed].index, circle)].__getitem__)
    chain = [*circle[start:], *circle[: start + 1]]
    return draft.fault(("models", chain[0], "extends"), diagnostics.cycle(chain))
