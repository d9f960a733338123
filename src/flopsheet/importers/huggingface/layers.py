"""What lists say layer by layer: read, checked, and written out where the file leaves it to a pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flopsheet import diagnostics
from flopsheet.diagnostics import Problem
from flopsheet.importers.huggingface.families import PerLayer
from flopsheet.numerics import LARGEST_INPUT
from flopsheet.yamlio.source import Data


class Lists:
    """The lists that a file has, checked against the number of layers; `items` gives one of them, None where it lacks.

    `problems` collects what is wrong.
    """

    def __init__(self, known: Mapping[str, PerLayer], config: Data, count: int) -> None:
        self.count = count
        self.problems: list[Problem] = []
        self.items = {name: self.read(entry, config) for name, entry in known.items()}

    def report(self, key: str, finding: diagnostics.Finding) -> None:
        self.problems.append(diagnostics.located(finding, key, None))

    def read(self, entry: PerLayer, config: Data) -> list[Any] | None:
        """The items of one list; None where the file lacks it, or where it is refused."""
        if entry.kind == "patterns":
            return self.patterns(entry, config)
        key = next((key for key in entry.keys if config.get(key) is not None), None)
        if key is None or (entry.kind in ("numbers", "flags") and not isinstance(config[key], list)):
            return None  # one number for all layers is a key
        listed = config[key]
        if entry.or_empty and listed == []:
            return None
        if entry.kind == "holds":  # whether the list has such a word at all
            return [isinstance(listed, list) and any(word in listed for word in entry.words)] * self.count
        if entry.kind == "length":
            return [len(listed) if isinstance(listed, list) else 0] * self.count
        if entry.kind == "members":
            return self.members(entry, key, listed)
        if entry.kind == "letters" and isinstance(listed, str):
            listed = list(listed)
        if not isinstance(listed, list):
            self.report(key, diagnostics.not_a_list(listed))
            return None
        if entry.cut:
            listed = listed[: self.count]
        if entry.kind == "numbers":
            return self.checked(
                key, listed, lambda item: diagnostics.number_problem(item, 0, LARGEST_INPUT, whole=True)
            )
        words: Mapping[Any, Any] = {0: False, 1: True} if entry.kind == "flags" else entry.words
        found = self.checked(key, listed, lambda item: _word_problem(item, tuple(words)))
        return None if found is None else [words[item] for item in found]

    def checked(self, key: str, listed: list[Any], problem_of: Any) -> list[Any] | None:
        """The list where every item is sound and there is one for each layer."""
        problems = [(at, finding) for at, item in enumerate(listed) if (finding := problem_of(item))]
        for at, finding in problems[:1]:
            self.report(f"{key}[{at}]", finding)
        if len(listed) != self.count:
            self.report(key, diagnostics.wrong_layer_count(len(listed), self.count))
        return None if problems or len(listed) != self.count else listed

    def members(self, entry: PerLayer, key: str, listed: Any) -> list[Any] | None:
        """Layers named by their numbers, in a list or as text with commas."""
        if isinstance(listed, str):
            words = [word.strip() for word in listed.split(",") if word.strip()]
            listed = [int(word) for word in words] if all(word.isdigit() for word in words) else None
        if not isinstance(listed, list) or not all(type(number) is int for number in listed):
            self.report(key, diagnostics.not_layer_numbers(listed))
            return None
        return [layer + entry.first in listed for layer in range(self.count)]

    def patterns(self, entry: PerLayer, config: Data) -> list[Any] | None:
        """GPT-Neo: `attention_layers` word by word, or `attention_types` as [[["global", "local"], 12]]."""
        key, short_key = entry.keys
        spelled, short = config.get(key), config.get(short_key)
        if short is not None:
            expanded = _expanded(short, self.count)
            if expanded is None:
                self.report(short_key, diagnostics.not_attention_types())
                return None
            if spelled is not None and spelled != expanded:
                self.report(key, diagnostics.keys_disagree(short_key))
                return None
            spelled, key = expanded, short_key
        if spelled is None:
            spelled = list(entry.words) * 12
        if not isinstance(spelled, list):
            self.report(key, diagnostics.not_a_list(spelled))
            return None
        return self.checked(key, spelled, lambda item: _word_problem(item, tuple(entry.words)))


def _word_problem(item: Any, words: Sequence[int | str]) -> diagnostics.Finding | None:
    if isinstance(item, list | dict):
        return diagnostics.choice_problem(diagnostics.kind_of(item), words)
    return None if isinstance(item, bool) and item in words else diagnostics.choice_problem(item, words)


def _expanded(short: Any, most: int) -> list[Any] | None:
    """`[[["global", "local"], 12]]` as 24 words; None where it has another shape, and no longer than it need be."""
    words: list[Any] = []
    for item in short if isinstance(short, list) else [None]:
        match item:
            case [list(pattern), int(times)] if not isinstance(times, bool) and times >= 0:
                words += pattern * min(times, most + 1)
            case _:
                return None
    return words
