"""From the shape of a spec to its models: defaults, `extends`, layer groups, expressions, and the rules between inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flopsheet import catalog, errors
from flopsheet.catalog import CycleError, Input
from flopsheet.errors import FormulaError, Problem
from flopsheet.formula import Node, evaluate, names, parse
from flopsheet.formula.nodes import Aggregate
from flopsheet.source import Path, Source, spell
from flopsheet.spec import schema
from flopsheet.spec.entries import Given, Group, ModelSpec


@dataclass(frozen=True)
class Said:
    """A raw value and where the spec says it; an empty path is the catalogue's default."""

    value: Any
    path: Path


Saying = dict[str, Said]


class Resolver:
    """Resolves one spec; `problems` collects what is wrong, so that all of it is reported at once."""

    def __init__(self, source: Source, faulty: Iterable[Path]) -> None:
        self.source = source
        self.data: Mapping[str, Any] = source.data if isinstance(source.data, dict) else {}
        self.faulty = tuple(faulty)
        self.problems: list[Problem] = []
        self.reported: set[tuple[Path, str]] = set()

    def sound(self, path: Path) -> bool:
        """Whether the shape at and below a path was found valid."""
        return not any(bad[: len(path)] == path for bad in self.faulty)

    def report(self, said: Path, path: Path, problem: tuple[str, str], *, key: bool = False) -> None:
        """Notes a problem once, although several models may inherit the value."""
        if (said, problem[0]) not in self.reported:
            self.reported.add((said, problem[0]))
            self.problems.append(errors.located(problem, spell(path), self.source.place(said or path, key=key)))

    # Merging ---------------------------------------------------------------------------------------------------------

    def models(self) -> tuple[ModelSpec, ...]:
        listed = self.data.get("models")
        if not isinstance(listed, dict) or not all(isinstance(entry, dict) for entry in listed.values()):
            return ()
        resolved = []
        for name in listed:
            if self.sound(("defaults",)) and (chain := self.lineage(name, listed)) is not None:
                if all(self.sound(("models", ancestor)) for ancestor in chain):
                    resolved.append(self.model(name, chain, listed))
        return tuple(model for model in resolved if model is not None)

    def lineage(self, name: str, listed: Mapping[str, Any]) -> list[str] | None:
        """The model and what it extends, nearest first."""
        chain = [name]
        while (parent := listed[chain[-1]].get("extends")) is not None:
            path: Path = ("models", chain[-1], "extends")
            if not isinstance(parent, str):
                return None
            if parent not in listed:
                known = [other for other in listed if other != chain[-1]]
                self.report(path, path, errors.unknown_model(parent, known))
                return None
            chain.append(parent)
            if parent in chain[:-1]:
                circle = chain[chain.index(parent) :]
                if name == min(circle, key=list(listed).index):  # one circle, one message
                    self.report(path, ("models", name, "extends"), errors.cycle(circle))
                return None
        return chain

    def sayings(self, path: Path, data: Mapping[str, Any]) -> Saying:
        """What one mapping says about inputs, `ffn: swiglu` turned into the number of matrices that it stands for."""
        said = {key: Said(value, (*path, key)) for key, value in data.items() if value is not None}
        if "ffn" in said:
            kind = said.pop("ffn")
            if "ffn_matrices" in said:
                self.report(kind.path, kind.path, errors.said_twice("ffn", "ffn_matrices"), key=True)
            said["ffn_matrices"] = Said(schema.FFN_KINDS[kind.value], kind.path)
        return said

    def model(self, name: str, chain: list[str], listed: Mapping[str, Any]) -> ModelSpec | None:
        path: Path = ("models", name)
        said: Saying = self.sayings(("defaults",), self.data.get("defaults") or {})
        for ancestor in reversed(chain):
            said |= self.sayings(("models", ancestor), listed[ancestor])
        layers = said.pop("layers", None)
        said.pop("extends", None)
        whole = {key: value for key, value in said.items() if self.grain(key) == "model"}
        common = {key: value for key, value in said.items() if self.grain(key) == "layer_group"}
        groups: list[tuple[str, Path, Saying]] = []
        for index, data in enumerate(layers.value if layers else [{}]):
            at = (*layers.path, index) if layers else path
            own = self.sayings(at, data)
            label = own.pop("name").value if "name" in own else f"group {index + 1}" if layers else ""
            if "n_layers" in own:
                own["n_group_layers"] = own.pop("n_layers")
            groups.append((label, at, common | own))
        if layers and len({label.casefold() for label, *_ in groups}) < len(groups):
            self.report(layers.path, layers.path, errors.same_group_name())
        missing = [*self.missing("model", whole, bool(layers))]
        for _, _, group in groups:
            missing += [key for key in self.missing("layer_group", group, False) if key not in missing]
        if missing:
            self.report(path, path, errors.missing_inputs(missing), key=True)
            return None
        return self.evaluated(name, path, whole, groups, bool(layers))

    def grain(self, name: str) -> str:
        entry = catalog.load().inputs.get(name)
        return entry.grain if entry else ""

    def missing(self, grain: str, said: Saying, has_layers: bool) -> list[str]:
        required = [entry.name for entry in schema.inputs_of(grain) if entry.default is None]
        shown = ["ffn" if name == "ffn_matrices" else name for name in required if name not in said]
        return [name for name in shown if not (name == "n_layers" and has_layers)]

    # Evaluating ------------------------------------------------------------------------------------------------------

    def evaluated(
        self, name: str, path: Path, whole: Saying, groups: list[tuple[str, Path, Saying]], has_layers: bool
    ) -> ModelSpec | None:
        count = len(self.problems)
        claimed = whole.pop("n_layers", None) if has_layers else None
        base = _Scope(self, path, schema.inputs_of("model"), whole, {}, has_layers)
        values = base.resolve()
        resolved = []
        for label, at, said in groups:
            inner = _Scope(self, at, schema.inputs_of("layer_group"), said, values, False).resolve()
            self.rules(path, inner, said)
            resolved.append(Group(label, inner))
        if has_layers:
            total = sum(float(group.inputs["n_group_layers"].value) for group in resolved if "n_group_layers" in group.inputs)
            values["n_layers"] = Given(total, Aggregate("sum", ("n_group_layers",)))
            if claimed and claimed.value != total:
                self.report(claimed.path, claimed.path, errors.layers_do_not_add_up(claimed.value, total))
        if values.get("positions", Given("")).value == "learned" and not values["max_positions"].value:
            self.report(path, path, errors.learned_without_positions(), key=True)
        return ModelSpec(name, values, tuple(resolved)) if len(self.problems) == count else None

    def rules(self, path: Path, inputs: Mapping[str, Given], said: Saying) -> None:
        """What must hold between inputs of one group."""
        heads, shared = inputs.get("n_heads"), inputs.get("n_kv_heads")
        if heads and shared and heads.value % shared.value:  # type: ignore[operator]
            at = said["n_kv_heads"].path if "n_kv_heads" in said else said["n_heads"].path
            self.report(at, at, errors.heads_do_not_share(float(heads.value), float(shared.value)))

    def study(self) -> dict[str, Given]:
        """Conventions and load, defaults filled in."""
        said = dict(self.data) | dict(self.data.get("conventions") or {}) if self.sound(("conventions",)) else dict(self.data)
        paths: dict[str, Path] = {entry.name: ("conventions", entry.name) for entry in schema.conventions()}
        entries = schema.inputs_of("study")
        saying = {
            entry.name: Said(said[entry.name], paths.get(entry.name, (entry.name,)))
            for entry in entries
            if said.get(entry.name) is not None and self.sound(paths.get(entry.name, (entry.name,)))
        }
        return _Scope(self, (), entries, saying, {}, False).resolve()


class _Scope:
    """The inputs of one model, layer group or study; expressions read each other and those of the scope above."""

    def __init__(
        self,
        resolver: Resolver,
        path: Path,
        entries: Iterable[Input],
        said: Saying,
        above: Mapping[str, Given],
        has_layers: bool,
    ) -> None:
        self.resolver, self.path, self.above = resolver, path, above
        self.entries = {entry.name: entry for entry in entries if not (has_layers and entry.name == "n_layers")}
        self.said = {name: said.get(name) or Said(entry.default, ()) for name, entry in self.entries.items()}

    def resolve(self) -> dict[str, Given]:
        nodes = {name: node for name, said in self.said.items() if (node := self.expression(name, said)) is not None}
        done: dict[str, Given] = {
            name: self.constant(self.entries[name], said)
            for name, said in self.said.items()
            if name not in nodes and not self.is_expression(name, said)
        }
        try:
            order = catalog.ordered({name: names(node) for name, node in nodes.items()})
        except CycleError as cycle:
            at = self.said[cycle.chain[0]].path or self.path
            self.resolver.report(at, at, errors.cycle(cycle.chain))
            return done
        known = dict(self.above) | done
        for name in order:
            if all(read in known for read in names(nodes[name])):
                if (given := self.computed(name, nodes[name], known)) is not None:
                    done[name] = known[name] = given
        return {name: done[name] for name in self.entries if name in done}

    def is_expression(self, name: str, said: Said) -> bool:
        return isinstance(said.value, str) and self.entries[name].is_number

    def constant(self, entry: Input, said: Said) -> Given:
        if isinstance(said.value, bool):
            return Given("yes" if said.value else "no")
        return Given(said.value if isinstance(said.value, str) else float(said.value))

    def expression(self, name: str, said: Said) -> Node | None:
        """The formula of an input that is said as one; None for constants and for formulas that are refused."""
        if not self.is_expression(name, said):
            return None
        at = said.path or (*self.path, name)
        try:
            node = parse(said.value, self.resolver.source.place(at), spell(at))
        except FormulaError as error:
            for problem in error.problems:
                if (at, problem.fact) not in self.resolver.reported:
                    self.resolver.reported.add((at, problem.fact))
                    self.resolver.problems.append(problem)
            return None
        readable = {key for key, entry in self.entries.items() if entry.is_number}
        readable |= {key for key in self.above if catalog.load().inputs[key].is_number}
        for read in names(node):
            if read not in readable:
                self.resolver.report(at, at, errors.unknown_input(read, sorted(readable)))
                return None
        return node

    def computed(self, name: str, node: Node, known: Mapping[str, Given]) -> Given | None:
        entry, said = self.entries[name], self.said[name]
        at = said.path or (*self.path, name)
        try:
            value = float(evaluate(node, lambda read: known[read].value))
        except (ArithmeticError, TypeError, LookupError):
            self.resolver.report(at, at, errors.no_value(str(said.value)))
            return None
        bounds = (entry.least, entry.most if entry.most is not None else schema.LARGEST)
        problem = errors.choice_problem(int(value) if value == int(value) else value, entry.choices) if entry.choices else (
            errors.number_problem(value, *bounds, whole=True)
        )
        if problem and not said.path and name == "d_head":
            width, heads = float(known["d_model"].value), float(known["n_heads"].value)
            self.resolver.report(self.path, self.path, errors.heads_do_not_divide(width, heads), key=True)
        elif problem:
            self.resolver.report(at, at, (f"{said.value} is {value:,.15g}: {problem[0]}", problem[1]))
        return None if problem else Given(value, node)


