from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from holdout_documents import holdout_documents, incidents
from hypothesis import HealthCheck, assume, given, settings
from policy_modules import Texts, attempt
from rego_programs import documents, programs

from opensoc_engine import data_root, load_policy_set
from opensoc_engine.cases import _Builder
from opensoc_engine.codegen.python import generate
from opensoc_engine.compiler import check_set
from opensoc_engine.decision import exact
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.interpreter import interpret
from opensoc_engine.loader import PolicyFolder, read_folder
from opensoc_engine.lower import lower
from opensoc_engine.structured import structured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.ir import Module, Solution

SETS = ("verifier", "plausibility", "rubric")


def shown(solutions: Iterator[Solution]) -> list[tuple[tuple[str, ...], str]]:
    """With values as text: `1` and `1.0` are equal, but a decision prints them."""
    return [(evidence, str(value)) for evidence, value in solutions]


class BackEnds:
    """A policy in both forms, each made once."""

    def __init__(self, module: Module) -> None:
        self._both = generate(module, "test").rules, interpret(module)

    def find(self, document: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """What generated code and the interpreter find; each has a cache of its own."""
        caches: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        generated, interpreted = (
            {rule: shown(call(document, cache)) for rule, call in rules.items()}
            for rules, cache in zip(self._both, caches, strict=True)
        )
        return generated, interpreted


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), documents)
def test_generated_code_finds_what_the_interpreter_finds_in_the_same_order(
    program: Texts, document: dict[str, Any]
) -> None:
    module, problems = attempt(program)
    assume(all(problem.code not in {"E405", "E701"} for problem in problems))
    assert module is not None, [problem.message for problem in problems]

    generated, interpreted = BackEnds(module).find(document)

    assert generated == interpreted


def modules(folder: PolicyFolder) -> Iterator[tuple[str, Module]]:
    """The policies of a set as IR, by name."""
    collector = DiagnosticCollector()
    values = {name: item.values for name, item in folder.lists.items()}
    for item in check_set(
        folder.manifest, folder.policies, folder.lists, folder.store, collector
    ):
        yield item.policy.slug.text, lower(item.checked, values)


def inputs(folder: PolicyFolder) -> dict[str, list[Any]]:
    """The inputs of all cases of a set, by policy."""
    collector, found = DiagnosticCollector(), {}
    for cases in folder.cases:
        builder = _Builder(cases, folder.case_base or {}, collector)
        known = (builder.document(case) for case in builder.known.values())
        found[cases.policy.text] = [exact(document) for document in known]
    return found


@pytest.mark.parametrize("name", SETS)
def test_the_back_ends_agree_on_every_case_of_the_shipped_policies(name: str) -> None:
    folder = read_folder(data_root() / "rules" / name, DiagnosticCollector())
    assert folder is not None
    documents = inputs(folder)
    fired = set()

    for policy, module in modules(folder):
        back_ends = BackEnds(module)
        for document in documents[policy]:
            generated, interpreted = back_ends.find(document)
            assert generated == interpreted
            fired |= {rule for rule, solutions in generated.items() if solutions}

    assert fired == {rule.id.text for p in folder.policies for rule in p.rules}


def compare_holdout(name: str, step: int) -> tuple[int, int]:
    """Compare on every so many documents: how many, and on how many rules fire."""
    policies = load_policy_set(data_root() / "rules" / name)
    compared = fired = 0
    for item in policies.compiled:
        back_ends = BackEnds(item.program)
        for document in holdout_documents(name, item.policy.slug.text)[::step]:
            found, expected = back_ends.find(item.seen(document))
            assert found == expected
            compared, fired = compared + 1, fired + any(expected.values())
    assert compared >= len(policies.compiled) * len(incidents()) // step
    return compared, fired


# The hold-out is plausible, so no rule of plausibility fires there.
@pytest.mark.parametrize("name", SETS)
def test_the_back_ends_agree_on_a_part_of_the_hold_out(name: str) -> None:
    _, fired = compare_holdout(name, step=16)

    assert (fired > 0) == (name != "plausibility")


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_the_back_ends_agree_on_the_whole_hold_out(
    name: str, record_property: Any
) -> None:
    counts = compare_holdout(name, step=1)

    record_property("comparisons", {f"hold-out, {name}": counts})


def test_structs_decide_the_hold_out_alike() -> None:
    verifier = load_policy_set(data_root() / "rules" / "verifier")
    structs = structured(verifier)

    for incident in incidents()[::8]:
        struct = structs.decode(json.dumps(incident))
        assert structs.outcome(struct) == verifier.outcome(incident)
