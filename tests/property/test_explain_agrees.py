from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from policy_modules import DOCUMENT, Texts, _policy, attempt
from rego_programs import documents, programs

from opensoc_engine.codegen.python import generate
from opensoc_engine.decision import CompiledPolicy
from opensoc_engine.explain import explain
from opensoc_engine.explanation.aims import guarded
from opensoc_engine.explanation.paths import Change, changes, edited
from opensoc_engine.explanation.remedies import defeat, reach
from opensoc_engine.explanation.tracer import attempts
from opensoc_engine.explanation.world import World
from opensoc_env.datasets import HOLDOUT, read_rows
from opensoc_env.incident import IncidentError, normalise_incident
from opensoc_env.judge import Judge, default_judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from opensoc_engine import PolicySet

ROWS = read_rows(HOLDOUT)
# Every so many rows: all of them take minutes.
SPARSE = 25
VERY_SPARSE = 40


def world_of(program: Texts, document: dict[str, Any]) -> World:
    """The world of a random program.

    One that costs too much, or compares with a constant that can't occur, is left out:
    the generator of programs does not know what the checker knows of these.
    """
    module, problems = attempt(program)
    assume(all(problem.code not in {"E405", "E701"} for problem in problems))
    assert module is not None, [problem.message for problem in problems]
    item = CompiledPolicy(
        _policy(program),
        generate(module, "test"),
        frozenset(),
        exact=True,
        program=module,
        document=DOCUMENT,
    )
    return World.of(item, document)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), documents)
def test_ways_that_lack_no_line_are_those_of_the_interpreter(
    program: Texts, document: dict[str, Any]
) -> None:
    world = world_of(program, document)
    for body in world.item.program.rules[0].bodies:
        frame = world.root(body.block)
        whole = [a.way for a in attempts(frame, body.block) if not a.lacking]

        assert whole == frame.ways(body.block)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(), documents)
def test_changes_are_derived_from_any_program_without_an_error(
    program: Texts, document: dict[str, Any]
) -> None:
    world = world_of(program, document)
    before = copy.deepcopy(document)
    for body in world.item.program.rules[0].bodies:
        frame = world.root(body.block)
        derive = defeat if frame.ways(body.block) else reach
        for edits in guarded(lambda: derive(frame, body.block)):  # noqa: B023
            for edit in edits:
                assert changes(document, edited(document, edit)) or edit.value

    assert document == before


def accept(document: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return normalise_incident(document)
    except IncidentError:
        return None


SETS: dict[str, Callable[[Judge], PolicySet]] = {
    "verifier": lambda judge: judge.verifier,
    "plausibility": lambda judge: judge.plausibility,
}


@pytest.mark.parametrize("name", SETS)
def test_explain_says_of_every_rule_what_the_set_decides(name: str) -> None:
    policy_set = SETS[name](default_judge())
    for row in ROWS[::SPARSE]:
        incident = normalise_incident(row["incident"])
        found = explain(policy_set, incident, accept, flips=False)
        fired = {finding.rule for finding in policy_set.evaluate(incident).findings}

        assert {report.rule for report in found.fired} == fired
        assert all(not report.failing for report in found.fired)
        assert all(report.failing for report in found.others)


def applied(document: Any, change: Change) -> Any:
    """The document with a change that was told, made by other code than the search."""
    changed = copy.deepcopy(document)
    parent = changed
    for part in change.path[:-1]:
        parent = parent[part]
    last = change.path[-1]
    if change.kind == "removed":
        del parent[last]
    elif change.kind == "added" and isinstance(parent, list):
        parent += change.after if change.count > 1 else [change.after]
    else:
        parent[last] = change.after
    return changed


def decided(incident: Any, told: tuple[Change, ...]) -> tuple[str, set[str]] | None:
    """The outcome and the rules after some changes; None if they fit no schema."""
    # The last first: what is taken out of an array moves what stands behind it.
    for change in reversed(told):
        incident = applied(incident, change)
    accepted = accept(incident)
    if accepted is None:
        return None
    decision = default_judge().verifier.evaluate(accepted)
    return decision.outcome, {finding.rule for finding in decision.findings}


@pytest.mark.parametrize("at", range(0, len(ROWS), VERY_SPARSE))
def test_every_flip_that_is_told_flips_and_needs_each_of_its_facts(at: int) -> None:
    incident = normalise_incident(ROWS[at]["incident"])
    found = explain(default_judge().verifier, incident, accept)
    told = [(r, flip) for r in (*found.fired, *found.others) for flip in r.flips]

    if not told:
        pytest.skip("no change of a few facts flips it")
    for report, flip in told:
        after = decided(incident, flip.changes)
        assert after is not None
        assert after[0] == flip.outcome
        assert (report.rule in after[1]) != (report.state == "matched")
        for change in flip.changes if len(flip.changes) > 1 else ():
            fewer = decided(incident, tuple(c for c in flip.changes if c != change))
            unflipped = report.state == "matched"
            assert fewer is None or (report.rule in fewer[1]) == unflipped
