"""Our engine against other Rego engines: the same rules fire, for the same reasons.

The short form makes some hundred comparisons for each engine. `OPENSOC_DIFFERENTIAL`
says how many the long form makes, which also puts each case to every policy of its set.
OPA itself takes part where its bindings are installed.
"""

from __future__ import annotations

import json
import os
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from compiled_texts import checked_texts
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from outside_engines import ENGINES, JOINING, module_for
from typed_documents import DOCUMENT, DOCUMENTS, LISTS
from typed_policies import policies

from opensoc_engine import data_root
from opensoc_engine.cases import _Builder
from opensoc_engine.codegen.python import generate
from opensoc_engine.codegen.rego_names import ROOT, package_name
from opensoc_engine.codegen.rego_set import DATA, decision_module, export
from opensoc_engine.compiler import check_set
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.interpreter import interpret
from opensoc_engine.loader import load_folder
from opensoc_engine.lower import lower

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from compiled_texts import PolicyTexts
    from outside_engines import Engine, Opa, RegoCpp

    from opensoc_engine.analysis.checker import CheckedProgram
    from opensoc_engine.decision import PolicySet
    from opensoc_engine.loader import PolicyFolder

RULES = data_root() / "rules"
SETS = ("plausibility", "rubric", "verifier")
POLICIES = [
    (name, path.stem)
    for name in SETS
    for path in sorted((RULES / name).glob("*.yaml"))
    if path.name != "set.yaml" and not path.stem.endswith(".cases")
]
LONG = int(os.environ.get("OPENSOC_DIFFERENTIAL", "20000"))
DOCUMENTS_EACH = 4
PLACES = 9
"""Digits of a value that count: other engines calculate with binary fractions."""

Answer = set[tuple[str, tuple[str, ...], float | None]]


def rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), PLACES)


def exact(value: Any) -> Any:
    """A JSON value with the decimals that its floats are written as."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: exact(part) for key, part in value.items()}
    return [exact(part) for part in value] if isinstance(value, list) else value


def plain(value: Any) -> Any:
    """A value of a case with floats for its decimals."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def solved(rules: Any, document: Any) -> Answer:
    """All ways in which functions of rules fire."""
    cache_: dict[str, Any] = {}
    return {
        (rule, evidence, rounded(value))
        for rule, call in rules.items()
        for evidence, value in call(exact(document), cache_)
    }


def answered(fired: list[dict[str, Any]] | None) -> Answer:
    """All ways in which rules fire by the answer of another engine."""
    return {
        (item["rule"], tuple(item.get("evidence", ())), rounded(item.get("value")))
        for item in fired or ()
    }


def decided(policy_set: PolicySet, slug: str, document: Any) -> Answer:
    """All ways in which the rules of a policy fire by our decision."""
    if policy_set.manifest.decision == "sum":
        decision = policy_set.evaluate_policy(document, slug)
    else:
        decision = policy_set.evaluate(document)
    return {
        (finding.rule, way, rounded(finding.value))
        for finding in decision.findings
        if finding.policy == slug
        for way in finding.alternatives
    }


@cache
def loaded(name: str) -> tuple[PolicyFolder, PolicySet, dict[str, CheckedProgram]]:
    found = load_folder(RULES / name)
    folder, policy_set = found.folder, found.policy_set
    assert folder is not None
    assert policy_set is not None
    checked = check_set(
        folder.manifest,
        policy_set.policies,
        folder.lists,
        folder.store,
        DiagnosticCollector(),
    )
    return folder, policy_set, {item.policy.slug.text: item.checked for item in checked}


def inputs(name: str, slug: str, *, all_cases: bool) -> Iterator[Any]:
    """The inputs of a policy's cases, or of all cases that fit its schema."""
    folder, collector = loaded(name)[0], DiagnosticCollector()
    for file in folder.cases:
        if file.policy.text == slug or (all_cases and name != "rubric"):
            builder = _Builder(file, folder.case_base or {}, collector)
            yield from map(builder.document, builder.known.values())
    assert not collector.has_errors


def compare_shipped(
    name: str, slug: str, engine: type[Engine], place: Path, *, all_cases: bool
) -> None:
    folder, policy_set, programs = loaded(name)
    data = json.loads(export([], folder.lists)[DATA])
    other = engine(module_for(engine, programs[slug], folder.manifest), data, place)
    rule = f"{ROOT}.{package_name(name)}.{package_name(slug)}.fired"
    values = {key: item.values for key, item in folder.lists.items()}
    interpreted = interpret(lower(programs[slug], values))
    fired = 0
    for document in inputs(name, slug, all_cases=all_cases):
        ours = decided(policy_set, slug, document)
        fired += bool(ours)

        assert answered(other.ask(rule, plain(document))) == ours
        assert solved(interpreted, document) == ours
    assert fired


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize(("name", "slug"), POLICIES)
def test_a_shipped_policy_fires_alike_everywhere(
    name: str, slug: str, engine: type[Engine], tmp_path: Path
) -> None:
    compare_shipped(name, slug, engine, tmp_path, all_cases=False)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize(("name", "slug"), POLICIES)
def test_a_shipped_policy_fires_alike_on_the_cases_of_all_others(
    name: str, slug: str, engine: type[Engine], tmp_path: Path
) -> None:
    compare_shipped(name, slug, engine, tmp_path, all_cases=True)


def joined(name: str, engine: type[RegoCpp | Opa], place: Path) -> RegoCpp | Opa:
    """The module that decides for a set, with those of its policies."""
    folder, policy_set, programs = loaded(name)
    data = json.loads(export([], folder.lists)[DATA])
    decides = decision_module(folder.manifest, policy_set.policies)
    other = engine(decides, data, place)
    for checked in programs.values():
        other.add(module_for(engine, checked, folder.manifest))
    return other


# rego-cpp finds a cycle in `phishing` where it stands beside other modules.
@pytest.mark.parametrize(
    ("name", "engine"),
    [
        (name, engine)
        for name in ("plausibility", "verifier")
        for engine in JOINING
        if (name, engine.name) != ("verifier", "regopy")
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_set_decides_alike_everywhere(
    name: str, engine: type[RegoCpp | Opa], tmp_path: Path
) -> None:
    policy_set, other = loaded(name)[1], joined(name, engine, tmp_path)
    cases: dict[str, Any] = {}
    for policy in policy_set.policies:
        for document in inputs(name, policy.slug.text, all_cases=False):
            cases.setdefault(policy_set.evaluate(document).outcome, document)

    assert len(cases) == (5 if name == "verifier" else 2)
    for outcome, document in cases.items():
        assert other.ask(f"{ROOT}.{name}.decision.outcome", plain(document)) == outcome


@pytest.mark.parametrize("engine", JOINING, ids=lambda engine: engine.name)
def test_the_strongest_action_decides_everywhere(
    engine: type[RegoCpp | Opa], tmp_path: Path
) -> None:
    folder, policy_set, _ = loaded("verifier")
    other = engine(decision_module(folder.manifest, policy_set.policies), {}, tmp_path)
    for policy in policy_set.policies:
        slug = policy.slug.text
        other.add(
            f"package {ROOT}.verifier.{package_name(slug)}\n\nimport rego.v1\n\n"
            'fired contains {"rule": "r", "action": action} if {\n'
            f'\tsome action in input["{slug}"]\n}}\n'
        )
    for rank, action in enumerate(policy_set.order):
        weaker = list(policy_set.order[rank:])
        document = {"c2-beacon": [action], "phishing": weaker, "ransomware": []}

        assert other.ask(f"{ROOT}.verifier.decision.outcome", document) == action
    assert other.ask(f"{ROOT}.verifier.decision.outcome", {}) == policy_set.default


@pytest.mark.parametrize("engine", JOINING, ids=lambda engine: engine.name)
def test_rewards_are_summed_alike_everywhere(
    engine: type[RegoCpp | Opa], tmp_path: Path
) -> None:
    policy_set, other = loaded("rubric")[1], joined("rubric", engine, tmp_path)
    for policy in policy_set.policies:
        slug = policy.slug.text
        for document in inputs("rubric", slug, all_cases=False):
            totals = other.ask(f"{ROOT}.rubric.decision.total", plain(document))
            decision = policy_set.evaluate_policy(document, slug)

            assert rounded(totals[slug]) == rounded(decision.total)


def compare_random(engine: type[Engine], place: Path, comparisons: int) -> int:
    """Compare policies that are drawn at random; gives how many rules fired."""
    count = fired = 0
    data = {ROOT: {"lists": plain(json.loads(json.dumps(LISTS)))}}

    @settings(
        max_examples=comparisons // DOCUMENTS_EACH * 5 // 4,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(policies(), st.lists(DOCUMENTS, min_size=4, max_size=DOCUMENTS_EACH))
    def compare(texts: PolicyTexts, documents: list[Any]) -> None:
        nonlocal count, fired
        checked, _ = checked_texts(texts, DOCUMENT, LISTS)
        if checked is None:
            return
        module = lower(checked, LISTS)
        generated, interpreted = generate(module, "test").rules, interpret(module)
        manifest: Any = SimpleNamespace(name="random")
        other = engine(module_for(engine, checked, manifest), data, place)
        for document in documents:
            ours = solved(generated, document)
            count, fired = count + 1, fired + bool(ours)
            answer = other.ask(f"{ROOT}.random.test.fired", document)
            assert answered(answer) == ours
            assert solved(interpreted, document) == ours

    compare()
    assert count >= comparisons
    return fired


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_random_policies_fire_alike_everywhere(
    engine: type[Engine], tmp_path: Path
) -> None:
    assert compare_random(engine, tmp_path, 300) > 50


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_many_random_policies_fire_alike_everywhere(
    engine: type[Engine], tmp_path: Path
) -> None:
    assert compare_random(engine, tmp_path, LONG // 2) > LONG // 20
