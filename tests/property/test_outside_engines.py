"""Our engine against other Rego engines: the same rules fire, for the same reasons.

The short form makes 300 random comparisons with each engine, and runs the cases of each
shipped policy with hold-out incidents that its rules fire on. The long form makes as
many as `OPENSOC_DIFFERENTIAL` says, and puts all cases of a set and the whole hold-out
to each of its policies. OPA itself takes part where its bindings are installed.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from compiled_texts import checked_texts
from differential import GENERATED, STRUCTS, Comparison, Tally, answered, plain, rounded
from holdout_documents import holdout_documents
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from outside_engines import ENGINES, JOINING, module_for
from typed_documents import DOCUMENT, DOCUMENTS, LISTS
from typed_policies import policies

from opensoc_engine import data_root
from opensoc_engine.cases import _Builder
from opensoc_engine.codegen.rego_names import ROOT, package_name
from opensoc_engine.codegen.rego_set import DATA, decision_module, export
from opensoc_engine.compiler import check_set
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import load_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from compiled_texts import PolicyTexts
    from differential import Answer
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
SHORT = 300
LONG = int(os.environ.get("OPENSOC_DIFFERENTIAL", "21000"))
DOCUMENTS_EACH = 4
FIRED = 0.15
"""In more than this part of the comparisons a rule must fire."""


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


def new_firings(documents: Iterable[Any], policy_set: PolicySet, slug: str) -> Any:
    """The shortest documents on which the rules of a policy fire."""
    known: set[str] = set()
    for document in sorted(documents, key=lambda document: len(str(document))):
        fired = {rule for rule, *_ in decided(policy_set, slug, document)}
        if not fired <= known:
            known |= fired
            yield document


def rules_of(policy_set: PolicySet, slug: str) -> set[str]:
    """The names of a policy's rules."""
    return {
        rule.id.text
        for policy in policy_set.policies
        if policy.slug.text == slug
        for rule in policy.rules
    }


def readable(engine: type[Engine], documents: Iterable[Any]) -> list[Any]:
    """Documents that an engine reads as they are: with other quotes, if need be."""
    if engine.reads_quotes:
        return list(documents)
    return [json.loads(json.dumps(plain(d)).replace(r"\"", "'")) for d in documents]


def compare_shipped(
    name: str, slug: str, engine: type[Engine], place: Path, documents: Iterable[Any]
) -> Tally:
    """Compare a policy on documents; all its rules fire on some of them."""
    folder, policy_set, programs = loaded(name)
    data = json.loads(export([], folder.lists)[DATA])
    other = engine(module_for(engine, programs[slug], folder.manifest), data, place)
    asked = f"{ROOT}.{package_name(name)}.{package_name(slug)}.fired"
    tally, fired = Tally(), set[str]()
    for document in documents:
        ours = decided(policy_set, slug, document)

        assert answered(other.ask(asked, plain(document))) == ours
        tally.compared(engine.name, ours)
        fired |= {rule for rule, *_ in ours}
    assert fired == rules_of(policy_set, slug)
    return tally


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize(("name", "slug"), POLICIES)
def test_a_shipped_policy_fires_alike_everywhere(
    name: str,
    slug: str,
    engine: type[Engine],
    tmp_path: Path,
    record_property: Any,
) -> None:
    cases = readable(engine, inputs(name, slug, all_cases=False))
    known = [*cases, *readable(engine, holdout_documents(name, slug))]
    sample = new_firings(known, loaded(name)[1], slug)

    asked = [*cases[:: engine.short], *sample]
    tally = compare_shipped(name, slug, engine, tmp_path, asked)

    record_property("comparisons", tally.to_json())


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize(("name", "slug"), POLICIES)
def test_a_shipped_policy_fires_alike_on_all_cases_and_the_hold_out(
    name: str,
    slug: str,
    engine: type[Engine],
    tmp_path: Path,
    record_property: Any,
) -> None:
    cases = readable(engine, inputs(name, slug, all_cases=True))
    holdout = readable(engine, holdout_documents(name, slug)[:: engine.step])

    tally = compare_shipped(name, slug, engine, tmp_path, [*cases, *holdout])

    record_property("comparisons", tally.to_json())


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


def compare_random(engine: type[Engine], place: Path, comparisons: int) -> Tally:
    """Compare policies that are drawn at random, on documents that are too."""
    tally = Tally()

    @settings(
        max_examples=comparisons // DOCUMENTS_EACH * 5 // 4,
        deadline=None,
        derandomize=comparisons == SHORT,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(policies(), st.lists(DOCUMENTS, min_size=4, max_size=DOCUMENTS_EACH))
    def compare(texts: PolicyTexts, documents: list[Any]) -> None:
        checked, _ = checked_texts(texts, DOCUMENT, LISTS)
        if checked is None:
            return
        comparison = Comparison(checked, engine, place)
        for document in documents:
            comparison.run(document, tally)

    compare()
    assert tally.made[engine.name] >= comparisons
    assert tally.made[GENERATED] == tally.made[engine.name]
    assert tally.made[STRUCTS] >= comparisons // 10
    assert tally.share(engine.name) > FIRED
    assert tally.share(STRUCTS) > FIRED
    return tally


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_random_policies_fire_alike_everywhere(
    engine: type[Engine], tmp_path: Path, record_property: Any
) -> None:
    tally = compare_random(engine, tmp_path, SHORT)

    record_property("comparisons", tally.to_json())


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_many_random_policies_fire_alike_everywhere(
    engine: type[Engine], tmp_path: Path, record_property: Any
) -> None:
    tally = compare_random(engine, tmp_path, LONG // len(ENGINES))

    record_property("comparisons", tally.to_json())
