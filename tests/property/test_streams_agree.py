"""Rules on streams find what the interpreter finds, and no rule is left unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from event_policies import documents, policies
from hypothesis import HealthCheck, assume, given, settings
from policy_modules import Texts, attempt

from opensoc_engine import data_root, load_policy_set
from opensoc_engine.codegen.python import generate_set
from opensoc_engine.evaluation import Part, RuleFacts
from opensoc_engine.interpreter import interpret
from opensoc_env.generator import generate
from opensoc_env.models import TASKS

if TYPE_CHECKING:
    from opensoc_engine import Finding, PolicySet

ORDER = ("escalate", "monitor")


def part_of(module: Any) -> Part:
    """The module as a part, whose rules have the outcomes in turn."""
    code = generate_set({"test": module}, "test")
    facts = tuple(
        RuleFacts(rule, "test", "1", "", ORDER[at % 2], None, None, True, {})  # noqa: FBT003
        for at, (_, rule) in enumerate(code.plan.names)
    )
    return Part(code, facts, ORDER, frozenset())


def oracle(part: Part, module: Any, document: Any) -> list[Finding]:
    """What the interpreter finds, strongest outcome first."""
    found, cache = [], dict[str, Any]()
    rules = interpret(module)
    for outcome in ORDER:
        for facts in part.facts:
            solutions = rules[facts.rule](document, cache)
            first = next(solutions, None) if facts.outcome == outcome else None
            if first is not None:
                found.append(facts.finding(first, solutions))
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(policies(), documents())
def test_streams_and_indexes_change_no_finding(
    policy: Texts, document: dict[str, Any]
) -> None:
    module, problems = attempt(policy)
    # Lines that can't hold together are refused: another kind, or a needless guard.
    assume(all(problem.code in {"E301", "E405", "E406"} for problem in problems))
    assume(module is not None)
    part = part_of(module)
    expected = oracle(part, module, document)

    assert part.findings(document) == expected
    assert part.outcome(document) == (expected[0].outcome if expected else None)


def interpreted(policies: PolicySet, document: dict[str, Any]) -> set[str]:
    """The findings of the interpreter, as text."""
    facts = {fact.rule: fact for part in policies.parts for fact in part.facts}
    found = set()
    for item in policies.compiled:
        seen, cache = item.seen(document), dict[str, Any]()
        for rule, solve in interpret(item.program).items():
            solutions = solve(seen, cache)
            first = next(solutions, None)
            if first is not None:
                found.add(repr(facts[rule].finding(first, solutions)))
    return found


@pytest.mark.parametrize("name", ["verifier", "plausibility"])
def test_shipped_rules_find_in_incidents_what_the_interpreter_finds(name: str) -> None:
    policies = load_policy_set(data_root() / "rules" / name)
    incidents = [generate(task, 5, at) for task in TASKS for at in range(3)]

    for incident in incidents:
        decision = policies.evaluate(incident)
        assert {repr(f) for f in decision.findings} == interpreted(policies, incident)
        assert policies.outcome(incident) == decision.outcome
