"""Comparisons of engines, counted: our two back ends, in two forms, and others.

A comparison is the answer of two engines to one policy and one document. How many were
made, and in how many a rule fired, goes into the report of the test run: where nothing
fires, nothing is shown.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
from outside_engines import module_for
from typed_documents import DOCUMENT, LISTS

from opensoc_engine.codegen.attributes import StructReader, fields_read
from opensoc_engine.codegen.python import generate, generate_set
from opensoc_engine.codegen.rego_names import ROOT
from opensoc_engine.decision import exact
from opensoc_engine.errors import InputError
from opensoc_engine.interpreter import interpret
from opensoc_engine.lower import lower
from opensoc_engine.structured import _Shapes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from outside_engines import Engine

    from opensoc_engine import ir
    from opensoc_engine.analysis.checker import CheckedProgram

    Rules = Mapping[str, Callable[..., Any]]

PLACES = 9
"""Digits of a value that count: other engines calculate with binary fractions."""
GENERATED, STRUCTS = "generated code", "generated code over structs"

Answer = set[tuple[str, tuple[str, ...], float | None]]


@dataclass
class Tally:
    """Comparisons with the interpreter by engine, and those where a rule fired."""

    made: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)

    def compared(self, engine: str, ours: Answer) -> None:
        """Count one, whose answer was found to be ours."""
        self.made[engine] += 1
        self.fired[engine] += bool(ours)

    def share(self, engine: str) -> float:
        """The part of an engine's comparisons in which a rule fired."""
        return self.fired[engine] / max(self.made[engine], 1)

    def to_json(self) -> dict[str, tuple[int, int]]:
        """Both counts of each engine."""
        return {name: (made, self.fired[name]) for name, made in self.made.items()}


def rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), PLACES)


def plain(value: Any) -> Any:
    """A value of a case with floats for its decimals."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def solved(rules: Rules, document: Any) -> Answer:
    """All ways in which functions of rules fire."""
    found: dict[str, Any] = {}
    return {
        (rule, evidence, rounded(value))
        for rule, call in rules.items()
        for evidence, value in call(document, found)
    }


def answered(fired: list[dict[str, Any]] | None) -> Answer:
    """All ways in which rules fire by the answer of another engine."""
    return {
        (item["rule"], tuple(item.get("evidence", ())), rounded(item.get("value")))
        for item in fired or ()
    }


def over_structs(module: ir.Module) -> tuple[Rules, msgspec.json.Decoder[Any]] | None:
    """The rules over structs and what decodes them, if they can be put on structs."""
    try:
        shape = _Shapes(fields_read([module])).of("", DOCUMENT)
    except InputError:
        return None
    code = generate_set({"test": module}, "test", StructReader())
    if code.plan.reads_all:
        return None
    return code.module("test").rules, msgspec.json.Decoder(shape)


class Comparison:
    """One policy in all forms that it has here, and in one other engine."""

    def __init__(
        self, checked: CheckedProgram, engine: type[Engine], place: Path
    ) -> None:
        module = lower(checked, LISTS)
        manifest: Any = SimpleNamespace(name="random")
        data = {ROOT: {"lists": json.loads(json.dumps(LISTS))}}
        self._interpreted = interpret(module)
        self._generated = generate(module, "test").rules
        self._structs = over_structs(module)
        self._engine = engine.name
        self._other = engine(module_for(engine, checked, manifest), data, place)

    def run(self, document: Any, tally: Tally) -> None:
        """Compare what all say about a document."""
        ours = solved(self._interpreted, exact(document))
        assert solved(self._generated, exact(document)) == ours
        tally.compared(GENERATED, ours)
        if self._structs is not None:
            rules, decoder = self._structs
            assert solved(rules, decoder.decode(json.dumps(document))) == ours
            tally.compared(STRUCTS, ours)
        answer = self._other.ask(f"{ROOT}.random.test.fired", document)
        assert answered(answer) == ours
        tally.compared(self._engine, ours)
