"""Rules and bodies that another one makes needless.

A body whose lines are all among the lines of another one holds whenever that one does.
Lines are compared by their canonical text, so whatever is reported is true; what is
only equivalent by meaning is not found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from opensoc_engine.diagnostics import Label, diagnose
from opensoc_engine.rego.printer import print_statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opensoc_engine.analysis.program import Program, ProgramRule
    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.policy.model import Manifest
    from opensoc_engine.rego import nodes as n

_Lines: TypeAlias = frozenset[str]


def needless_bodies(program: Program) -> Iterator[Diagnostic]:
    """A warning for each body that holds only if another one of the same rule does."""
    groups = [rule.bodies for rule in program.rules]
    groups += [helper.bodies for helper in program.helpers.values()]
    for bodies in groups:
        yield from _needless(bodies)


def needless_rules(program: Program, manifest: Manifest) -> Iterator[Diagnostic]:
    """A warning for each rule that another rule of the policy makes needless."""
    # Terms of a rubric add up, so each of them counts.
    if manifest.decision == "sum":
        return
    rules = program.rules
    lines = [[_lines(body) for body in rule.bodies] for rule in rules]
    ranks = [_rank(rule, manifest) for rule in rules]
    for at, rule in enumerate(rules):
        for before, other in enumerate(rules):
            is_weaker = ranks[before] <= ranks[at]
            if at == before or not is_weaker or not _covers(lines[before], lines[at]):
                continue
            is_equal = ranks[before] == ranks[at]
            mutual = is_equal and _covers(lines[at], lines[before])
            if mutual and before > at:
                continue
            yield _needless_rule(rule, other, "W105" if mutual else "W104")
            break


def _needless(bodies: Sequence[n.Body]) -> Iterator[Diagnostic]:
    texts = [_lines(body) for body in bodies]
    for at, own in enumerate(texts):
        for before, other in enumerate(texts):
            if at == before or not other <= own or (other == own and before > at):
                continue
            label = (Label(bodies[before].span, "this one"),)
            problem = "the body holds only where another one does"
            advice = "remove it, or say what it is meant to add"
            span = bodies[at].span
            yield diagnose("W105", span, others=label, help=advice, problem=problem)
            break


def _needless_rule(rule: ProgramRule, other: ProgramRule, code: str) -> Diagnostic:
    place, name = other.rule.id.span, other.rule.id.text
    others = (Label(place, "this rule"),)
    span, own = rule.rule.id.span, rule.rule.id.text
    if code == "W104":
        advice = "remove it, or let it ask for something stronger"
        return diagnose(code, span, others=others, help=advice, rule=own, other=name)
    problem = f"rule `{own}` says what `{name}` says"
    return diagnose(code, span, others=others, help="remove one", problem=problem)


def _covers(other: Sequence[_Lines], bodies: Sequence[_Lines]) -> bool:
    """True if the rule of bodies `other` fires whenever the one of `bodies` does."""
    return all(any(lines <= body for lines in other) for body in bodies)


def _rank(rule: ProgramRule, manifest: Manifest) -> int:
    """The place of a rule's outcome, strongest first."""
    action = rule.rule.action
    return 0 if action is None else manifest.order.index(action.text)


def _lines(body: n.Body) -> _Lines:
    return frozenset(map(print_statement, body.statements))
