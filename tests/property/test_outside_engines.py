"""Our engine against other Rego engines: the same rules must fire, for the same reasons.

`OPENSOC_DIFFERENTIAL` is the number of comparisons of the long form.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from outside_engines import COMPATIBILITY, ENGINES, module_for

from opensoc_engine import data_root
from opensoc_engine.builtin_functions.networks import cidr_contains
from opensoc_engine.cases import _Builder
from opensoc_engine.codegen.rego_names import LISTS, ROOT, package_name
from opensoc_engine.codegen.rego_set import DATA, ExportedSet, export
from opensoc_engine.compiler import check_set
from opensoc_engine.decision import exact
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.interpreter import interpret
from opensoc_engine.loader import load_folder
from opensoc_engine.lower import lower

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from outside_engines import Engine

    from opensoc_engine.analysis.checker import CheckedProgram
    from opensoc_engine.ir import Solution
    from opensoc_engine.loader import LoadedSet

RULES = data_root() / "rules"
SETS = ("plausibility", "rubric", "verifier")
LONG = "OPENSOC_DIFFERENTIAL" in os.environ
PLACES = 9
"""Digits of a value that count: other engines calculate with binary fractions."""


@cache
def loaded(name: str) -> LoadedSet:
    return load_folder(RULES / name)


@cache
def programs(name: str) -> dict[str, CheckedProgram]:
    folder, collector = loaded(name).folder, DiagnosticCollector()
    assert folder is not None
    checked = check_set(
        folder.manifest, folder.policies, folder.lists, folder.store, collector
    )
    return {item.policy.slug.text: item.checked for item in checked}


def documents(name: str) -> Iterator[tuple[str, Any]]:
    """The inputs of all cases of a set, each with its policy."""
    folder, collector = loaded(name).folder, DiagnosticCollector()
    assert folder is not None
    for file in folder.cases:
        builder = _Builder(file, folder.case_base or {}, collector)
        for case in builder.known.values():
            yield file.policy.text, builder.document(case)
    assert not collector.has_errors


def plain(value: Any) -> Any:
    """A JSON value with floats for decimals."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value


def shown(rule: str, solution: Solution) -> tuple[Any, ...]:
    """A way for a rule to fire, as it can be compared."""
    evidence, value = solution
    return rule, evidence, None if value is None else round(float(value), PLACES)


def answered(fired: list[dict[str, Any]] | None) -> set[tuple[Any, ...]]:
    """What another engine says, as it can be compared."""
    return {
        shown(item["rule"], (tuple(item.get("evidence", ())), item.get("value")))
        for item in fired or ()
    }


def solved(rules: Any, document: Any) -> set[tuple[Any, ...]]:
    """What our functions of rules say, as it can be compared."""
    cache: dict[str, Any] = {}
    value = exact(document)
    return {
        shown(rule, solution)
        for rule, call in rules.items()
        for solution in call(value, cache)
    }


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("name", SETS)
def test_shipped_rules_fire_alike_everywhere(
    name: str, engine: type[Engine], tmp_path: Path
) -> None:
    folder, policy_set = loaded(name).folder, loaded(name).policy_set
    assert folder is not None
    assert policy_set is not None
    data = json.loads(export([], folder.lists)[DATA])
    values = {key: item.values for key, item in folder.lists.items()}
    inputs, fired, disagreements = list(documents(name)), 0, []
    for item in policy_set.compiled:
        slug = item.policy.slug.text
        checked = programs(name)[slug]
        (place := tmp_path / slug).mkdir()
        other = engine(module_for(engine, checked, folder.manifest), data, place)
        rule = f"{ROOT}.{package_name(name)}.{package_name(slug)}.fired"
        interpreted = interpret(lower(checked, values))
        for policy, document in inputs:
            if name == "rubric" and policy != slug:
                continue
            ours = solved(item.module.rules, document)
            assert solved(interpreted, document) == ours
            theirs = answered(other.ask(rule, plain(document)))
            fired += bool(ours)
            if ours != theirs:
                disagreements.append((slug, policy, ours ^ theirs))

    assert not disagreements
    assert fired
