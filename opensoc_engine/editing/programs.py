"""A policy, whole or half-written, becomes its trees and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opensoc_engine.analysis.checker import CheckedProgram, check
from opensoc_engine.analysis.limits import check_nesting
from opensoc_engine.analysis.program import Helper, Program, ProgramRule, parse_program
from opensoc_engine.analysis.resolver import resolve
from opensoc_engine.compiler import environment_of
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opensoc_engine import types as t
    from opensoc_engine.analysis.scope import Environment, Facts
    from opensoc_engine.policy.model import ListFile, Manifest, Policy
    from opensoc_engine.policy.schema_validator import SchemaStore


@dataclass(frozen=True, slots=True)
class Unit:
    """One body of a rule or helper with what it gives.

    Attributes:
        result: The value of a helper or of a rubric's term, which sees its names.
        facts: One for each way in which the body is used.
    """

    owner: Helper | ProgramRule
    body: n.Body
    result: n.Expression | None
    facts: tuple[Facts, ...]

    @property
    def parameters(self) -> tuple[n.Name, ...]:
        """The parameters of a helper."""
        owner = self.owner
        return (owner.head.parameters or ()) if isinstance(owner, Helper) else ()

    def types(self, node: object) -> tuple[t.Type, ...]:
        """The different types that a node has, in the order of the uses."""
        found = (facts.find_type(node) for facts in self.facts)
        return tuple(dict.fromkeys(kind for kind in found if kind is not None))


@dataclass(frozen=True, slots=True)
class Analysis:
    """A policy with the shared helpers of its set."""

    program: Program
    environment: Environment
    units: tuple[Unit, ...]

    @property
    def helpers(self) -> Mapping[str, Helper]:
        """The helpers that the policy can call."""
        return self.program.helpers


def analyse(
    policy: Policy,
    manifest: Manifest,
    lists: Mapping[str, ListFile],
    store: SchemaStore,
) -> Analysis | None:
    """What is known about a policy; None if its input has no schema."""
    ignored = DiagnosticCollector()
    environment = environment_of(policy, manifest, lists, store, ignored)
    if environment is None:
        return None
    shared = replace(policy, defines=(*manifest.defines, *policy.defines))
    program = parse_program(shared, ignored)
    is_finite = resolve(program, ignored) and check_nesting(program, ignored)
    checked = check(program, environment, ignored) if is_finite else None
    return Analysis(program, environment, tuple(_units(program, checked)))


def _units(program: Program, checked: CheckedProgram | None) -> Iterator[Unit]:
    known = checked.rules if checked is not None else ()
    facts = {id(body.body): body.facts for _, bodies in known for body in bodies}
    for rule in program.rules:
        value = rule.value if isinstance(rule.value, n.Expression) else None
        for body in rule.bodies:
            own = facts.get(id(body))
            yield Unit(rule, body, value, () if own is None else (own,))
    uses: dict[str, list[tuple[Facts, ...]]] = {}
    for instance in checked.instances if checked is not None else ():
        uses.setdefault(instance.helper, []).append(instance.facts)
    for helper in program.helpers.values():
        result = helper.head.value or helper.head.member
        for at, body in enumerate(helper.bodies):
            found = tuple(facts[at] for facts in uses.get(helper.name, ()))
            yield Unit(helper, body, result, found)
