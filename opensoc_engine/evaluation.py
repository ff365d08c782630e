"""Generated code and facts about its rules become findings for a document.

Rules are asked in the order of their outcomes, strongest first, and only those whose
buckets have elements. So the strongest outcome is known as soon as one rule fires.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from opensoc_engine.agenda import Agenda
from opensoc_engine.codegen.generated import ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from opensoc_engine.codegen.generated import Found, GeneratedSet
    from opensoc_engine.ir import Solution

MAX_ALTERNATIVES = 64
# Solutions that are looked at to find different evidence: bounds hostile documents.
MAX_SOLUTIONS = 4096


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired.

    Attributes:
        outcome: A verifier's action, `violation` or `term`.
        value: What a rubric's term adds.
        message: What to tell the author of an implausible incident.
        field: The part of the input that a plausibility rule objects to.
        evidence: Ids of the first way in which the rule holds, in the rule's order.
        alternatives: Evidence of every way, the first included; at most 64.
        metadata: Category, ATT&CK techniques, references and known false positives.
    """

    rule: str
    policy: str
    version: str
    title: str
    outcome: str
    value: int | Decimal | None
    message: str | None
    field: str | None
    evidence: tuple[str, ...]
    alternatives: tuple[tuple[str, ...], ...]
    metadata: Mapping[str, Any] = dataclasses.field(compare=False)

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON values; decimals become strings."""
        techniques = self.metadata.get("attack", {}).get("techniques", ())
        found: dict[str, Any] = {
            "rule": self.rule,
            "policy": self.policy,
            "version": self.version,
            "title": self.title,
            "outcome": self.outcome,
            "evidence": list(self.evidence),
            "techniques": list(techniques),
        }
        if self.value is not None:
            found["value"] = str(self.value)
        if self.message is not None:
            found["message"] = self.message
        if self.field is not None:
            found["field"] = self.field
        return found


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What a finding says about its rule.

    Attributes:
        has_evidence: True if the rule names variables whose ids prove it.
    """

    rule: str
    policy: str
    version: str
    title: str
    outcome: str
    message: str | None
    field: str | None
    has_evidence: bool
    metadata: Mapping[str, Any]

    def finding(self, first: Solution, rest: Iterator[Solution]) -> Finding:
        """The finding for the solutions of the rule."""
        ways = {first[0]: None}
        if self.has_evidence:
            for evidence, _ in islice(rest, MAX_SOLUTIONS):
                ways[evidence] = None
                if len(ways) == MAX_ALTERNATIVES:
                    break
        return Finding(
            self.rule,
            self.policy,
            self.version,
            self.title,
            self.outcome,
            first[1],
            self.message,
            self.field,
            first[0],
            tuple(ways),
            self.metadata,
        )


@dataclass(frozen=True, slots=True)
class Part:
    """Rules that are compiled into one program.

    Attributes:
        facts: Facts about each rule of the code, in its order.
        order: Outcomes, strongest first.
        hidden: Fields that the rules, which look at whole documents, may not see.
        policies: The names of the policies.
    """

    code: GeneratedSet
    facts: tuple[RuleFacts, ...]
    order: tuple[str, ...]
    hidden: frozenset[str]
    policies: tuple[str, ...] = field(init=False, compare=False, repr=False)
    _agenda: Agenda = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        outcomes = [fact.outcome for fact in self.facts]
        object.__setattr__(self, "_agenda", Agenda(self.code, outcomes, self.order))
        names = dict.fromkeys(policy for policy, _ in self.code.plan.names)
        object.__setattr__(self, "policies", tuple(names))

    def outcome(self, document: Mapping[str, Any]) -> str | None:
        """The strongest outcome of the rules that fire, if any does."""
        if self.hidden:
            document = self._seen(document)
        found: Found = {}
        buckets = self.code.scan(document, found)
        tests, known = self._agenda.tests(buckets, len(found[ELEMENTS]))
        for test, outcome in tests:
            if test(document, found):
                return outcome
        return known

    def findings(self, document: Mapping[str, Any]) -> list[Finding]:
        """The rules that fire, strongest first, then in the order of the files."""
        if self.hidden:
            document = self._seen(document)
        found: Found = {}
        buckets = self.code.scan(document, found)
        fired = []
        for at in self._agenda.rules(buckets, len(found[ELEMENTS])):
            solutions = iter(self.code.rules[at](document, found))
            first = next(solutions, None)
            if first is not None:
                fired.append(self.facts[at].finding(first, solutions))
        return fired

    def _seen(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        return {k: v for k, v in document.items() if k not in self.hidden}
